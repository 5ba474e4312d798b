"""A model carries what its validation images say about how far it can be believed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from aimic_tui.engine.evaluation.build_results import build_results, write_results
from aimic_tui.engine.evaluation.calibration import fit_temperature
from aimic_tui.engine.evaluation.model_calibration import (
    FILE,
    ModelCalibration,
    read_model_calibration,
    reject_threshold,
    write_model_calibrations,
)
from aimic_tui.engine.evaluation.predictions import read_predictions
from tests.engine.evaluation.stored_run import make_run


def with_models(run: Path) -> Path:
    for trial in run.glob("trials/*/fold-*"):
        (trial / "model").mkdir()
        (trial / "model" / "model.json").write_text(json.dumps({"weights": {"sha256": f"of {trial.name}"}}))
    return run


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return with_models(make_run(tmp_path / "run", boast=3.0, groups=48))


def test_the_results_of_a_run_leave_it_beside_each_model(run: Path) -> None:
    write_results(run)
    results = build_results(run).calibration["mobilenet_v2"].temperatures
    assert [row.fold for row in results] == [1, 2, 3]
    for row in results:
        model = run / f"trials/mobilenet_v2/fold-{row.fold}/model"
        assert (model / FILE).is_file()
        found = read_model_calibration(model)
        assert found is not None
        assert found.temperature == row.value
        assert len(found.images) == len(set(found.images)) == row.images
    assert "smear" not in (model / FILE).read_text(), "no name of an image travels with a model"


def test_a_model_that_was_copied_out_of_its_run_still_has_it(run: Path, tmp_path: Path) -> None:
    write_model_calibrations(run)
    inside = read_model_calibration(run / "trials/mobilenet_v2/fold-1/model")
    shutil.copytree(run / "trials/mobilenet_v2/fold-1/model", tmp_path / "alone")
    alone = read_model_calibration(tmp_path / "alone")
    assert inside is not None
    assert alone is not None
    assert alone.temperature == inside.temperature
    np.testing.assert_array_equal(alone.right, inside.right)


def test_a_run_of_an_earlier_version_has_it_from_its_validation_predictions(run: Path) -> None:
    trial = run / "trials/mobilenet_v2/fold-1"
    found = read_model_calibration(trial / "model")
    table = read_predictions(trial / "validation.csv")
    assert found is not None
    assert found.temperature == fit_temperature(table.labels, table.probabilities)


def test_of_other_weights_or_of_a_trial_that_is_going_on_it_does_not_count(run: Path, tmp_path: Path) -> None:
    write_model_calibrations(run)
    trial = run / "trials/mobilenet_v2/fold-1"
    shutil.copytree(trial / "model", tmp_path / "alone")
    (tmp_path / "alone" / "model.json").write_text('{"weights": {"sha256": "others"}}')
    assert read_model_calibration(tmp_path / "alone") is None
    (tmp_path / "alone" / FILE).write_text("{")
    assert read_model_calibration(tmp_path / "alone") is None
    (trial / "model" / FILE).unlink()
    (trial / "predictions.csv").unlink()
    assert read_model_calibration(trial / "model") is None
    write_model_calibrations(run)
    assert not (trial / "model" / FILE).exists()


def test_it_is_made_once_and_anew_for_new_weights(run: Path) -> None:
    write_model_calibrations(run)
    model = run / "trials/mobilenet_v2/fold-2/model"
    made = (model / FILE).stat().st_mtime_ns
    write_model_calibrations(run)
    assert (model / FILE).stat().st_mtime_ns == made
    (model / "model.json").write_text('{"weights": {"sha256": "others"}}')
    write_model_calibrations(run)
    assert json.loads((model / FILE).read_text())["weights"] == "others"


def of(names: str, sureness: list[float], right: list[bool]) -> ModelCalibration:
    return ModelCalibration(1.0, tuple(names), np.array(sureness), np.array(right))


def test_images_that_several_models_validated_count_once() -> None:
    one = of("abcdefghij", [0.9] * 10, [True] * 10)
    assert reject_threshold([one], 0.1) == 0.9, "(0 + 1) / (10 + 1)"
    assert reject_threshold([one], 0.09) is None
    assert reject_threshold([one, one], 0.09) is None, "the same ten images promise no more"
    other = of("klmnopqrst", [0.8] * 10, [True] * 10)
    assert reject_threshold([one, other], 0.05) == 0.8, "(0 + 1) / (20 + 1)"
    assert reject_threshold([], 0.5) is None
