"""Which images make which batch, and their way from the cache to the device."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from aimic_tui.engine.data.cache import ImageSource
from aimic_tui.engine.training.randomness import Stream, shuffled

Integers = npt.NDArray[np.int64]

_SHORTEST = 0.1  # seconds that a rate must be measured over to mean anything


@dataclass(frozen=True)
class Batch:
    """Images of one step.

    Attributes:
        samples: int64 [b], indices into the data set.
        draws: int64 [b], what each image's variation is keyed by: its index, or a number of its own for each
            repetition of an image within the epoch.
    """

    samples: Integers
    draws: Integers

    def __len__(self) -> int:
        return len(self.samples)


def batches_of_epoch(
    train: Integers,
    labels: npt.NDArray[np.int32],
    *,
    oversample: bool,
    shuffle: bool,
    batch_size: int,
    drop_last: bool,
    seed: int,
    epoch: int,
) -> list[Batch]:
    """Return an epoch's batches: a function of the arguments alone.

    Args:
        train: indices of the training images.
        labels: [n], of the whole data set.
        oversample: repeat images of small classes until all classes have as many as the largest.
        drop_last: leave out a last batch that is smaller, unless it is the only one. A last batch of one image is left
            out always: batch norm can't learn from it.
    """
    samples, draws = (train, train)
    if oversample:
        samples, draws = _oversampled(train, labels, seed, epoch)
    if shuffle:
        order = shuffled(Stream.ORDER, seed, epoch, np.arange(len(samples)))
        samples, draws = samples[order], draws[order]
    batches = [
        Batch(samples[start : start + batch_size], draws[start : start + batch_size])
        for start in range(0, len(samples), batch_size)
    ]
    last = len(batches[-1])
    if len(batches) > 1 and last < batch_size and (drop_last or last == 1):
        batches.pop()
    return batches


def _oversampled(train: Integers, labels: npt.NDArray[np.int32], seed: int, epoch: int) -> tuple[Integers, Integers]:
    codes = labels[train]
    most = int(np.bincount(codes).max())
    samples: list[Integers] = []
    draws: list[Integers] = []
    for code in np.unique(codes):
        own = train[codes == code]
        rest = shuffled(Stream.OVERSAMPLING, seed, epoch, own)[: most % len(own)]
        rounds = [*[own] * (most // len(own)), rest]
        samples += rounds
        draws += [part + number * len(labels) for number, part in enumerate(rounds)]
    return np.concatenate(samples), np.concatenate(draws)


class Stopwatch:
    """How long the training waits for images, and how many go through."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._waited, self._images = 0.0, 0

    def waited(self, seconds: float) -> None:
        """Count time spent waiting."""
        self._waited += seconds

    def done(self, images: int) -> None:
        """Count images that went through."""
        self._images += images

    def rates(self) -> tuple[float, float]:
        """Return images a second and the share of time spent waiting since the last call, then start anew.

        Both are 0 where too little time has passed to tell.
        """
        passed = time.monotonic() - self._started
        rates = (self._images / passed, min(1.0, self._waited / passed)) if passed > _SHORTEST else (0.0, 0.0)
        self._started, self._waited, self._images = time.monotonic(), 0.0, 0
        return rates


class Loader:
    """Brings batches to the device, two ahead of the step that uses them.

    Args:
        source: of the images, by their places in it.
        places: int64 [n], each data set index's place in `source`.
        device: where they go.
    """

    AHEAD = 2

    def __init__(self, source: ImageSource, places: Integers, device: torch.device) -> None:
        self._source = source
        self._places = places
        self._device = device

    def load(self, batches: Sequence[Integers], stopwatch: Stopwatch | None = None) -> Iterator[Tensor]:
        """Yield uint8 [b, 3, S, S] (channels_last) on the device for each array of data set indices, in order.

        One thread fetches: the memory-mapped cache needs no more, and a source that decodes has threads of its own.
        """
        fetching: deque[Future[Tensor]] = deque()
        coming = iter(batches)
        with ThreadPoolExecutor(1, "images") as pool:
            try:
                for samples in coming:
                    fetching.append(pool.submit(self._fetch, samples))
                    if len(fetching) > self.AHEAD:
                        yield self._received(fetching.popleft(), stopwatch)
                while fetching:
                    yield self._received(fetching.popleft(), stopwatch)
            finally:
                for future in fetching:
                    future.cancel()

    def _fetch(self, samples: Integers) -> Tensor:
        images = torch.from_numpy(self._source.batch(self._places[samples])).permute(0, 3, 1, 2)
        return images.pin_memory() if self._device.type == "cuda" else images

    def _received(self, future: Future[Tensor], stopwatch: Stopwatch | None) -> Tensor:
        start = time.monotonic()
        images = future.result()
        if stopwatch is not None:
            stopwatch.waited(time.monotonic() - start)
        return images.to(self._device, non_blocking=True)
