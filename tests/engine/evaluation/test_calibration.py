"""Probabilities are put right on validation images and judged on test images."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from aimic_tui.engine.evaluation.build_results import build_results, write_results
from aimic_tui.engine.evaluation.calibration import reliability, risk_coverage
from aimic_tui.engine.evaluation.calibration_words import NO_PROMISE, ONE_PART, rejection_lines
from aimic_tui.engine.evaluation.intervals import share_interval
from aimic_tui.engine.evaluation.metrics import Floats, Integers, scores
from aimic_tui.engine.evaluation.predictions import Predictions, read_predictions, write_predictions
from aimic_tui.engine.evaluation.temperature import scaled
from tests.engine.evaluation.stored_run import make_run


def drawn(n: int, boast: float, seed: int = 0) -> tuple[Integers, Floats]:
    """Labels that come with exactly the chances of some logits, and probabilities `boast` times too sure."""
    random = np.random.default_rng(seed)
    logits = random.normal(0, 2, (n, 3))
    chances = np.exp(logits)
    chances /= chances.sum(axis=1, keepdims=True)
    labels = (random.random(n)[:, None] > chances.cumsum(axis=1)).sum(axis=1).clip(0, 2).astype(np.int32)
    return labels, scaled(chances, 1 / boast)


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
    run = make_run(tmp_path / "run", skills={"net": 1.5}, groups=120, boast=4.0)
    found = write_results(run).calibration["net"]
    assert all(row.value > 1.5 for row in found.temperatures)
    assert [row.fold for row in found.temperatures] == [1, 2, 3]
    assert found.after["ece"].value < found.before["ece"].value
    assert found.difference["log_loss"].high < 0, "shown to be better"
    assert [row.max_error for row in found.rejections] == [0.01, 0.02, 0.05, 0.1]
    assert found.rejections[0].threshold is None, "600 images of a poor network promise no 1 %"
    assert found.rejections[0].thresholds == (None,) * 3
    assert found.rejections[0].answered.value == 0.0
    assert found.rejections[0].error.value is None, "who answers nothing has no error rate, 0 least of all"


def test_a_folds_test_images_move_no_temperature_and_no_threshold_that_they_evaluate(tmp_path: Path) -> None:
    one = make_run(tmp_path / "one", skills={"net": 4.0}, groups=120, boast=2.0)
    before = build_results(one).calibration["net"]
    path = one / "trials/net/fold-2/predictions.csv"
    table = read_predictions(path)
    write_predictions(path, Predictions(table.images, table.labels, table.probabilities[::-1], table.classes))
    after = build_results(one).calibration["net"]
    assert after.temperatures == before.temperatures
    assert [row.thresholds[1] for row in after.rejections] == [row.thresholds[1] for row in before.rejections]
    assert before.rejections[-1].thresholds[1] is not None
    assert after.rejections[-1].thresholds[0] is None, "the other folds' thresholds rest on it"
    assert after.rejections[-1].threshold is None


def test_images_of_other_folds_choose_each_folds_threshold(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", skills={"net": 4.0}, groups=120)
    found = build_results(run).calibration["net"]
    for row in found.rejections[2:]:
        assert row.threshold is not None
        assert row.error.value is not None
        assert row.error.value <= row.max_error
        assert row.answered.value is not None
        assert row.answered.value > 0.5


def test_one_test_part_leaves_no_image_to_evaluate_its_threshold(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", skills={"net": 4.0}, groups=120)
    for fold in (2, 3):
        shutil.rmtree(run / f"trials/net/fold-{fold}")
    found = build_results(run).calibration["net"]
    assert found.rejections[-1].threshold is not None
    assert found.rejections[-1].answered.value is None
    assert ONE_PART in rejection_lines(found)


def test_in_the_published_protocol_test_images_promise_no_error_rate(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", groups=48)
    experiment = run / "experiment.toml"
    experiment.write_text(experiment.read_text().replace('protocol = "honest"', 'protocol = "aimic-2022"'))
    found = build_results(run).calibration["mobilenet_v2"]
    assert found.rejections == ()
    assert list(rejection_lines(found)) == [NO_PROMISE]


def test_without_validation_predictions_there_is_no_calibration(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    trials = run / "trials/mobilenet_v2"
    shutil.copy(trials / "fold-1/predictions.csv", trials / "fold-1/validation.csv")
    assert build_results(run).calibration == {}, "test images are no validation images"
    (trials / "fold-1/validation.csv").unlink()
    assert build_results(run).calibration == {}
