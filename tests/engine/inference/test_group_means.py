"""Means over images of groups that are alike."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from aimic_tui.engine.evaluation.interval import Interval
from aimic_tui.engine.inference.group_means import GroupSums, difference_p, mean_interval


def test_with_groups_of_one_image_it_is_students_interval_and_welchs_test() -> None:
    random = np.random.default_rng(1)
    first, second = random.normal(0, 1, 40), random.normal(0.7, 2, 60)
    found = mean_interval(first, np.arange(40))
    expected = stats.t.interval(0.95, 39, first.mean(), stats.sem(first))
    assert (found.low, found.high) == pytest.approx(expected)
    p = difference_p(GroupSums.of(first, np.arange(40)), GroupSums.of(second, np.arange(60)))
    welch = float(stats.ttest_ind(first, second, equal_var=False).pvalue)
    assert p is not None
    assert welch - 1e-9 <= p < welch + 0.03  # the permutation's, where it is larger


def test_copies_of_images_in_a_group_add_nothing() -> None:
    values = np.random.default_rng(2).normal(0, 1, 20)
    once, often = mean_interval(values, np.arange(20)), mean_interval(np.repeat(values, 7), np.repeat(np.arange(20), 7))
    assert (often.low, often.high) == pytest.approx((once.low, once.high))


def test_a_dominant_group_leaves_few_degrees_of_freedom() -> None:
    groups = np.concatenate([np.zeros(20, int), np.arange(1, 41)])
    assert GroupSums.of(np.zeros(60), groups).degrees == pytest.approx(60**2 / (20**2 + 40) - 1)
    assert GroupSums.of(np.zeros(40), np.arange(40)).degrees == pytest.approx(39)


def test_too_few_groups_give_no_limits_and_no_p() -> None:
    values = np.arange(9.0)
    assert mean_interval(values, np.arange(9)) == Interval(4.0)
    assert mean_interval(values[:0], np.arange(0)) == Interval(None)
    assert difference_p(GroupSums.of(values, np.arange(9)), GroupSums.of(values, np.arange(9))) is None
    same = GroupSums.of(np.ones(30), np.arange(30))
    assert difference_p(same, same) == 1


def test_skewed_values_of_one_population_are_told_apart_as_seldom_as_they_should_be() -> None:
    random = np.random.default_rng(3)
    found = [
        difference_p(
            GroupSums.of(random.exponential(size=12), np.arange(12)),
            GroupSums.of(random.exponential(size=100), np.arange(100)),
            seed,
        )
        for seed in range(120)
    ]
    # Welch's t alone says so of more than 8 % of such pairs.
    assert np.mean(np.array(found) <= 0.05) <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 120)


def test_one_group_with_most_of_the_images_leaves_it_open() -> None:
    groups = np.concatenate([np.zeros(300, int), np.arange(1, 41)])
    values = np.random.default_rng(4).normal(size=340)
    assert mean_interval(values, groups).low is None
    assert difference_p(GroupSums.of(values, groups), GroupSums.of(values, np.arange(340))) is None
