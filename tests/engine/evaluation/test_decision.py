"""Net benefit is Vickers and Elkin's, computed a second way."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from aimic_tui.engine.evaluation.decision import THRESHOLDS, decision_curve


@given(
    arrays.arrays(np.int32, 25, elements=st.integers(0, 1)),
    arrays.arrays(np.int64, 25, elements=st.integers(0, 20)),
    st.integers(0, 1),
)
def test_it_is_true_minus_weighed_false_positives(labels: np.ndarray, raw: np.ndarray, positive: int) -> None:
    table = np.stack([1 - raw / 20, raw / 20], axis=1)
    found = decision_curve(labels, table, np.arange(25, dtype=np.int32), positive=positive)
    assert found is not None
    for at in (0, 19, 49, 98):
        t = THRESHOLDS[at]
        act = table[:, positive] >= t
        true, false = (act & (labels == positive)).sum(), (act & (labels != positive)).sum()
        assert found.network[at] == pytest.approx((true - false * t / (1 - t)) / 25)
        cases = (labels == positive).sum()
        assert found.everyone[at] == pytest.approx((cases - (25 - cases) * t / (1 - t)) / 25)


def test_a_network_that_knows_is_worth_the_share_of_cases_and_one_that_guesses_is_not_better_than_both_policies() -> (
    None
):
    labels = (np.arange(200) % 4 == 0).astype(np.int32)
    sure = decision_curve(labels, np.eye(2)[labels], np.arange(200, dtype=np.int32))
    assert sure is not None
    np.testing.assert_allclose(sure.network, 0.25)
    constant = decision_curve(labels, np.tile([0.75, 0.25], (200, 1)), np.arange(200, dtype=np.int32))
    assert constant is not None
    assert (constant.network <= np.maximum(constant.everyone, 0) + 1e-12).all()
    assert constant.share == 0.25


def test_bands_hold_the_curve_and_few_groups_get_none() -> None:
    random = np.random.default_rng(0)
    labels = random.integers(0, 2, 200).astype(np.int32)
    chance = np.clip(0.5 + 0.3 * (labels - 0.5) + random.normal(0, 0.2, 200), 0, 1)
    table = np.stack([1 - chance, chance], axis=1)
    found = decision_curve(labels, table, np.arange(200, dtype=np.int32))
    assert found is not None
    assert found.low is not None
    assert found.high is not None
    assert ((found.low <= found.network) & (found.network <= found.high)).all()
    few = decision_curve(labels, table, (np.arange(200) % 5).astype(np.int32))
    assert few is not None
    assert few.low is None
    assert decision_curve(labels, np.full((200, 2), np.nan), np.arange(200, dtype=np.int32)) is None


def test_a_class_of_many_is_judged_against_all_others_as_if_they_were_one() -> None:
    random = np.random.default_rng(1)
    labels = random.integers(0, 3, 90).astype(np.int32)
    table = random.dirichlet(np.ones(3), 90)
    groups = np.arange(90, dtype=np.int32)
    of_three = decision_curve(labels, table, groups, positive=2)
    merged = np.stack([1 - table[:, 2], table[:, 2]], axis=1)
    of_two = decision_curve((labels == 2).astype(np.int32), merged, groups, positive=1)
    assert of_three is not None
    assert of_two is not None
    for name in ("network", "low", "high", "everyone", "gain_low", "gain_high"):
        np.testing.assert_allclose(getattr(of_three, name), getattr(of_two, name))


def test_the_gain_over_both_policies_has_a_band_of_its_own() -> None:
    labels = (np.arange(200) % 2).astype(np.int32)
    sure = decision_curve(labels, np.eye(2)[labels], np.arange(200, dtype=np.int32))
    assert sure is not None
    assert sure.gain_low is not None
    assert sure.gain_high is not None
    middle = (THRESHOLDS >= 0.1) & (THRESHOLDS <= 0.9)
    assert (sure.gain_low[middle] > 0).all()  # never wrong in 200 groups: better than both
    # ... but where one error would weigh as much as 99 hits, 200 groups without an error show nothing.
    assert sure.gain_low[-1] < 0
    assert sure.gain_low[0] < 0
    assert ((sure.gain_low <= sure.gain) & (sure.gain <= sure.gain_high)).all()
    everyone = decision_curve(labels, np.ones((200, 2)), np.arange(200, dtype=np.int32))
    assert everyone is not None
    assert everyone.gain_low is not None
    low = THRESHOLDS < 0.5
    np.testing.assert_allclose(everyone.gain[low], 0, atol=1e-12)  # it is one of the policies
    assert (everyone.gain_low[low] <= 0).all()


def test_a_class_of_too_few_groups_gets_no_band() -> None:
    labels = (np.arange(60) < 4).astype(np.int32)
    table = np.tile([0.5, 0.5], (60, 1))
    for positive in (0, 1):
        found = decision_curve(labels, table, np.arange(60, dtype=np.int32), positive=positive)
        assert found is not None
        assert found.low is None
        assert found.gain_low is None
