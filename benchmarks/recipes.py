"""Studies of recipes, for `intervals.py --recipes`: networks trained anew, with three seeds and five folds each.

A row is a kind of study, a cell the share of the recipe's intervals (`BootstrapFigures.recipe`) that contain its
expected figure: the mean over many trainings, each on data of its own and tested on far more images. With --null two
equal recipes are trained in each study, and a cell is the share of the intervals of their difference
(`recipe_difference`) that exclude 0.

    retrained        small networks (one hidden layer) of scikit-learn, really trained: 300 images of 3 classes in 60
                     groups, 67 % of them right, networks trained on other images differing by 1.6 points (SD)
    by fold, A of B  drawn networks: each one, of fold and seed, is better or worse than others by a standard deviation
                     of A points of accuracy; B images in groups of about ten
    by seed, A of B  the same, all folds of a seed being better or worse together

Intervals of recipes may hold the truth more often than they say, the more so the less the training matters: the chance
of a training on single images is in both of their parts (`recipe_limits`). The calibration error is left out: how much
chance adds to it depends on the number of images, so that many more of them have another expected one.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from intervals import CHECKED, FOLDS, Limits, share_containing
from numpy.typing import NDArray

from aimic_tui.engine.evaluation.intervals import BootstrapFigures, cluster_bootstrap
from aimic_tui.engine.evaluation.metrics import Floats, Integers, Scorer
from aimic_tui.engine.evaluation.recipe_difference import recipe_difference

SEEDS = 3
FIGURES = tuple(name for name in CHECKED if name != "ece")
_TESTED = 4000  # images that each network is tested on for the expected figure
_TRUTHS = 60  # times that all folds are trained for it


@dataclass(frozen=True)
class Trained:
    """What several sets of networks say of a study's images.

    Attributes:
        labels: int32 [n].
        groups: int [n].
        sets: float [recipes, seeds, n, c], probabilities.
    """

    labels: Integers
    groups: NDArray[np.int64]
    sets: Floats


@dataclass(frozen=True)
class Drawn:
    """Networks whose errors are drawn.

    Attributes:
        images: of a study, in groups of about ten.
        effect: standard deviation of the networks' skill.
        shared: whether all folds of a seed have one effect.
    """

    images: int
    effect: float
    shared: bool
    skill: float = 2.0

    def study(self, generator: np.random.Generator, recipes: int, seeds: int, *, images: int | None = None) -> Trained:
        """Draw a study and what its networks say."""
        count = (images or self.images) // 10
        groups = np.repeat(np.arange(count), 1 + generator.poisson(9, count))
        folds = (generator.permutation(count) % FOLDS)[groups]
        labels = np.searchsorted([0.5, 0.8], generator.random(len(groups))).astype(np.int32)
        logits = generator.normal(0, 0.8, (len(groups), 3))
        skill = np.zeros((recipes, seeds, len(groups)))
        skill += self.skill + generator.normal(0, 0.6, count)[groups]
        skill += generator.normal(0, self.effect, (recipes, seeds, 1 if self.shared else FOLDS))[
            ..., folds * (not self.shared)
        ]
        table = logits + generator.normal(0, 0.6, (recipes, seeds, *logits.shape))
        table[..., np.arange(len(groups)), labels] += skill
        raised = np.exp(table)
        return Trained(labels, groups, raised / raised.sum(axis=-1, keepdims=True))

    def expected(self) -> dict[str, float]:
        """Return the recipe's figures, over many trainings."""
        return _mean_figures(
            [self.study(np.random.default_rng([1, number]), 1, 1, images=FOLDS * _TESTED) for number in range(_TRUTHS)]
        )


@dataclass(frozen=True)
class Retrained:
    """Networks of scikit-learn that are trained on drawn features."""

    images: int = 300
    groups: int = 60
    features: int = 8
    hidden: int = 8
    epochs: int = 40

    def draw(self, generator: np.random.Generator, groups: int) -> tuple[Floats, Integers, NDArray[np.int64]]:
        """Return features float [n, features], labels and groups."""
        of = np.repeat(np.arange(groups), 1 + generator.poisson(self.images / self.groups - 1, groups))
        labels = generator.integers(0, 3, len(of)).astype(np.int32)
        middles = np.eye(3, self.features) * 1.4
        table = middles[labels] + generator.normal(0, 0.5, (groups, self.features))[of]
        return table + generator.normal(0, 1.0, table.shape), labels, of

    def fitted(self, table: Floats, labels: Integers, seed: int) -> Callable[[Floats], Floats]:
        """Train a network and return what tells probabilities."""
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.neural_network import MLPClassifier

        network = MLPClassifier((self.hidden,), max_iter=self.epochs, learning_rate_init=0.02, random_state=seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # it stops after the epochs that it is given
            network.fit(table, labels)
        said: Callable[[Floats], Floats] = network.predict_proba
        return said

    def study(self, generator: np.random.Generator, recipes: int, seeds: int) -> Trained:
        """Draw a study and train on it, each fold, seed and recipe with other random numbers."""
        table, labels, groups = self.draw(generator, self.groups)
        folds = (generator.permutation(self.groups) % FOLDS)[groups]
        sets = np.empty((recipes, seeds, len(labels), 3))
        for recipe in range(recipes):
            for seed in range(seeds):
                for fold in range(FOLDS):
                    tested = folds == fold
                    said = self.fitted(table[~tested], labels[~tested], int(generator.integers(2**31)))
                    sets[recipe, seed, tested] = said(table[tested])
        return Trained(labels, groups, sets)

    def expected(self) -> dict[str, float]:
        """Return the recipe's figures, over trainings on new data as large as a fold's training part."""
        return _mean_figures([self._large(np.random.default_rng([1, number])) for number in range(_TRUTHS)])

    def _large(self, generator: np.random.Generator) -> Trained:
        """Test five networks, each trained on images of its own, on many images."""
        parts = []
        for _ in range(FOLDS):
            table, labels, _ = self.draw(generator, self.groups * (FOLDS - 1) // FOLDS)
            said = self.fitted(table, labels, int(generator.integers(2**31)))
            tested, truth, _ = self.draw(generator, _TESTED * self.groups // self.images)
            parts.append((truth, said(tested)))
        labels = np.concatenate([truth for truth, _ in parts])
        return Trained(labels, np.arange(len(labels)), np.concatenate([said for _, said in parts])[None, None])


KINDS: dict[str, Drawn | Retrained] = {
    "retrained": Retrained(),
    **{
        f"by {how}, {points} of {images:,}": Drawn(images, effect, how == "seed")
        for how in ("fold", "seed")
        for images, effects in ((400, {2.2: 0.14, 6.8: 0.42}), (1500, {2.2: 0.14, 3.3: 0.21, 6.8: 0.42}))
        for points, effect in effects.items()
    },
}


def study(kind: Drawn | Retrained, number: int, resamples: int) -> dict[str, Limits]:
    """Judge a recipe: the limits of every figure that gets an interval."""
    found = _judged(kind.study(np.random.default_rng(number), 1, SEEDS), resamples)[0].recipe
    return {name: (found[name].low, found[name].high) for name in FIGURES if found[name].low is not None}  # type: ignore[misc]


def study_of_two(kind: Drawn | Retrained, number: int, resamples: int) -> dict[str, Limits]:
    """Judge the differences of two equal recipes on the same images."""
    found = recipe_difference(*_judged(kind.study(np.random.default_rng(number), 2, SEEDS), resamples))
    limits = {name: found[name].interval for name in FIGURES}
    return {name: (one.low, one.high) for name, one in limits.items() if one.low is not None}  # type: ignore[misc]


def rows(
    studies: int, resamples: int, processes: int, *, null: bool
) -> dict[str, Callable[[], dict[str, tuple[float, float]]]]:
    """Return for each kind of study what computes its row: figure -> share, and share of studies with an interval."""
    row = _excluding_zero if null else _coverage
    return {name: partial(row, kind, studies, resamples, processes) for name, kind in KINDS.items()}


def _coverage(kind: Drawn | Retrained, studies: int, resamples: int, processes: int) -> dict[str, tuple[float, float]]:
    return share_containing(kind.expected(), partial(study, kind, resamples=resamples), studies, processes)


def _excluding_zero(
    kind: Drawn | Retrained, studies: int, resamples: int, processes: int
) -> dict[str, tuple[float, float]]:
    one = partial(study_of_two, kind, resamples=resamples)
    found = share_containing(dict.fromkeys(FIGURES, 0.0), one, studies, processes)
    return {name: (1 - share, given) for name, (share, given) in found.items()}


def _judged(trained: Trained, resamples: int) -> list[BootstrapFigures]:
    return [cluster_bootstrap(trained.labels, sets, trained.groups, resamples=resamples) for sets in trained.sets]


def _mean_figures(many: list[Trained]) -> dict[str, float]:
    found = []
    for one in many:
        overall, _ = Scorer(one.labels, one.sets[0, 0]).all_figures(np.ones((1, len(one.labels))))
        found.append({name: float(overall[name][0]) for name in FIGURES})
    return {name: float(np.mean([figures[name] for figures in found])) for name in FIGURES}
