"""A band holds the whole curve as often as it says."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm, t

from aimic_tui.engine.evaluation.simultaneous_bands import (
    correlation_of,
    difference_band,
    jackknife_error,
    ratio_deviations,
    share_band,
    sup_t,
)


def test_the_jackknife_of_a_ratio_is_that_of_leaving_each_group_out() -> None:
    random = np.random.default_rng(0)
    sums, sizes = random.random((12, 3)), random.integers(1, 9, 12).astype(float)
    deviations = ratio_deviations(sums, sizes)
    whole = sums.sum(axis=0) / sizes.sum()
    for group in range(12):
        rest = np.arange(12) != group
        np.testing.assert_allclose(deviations[group], sums[rest].sum(axis=0) / sizes[rest].sum() - whole)
    equal = ratio_deviations(sums, np.full(12, 5.0))
    np.testing.assert_allclose(jackknife_error(equal), (sums / 5).std(axis=0, ddof=1) / np.sqrt(12))


def test_one_point_reaches_as_far_as_students_t_and_many_independent_ones_as_far_as_sidak_says() -> None:
    random = np.random.default_rng(1)
    one = random.normal(size=(400, 1))
    assert sup_t(one, 11, confidence=0.95, seed=0) == pytest.approx(t.ppf(0.975, 11), rel=0.04)
    assert sup_t(np.repeat(one, 50, axis=1), 11, confidence=0.95, seed=0) == pytest.approx(t.ppf(0.975, 11), rel=0.04)
    many = random.normal(size=(4000, 30))
    sidak = norm.ppf(0.5 + 0.95 ** (1 / 30) / 2)
    assert sup_t(many, 1e6, confidence=0.95, seed=0) == pytest.approx(sidak, rel=0.03)
    assert sup_t(np.zeros((20, 4)), 19, confidence=0.95, seed=0) == 0


def test_limits_of_a_share_are_clopper_and_pearsons_and_a_share_of_none_is_not_certain() -> None:
    share, error = np.array([0.1, 0.0, 1.0]), np.array([np.sqrt(0.09 / 50), 0.0, 0.0])
    low, high = share_band(share, error, 1.959964, groups=30, images=100)
    assert (low[0], high[0]) == pytest.approx((0.0333, 0.2181), abs=1e-4)  # 5 of 50
    assert (low[1], high[2]) == (0, 1)
    assert high[1] == pytest.approx(1 - 0.025 ** (1 / 30))
    assert low[2] == pytest.approx(0.025 ** (1 / 30))


def test_a_difference_of_shares_is_joined_from_their_limits() -> None:
    first = tuple(np.array([value]) for value in (0.5, 0.4, 0.6))
    second = tuple(np.array([value]) for value in (0.2, 0.1, 0.4))
    low, high = difference_band(first, second, np.array([2.0]), np.array([0.0]))
    assert low[0] == pytest.approx(0.1 - np.hypot(0.1, 0.4))
    assert high[0] == pytest.approx(0.1 + np.hypot(0.1, 0.2))
    opposed, _ = difference_band(first, second, np.array([2.0]), np.array([-1.0]))
    assert opposed[0] == pytest.approx(0.1 - 0.5)


def test_estimates_that_move_together_are_correlated_and_a_fixed_one_is_not() -> None:
    moves = np.array([[1.0], [-2.0], [1.0]])
    assert correlation_of(moves, 3 * moves) == pytest.approx(1)
    assert correlation_of(moves, -moves) == pytest.approx(-1)
    assert correlation_of(moves, np.zeros((3, 1))) == 0
