"""Intervals for recipes contain the training, and equal recipes are rarely called different."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from aimic_tui.engine.evaluation.interval import Interval
from aimic_tui.engine.evaluation.intervals import BootstrapFigures, cluster_bootstrap
from aimic_tui.engine.evaluation.metrics import ALL_METRICS
from aimic_tui.engine.evaluation.recipe_difference import recipe_difference
from aimic_tui.engine.evaluation.recipe_limits import (
    TrainingVariance,
    of_both,
    of_sets,
    recipe_limits,
    recipe_p_value,
)


def judged(*skills: float, seed: int = 0) -> BootstrapFigures:
    """Figures of one set of predictions a skill, of the same images."""
    random = np.random.default_rng(0)
    labels = random.integers(0, 3, 200).astype(np.int32)
    groups = np.arange(200) % 40
    shared = random.normal(size=(200, 3))
    own = np.random.default_rng(seed)
    sets = []
    for skill in skills:
        raised = np.exp(shared + own.normal(0, 0.5, (200, 3)) + skill * np.eye(3)[labels])
        sets.append(raised / raised.sum(axis=1, keepdims=True))
    return cluster_bootstrap(labels, np.stack(sets), groups, resamples=300)


def test_a_single_set_has_no_interval_for_the_recipe() -> None:
    assert judged(2.0).recipe == {}
    assert of_sets(np.array([0.8])) is None
    assert recipe_limits(Interval(0.8, 0.7, 0.9), None, 0.95) == Interval(0.8)


def test_sets_that_differ_make_the_recipe_s_interval_wider_than_that_of_these_networks() -> None:
    found = judged(1.0, 2.0, 3.0)
    for name in set(ALL_METRICS) - {"top_3_accuracy"}:
        trained, recipe = found.overall[name], found.recipe[name]
        assert recipe.value == trained.value
        assert recipe.low <= trained.low, name
        assert recipe.high >= trained.high, name
    accuracy = found.recipe["accuracy"]
    of_sets_alone = stats.t.ppf(0.975, 2) * found.by_set["accuracy"].std(ddof=1) / math.sqrt(3)
    assert accuracy.value - accuracy.low >= min(of_sets_alone, accuracy.value)


def test_both_parts_add_in_quadrature_each_with_its_own_t() -> None:
    training = of_sets(np.array([0.79, 0.80, 0.81]))
    assert training is not None
    assert training.error == pytest.approx(0.01 / math.sqrt(3))
    found = recipe_limits(Interval(0.8, 0.76, 0.83), training, 0.95)
    reach = stats.t.ppf(0.975, 2) * 0.01 / math.sqrt(3)
    assert found.low == pytest.approx(0.8 - math.hypot(0.04, reach))
    assert found.high == pytest.approx(0.8 + math.hypot(0.03, reach))
    near_one = recipe_limits(Interval(0.98, 0.97, 0.99), TrainingVariance(0.3, 2), 0.95, (0, 1))
    assert near_one == Interval(0.98, 0, 1)


def test_two_recipes_have_welch_s_degrees_of_freedom() -> None:
    both = of_both(TrainingVariance(0.02, 2), TrainingVariance(0.02, 2))
    assert (both.error, both.degrees) == (pytest.approx(0.02 * math.sqrt(2)), pytest.approx(4))
    assert of_both(TrainingVariance(0.02, 2), TrainingVariance(0.0, 9)).degrees == pytest.approx(2)
    assert of_both(TrainingVariance(0.0, 2), TrainingVariance(0.0, 9)) == TrainingVariance(0.0, 11)


@pytest.mark.parametrize("shift", [0.0, 0.03, 0.06, 0.12])
def test_the_p_value_is_below_a_twentieth_where_the_interval_excludes_nothing(shift: float) -> None:
    groups, training = Interval(shift, shift - 0.03, shift + 0.04), TrainingVariance(0.01, 4)
    p = recipe_p_value(groups, 30, training, 0.95)
    limits = recipe_limits(groups, training, 0.95)
    assert p is not None
    assert (p < 0.05) == (limits.low > 0)
    assert recipe_p_value(groups, 30, TrainingVariance(0.0, 4), 0.95) <= p


def test_the_p_value_of_training_alone_is_student_s() -> None:
    p = recipe_p_value(Interval(0.05, 0.05, 0.05), 30, TrainingVariance(0.02, 4), 0.95)
    assert p == pytest.approx(2 * stats.t.sf(0.05 / 0.02, 4), abs=1e-6)
    assert recipe_p_value(Interval(0.05), 30, TrainingVariance(0.02, 4), 0.95) is None


def test_a_better_recipe_is_shown_and_one_of_a_single_seed_is_not_judged() -> None:
    good, bad = judged(3.0, 3.1, 2.9, seed=1), judged(1.0, 1.1, 0.9, seed=2)
    found = recipe_difference(good, bad)["accuracy"]
    assert found.interval.low > 0
    assert found.p < 0.05
    alone = recipe_difference(good, judged(1.0))["accuracy"]
    assert alone.interval.value is not None
    assert (alone.interval.low, alone.p) == (None, None)


@pytest.mark.parametrize("shared", [False, True])
def test_the_recipe_s_figure_is_inside_as_often_as_promised(shared: bool) -> None:
    """Normal parts, three seeds and five folds, of which the folds of a seed share an effect or don't."""
    random = np.random.default_rng(6)
    inside = apart = 0
    studies = 2000
    for _ in range(studies):
        means = []
        for _ in range(2):
            effects = random.normal(0, 0.03, (3, 1 if shared else 5))
            means.append(effects.mean(axis=1) + random.normal(0, 0.004, 3))
        of_groups = random.normal(0, 0.012)
        error = 0.012 * math.sqrt(random.chisquare(40) / 40)
        reach = stats.t.ppf(0.975, 40) * error
        value = float(means[0].mean() + of_groups)
        recipe = recipe_limits(Interval(value, value - reach, value + reach), of_sets(means[0]), 0.95)
        inside += recipe.low <= 0 <= recipe.high
        value = float(means[0].mean() - means[1].mean())
        training = of_both(of_sets(means[0]), of_sets(means[1]))
        difference = recipe_limits(Interval(value, value - 0.005, value + 0.005), training, 0.95)
        apart += not difference.low <= 0 <= difference.high
    assert inside >= 0.945 * studies
    assert apart <= 0.06 * studies
