"""Probabilities are put right on validation images and judged on test images."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from aimic_tui.engine.evaluation.build_results import build_results, write_results
from aimic_tui.engine.evaluation.calibration import (
    choose_threshold,
    fit_temperature,
    reliability,
    risk_coverage,
    scaled,
)
from aimic_tui.engine.evaluation.intervals import share_interval
from aimic_tui.engine.evaluation.metrics import Floats, Integers, scores
from aimic_tui.engine.evaluation.predictions import Predictions, read_predictions, write_predictions
from tests.engine.evaluation.stored_run import make_run


def drawn(n: int, boast: float, seed: int = 0) -> tuple[Integers, Floats]:
    """Labels that come with exactly the chances of some logits, and probabilities `boast` times too sure."""
    random = np.random.default_rng(seed)
    logits = random.normal(0, 2, (n, 3))
    chances = np.exp(logits)
    chances /= chances.sum(axis=1, keepdims=True)
    labels = (random.random(n)[:, None] > chances.cumsum(axis=1)).sum(axis=1).clip(0, 2).astype(np.int32)
    return labels, scaled(chances, 1 / boast)


def lowest(cost: Callable[[float], float]) -> float:
    """Return where a cost of ln T is lowest, by bisecting the sign of its slope."""
    low, high = -3.0, 3.0
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if cost(middle + 1e-4) < cost(middle - 1e-4) else (low, middle)
    return (low + high) / 2


@pytest.mark.parametrize("boast", [0.5, 1.0, 3.0])
def test_the_temperature_undoes_what_was_boasted(boast: float) -> None:
    labels, said = drawn(4000, boast)
    found = fit_temperature(labels, said)
    assert found == pytest.approx(boast, rel=0.1)

    def cost(log_t: float) -> float:
        return float(-np.log(scaled(said, math.exp(log_t))[np.arange(len(labels)), labels]).sum()) + log_t**2 / 2

    assert math.log(found) == pytest.approx(lowest(cost), abs=1e-6)


def test_few_images_without_an_error_do_not_make_a_network_certain() -> None:
    labels = np.zeros(6, np.int32)
    said = np.tile([0.7, 0.2, 0.1], (6, 1))
    assert 0.2 < fit_temperature(labels, said) < 1


def test_certainty_of_zero_and_one_is_no_obstacle() -> None:
    labels = np.array([0, 1, 1], np.int32)
    said = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]])
    found = fit_temperature(labels, said)
    assert 1 < found <= 20.001
    assert np.isfinite(scaled(said, found)).all()


def test_scaling_changes_no_prediction_and_keeps_gaps() -> None:
    said = np.array([[0.2, 0.5, 0.3], [np.nan] * 3])
    found = scaled(said, 2.5)
    assert found[0].argmax() == 1
    assert found[0].sum() == pytest.approx(1)
    assert np.isnan(found[1]).all()
    assert scaled(said, 1.0)[0] == pytest.approx(said[0])


def test_the_bins_give_the_calibration_error_of_the_figures() -> None:
    labels, said = drawn(500, 2.0)
    bins = reliability(labels, said[None])
    error = sum(bin.images * abs(bin.accuracy - bin.confidence) for bin in bins if bin.images) / 500  # type: ignore[operator]
    assert error == pytest.approx(scores(labels, said)["ece"])
    assert sum(bin.images for bin in bins) == 500


def test_risk_grows_from_the_surest_images_to_all() -> None:
    labels, said = drawn(800, 1.0)
    coverage, risk = risk_coverage(labels, said[None])
    assert coverage[-1] == 1.0
    assert len(coverage) <= 101
    assert risk[-1] == pytest.approx(1 - scores(labels, said)["accuracy"])  # type: ignore[operator]
    assert risk[10] < risk[-1]


def test_a_threshold_is_the_lowest_that_keeps_the_promise_with_one_error_to_spare() -> None:
    sureness = np.array([0.99] * 30 + [0.9] * 10 + [0.5] * 10)
    right = np.array([True] * 40 + [False] * 10)
    assert choose_threshold(sureness, right, 0.05) == 0.9
    assert choose_threshold(sureness, right, 0.01) is None, "40 images promise no 1 %"
    assert choose_threshold(sureness, right, 0.5) == 0.5
    assert choose_threshold(sureness[:0], right[:0], 0.5) is None


@pytest.mark.slow
def test_the_wanted_error_rate_is_kept_on_new_images_on_average() -> None:
    errors = []
    for study in range(300):
        labels, said = drawn(150, 1.0, seed=study)
        right = said.argmax(axis=1) == labels
        threshold = choose_threshold(said.max(axis=1), right, 0.1)
        new_labels, new = drawn(2000, 1.0, seed=10_000 + study)
        kept = new.max(axis=1) >= (2.0 if threshold is None else threshold)
        errors.append(float((new.argmax(axis=1) != new_labels)[kept].mean()) if kept.any() else 0.0)
    assert 0.06 < np.mean(errors) <= 0.1


def test_a_share_of_groups_has_an_interval_where_there_are_enough() -> None:
    groups = np.repeat(np.arange(20), 5).astype(np.int32)
    hits = np.random.default_rng(0).random(100) < 0.8
    found = share_interval(hits.astype(float), np.ones(100), groups)
    assert found.value == pytest.approx(hits.mean())
    assert found.low is not None
    assert found.high is not None
    assert found.low < hits.mean() < found.high
    assert share_interval(hits[:20].astype(float), np.ones(20), groups[:20]).low is None
    assert share_interval(np.zeros(5), np.zeros(5), groups[:5]).value is None


def test_a_run_that_boasts_is_calibrated_in_its_results(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", skills={"net": 1.5}, groups=60, boast=4.0)
    found = write_results(run).calibration["net"]
    assert all(row.value > 1.5 for row in found.temperatures)
    assert [row.fold for row in found.temperatures] == [1, 2, 3]
    assert found.after["ece"].value < found.before["ece"].value
    assert found.difference["log_loss"].high < 0, "shown to be better"
    assert [row.max_error for row in found.rejections] == [0.01, 0.02, 0.05, 0.1]
    assert found.rejections[0].thresholds == (None,) * 3, "too few validation images to promise 1 %"
    assert found.rejections[0].answered.value == 0.0


def test_test_images_move_no_temperature_and_no_threshold(tmp_path: Path) -> None:
    one = make_run(tmp_path / "one", groups=48, boast=2.0)
    before = build_results(one).calibration["mobilenet_v2"]
    for path in one.rglob("predictions.csv"):
        table = read_predictions(path)
        write_predictions(path, Predictions(table.images, table.labels, table.probabilities[::-1], table.classes))
    after = build_results(one).calibration["mobilenet_v2"]
    assert after.temperatures == before.temperatures
    assert [row.thresholds for row in after.rejections] == [row.thresholds for row in before.rejections]
    assert after.after != before.after


def test_without_validation_predictions_there_is_no_calibration(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    trials = run / "trials/mobilenet_v2"
    shutil.copy(trials / "fold-1/predictions.csv", trials / "fold-1/validation.csv")
    assert build_results(run).calibration == {}, "test images are no validation images"
    (trials / "fold-1/validation.csv").unlink()
    assert build_results(run).calibration == {}
