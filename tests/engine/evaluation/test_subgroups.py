"""Groups that fail are named, with multiplicity in mind."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from aimic_tui.engine.evaluation.metrics import Integers
from aimic_tui.engine.evaluation.run_predictions import NetworkPredictions
from aimic_tui.engine.evaluation.subgroups import FEWEST_IMAGES, FEWEST_OTHERS, group_figures
from tests.engine.evaluation.test_curves import network


def answered(right: np.ndarray, groups: Integers) -> NetworkPredictions:
    labels = np.zeros(len(right), np.int32)
    return network(labels, np.where(right[:, None], [0.9, 0.1], [0.1, 0.9]), groups)


def test_the_worst_group_comes_first_with_wilsons_interval_and_its_limit() -> None:
    groups = np.repeat(np.arange(30), 20).astype(np.int32)
    right = np.ones(600, bool)
    right[20:32] = False
    right[0] = right[60] = False
    found = group_figures(answered(right, groups))
    assert [one.group for one in found[:3]] == [1, 0, 3]
    worst = found[0]
    assert (worst.images, worst.wrong, worst.accuracy.value) == (20, 12, 0.4)
    limits = stats.binomtest(8, 20).proportion_ci(method="wilson")
    assert (worst.accuracy.low, worst.accuracy.high) == pytest.approx((limits.low, limits.high), abs=1e-6)
    assert [one.worse for one in found] == [True] + 29 * [False]
    assert worst.p is not None
    assert worst.p < 0.05
    assert worst.limit is not None
    assert worst.limit > 0.4
    assert found[-1].p == 1.0


@pytest.mark.parametrize("spread", [0.0, 1.0])
def test_of_many_groups_of_one_population_few_are_called_worse(spread: float) -> None:
    random = np.random.default_rng(0)
    groups = np.repeat(np.arange(30), 10).astype(np.int32)
    false = 0
    for _ in range(30):
        rates = 1 / (1 + np.exp(-(1.8 + spread * random.normal(size=30))))
        found = group_figures(answered(random.random(300) < rates[groups], groups))
        false += any(one.worse for one in found)
    assert false <= 4


def test_a_group_is_worse_just_where_it_lies_below_its_limit() -> None:
    random = np.random.default_rng(3)
    groups = np.repeat(np.arange(40), random.integers(5, 30, 40)).astype(np.int32)
    right = random.random(len(groups)) < np.where(groups == 3, 0.3, 0.95)
    found = group_figures(answered(right, groups))
    assert [one.group for one in found if one.worse] == [3]
    for one in found:
        assert one.limit is not None
        assert one.worse == (1 - one.wrong / one.images < one.limit - 1e-9)


def test_a_few_groups_are_not_tested() -> None:
    groups = np.repeat(np.arange(FEWEST_OTHERS), 20).astype(np.int32)
    found = group_figures(answered(groups > 0, groups))
    assert all(one.p is None and one.limit is None and not one.worse for one in found)
    assert found[0].accuracy.high is not None


def test_small_groups_get_no_interval_and_no_test_and_come_last() -> None:
    groups = np.array([0] * (FEWEST_IMAGES - 1) + [*range(1, 11)] * 20, np.int32)
    listed = group_figures(answered(groups > 0, groups))
    assert [one.group for one in listed][-1] == 0, "though all of the small one's are wrong"
    found = {one.group: one for one in listed}
    assert (found[0].accuracy.low, found[0].p, found[0].limit) == (None, None, None)
    assert found[1].accuracy.low is not None
    assert found[1].p is not None


def test_where_each_image_is_its_own_group_there_is_nothing_to_tell() -> None:
    assert group_figures(answered(np.ones(20, bool), np.arange(20, dtype=np.int32))) == []
