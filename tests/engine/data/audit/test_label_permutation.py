"""Features that differ between groups by chance are not taken for features that differ between classes."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from aimic_tui.engine.data.audit.label_permutation import Column, LabelPermutation


def test_of_single_images_it_is_the_usual_permutation_test() -> None:
    labels = np.repeat([0, 1], 30)
    values = np.repeat([1.0, 0.0, 1.0, 0.0], [18, 12, 10, 20])
    (p,) = LabelPermutation(labels, np.arange(60), 2).p_values([values[:, None]])
    table = np.array([[(values[labels == c] == v).sum() for v in (0, 1)] for c in (0, 1)])
    assert p == pytest.approx(stats.fisher_exact(table).pvalue, abs=0.03)


def test_a_feature_that_does_not_vary_says_nothing() -> None:
    assert LabelPermutation(np.arange(20) % 2, np.arange(20), 2).p_values([np.ones((20, 1))]) == [1.0]
    assert LabelPermutation(np.arange(20) % 2, np.arange(20), 2).p_values([]) == []


def test_a_middle_and_alternating_blocks_are_seen_as_well_as_a_trend() -> None:
    values = np.arange(240.0)[:, None]
    groups = np.arange(240)
    for labels in (values[:, 0] > 150, np.abs(values[:, 0] - 120) > 60, values[:, 0] // 40 % 2 == 1):
        assert LabelPermutation(labels.astype(int), groups, 2).p_values([values]) == [0.001]


@pytest.mark.parametrize("mixed", [False, True])
def test_groups_with_a_lamp_of_their_own_raise_few_alarms(*, mixed: bool) -> None:
    alarms = 0
    for study in range(60):
        random = np.random.default_rng(study)
        groups = np.repeat(np.arange(20), random.integers(1, 15, 20))
        likely = np.where(np.arange(20) < 10, 0.2, 0.8) if mixed else np.arange(20) < 10
        labels = (random.random(len(groups)) < likely[groups]).astype(int)
        lamp: Column = random.normal(scale=2, size=20)[groups] + random.normal(size=len(groups))
        alarms += LabelPermutation(labels, groups, 2).p_values([lamp[:, None]])[0] <= 0.05
    assert alarms <= 8, "more happen by chance in 1 % of tries, where one data set in twenty has an alarm"


def test_a_lamp_of_the_class_is_found_between_groups_and_not_within() -> None:
    random = np.random.default_rng(0)
    groups = np.repeat(np.arange(40), 10)
    labels = (random.random(400) < np.where(groups < 20, 0.25, 0.75)).astype(int)
    lamp = ((groups < 20) + 0.3 * random.normal(size=400))[:, None]
    test = LabelPermutation(labels, groups, 2)
    assert test.p_values([lamp])[0] < 0.01
    inside = lamp - np.array([lamp[groups == group].mean() for group in range(40)])[groups][:, None]
    assert test.p_values([inside], within=True)[0] > 0.05
    assert test.p_values([inside + labels[:, None]], within=True)[0] < 0.01
