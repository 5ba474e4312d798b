"""The calibration error's limits are those of the true error, which samples show too large on average."""

from __future__ import annotations

import numpy as np
import pytest

from aimic_tui.engine.evaluation.calibration_error import CalibrationError, calibration_error
from aimic_tui.engine.evaluation.metrics import Scorer, scores
from benchmarks.intervals import Population


def judged(population: Population, seed: int = 0) -> tuple[CalibrationError, float]:
    labels, table, groups = population.draw(np.random.default_rng(seed))
    gaps = np.zeros((groups.max() + 1, 1, 15))
    np.add.at(gaps[:, 0], groups, Scorer(labels, table).calibration_gaps())
    images = np.bincount(groups).astype(float)
    found = calibration_error(gaps, images, resamples=1000, confidence=0.95, seed=seed)
    return found, float(scores(labels, table)["ece"] or 0.0)


SMALL = Population(60, 240, (0.5, 0.3, 0.2))


def test_the_reported_error_is_the_usual_one_and_inside_its_limits() -> None:
    for seed in range(20):
        found, error = judged(SMALL, seed)
        assert found.interval.value == pytest.approx(error)
        assert found.interval.low is not None
        assert found.interval.high is not None
        assert 0 <= found.interval.low <= error <= found.interval.high
        assert found.corrected <= error, "chance only adds"


def test_the_corrected_error_is_right_on_average_and_the_usual_one_is_not() -> None:
    truth = SMALL.truth()[0]["ece"][0]
    each = [judged(SMALL, seed) for seed in range(150)]
    usual, corrected = np.mean([error for _, error in each]), np.mean([found.corrected for found, _ in each])
    assert usual > truth + 0.015
    assert abs(corrected - truth) < 0.006


def test_a_large_error_is_hardly_corrected() -> None:
    found, error = judged(Population(300, 1200, (0.5, 0.3, 0.2), boast=0.3))
    assert error > 0.2
    assert found.corrected == pytest.approx(error, abs=0.01)


def test_no_gap_anywhere_is_no_error() -> None:
    found = calibration_error(np.zeros((20, 1, 15)), np.ones(20), resamples=1000, confidence=0.95, seed=0)
    assert (found.interval.value, found.corrected) == (0.0, 0.0)
    assert found.interval.low is None, "nothing varies: none is pretended"


def test_seeds_are_averaged() -> None:
    labels, table, groups = SMALL.draw(np.random.default_rng(3))
    gaps = np.zeros((groups.max() + 1, 2, 15))
    for place, boast in enumerate((1.0, 2.0)):
        raised = table**boast / (table**boast).sum(axis=1, keepdims=True)
        np.add.at(gaps[:, place], groups, Scorer(labels, raised).calibration_gaps())
    images = np.bincount(groups).astype(float)
    both, *each = (
        calibration_error(part, images, resamples=1000, confidence=0.95, seed=0).interval.value
        for part in (gaps, gaps[:, :1], gaps[:, 1:])
    )
    assert both == pytest.approx(np.mean(each))
