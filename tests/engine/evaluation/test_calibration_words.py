"""What is said of temperatures and of thresholds."""

from __future__ import annotations

from dataclasses import replace

from aimic_tui.engine.evaluation.calibration_words import (
    ACROSS_FOLDS,
    FEW_GROUPS,
    promise,
    rejection_lines,
    temperature_lines,
)
from aimic_tui.engine.evaluation.interval import Interval
from aimic_tui.engine.evaluation.run_results import Calibration, Rejection, Temperature

FOUND = Calibration(
    temperatures=(Temperature(1, 0, 1.0, 33), Temperature(2, 0, 1.4, 33), Temperature(3, 0, 0.6, 33, at_bound=True)),
    before={},
    after={},
    difference={},
    corrected={},
    reliability_before=(),
    reliability_after=(),
    coverage=(),
    risk=(),
    rejections=(
        Rejection(0.05, None, (None, None, None), Interval(0.0), Interval(None), rests_on_groups=True),
        Rejection(0.1, 0.8, (0.8, None, 0.9), Interval(0.5), Interval(0.04), rests_on_groups=False),
    ),
)


def test_temperatures_that_stay_1_and_fits_at_a_bound_are_said() -> None:
    first, second = temperature_lines(FOUND)
    assert "1 of 3 stay 1, where held-out validation images gain nothing" in first
    assert second.startswith("! Fold 3: the fit runs to its bound")
    assert len(list(temperature_lines(replace(FOUND, temperatures=FOUND.temperatures[:2])))) == 1


def test_few_groups_matter_only_where_there_is_a_threshold() -> None:
    assert ACROSS_FOLDS in list(rejection_lines(FOUND))
    assert not any("whole groups" in line for line in rejection_lines(FOUND))
    few = replace(FOUND, rejections=tuple(replace(row, rests_on_groups=True) for row in FOUND.rejections))
    assert any(line.startswith("For 10 % or less: too few groups") for line in rejection_lines(few))


def test_a_promise_says_for_which_images_and_what_was_not_tested() -> None:
    one, several = (promise(0.05, models=count, rests_on_groups=count > 1) for count in (1, 5))
    assert "With 90 % confidence at most 5 % of the answered images are wrong, if they are like the run's own." in one
    assert "mean" not in one
    assert "the mean of 5 models was not tested" in several
    assert several.endswith(FEW_GROUPS)
