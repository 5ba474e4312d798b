"""Groups that fail are named, with multiplicity in mind."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from aimic_tui.engine.evaluation.metrics import Integers
from aimic_tui.engine.evaluation.run_predictions import NetworkPredictions
from aimic_tui.engine.evaluation.subgroups import FEWEST_IMAGES, group_figures
from tests.engine.evaluation.test_curves import network


def answered(right: np.ndarray, groups: Integers) -> NetworkPredictions:
    labels = np.zeros(len(right), np.int32)
    return network(labels, np.where(right[:, None], [0.9, 0.1], [0.1, 0.9]), groups)


def test_the_worst_group_comes_first_with_wilsons_interval_and_fishers_test() -> None:
    groups = np.repeat(np.arange(4), 20).astype(np.int32)
    right = np.ones(80, bool)
    right[20:32] = False
    right[0] = right[60] = False
    found = group_figures(answered(right, groups))
    assert [one.group for one in found] == [1, 0, 3, 2]
    worst = found[0]
    assert (worst.images, worst.wrong, worst.accuracy.value) == (20, 12, 0.4)
    limits = stats.binomtest(8, 20).proportion_ci(method="wilson")
    assert (worst.accuracy.low, worst.accuracy.high) == pytest.approx((limits.low, limits.high), abs=1e-6)
    fisher = stats.fisher_exact([[12, 8], [2, 58]], alternative="greater").pvalue
    assert worst.p == pytest.approx(4 * fisher), "the smallest of four, by Holm"
    assert found[-1].p == 1.0


def test_of_many_groups_that_are_alike_few_are_called_worse() -> None:
    random = np.random.default_rng(0)
    groups = np.repeat(np.arange(30), 10).astype(np.int32)
    false = sum(
        any(one.p is not None and one.p < 0.05 for one in group_figures(answered(random.random(300) < 0.8, groups)))
        for _ in range(100)
    )
    assert false <= 10


def test_small_groups_get_no_interval_and_no_test_and_come_last() -> None:
    groups = np.array([0] * (FEWEST_IMAGES - 1) + [1] * 20, np.int32)
    listed = group_figures(answered(groups == 1, groups))
    assert [one.group for one in listed] == [1, 0], "though all of the small one's are wrong"
    found = {one.group: one for one in listed}
    assert (found[0].accuracy.low, found[0].p) == (None, None)
    assert found[1].accuracy.low is not None


def test_where_each_image_is_its_own_group_there_is_nothing_to_tell() -> None:
    assert group_figures(answered(np.ones(20, bool), np.arange(20, dtype=np.int32))) == []
