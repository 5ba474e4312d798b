"""Predictions in groups of images, and their figures under weights: what intervals are made from.

The bootstrap weighs each group by how often it is drawn, the jackknife leaves out one block of groups at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from aimic_tui.engine.evaluation.calibration_error import CalibrationError, calibration_error
from aimic_tui.engine.evaluation.interval import (
    FEWEST_EFFECTIVE_GROUPS,
    FEWEST_GROUPS,
    FEWEST_GROUPS_OF_A_CLASS,
    NoInterval,
)
from aimic_tui.engine.evaluation.interval_limits import effective_number
from aimic_tui.engine.evaluation.metrics import ALL_METRICS, TOPS, Floats, Integers, Scorer

SHARES_OF_IMAGES = frozenset({"accuracy", *TOPS})
ABOUT_ALL_IMAGES = frozenset({"log_loss", "brier"})
_JACKKNIFE_BLOCKS = 200  # the acceleration needs no more, and leaving out each of thousands of groups would be slow
_WEIGHTS_AT_ONCE = 1 << 22


@dataclass(frozen=True)
class WeightedFigures:
    """Figures under some weightings: overall [w] by name, of the classes [w, c] by name."""

    overall: dict[str, Floats]
    classes: dict[str, Floats]


@dataclass(frozen=True, eq=False)
class GroupedSample:
    """Predictions with their groups as codes from 0, nothing unknown among them; `scorers` holds one a set of them."""

    labels: Integers
    groups_of: NDArray[np.intp]
    groups: int
    classes: int
    scorers: list[Scorer]

    @property
    def sets(self) -> int:
        """How many sets of predictions a figure is the mean of: it may vary as little as one of so many more images."""
        return len(self.scorers)

    @property
    def sizes(self) -> NDArray[np.int64]:
        """int [groups]: how many images each has."""
        sizes: NDArray[np.int64] = self.counts.sum(axis=1)
        return sizes

    @property
    def with_class(self) -> NDArray[np.int64]:
        """int [c]: in how many groups there are images of the class."""
        counts: NDArray[np.int64] = (self.counts > 0).sum(axis=0)
        return counts

    @property
    def without_class(self) -> NDArray[np.int64]:
        """int [c]: in how many groups there are images of other classes."""
        others: NDArray[np.int64] = (self.sizes[:, None] > self.counts).sum(axis=0)
        return others

    @cached_property
    def effective_with(self) -> tuple[float, ...]:
        """A class's images in how many equal groups they might be."""
        return tuple(effective_number(of_class) for of_class in self.counts.T)

    @cached_property
    def effective_outside(self) -> tuple[float, ...]:
        """The same of the images of other classes."""
        return tuple(effective_number(self.sizes - of_class) for of_class in self.counts.T)

    @cached_property
    def effective(self) -> dict[str, float]:
        """How many equal groups each overall figure rests on."""
        of_images = effective_number(self.sizes)
        counts = self.counts[:, self.with_class > 0]
        of_means = effective_number((counts / counts.sum(axis=0)).sum(axis=1))  # each class weighs the same
        by_images = SHARES_OF_IMAGES | ABOUT_ALL_IMAGES | {"one_vs_rest_accuracy", "matthews", "kappa", "ece"}
        return {name: of_images if name in by_images else of_means for name in ALL_METRICS}

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """int [groups, c]: how many images of each class each has."""
        cells = self.groups_of * self.classes + self.labels
        return np.bincount(cells, minlength=self.groups * self.classes).reshape(self.groups, self.classes)

    def missing_interval(self) -> NoInterval | None:
        """Why no figure has an interval; None where some may have one."""
        return missing_interval(self.groups, self.effective["accuracy"])

    def missing_interval_of(self, code: int) -> NoInterval | None:
        """Why no figure of a class has an interval; None where some may have one."""
        if min(self.with_class[code], self.without_class[code]) < FEWEST_GROUPS_OF_A_CLASS:
            return "few groups of a class"
        if min(self.effective_with[code], self.effective_outside[code]) < FEWEST_EFFECTIVE_GROUPS:
            return "unequal groups of a class"
        return None

    def calibration_error(self, *, resamples: int, confidence: float, seed: int) -> CalibrationError:
        """Estimate the calibration error, a mean over all seeds."""
        by_seed = [scorer.calibration_gaps() for scorer in self.scorers]
        gaps = np.zeros((self.groups, len(by_seed), by_seed[0].shape[1]))
        for place, of_images in enumerate(by_seed):
            np.add.at(gaps[:, place], self.groups_of, of_images)
        images = np.bincount(self.groups_of, minlength=self.groups).astype(np.float64)
        return calibration_error(gaps, images, resamples=resamples, confidence=confidence, seed=seed)

    def figures(self, weightings: Iterator[Floats]) -> WeightedFigures:
        """Return the figures of each weighting, averaged over the seeds."""
        parts = []
        for weights in weightings:
            found = [scorer.all_figures(weights) for scorer in self.scorers]
            parts.append(
                (
                    {name: np.mean([overall[name] for overall, _ in found], axis=0) for name in found[0][0]},
                    {name: np.mean([classes[name] for _, classes in found], axis=0) for name in found[0][1]},
                )
            )
        return WeightedFigures(
            {name: np.concatenate([overall[name] for overall, _ in parts]) for name in parts[0][0]},
            {name: np.concatenate([classes[name] for _, classes in parts]) for name in parts[0][1]},
        )


def missing_interval(groups: int, effective: float) -> NoInterval | None:
    """Why so many groups, worth so many equal ones, allow no interval; None where they do."""
    if groups < FEWEST_GROUPS:
        return "few groups"
    return "unequal groups" if effective < FEWEST_EFFECTIVE_GROUPS else None


def bootstrap_weights(
    sample: GroupedSample, resamples: int, seed: int, on_resamples: Callable[[int], None]
) -> Iterator[Floats]:
    """Weightings float [some, n]: how often each image's group came up in as many draws as there are groups."""
    generator = np.random.default_rng(seed)
    some = max(1, min(resamples, _WEIGHTS_AT_ONCE // len(sample.labels)))
    evenly = np.full(sample.groups, 1 / sample.groups)
    for start in range(0, resamples, some):
        times = generator.multinomial(sample.groups, evenly, size=min(some, resamples - start))
        yield times[:, sample.groups_of].astype(np.float64)
        on_resamples(start + len(times))


def jackknife_weights(sample: GroupedSample, seed: int) -> Iterator[Floats]:
    """Weightings float [some, n], each leaving out one block of groups (one group where there are few)."""
    block_of = _blocks(sample.sizes, seed)
    blocks = int(block_of.max()) + 1
    some = max(1, min(blocks, _WEIGHTS_AT_ONCE // len(sample.labels)))
    for start in range(0, blocks, some):
        left_out = np.arange(start, min(start + some, blocks))[:, None]
        yield (block_of[sample.groups_of] != left_out).astype(np.float64)


def _blocks(sizes: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    """Return the block of each group, int [groups]: groups larger than an average block stay alone in theirs.

    Together with others, what a large group does to the figure would be taken for the doing of many.
    """
    order = np.random.default_rng(seed).permutation(len(sizes))
    block_of = np.empty(len(sizes), np.int64)
    if len(sizes) <= _JACKKNIFE_BLOCKS:
        block_of[order] = np.arange(len(sizes))
        return block_of
    large = sizes > sizes.sum() / _JACKKNIFE_BLOCKS
    if large.sum() > _JACKKNIFE_BLOCKS // 2:
        large = np.zeros(len(sizes), bool)
        large[np.argsort(-sizes, kind="stable")[: _JACKKNIFE_BLOCKS // 2]] = True
    alone = int(large.sum())
    block_of[large] = np.arange(alone)
    rest = order[~large[order]]
    block_of[rest] = alone + np.arange(len(rest)) % (_JACKKNIFE_BLOCKS - alone)
    return block_of
