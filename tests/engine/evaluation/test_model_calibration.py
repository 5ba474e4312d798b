"""A model carries its temperature, and what the test images of its run say about its errors."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from aimic_tui.engine.evaluation.build_results import build_results, write_results
from aimic_tui.engine.evaluation.model_calibration import (
    FILE,
    NO_RUN,
    OF_AN_EARLIER_VERSION,
    OPTIMISTIC,
    ModelCalibration,
    read_model_calibrations,
    write_model_calibrations,
)
from aimic_tui.engine.evaluation.rejection import choose_threshold
from tests.engine.evaluation.stored_run import make_run


def with_models(run: Path) -> Path:
    for trial in run.glob("trials/*/fold-*"):
        (trial / "model").mkdir()
        (trial / "model" / "model.json").write_text(json.dumps({"weights": {"sha256": f"of {trial.name}"}}))
    return run


def read(model: Path) -> ModelCalibration | None:
    return read_model_calibrations([model], with_errors=True)[0]


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
        found = read(model)
        assert found is not None
        assert found.temperature == row.value
        assert found.errors is not None
        for rejection in build_results(run).calibration["mobilenet_v2"].rejections:
            assert choose_threshold(found.errors, rejection.max_error) == rejection.threshold
    assert "smear" not in (model / FILE).read_text(), "no name of an image travels with a model"


def test_a_model_that_was_copied_out_of_its_run_still_has_it(run: Path, tmp_path: Path) -> None:
    write_model_calibrations(run)
    inside = read(run / "trials/mobilenet_v2/fold-1/model")
    shutil.copytree(run / "trials/mobilenet_v2/fold-1/model", tmp_path / "alone")
    alone = read(tmp_path / "alone")
    assert inside is not None
    assert alone is not None
    assert alone.temperature == inside.temperature
    assert alone.errors is not None
    assert inside.errors is not None
    np.testing.assert_array_equal(alone.errors.errors, inside.errors.errors)


def an_earlier_versions(model: Path) -> None:
    """Leave the calibration.json that 0.1 wrote: validation images, and which of them were right."""
    digest = json.loads((model / "model.json").read_text())["weights"]["sha256"]
    stored = {"format": 1, "weights": digest, "temperature": 1.7, "images": ["ab"], "sureness": [0.9], "right": [1]}
    (model / FILE).write_text(json.dumps(stored))


def test_a_run_of_an_earlier_version_has_it_from_its_predictions(run: Path) -> None:
    model = run / "trials/mobilenet_v2/fold-1/model"
    an_earlier_versions(model)
    derived = read(model)
    kept = read_model_calibrations([model], with_errors=False)[0]
    assert kept is not None and kept.temperature == 1.7, "predictions go on as they began"
    write_model_calibrations(run)
    stored = read(model)
    assert derived is not None and derived.errors is not None
    assert stored is not None and stored.errors is not None
    assert derived.temperature == stored.temperature != 1.7
    np.testing.assert_array_equal(derived.errors.effective, stored.errors.effective)


def test_a_copied_model_of_an_earlier_version_keeps_its_temperature_and_promises_nothing(
    run: Path, tmp_path: Path
) -> None:
    an_earlier_versions(run / "trials/mobilenet_v2/fold-1/model")
    shutil.copytree(run / "trials/mobilenet_v2/fold-1/model", tmp_path / "alone")
    alone = read(tmp_path / "alone")
    assert alone is not None
    assert (alone.temperature, alone.errors, alone.problem) == (1.7, None, OF_AN_EARLIER_VERSION)


def test_a_trial_without_its_run_promises_nothing(run: Path, tmp_path: Path) -> None:
    shutil.copytree(run / "trials/mobilenet_v2/fold-1", tmp_path / "fold")
    alone = read(tmp_path / "fold" / "model")
    assert alone is not None
    assert (alone.errors, alone.problem) == (None, NO_RUN)


def test_the_published_protocol_promises_nothing(run: Path) -> None:
    experiment = run / "experiment.toml"
    experiment.write_text(experiment.read_text().replace('protocol = "honest"', 'protocol = "aimic-2022"'))
    write_model_calibrations(run)
    found = read(run / "trials/mobilenet_v2/fold-1/model")
    assert found is not None
    assert (found.errors, found.problem) == (None, OPTIMISTIC)


def test_of_other_weights_or_of_a_trial_that_is_going_on_it_does_not_count(run: Path, tmp_path: Path) -> None:
    write_model_calibrations(run)
    trial = run / "trials/mobilenet_v2/fold-1"
    shutil.copytree(trial / "model", tmp_path / "alone")
    (tmp_path / "alone" / "model.json").write_text('{"weights": {"sha256": "others"}}')
    assert read(tmp_path / "alone") is None
    (tmp_path / "alone" / FILE).write_text("{")
    assert read(tmp_path / "alone") is None
    (trial / "model" / FILE).unlink()
    (trial / "predictions.csv").unlink()
    assert read(trial / "model") is None
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


def test_a_further_fold_makes_it_anew_for_all(run: Path) -> None:
    away = run / "later"
    (run / "trials/mobilenet_v2/fold-3").rename(away)
    write_model_calibrations(run)
    before = read(run / "trials/mobilenet_v2/fold-1/model")
    away.rename(run / "trials/mobilenet_v2/fold-3")
    (run / "trials/mobilenet_v2/fold-3/predictions.csv").touch()
    write_model_calibrations(run)
    after = read(run / "trials/mobilenet_v2/fold-1/model")
    assert before is not None and before.errors is not None
    assert after is not None and after.errors is not None
    assert before.errors.images.max() == 160
    assert after.errors.images.max() == 240
