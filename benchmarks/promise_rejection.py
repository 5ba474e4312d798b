"""Promises of `aimic predict --max-error`, and of temperatures: kept for new images, whatever the run happened to see.

A study is a run of five folds whose networks differ in skill and in how much they boast. Each fold's temperature comes
from validation images; the threshold from all folds' test images, as `aimic predict` takes it. The truth is the error
among the answered ones of many new images, on average over the five networks (or, where a name says so, of their mean).

A study without a threshold promises nothing: it counts neither as kept nor as broken.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray
from promise import Promise

from aimic_tui.engine.evaluation.metrics import Floats, Integers
from aimic_tui.engine.evaluation.rejection import choose_threshold, errors_by_threshold
from aimic_tui.engine.evaluation.temperature import fit_temperature, scaled

FOLDS = 5
NEW_IMAGES = 20_000
ALLOWED = 0.1  # 1 - the stated confidence


@dataclass(frozen=True)
class Population:
    """Where runs are drawn from.

    Attributes:
        size: images in a group, on average; 1 makes each a group of its own.
        unequal: standard deviation of the logarithms of the groups' sizes.
        likeness: standard deviation over groups of how well their images are recognised.
        offset: standard deviation over groups of what their images add to each class's logit.
        pure: whether all images of a group are of one class.
        skill: how well the networks do.
        boast: how many times too large their logits are.
    """

    images: int
    size: int = 1
    unequal: float = 0.0
    likeness: float = 0.0
    offset: float = 0.0
    pure: bool = False
    skill: float = 2.4
    boast: float = 2.0
    classes: int = 3

    def draw(self, random: np.random.Generator) -> tuple[Floats, Integers, NDArray[np.int64]]:
        """Return features [n, classes] that a network's skill is added to, labels and groups."""
        count = max(FOLDS, round(self.images / self.size))
        weights = np.exp(random.normal(0, self.unequal, count))
        sizes = np.maximum(1, np.round(weights / weights.sum() * self.images)).astype(np.int64)
        groups = np.repeat(np.arange(count), sizes)
        labels = random.integers(self.classes, size=count)[groups] if self.pure else None
        if labels is None:
            labels = random.integers(self.classes, size=len(groups))
        features = random.normal(size=(len(groups), self.classes))
        features += self.offset * random.normal(size=(count, self.classes))[groups]
        features[np.arange(len(labels)), labels] += self.likeness * random.normal(size=count)[groups]
        return features, labels.astype(np.int32), groups


@dataclass(frozen=True)
class Network:
    """One fold's network: its own skill, and how many times too large its logits are."""

    skill: float
    boast: float

    def said(self, features: Floats, labels: Integers) -> Floats:
        """Return its probabilities, [n, c]."""
        logits = features.copy()
        logits[np.arange(len(labels)), labels] += self.skill
        return softmax(self.boast * logits)


def rejection_study(population: Population, max_error: float, number: int) -> bool | None:
    """Whether the threshold of a run is one whose true error is larger than wanted."""
    random = np.random.default_rng([number, population.images])
    networks = [
        Network(population.skill + random.normal(0, 0.2), population.boast * np.exp(random.normal(0, 0.2)))
        for _ in range(FOLDS)
    ]
    features, labels, groups = population.draw(random)
    fold_of = groups % FOLDS
    table = np.empty((len(labels), population.classes))
    temperatures = []
    for fold, network in enumerate(networks):
        validation = replace(population, images=max(20, population.images // 6)).draw(random)
        temperatures.append(_temperature(network.said(*validation[:2]), *validation[1:]))
        here = fold_of == fold
        table[here] = scaled(network.said(features[here], labels[here]), temperatures[-1])
    found = errors_by_threshold(labels, table[None], groups)
    threshold = None if found is None else choose_threshold(found, max_error)
    if threshold is None:
        return None
    new = replace(population, images=NEW_IMAGES).draw(random)
    said = [scaled(net.said(*new[:2]), value) for net, value in zip(networks, temperatures, strict=True)]
    return _error(said, new[1], threshold) > max_error


def learner_study(max_error: float, mean: bool, number: int) -> bool | None:
    """The same for a learner that is really trained anew for each fold, on groups that are alike."""
    from sklearn.linear_model import LogisticRegression

    random = np.random.default_rng(number)
    centres = random.normal(0, 1.1, (3, 12))

    def images(groups: int) -> tuple[Floats, Integers, NDArray[np.int64]]:
        codes = np.repeat(np.arange(groups), 5)
        labels = random.integers(3, size=len(codes))
        alike = random.normal(0, 0.5, (groups, 12))[codes]
        return centres[labels] + alike + random.normal(0, 1.2, (len(codes), 12)), labels.astype(np.int32), codes

    features, labels, groups = images(100)
    table = np.empty((len(labels), 3))
    learners = []
    for fold in range(FOLDS):
        tested, held = groups % FOLDS == fold, groups % FOLDS == (fold + 1) % FOLDS
        learner = LogisticRegression(C=100.0, max_iter=300).fit(features[~tested & ~held], labels[~tested & ~held])
        temperature = _temperature(learner.predict_proba(features[held]), labels[held], groups[held])
        table[tested] = scaled(learner.predict_proba(features[tested]), temperature)
        learners.append((learner, temperature))
    found = errors_by_threshold(labels, table[None], groups)
    threshold = None if found is None else choose_threshold(found, max_error)
    if threshold is None:
        return None
    new, new_labels, _ = images(NEW_IMAGES // 5)
    said = [scaled(learner.predict_proba(new), temperature) for learner, temperature in learners]
    return _error([np.mean(said, axis=0)] if mean else said, new_labels, threshold) > max_error


def calibrated_study(images: int, number: int) -> bool:
    """Whether calibrating a network that was calibrated raises its log loss by more than 1 %."""
    before, after, _ = _losses(images, 1.0, number)
    return after > 1.01 * before


def boasting_study(images: int, number: int) -> bool:
    """Whether a network whose logits are 2.5 times too large is left with more than half of the loss from that."""
    before, after, best = _losses(images, 2.5, number)
    return before - after < (before - best) / 2


def _losses(images: int, boast: float, number: int) -> tuple[float, float, float]:
    """Return log losses on new images: as trained, calibrated on some images, and with the right temperature."""
    random = np.random.default_rng([number, images])

    def draw(count: int) -> tuple[Integers, Floats]:
        chances = softmax(random.normal(0, 2, (count, 3)))
        labels = (random.random(count)[:, None] > chances.cumsum(axis=1)).sum(axis=1).clip(0, 2).astype(np.int32)
        return labels, scaled(chances, 1 / boast)

    labels, said = draw(images)
    temperature = _temperature(said, labels, np.arange(images))
    labels, said = draw(NEW_IMAGES)
    rows = np.arange(NEW_IMAGES)
    before, after, best = (
        float(-np.log(scaled(said, value)[rows, labels]).mean()) for value in (1.0, temperature, boast)
    )
    return before, after, best


def _temperature(said: Floats, labels: Integers, groups: NDArray[np.int64]) -> float:
    return fit_temperature(labels, said, groups.astype(np.int32)).value


def _error(said: list[Floats], labels: Integers, threshold: float) -> float:
    """Return the share of wrong images among those that are answered, all networks together; 0 where none is."""
    answered = np.concatenate([table.max(axis=1) >= threshold for table in said])
    wrong = np.concatenate([table.argmax(axis=1) != labels for table in said])
    return float(wrong[answered].mean()) if answered.any() else 0.0


def softmax(logits: Floats) -> Floats:
    """Return the probabilities of logits [n, c]."""
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares: Floats = raised / raised.sum(axis=1, keepdims=True)
    return shares


_RUNS: dict[str, tuple[Population, tuple[float, ...]]] = {
    "60 images": (Population(60), (0.05, 0.1)),
    "150 images": (Population(150), (0.05, 0.1)),
    "400 images": (Population(400), (0.02, 0.05, 0.1)),
    "1,500 images": (Population(1500), (0.01, 0.02, 0.05, 0.1)),
    "1,500 images, skilled": (Population(1500, skill=3.2), (0.01, 0.02, 0.05)),
    "400 images, 80 groups": (Population(400, size=5, likeness=0.8, skill=2.6), (0.05, 0.1)),
    "1,500 images, 150 groups": (Population(1500, size=10, likeness=0.8, skill=2.6), (0.02, 0.05, 0.1)),
    "400 images, 80 groups of one class": (
        Population(400, size=5, likeness=0.5, offset=0.8, pure=True, skill=2.8),
        (0.05, 0.1),
    ),
    "1,500 images, 150 groups, log-normal": (
        Population(1500, size=10, unequal=1.2, likeness=0.5, offset=0.7, pure=True, skill=2.8),
        (0.05, 0.1),
    ),
    "400 images, 40 groups, log-normal": (Population(400, size=10, unequal=1.2, likeness=0.8, skill=2.6), (0.1,)),
}

PROMISES: tuple[Promise, ...] = (
    *(
        Promise(
            f"max-error {100 * rate:g} %, {name}",
            f"At most {100 * rate:g} % of the answered images are wrong, with 90 % confidence.",
            ALLOWED,
            partial(rejection_study, population, rate),
        )
        for name, (population, rates) in _RUNS.items()
        for rate in rates
    ),
    *(
        Promise(
            f"max-error {100 * rate:g} %, retrained learner, {'mean of the folds' if mean else 'folds one at a time'}",
            f"At most {100 * rate:g} % of the answered images are wrong, with 90 % confidence.",
            ALLOWED,
            partial(learner_study, rate, mean),
        )
        for rate in (0.05, 0.1)
        for mean in (False, True)
    ),
    *(
        Promise(
            f"temperature, calibrated network, {images} validation images",
            "Calibrating a calibrated network raises its log loss on new images by less than 1 %.",
            allowed,
            partial(calibrated_study, images),
        )
        for images, allowed in ((33, 0.2), (100, 0.1), (400, 0.05))
    ),
    *(
        Promise(
            f"temperature, overconfident network, {images} validation images",
            "Calibrating a network whose logits are 2.5 times too large mends at least half of its log loss.",
            allowed,
            partial(boasting_study, images),
        )
        for images, allowed in ((33, 0.2), (100, 0.05))
    ),
)
