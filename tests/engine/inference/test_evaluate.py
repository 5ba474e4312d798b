from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from aimic_tui.engine.data.data_set import DataSet, Part
from aimic_tui.engine.data.listing.find_data_set import find_data_set
from aimic_tui.engine.errors import InputProblem, Interrupted
from aimic_tui.engine.evaluation.metrics import scores
from aimic_tui.engine.evaluation.predictions import read_predictions
from aimic_tui.engine.experiment import Experiment
from aimic_tui.engine.inference.class_map import match_classes
from aimic_tui.engine.inference.disturbances import disturbances, lit
from aimic_tui.engine.inference.evaluate import Evaluation, evaluate
from aimic_tui.engine.inference.evaluation_file import evaluation_from_json, evaluation_to_json
from aimic_tui.engine.inference.predict import predict
from aimic_tui.engine.inference.robustness import (
    robustness_of_run,
    robustness_on_data,
)
from aimic_tui.engine.inference.robustness_file import read_network_robustness, write_network_robustness
from aimic_tui.engine.models.model_folder import find_models
from aimic_tui.engine.progress import Progress
from aimic_tui.engine.training.task import TrialTask
from tests.engine.inference.trained_run import train_run
from tests.engine.training.small import CLASSES, NETWORK, draw_images


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> TrialTask:
    return train_run(tmp_path_factory.mktemp("workspace"))


@pytest.fixture
def models(task: TrialTask) -> list[Path]:
    return find_models(task.folder.parents[2])


def data_at(folder: Path, **data: Any) -> DataSet:
    return find_data_set(Experiment.from_mapping({"data": {"path": str(folder), **data}}).data)


def answered(found: Evaluation) -> dict[str, Any]:
    """Return what evaluation.json holds of it."""
    return evaluation_to_json(found.results(model=Path("m"), data="d", root=Path("d"), left_out_trained=False))


def judge(models: list[Path], data_set: DataSet, **options: Any) -> Evaluation:
    class_map = match_classes(CLASSES, data_set.counts())
    return evaluate(models, data_set, class_map, device="cpu", resamples=1000, **options)


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """Discs as the run's, in another light, each image of a group of its own; folders in other letters."""
    draw_images(tmp_path / "drawn", each=60)
    for path in sorted((tmp_path / "drawn").rglob("*.jpg")):
        target = tmp_path / "elsewhere" / path.parent.name.upper() / f"{path.stem.rpartition('_')[2]}.png"
        target.parent.mkdir(parents=True, exist_ok=True)
        with Image.open(path) as image:
            Image.fromarray(lit(np.asarray(image), 0.4)).save(target)
    return tmp_path / "elsewhere"


def test_the_figures_are_those_of_the_predictions(models: list[Path], elsewhere: Path, tmp_path: Path) -> None:
    data_set = data_at(elsewhere, group="none")
    found = judge(models, data_set)
    assert any(note.startswith("Classes that are written differently here were matched: ") for note in found.notes)
    files = [(data_set.images[index], data_set.path(index)) for index in range(len(data_set))]
    predict(models, files, tmp_path / "p.csv", as_trained=True)
    table = read_predictions(tmp_path / "p.csv")
    assert found.predictions.images == table.images
    np.testing.assert_allclose(found.predictions.probabilities, table.probabilities, atol=1e-4)
    expected = scores(found.predictions.labels, found.predictions.probabilities)
    assert {name: figure.value for name, figure in found.judgement.overall.items()} == pytest.approx(expected)
    assert np.sum(found.confusion) == len(data_set) == 180
    answer = json.loads(json.dumps(answered(found), allow_nan=False))
    assert answer["images"] == 180
    assert answer["pooled"]["accuracy"]["low"] <= answer["pooled"]["accuracy"]["value"]
    assert answer["mapping"] == {"BLUE": "blue", "GREEN": "green", "RED": "red"}
    assert (answer["trained"], answer["models"]) == (0, 2)
    assert evaluation_to_json(evaluation_from_json(answer)) == answer
    by_shares = answer["label_shift"]
    assert [(share["name"], share["true"]) for share in by_shares["shares"]] == [
        (name, pytest.approx(1 / 3)) for name in CLASSES
    ]
    assert sum(share["estimated"]["value"] for share in by_shares["shares"]) == pytest.approx(1)
    assert 0 < by_shares["figures"]["log_loss"]["value"] != answer["pooled"]["log_loss"]["value"]


def test_images_of_another_kind_are_called_so_with_what_differs(models: list[Path], elsewhere: Path) -> None:
    found = judge(models, data_at(elsewhere, group="none"))
    assert found.shift is not None
    assert found.shift.verdict in ("shifted", "clearly shifted")
    colours = {colour.name: colour.deviations for colour in found.shift.colours}
    assert colours["brightness"] < -2
    assert any("darker" in sentence for sentence in found.verdict())
    assert found.home is not None
    assert any("own test images" in sentence for sentence in found.verdict())
    difference = found.differences["accuracy"]
    assert difference.value == pytest.approx(
        found.judgement.overall["accuracy"].value - found.home["accuracy"].value  # type: ignore[operator]
    )
    assert difference.low is not None
    assert difference.low < difference.value < difference.high  # type: ignore[operator]


def test_home_is_what_the_run_found_on_its_own_test_images(models: list[Path], task: TrialTask) -> None:
    found = judge(models[:1], task.data_set)
    table = read_predictions(task.folder / "predictions.csv")
    expected = scores(table.labels, table.probabilities)
    assert found.home is not None
    assert found.home["accuracy"].value == pytest.approx(expected["accuracy"])
    assert found.home["macro_f1"].value == pytest.approx(expected["macro_f1"])


def test_images_that_the_model_was_trained_on_are_counted_and_can_be_left_out(
    models: list[Path], task: TrialTask, tmp_path: Path
) -> None:
    shutil.copytree(task.data_set.root, tmp_path / "copy")  # known by their content, wherever they lie
    data_set = data_at(tmp_path / "copy", group=r"^(slide\d+)")
    found = judge(models[:1], data_set)
    trained = int((task.split.parts[0] == Part.TRAIN).sum())
    assert found.trained == trained
    assert any(f"trained on {trained}" in note for note in found.notes)
    assert len(found.predictions.images) == len(data_set)
    rest = judge(models[:1], data_set, leave_out_trained=True)
    assert len(rest.predictions.images) == len(data_set) - trained
    assert rest.shift is not None
    assert rest.shift.verdict != "clearly shifted"


def test_unknown_classes_and_unreadable_images_are_left_out_and_said(models: list[Path], elsewhere: Path) -> None:
    (elsewhere / "YELLOW").mkdir()
    shutil.copy(elsewhere / "RED" / "0.png", elsewhere / "YELLOW" / "0.png")
    (elsewhere / "RED" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    found = judge(models, data_at(elsewhere, group="none"))
    assert found.class_map.left_out == {"YELLOW": 1}
    assert [entry.image for entry in found.unreadable] == ["RED/broken.png"]
    assert len(found.predictions.images) == 180


def test_a_model_away_from_its_run_is_judged_and_what_cant_be_known_is_said(
    models: list[Path], elsewhere: Path, tmp_path: Path
) -> None:
    away = tmp_path / "away"
    shutil.copytree(models[0], away)
    found = judge([away], data_at(elsewhere, group="none"))
    assert found.shift is not None, "its reference travels with it"
    (away / "reference.safetensors").unlink()
    found = judge([away], data_at(elsewhere, group="none"))
    assert (found.shift, found.home, found.differences, found.trained) == (None, None, {}, None)
    assert sum("is unknown: its run is not there" in note for note in found.notes) == 1
    assert sum("can't be compared with the model's own" in note for note in found.notes) == 1
    json.dumps(answered(found), allow_nan=False)


def test_nothing_to_judge_and_a_stop_are_sentences(models: list[Path], tmp_path: Path) -> None:
    for name in CLASSES:
        (tmp_path / "data" / name).mkdir(parents=True)
        (tmp_path / "data" / name / "a.png").touch()
    with pytest.raises(InputProblem, match=r"3 can't be read, such as blue/a\.png is empty"):
        judge(models, data_at(tmp_path / "data"))
    draw_images(tmp_path / "more", each=8)
    with pytest.raises(Interrupted, match="nothing was written"):
        judge(models, data_at(tmp_path / "more"), should_stop=lambda: True, batch_size=4)


def test_the_figures_tell_how_far_they_are_and_a_stop_in_their_midst_is_heard(
    models: list[Path], elsewhere: Path
) -> None:
    reports: list[Progress] = []

    def judging() -> list[Progress]:
        return [now for now in reports if now.phase == "resample"]

    judge(models, data_at(elsewhere), report=reports.append)
    assert [now.done for now in judging()] == sorted(now.done for now in judging())
    assert (judging()[0].done, judging()[-1].done) == (0, judging()[-1].total)
    reports.clear()
    with pytest.raises(Interrupted, match="nothing was saved"):
        judge(models, data_at(elsewhere), report=reports.append, should_stop=lambda: bool(judging()))
    assert not judging()[-1].complete


def test_a_runs_own_test_images_are_disturbed_by_every_kind(task: TrialTask) -> None:
    run = task.folder.parents[2]
    found = robustness_of_run(run, NETWORK, device="cpu", batch_size=5)
    tables = [read_predictions(run / "trials" / NETWORK / f"fold-{fold}" / "predictions.csv") for fold in (1, 2)]
    labels = np.concatenate([table.labels for table in tables])
    expected = scores(labels, np.concatenate([table.probabilities for table in tables]))
    assert found.clean["macro_f1"].value == pytest.approx(expected["macro_f1"], abs=1e-3)
    assert (found.images, found.models, found.unreadable) == (len(labels), 2, 0)
    assert [(row.kind, row.strength, row.amount, row.value) for row in found.rows] == [
        (each.kind, each.strength, each.amount, each.value) for each in disturbances()
    ]
    for loss in found.rows:
        for metric in ("accuracy", "log_loss"):
            difference = loss.figures[metric].value - found.clean[metric].value  # type: ignore[operator]
            assert loss.differences[metric].value == pytest.approx(difference)
    assert any(loss.differences["log_loss"].value for loss in found.rows)
    again = robustness_of_run(run, NETWORK, device="cpu", batch_size=16)
    for first, second in zip(found.rows, again.rows, strict=True):
        assert first.figures["log_loss"].value == pytest.approx(second.figures["log_loss"].value, abs=1e-4)


def test_robustness_is_stored_by_network_beside_others(task: TrialTask, tmp_path: Path) -> None:
    found = robustness_of_run(task.folder.parents[2], NETWORK, device="cpu")
    write_network_robustness(tmp_path, NETWORK, found, "2026-11-22T19:05:12+00:00")
    other = replace(found, images=7)
    write_network_robustness(tmp_path, "other", other, "2026-11-22T20:05:12+00:00")
    assert read_network_robustness(tmp_path, NETWORK) == found
    assert read_network_robustness(tmp_path, "other") == other
    assert read_network_robustness(tmp_path, "none") is None
    (tmp_path / "robustness.json").write_text("[]")
    assert read_network_robustness(tmp_path, NETWORK) is None


def test_another_data_set_can_be_disturbed_too(models: list[Path], elsewhere: Path) -> None:
    (elsewhere / "RED" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    data_set = data_at(elsewhere, group="none")
    found = robustness_on_data(models, data_set, match_classes(CLASSES, data_set.counts()), device="cpu")
    assert (found.images, found.unreadable) == (180, 1)
    judged = judge(models, data_set)
    clean = judged.judgement.overall["log_loss"].value
    assert found.clean["log_loss"].value == pytest.approx(clean, abs=1e-3)


def test_a_run_whose_images_are_gone_is_a_sentence(tmp_path: Path) -> None:
    task = train_run(tmp_path, epochs=1)
    shutil.rmtree(task.data_set.root)
    with pytest.raises(InputProblem, match=r"All \d+ images are missing: the folder .* is not there"):
        robustness_of_run(task.folder.parents[2], NETWORK, device="cpu")
