"""The progress of a trial, reported at most once a second."""

from __future__ import annotations

import time
from collections.abc import Callable

from aimic_tui.engine.run_events import EpochProgress
from aimic_tui.engine.training.batches import Throughput

_EVERY = 1.0  # seconds


class ProgressReporter:
    """Emits `progress` events.

    Args:
        emit: receives the events.
    """

    def __init__(self, emit: Callable[[EpochProgress], None]) -> None:
        self.throughput = Throughput()
        self._emit = emit
        self._reported = -float("inf")
        self._phase, self._epoch, self._done, self._count = "", 0, 0, 0

    def begin(self, phase: str, epoch: int, count: int) -> None:
        """Begin a phase ("cache", "train", "validate", "test") of so many batches or images."""
        self._phase, self._epoch, self._done, self._count = phase, epoch, 0, count
        self.throughput.take()

    def advance(self, images: int) -> None:
        """Count one batch of a training phase, or the images of any other."""
        self._done += 1 if self._phase == "train" else images
        self.throughput.add_images(images)
        self._report()

    def set(self, phase: str, epoch: int, done: int, count: int) -> None:
        """Report the progress of a phase that counts by itself."""
        if phase != self._phase or done < self._done:
            self.begin(phase, epoch, count)
        self.throughput.add_images(done - self._done)
        self._done, self._count = done, count
        self._report()

    def _report(self) -> None:
        now = time.monotonic()
        if now - self._reported < _EVERY:
            return
        self._reported = now
        images_per_second, waiting = self.throughput.take()
        self._emit(
            EpochProgress(
                phase=self._phase,
                epoch=self._epoch,
                batch=self._done,
                batches=self._count,
                images_per_second=round(images_per_second, 2),
                waiting=round(waiting, 4),
            )
        )
