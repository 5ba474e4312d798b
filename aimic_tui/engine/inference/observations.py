"""What models make of image files: probabilities of all, features and colours of a sample, digests of the files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aimic_tui.engine.inference.colour_statistics import COLOUR_STATISTICS, colour_statistics
from aimic_tui.engine.inference.image_batches import DecodedImage, image_batches
from aimic_tui.engine.inference.loaded_model import LoadedModel
from aimic_tui.engine.inference.run_networks import probabilities_and_features
from aimic_tui.engine.progress import ReportProgress, no_report

_SAMPLE = 1000  # images whose features are stored


@dataclass(frozen=True, eq=False)
class Observations:
    """What models make of n images.

    Attributes:
        members: float64 [models, n, c], each model's probabilities; NaN where an image can't be read.
        problems: why, else "".
        digests: uint64 [n], `short_digest` of each file; 0 where it can't be read.
        sample: int64 [s], indices in 0..n-1, ascending: the readable images of the next two.
        features: for each model float32 [s, d].
        colours: for each model float32 [s, 7], `COLOUR_STATISTICS` of what it is shown.
    """

    members: NDArray[np.float64]
    problems: tuple[str, ...]
    digests: NDArray[np.uint64]
    sample: NDArray[np.int64]
    features: tuple[NDArray[np.float32], ...]
    colours: tuple[NDArray[np.float32], ...]

    @property
    def probabilities(self) -> NDArray[np.float64]:
        """float64 [n, c], means over the models."""
        means: NDArray[np.float64] = self.members.mean(axis=0)
        return means

    @property
    def readable(self) -> NDArray[np.bool_]:
        """bool [n]."""
        return np.array([not problem for problem in self.problems], bool)


def observe(
    models: Sequence[LoadedModel],
    paths: Sequence[Path],
    batch_size: int,
    *,
    report: ReportProgress = no_report,
    should_stop: Callable[[], bool] = lambda: False,
) -> Observations:
    """Show images to models; what can't be read is noted, not raised.

    Args:
        models: loaded with `fused=False`, with the same classes.
        report: called after each batch.
        should_stop: asked after each batch.

    Raises:
        Interrupted: `should_stop` said so.
    """
    collected = _Collected(models, len(paths))
    for batch in image_batches(
        paths,
        [model.card.preprocessing for model in models],
        batch_size,
        report=report,
        should_stop=should_stop,
        with_digests=True,
    ):
        collected.add(batch)
    return collected.observations()


class _Collected:
    """What is found, batch by batch."""

    def __init__(self, models: Sequence[LoadedModel], images: int) -> None:
        self._models = models
        self._problems: list[str] = []
        self._digests: list[int] = []
        self._members: list[NDArray[np.float64]] = []
        self._unknown = np.full((len(models), len(models[0].card.classes)), np.nan)
        self._sampled = set(np.random.default_rng(0).permutation(images)[:_SAMPLE].tolist())
        self._sample: list[int] = []
        self._features: list[list[NDArray[np.float32]]] = [[] for _ in models]
        self._colours: list[list[NDArray[np.float32]]] = [[] for _ in models]

    def add(self, batch: Sequence[DecodedImage]) -> None:
        """Show a batch to the models and note what they make of it."""
        readable = [image.pixels for image in batch if not image.problem]
        probabilities, features = probabilities_and_features(self._models, readable) if readable else (None, ())
        row = 0
        for image in batch:
            index = len(self._problems)
            self._problems.append(image.problem)
            self._digests.append(image.digest)
            if image.problem or probabilities is None:
                self._members.append(self._unknown)
                continue
            self._members.append(probabilities[row])
            if index in self._sampled:
                self._sample.append(index)
                for number, model in enumerate(self._models):
                    self._features[number].append(features[number][row])
                    self._colours[number].append(colour_statistics(image.pixels[model.card.preprocessing]))
            row += 1

    def observations(self) -> Observations:
        count = len(self._sample)
        return Observations(
            np.array(self._members, np.float64).reshape(-1, *self._unknown.shape).swapaxes(0, 1),
            tuple(self._problems),
            np.array(self._digests, np.uint64),
            np.array(self._sample, np.int64),
            tuple(np.array(rows, np.float32).reshape(count, -1 if count else 0) for rows in self._features),
            tuple(np.array(rows, np.float32).reshape(count, len(COLOUR_STATISTICS)) for rows in self._colours),
        )
