"""The batches of an epoch, and loading their images from the cache to the device."""

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

_MIN_SECONDS = 0.1  # a rate over less time means nothing


@dataclass(frozen=True)
class Batch:
    """Images of one step.

    Attributes:
        samples: int64 [b], indices into the data set.
        draws: int64 [b], the key of each image's augmentation: its index, or another number for each repetition of an
            image within the epoch.
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
        drop_last: leave out a last batch that is smaller, unless it is the only one. A last batch of one image is
            always left out: batch norm can't train on it.
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
        repetitions = [*[own] * (most // len(own)), rest]
        samples += repetitions
        draws += [indices + number * len(labels) for number, indices in enumerate(repetitions)]
    return np.concatenate(samples), np.concatenate(draws)


class Throughput:
    """Measures images per second, and the share of time that the training waits for them."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._waited, self._images = 0.0, 0

    def add_wait(self, seconds: float) -> None:
        """Add time spent waiting."""
        self._waited += seconds

    def add_images(self, images: int) -> None:
        """Add images that were processed."""
        self._images += images

    def take(self) -> tuple[float, float]:
        """Return images a second and the share of time spent waiting since the last call, and reset.

        Both are 0 where too little time has passed.
        """
        passed = time.monotonic() - self._started
        rates = (self._images / passed, min(1.0, self._waited / passed)) if passed > _MIN_SECONDS else (0.0, 0.0)
        self._started, self._waited, self._images = time.monotonic(), 0.0, 0
        return rates


class Loader:
    """Loads batches to the device, two ahead of the step that uses them.

    Args:
        source: the images.
        positions: int64 [n], the index in `source` of each image of the data set.
        device: where the batches go.
    """

    AHEAD = 2

    def __init__(self, source: ImageSource, positions: Integers, device: torch.device) -> None:
        self._source = source
        self._positions = positions
        self._device = device

    def load(self, batches: Sequence[Integers], throughput: Throughput | None = None) -> Iterator[Tensor]:
        """Yield uint8 [b, 3, S, S] (channels_last) on the device for each array of data set indices, in order.

        One thread is enough: the cache is memory-mapped, and a source that decodes has its own threads.
        """
        fetching: deque[Future[Tensor]] = deque()
        with ThreadPoolExecutor(1, "images") as pool:
            try:
                for samples in batches:
                    fetching.append(pool.submit(self._fetch, samples))
                    if len(fetching) > self.AHEAD:
                        yield self._received(fetching.popleft(), throughput)
                while fetching:
                    yield self._received(fetching.popleft(), throughput)
            finally:
                for future in fetching:
                    future.cancel()

    def _fetch(self, samples: Integers) -> Tensor:
        images = torch.from_numpy(self._source.batch(self._positions[samples])).permute(0, 3, 1, 2)
        return images.pin_memory() if self._device.type == "cuda" else images

    def _received(self, future: Future[Tensor], throughput: Throughput | None) -> Tensor:
        start = time.monotonic()
        images = future.result()
        if throughput is not None:
            throughput.add_wait(time.monotonic() - start)
        return images.to(self._device, non_blocking=True)
