"""Decision curves and calibration: bands hold the whole curve, limits of slope and intercept the truth.

Groups (slides) share how frequent the positive class is among them and how they shift the network's scores.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial

import numpy as np
from numpy.typing import NDArray
from promise import Promise

from aimic_tui.engine.evaluation.class_calibration import class_calibration
from aimic_tui.engine.evaluation.decision import THRESHOLDS, decision_curve
from aimic_tui.engine.evaluation.run_predictions import NetworkPredictions

_TRUTH_GROUPS = 20_000
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Population:
    """What studies are drawn from.

    Attributes:
        groups: of a study.
        images: of a group, on average.
        base: the logit of the share of positive images.
        spread: standard deviation of the logarithm of a group's size, 0 for Poisson.
    """

    groups: int
    images: int
    base: float
    spread: float = 0.0

    def draw(self, random: np.random.Generator, groups: int) -> tuple[NDArray[np.int32], Floats, NDArray[np.intp]]:
        """Return labels, the probabilities of the positive class, and groups of a study."""
        if self.spread:
            sizes = np.exp(random.normal(np.log(self.images), self.spread, groups)).round().clip(1).astype(np.int64)
        else:
            sizes = random.poisson(self.images, groups).clip(1)
        codes = np.repeat(np.arange(groups), sizes)
        frequent, shift = random.normal(0, 0.8, groups)[codes], random.normal(0, 0.5, groups)[codes]
        labels = (random.random(len(codes)) < 1 / (1 + np.exp(-self.base - frequent))).astype(np.int32)
        score = np.where(labels == 1, 1.2, -1.2) + shift + random.normal(0, 1, len(codes))
        return labels, 1 / (1 + np.exp(-self.base - 1.3 * score)), codes


@cache
def _true_curves(population: Population) -> tuple[Floats, Floats]:
    """Net benefit and gain over both policies in the population."""
    labels, chance, _ = population.draw(np.random.default_rng(99), _TRUTH_GROUPS)
    odds = THRESHOLDS / (1 - THRESHOLDS)
    cases, others = np.sort(chance[labels == 1]), np.sort(chance[labels == 0])
    found = (len(cases) - np.searchsorted(cases, THRESHOLDS)) / len(labels)
    alarms = (len(others) - np.searchsorted(others, THRESHOLDS)) / len(labels)
    benefit, share = found - odds * alarms, labels.mean()
    return benefit, benefit - np.maximum(share - (1 - share) * odds, 0.0)


def _band_misses(population: Population, study: int, *, of_gain: bool) -> bool | None:
    labels, chance, groups = population.draw(np.random.default_rng(1000 + study), population.groups)
    table = np.stack([1 - chance, chance], axis=1)
    found = decision_curve(labels, table, groups.astype(np.int32), seed=study)
    if found is None or found.low is None or found.gain_low is None:
        return None
    assert found.high is not None
    assert found.gain_high is not None
    benefit, gain = _true_curves(population)
    low, high, truth = (found.gain_low, found.gain_high, gain) if of_gain else (found.low, found.high, benefit)
    return bool(((truth < low) | (truth > high)).any())


@cache
def _true_calibration(population: Population) -> tuple[float, float]:
    """Slope and intercept of the positive class in the population."""
    labels, chance, groups = population.draw(np.random.default_rng(99), _TRUTH_GROUPS // 4)
    found = class_calibration(_network(labels, chance, groups), None)[1]
    assert found.slope_before.value is not None
    assert found.intercept_before.value is not None
    return found.slope_before.value, found.intercept_before.value


def _limits_miss(population: Population, study: int, *, of_slope: bool) -> bool | None:
    labels, chance, groups = population.draw(np.random.default_rng(1000 + study), population.groups)
    found = class_calibration(_network(labels, chance, groups), None)[1]
    truth = _true_calibration(population)[0 if of_slope else 1]
    figure = found.slope_before if of_slope else found.intercept_before
    if figure.low is None or figure.high is None:
        return None
    return not figure.low <= truth <= figure.high


def _network(labels: NDArray[np.int32], chance: Floats, groups: NDArray[np.intp]) -> NetworkPredictions:
    """The predictions as those of one network, tested in one fold."""
    return NetworkPredictions(
        name="",
        seeds=(0,),
        repeats=(1,),
        folds=np.ones((1, len(labels)), np.int64),
        images=np.arange(len(labels)),
        labels=labels,
        groups=groups.astype(np.int32),
        probabilities=np.stack([1 - chance, chance], axis=1)[None],
        trials_done=1,
    )


def _useless_called_useful(population: Population, study: int) -> bool | None:
    """Whether a network that knows nothing is shown to be useful somewhere."""
    random = np.random.default_rng(1000 + study)
    labels, _, groups = population.draw(random, population.groups)
    chance = random.random(len(labels))
    found = decision_curve(labels, np.stack([1 - chance, chance], axis=1), groups.astype(np.int32), seed=study)
    if found is None or found.shown_useful is None:
        return None
    return bool(found.shown_useful.any())


_POPULATIONS = {
    "40 groups of 10": Population(40, 10, -1.0),
    "15 groups of 20": Population(15, 20, -1.0),
    "100 groups of 5, rare class": Population(100, 5, -2.5),
    "200 single images": Population(200, 1, -1.0),
    "40 log-normal groups": Population(40, 10, -1.0, 1.2),
}


def _promises() -> list[Promise]:
    found = []
    kinds: list[tuple[str, str, Callable[[Population, int], bool | None]]] = [
        ("net benefit", "the band holds the whole curve", partial(_band_misses, of_gain=False)),
        (
            "gain",
            "the band holds the whole gain over both policies",
            partial(_band_misses, of_gain=True),
        ),
        ("slope", "the limits hold the calibration slope", partial(_limits_miss, of_slope=True)),
        ("intercept", "the limits hold the calibration intercept", partial(_limits_miss, of_slope=False)),
        ("useless", "a network that knows nothing is nowhere shown to be useful", _useless_called_useful),
    ]
    for kind, says, study in kinds:
        for name, population in _POPULATIONS.items():
            found.append(Promise(f"bands: {kind}, {name}", says, 0.05, partial(study, population)))
    return found


PROMISES: tuple[Promise, ...] = tuple(_promises())
