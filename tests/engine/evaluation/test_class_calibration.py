"""Slope and intercept are those of logistic recalibration, and the curve finds what is wrong with probabilities."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from aimic_tui.engine.evaluation.class_calibration import calibration_curve, class_calibration
from aimic_tui.engine.evaluation.run_predictions import NetworkPredictions


def _network(labels: np.ndarray, tables: np.ndarray, groups: np.ndarray) -> NetworkPredictions:
    sets = len(tables)
    return NetworkPredictions(
        "net",
        tuple(range(sets)),
        (1,) * sets,
        np.ones((sets, len(labels)), np.int64),
        np.arange(len(labels)),
        labels.astype(np.int32),
        groups.astype(np.int32),
        tables,
        sets,
    )


def _drawn(slope: float, intercept: float, images: int = 4000) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(3)
    x = random.normal(-0.5, 1.5, images)
    labels = (random.random(images) < 1 / (1 + np.exp(-(intercept + slope * x)))).astype(np.int32)
    chance = 1 / (1 + np.exp(-x))
    return labels, np.stack([1 - chance, chance], axis=1), np.arange(images) // 10


def test_slope_is_that_of_a_logistic_regression_on_the_logit() -> None:
    labels, table, groups = _drawn(0.6, 0.4)
    found = class_calibration(_network(labels, table[None], groups), None)[1]
    logit = np.log(table[:, 1] / table[:, 0])
    fit = LogisticRegression(C=1e9, tol=1e-9).fit(logit[:, None], labels)
    assert found.slope_before.value == pytest.approx(fit.coef_[0, 0], rel=1e-3)
    # In the large: the probabilities, moved by the intercept in the logit, add up to the images of the class.
    assert found.intercept_before.value is not None
    moved = 1 / (1 + np.exp(-(logit + found.intercept_before.value)))
    assert moved.sum() == pytest.approx(labels.sum(), rel=1e-6)
    assert found.slope_after.value is None


def test_overconfidence_is_shown_and_calibrated_probabilities_are_not_accused() -> None:
    labels, table, groups = _drawn(0.6, 0.0)
    extreme = class_calibration(_network(labels, table[None], groups), None)[1].slope_before
    assert extreme.high is not None
    assert extreme.high < 1
    labels, table, groups = _drawn(1.0, 0.0)
    right = class_calibration(_network(labels, table[None], groups), table[None])[1]
    for figure, truth in ((right.slope_after, 1), (right.intercept_after, 0)):
        assert figure.low is not None
        assert figure.high is not None
        assert figure.low < truth < figure.high


def test_the_jackknife_is_close_to_leaving_each_group_out_for_good() -> None:
    labels, table, groups = _drawn(0.8, 0.0, images=300)
    groups = groups // 2  # 15 groups of 20
    found = class_calibration(_network(labels, table[None], groups), None)[1].slope_before
    assert found.low is not None
    assert found.value is not None
    logit = np.log(table[:, 1] / table[:, 0])[:, None]
    slopes = [
        LogisticRegression(C=1e9, tol=1e-9).fit(logit[groups != group], labels[groups != group]).coef_[0, 0]
        for group in range(15)
    ]
    error = np.sqrt(14 / 15 * ((np.array(slopes) - found.value) ** 2).sum())
    from scipy.stats import t

    cases = np.bincount(groups, weights=labels)
    others = 20 - cases
    degrees = min(cases.sum() ** 2 / (cases**2).sum(), others.sum() ** 2 / (others**2).sum()) - 1
    assert found.value - found.low == pytest.approx(error * t.ppf(0.975, degrees), rel=0.05)


def test_a_class_that_is_told_apart_without_an_error_has_no_slope_and_few_groups_give_no_limits() -> None:
    labels = np.arange(100) % 2
    sure = np.where(labels[:, None] == np.arange(2), 0.9, 0.1)
    apart = class_calibration(_network(labels, sure[None], np.arange(100)), None)
    assert apart[1].slope_before.value is None
    assert class_calibration(_network(labels * 0, sure[None], np.arange(100)), None)[1].slope_before.value is None
    labels, table, groups = _drawn(1.0, 0.0, images=300)
    few = class_calibration(_network(labels, table[None], groups % 6), None)[1].slope_before
    assert few.value is not None
    assert few.low is None


def test_a_curve_bends_where_probabilities_are_wrong_on_one_side_only() -> None:
    random = np.random.default_rng(5)
    x = random.normal(0, 1.5, 6000)
    truth = 1 / (1 + np.exp(-np.where(x > 0, 0.4 * x, x)))  # overconfident for the likely ones alone
    labels = (random.random(6000) < truth).astype(np.int32)
    found = calibration_curve(labels, (1 / (1 + np.exp(-x)))[None], np.arange(6000) // 10, 1)
    assert found is not None
    assert found.low is not None
    assert found.high is not None
    at = [int(np.argmin(np.abs(found.stated - stated))) for stated in (0.2, 0.9)]
    assert found.observed[at[0]] == pytest.approx(0.2, abs=0.05)
    assert found.observed[at[1]] == pytest.approx(1 / (1 + 9**-0.4), abs=0.05)
    assert found.high[at[1]] < 0.9
    assert sum(images for _, _, images in found.bins) == 6000
    assert len(found.bins) == 10


def test_sets_of_predictions_are_averaged() -> None:
    labels, table, groups = _drawn(0.6, 0.0, images=500)
    one = class_calibration(_network(labels, table[None], groups), None)[1].slope_before
    same = class_calibration(_network(labels, np.stack([table, table]), groups), None)[1].slope_before
    assert same.value == pytest.approx(one.value)
    assert same.low == pytest.approx(one.low)  # the same predictions twice are no more information


def test_limits_hold_the_truth() -> None:
    held, studies = np.zeros(2), 200
    for study in range(studies):
        random = np.random.default_rng(100 + study)
        groups = np.repeat(np.arange(30), random.poisson(10, 30).clip(1))
        x = random.normal(-1, 1.5, len(groups))
        labels = (random.random(len(groups)) < 1 / (1 + np.exp(-(0.3 + x)))).astype(np.int32)
        chance = 1 / (1 + np.exp(-x))
        found = class_calibration(_network(labels, np.stack([1 - chance, chance], axis=1)[None], groups), None)[1]
        for place, (figure, truth) in enumerate(((found.slope_before, 1.0), (found.intercept_before, 0.3))):
            assert figure.low is not None
            assert figure.high is not None
            held[place] += figure.low <= truth <= figure.high
    assert (held / studies > 0.92).all()
