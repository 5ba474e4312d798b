"""Predictive values at a named prevalence are Bayes's, with limits from those of sensitivity and specificity."""

from __future__ import annotations

import numpy as np
import pytest

from aimic_tui.engine.errors import UsageProblem
from aimic_tui.engine.evaluation.interval import Interval
from aimic_tui.engine.evaluation.interval_limits import wilson
from aimic_tui.engine.evaluation.predictive_values import predictive_values
from aimic_tui.engine.evaluation.rate_correlation import rate_correlation
from aimic_tui.wording.predictive_values import read_prevalence


def test_values_are_bayess() -> None:
    found = predictive_values(Interval(0.9, 0.8, 0.95), Interval(0.95, 0.9, 0.98), 0.02)
    assert found.positive.value == pytest.approx(0.9 * 0.02 / (0.9 * 0.02 + 0.05 * 0.98))
    assert found.negative.value == pytest.approx(0.95 * 0.98 / (0.95 * 0.98 + 0.1 * 0.02))
    for figure in (found.positive, found.negative):
        assert figure.value is not None
        assert figure.low is not None
        assert figure.high is not None
        assert 0 < figure.low < figure.value < figure.high < 1


def test_with_one_share_known_the_limits_are_those_of_the_other() -> None:
    certain = Interval(0.95, 0.95, 0.95)
    found = predictive_values(Interval(0.9, 0.8, 0.95), certain, 0.1).positive
    for limit, sensitivity in ((found.low, 0.8), (found.high, 0.95)):
        assert limit == pytest.approx(sensitivity * 0.1 / (sensitivity * 0.1 + 0.05 * 0.9))


def test_without_a_false_alarm_the_lower_limit_still_says_something() -> None:
    found = predictive_values(Interval(0.9, 0.8, 0.95), Interval(1.0, 0.97, 1.0), 0.02)
    assert found.positive.value == found.positive.high == 1
    assert found.positive.low is not None
    assert 0.3 < found.positive.low < 0.4  # about .8 x .02 / (.8 x .02 + .03 x .98)


def test_what_has_no_limits_or_no_value_gets_none() -> None:
    few = predictive_values(Interval(0.9), Interval(0.95, 0.9, 0.98), 0.02)
    assert few.positive.value is not None
    assert few.positive.low is None
    never = predictive_values(Interval(0.0, 0.0, 0.1), Interval(1.0, 0.97, 1.0), 0.02)
    assert never.positive.value is None  # never predicted
    assert never.negative.value == pytest.approx(0.98)
    assert predictive_values(Interval(None), Interval(0.9), 0.1).positive.value is None


def test_limits_hold_the_truth_also_where_false_alarms_are_rare() -> None:
    random = np.random.default_rng(0)
    for sensitivity, specificity, cases, others in ((0.8, 0.97, 40, 200), (0.95, 0.995, 60, 150)):
        truth = predictive_values(Interval(sensitivity), Interval(specificity), 0.05)
        held = np.zeros(2)
        for _ in range(600):
            hits, right = random.binomial(cases, sensitivity) / cases, random.binomial(others, specificity) / others
            found = predictive_values(
                Interval(hits, *wilson(hits, cases)), Interval(right, *wilson(right, others)), 0.05
            )
            for place, name in enumerate(("positive", "negative")):
                figure, value = getattr(found, name), getattr(truth, name).value
                held[place] += figure.low <= value <= figure.high
        assert (held / 600 > 0.925).all()


def test_rates_that_trade_off_over_groups_are_correlated() -> None:
    labels = np.tile([0, 0, 1, 1], 20).astype(np.int32)
    groups = np.repeat(np.arange(20), 4).astype(np.int32)
    eager = groups % 2 == 1  # on every second slide everything is called class 1
    table = np.where(eager[:, None], [0.1, 0.9], [0.9, 0.1])[None]
    assert rate_correlation(labels, table, groups, 1) == pytest.approx(-1)
    alone = rate_correlation((groups == 0).astype(np.int32), table, groups, 1)
    assert alone == 0  # all images of the class are in one group
    # A negative correlation widens the limits of a ratio of the two.
    shares = Interval(0.5, 0.3, 0.7), Interval(0.6, 0.4, 0.8)
    together, apart = (predictive_values(*shares, 0.3, correlation).positive for correlation in (-0.8, 0.0))
    assert together.low != apart.low


@pytest.mark.parametrize(("text", "value"), [("0.02", 0.02), ("2 %", 0.02), ("2%", 0.02), (" 0,5 ", 0.5)])
def test_a_prevalence_is_read_as_people_type_it(text: str, value: float) -> None:
    assert read_prevalence(text) == pytest.approx(value)


@pytest.mark.parametrize("text", ["", "2", "0", "100 %", "-1", "many", "nan"])
def test_what_is_no_prevalence_is_refused(text: str) -> None:
    with pytest.raises(UsageProblem):
        read_prevalence(text)
