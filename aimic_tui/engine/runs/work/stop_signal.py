"""What asks a worker to stop: a file in the run's folder, a signal, the death of its parent."""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress
from pathlib import Path

_CHECK_EVERY = 0.3  # seconds between looks at the stop file: on a network mount each look costs


class StopSignal:
    """Whether a stop of a worker was requested.

    Args:
        stop_file: its presence asks.
        parent: this process's parent, as it was at its start.

    Attributes:
        busy: whether the worker has a trial; where it has none, a signal ends it at once.
    """

    def __init__(self, stop_file: Path, parent: int) -> None:
        self.busy = False
        self._stop_file = stop_file
        self._parent = parent
        self._requested = False
        self._checked = -float("inf")

    def on_signal(self, *_: object) -> None:
        """Stop at the next step; leave at once where there is nothing to do."""
        self._requested = True
        if not self.busy:
            sys.exit(0)

    def requested(self) -> bool:
        """Tell whether to stop; cheap enough for every step."""
        if not self._requested:
            now = time.monotonic()
            if now - self._checked >= _CHECK_EVERY:
                self._checked = now
                with suppress(OSError):  # a network mount that is gone asks for nothing
                    self._requested = self._stop_file.exists()
            self._requested = self._requested or os.getppid() != self._parent
        return self._requested
