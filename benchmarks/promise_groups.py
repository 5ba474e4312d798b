"""Promises on groups (slides, patients) that a network is said to fail on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from promise import Promise
from scipy.special import expit

from aimic_tui.engine.evaluation.metrics import Floats
from aimic_tui.engine.evaluation.run_predictions import NetworkPredictions
from aimic_tui.engine.evaluation.subgroups import GroupFigures, group_figures

Shape = Literal["beta", "normal", "heavy"]
BROKEN = 0.5  # error rate of a broken group


@dataclass(frozen=True)
class Population:
    """Groups whose error rates differ by chance alone.

    Attributes:
        groups: how many; each has 3 to `most` images.
        spread: standard deviation of the error rate's logit; of a beta distribution with about as much spread.
        broken: whether the first group, of 10 images or more, is really broken.
    """

    groups: int
    most: int
    errors: float
    spread: float
    shape: Shape = "normal"
    broken: bool = False

    def study(self, number: int) -> list[GroupFigures]:
        """Judge the groups of one study as Results does."""
        random = np.random.default_rng([number, self.groups, self.most, round(1000 * self.errors)])
        sizes = random.integers(3, self.most + 1, self.groups)
        rates = self._rates(random)
        if self.broken:
            sizes[0], rates[0] = max(10, sizes[0]), BROKEN
        groups = np.repeat(np.arange(self.groups), sizes).astype(np.int32)
        wrong = random.random(len(groups)) < rates[groups]
        labels = np.zeros(len(groups), np.int32)
        said = np.where(wrong[:, None], [0.2, 0.8], [0.8, 0.2])[None]
        folds = (groups % 5 + 1)[None].astype(np.int64)
        images = np.arange(len(groups), dtype=np.int64)
        return group_figures(NetworkPredictions("net", (0,), (1,), folds, images, labels, groups, said, 5))

    def _rates(self, random: np.random.Generator) -> Floats:
        if self.spread == 0:
            return np.full(self.groups, self.errors)
        if self.shape == "beta":
            variance = (self.spread * self.errors * (1 - self.errors)) ** 2  # the delta method
            size = self.errors * (1 - self.errors) / variance - 1
            return random.beta(self.errors * size, (1 - self.errors) * size, self.groups)
        middle = np.log(self.errors / (1 - self.errors))
        raw = random.normal(size=self.groups) if self.shape == "normal" else random.standard_t(5, self.groups)
        return expit(middle + self.spread * raw)


@dataclass(frozen=True)
class _Alarm:
    population: Population

    def __call__(self, number: int) -> bool | None:
        found = self.population.study(number)
        return None if all(one.p is None for one in found) else any(one.worse for one in found)


@dataclass(frozen=True)
class _Missed:
    population: Population

    def __call__(self, number: int) -> bool | None:
        return not next(one for one in self.population.study(number) if one.group == 0).worse


_ONE_POPULATION = {
    "10 groups": Population(10, 30, 0.1, 0.8),
    "20 groups": Population(20, 30, 0.15, 0.8),
    "20 groups, large spread": Population(20, 30, 0.05, 1.8),
    "40 groups": Population(40, 30, 0.15, 0.8),
    "40 groups, no spread": Population(40, 30, 0.1, 0.0),
    "40 groups, beta": Population(40, 30, 0.15, 0.9, "beta"),
    "40 groups, heavy tails": Population(40, 30, 0.15, 0.7, "heavy"),
    "80 groups": Population(80, 30, 0.05, 1.0),
    "30 large groups": Population(30, 200, 0.1, 0.6),
}
PROMISES: tuple[Promise, ...] = (
    *(
        Promise(
            f"worse groups: {name}",
            "a group is called worse only where the spread of groups doesn't explain its errors",
            0.05,
            _Alarm(population),
        )
        for name, population in _ONE_POPULATION.items()
    ),
    Promise(
        "worse groups: one of 30 is broken",
        "a group with half its images wrong, where others have 5 %, is named in most studies",
        0.5,
        _Missed(Population(30, 30, 0.05, 0.0, broken=True)),
    ),
)
