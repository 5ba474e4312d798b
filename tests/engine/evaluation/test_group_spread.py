"""A group is judged against the spread of the others: alarms are rare, and what is broken is found."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from aimic_tui.engine.evaluation.group_spread import spread_of_others
from aimic_tui.engine.evaluation.metrics import Floats


def a_study(random: np.random.Generator, groups: int, mean: float, correlation: float) -> tuple[Floats, Floats]:
    """Images and errors of groups of one population, beta-binomial."""
    images = random.integers(5, 31, groups)
    size = 1 / correlation - 1 if correlation else np.inf
    rates = random.beta(mean * size, (1 - mean) * size, groups) if correlation else np.full(groups, mean)
    return images.astype(np.float64), random.binomial(images, rates).astype(np.float64)


def test_the_chances_sum_to_one_and_a_group_is_left_out_of_its_own() -> None:
    images, wrong = np.full(20, 10.0), np.repeat([1.0, 2.0], 10)
    before = spread_of_others(images, wrong)
    assert before.chances.sum(axis=2) == pytest.approx(1)
    wrong[0] = 9.0
    assert spread_of_others(images, wrong).chances[:, 0] @ before.rates == pytest.approx(
        spread_of_others(np.append(images[1:], 10), np.append(wrong[1:], 1)).chances[:, -1] @ before.rates, rel=0.02
    )


def test_where_many_large_groups_are_alike_the_chance_is_the_binomial_one() -> None:
    images = np.full(300, 100.0)
    wrong = stats.binom.ppf((np.arange(300) + 0.5) / 300, 100, 0.2)
    p = spread_of_others(images, wrong).p_values()
    expected = stats.binom.sf(wrong - 1, 100, 0.2)
    assert p == pytest.approx(expected, abs=0.03)


def test_where_groups_differ_the_chance_is_the_beta_binomial_one() -> None:
    images = np.full(400, 30.0)
    random = np.random.default_rng(0)
    wrong = random.binomial(30, random.beta(2.0, 8.0, 400)).astype(np.float64)  # mean .2, correlation 1 / 11
    spread = spread_of_others(images, wrong)
    (beta, _), rates = spread.chances[:, 0], spread.rates
    assert beta @ rates == pytest.approx(0.2, abs=0.02)
    assert np.sqrt(beta @ (rates - 0.2) ** 2) == pytest.approx(np.sqrt(0.2 * 0.8 / 11), abs=0.02)


def test_the_limit_is_where_the_chance_falls_below_the_level() -> None:
    images, wrong = a_study(np.random.default_rng(1), 40, 0.2, 0.1)
    limits = spread_of_others(images, wrong).most_wrong(0.01)
    spread = spread_of_others(images, wrong)
    assert ((spread.p_values() <= 0.01) == (wrong > limits)).all()
    assert (limits >= 0).all()
    assert (limits <= images).all()


@pytest.mark.parametrize(("groups", "mean", "correlation"), [(12, 0.1, 0.2), (30, 0.05, 0.1), (30, 0.2, 0.0)])
def test_in_one_population_some_group_stands_out_in_few_studies(groups: int, mean: float, correlation: float) -> None:
    random = np.random.default_rng(groups)
    alarms = sum(
        spread_of_others(*a_study(random, groups, mean, correlation)).p_values().min() <= 0.05 / groups
        for _ in range(25)
    )
    assert alarms <= 4, "more happen by chance in 1 % of tries, where one study in twenty has an alarm"


def test_a_broken_group_stands_out_in_most_studies() -> None:
    random, found = np.random.default_rng(0), 0
    for _ in range(25):
        images, wrong = a_study(random, 30, 0.05, 0.0)
        images[0], wrong[0] = 20, random.binomial(20, 0.5)
        found += spread_of_others(images, wrong).p_values()[0] <= 0.05 / 30
    assert found >= 15
