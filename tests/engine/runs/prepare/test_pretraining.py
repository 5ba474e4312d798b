"""A run that starts from another run: which, and what it says about images that both have seen."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aimic_tui.engine.bounded_files import read_json
from aimic_tui.engine.data.data_set import Part
from aimic_tui.engine.data.manifest import read_manifest
from aimic_tui.engine.data.splitting.split import read_split
from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.event_log import EventReader
from aimic_tui.engine.experiment import Experiment
from aimic_tui.engine.files import read_table
from aimic_tui.engine.models.model_folder import read_model_card
from aimic_tui.engine.run_folder import RunFolder, TrialKey
from aimic_tui.engine.runs.prepare.creation import create_run
from aimic_tui.engine.runs.work.stop_signal import StopSignal
from aimic_tui.engine.runs.work.worker import Worker
from aimic_tui.engine.workspace_folder import Workspace

NETWORK = "test_efficientnet"


def experiment(data: Path, **values: Any) -> Experiment:
    keys = {
        "data.path": str(data),
        "model.networks": [NETWORK],
        "model.weights": "none",
        "model.image_size": 32,
        "split.folds": 3,
        "training.epochs": 2,
        "training.batch_size": 8,
        "training.precision": "fp32",
    }
    return Experiment().with_values({**keys, **{key.replace("__", "."): value for key, value in values.items()}})


def train(run: RunFolder, *folds: int) -> None:
    import os

    worker = Worker(run, "cpu", StopSignal(run.stop_file, os.getppid()))
    for fold in folds:
        report = worker.train(TrialKey(NETWORK, fold, 0))
        assert report.state == "finished", report


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, cells: Path) -> tuple[Workspace, RunFolder]:
    """A workspace with a run of two trained folds."""
    workspace = Workspace(tmp_path_factory.mktemp("space"))
    run = create_run(experiment(cells, name="first"), workspace, [])
    train(run, 1, 2)
    return workspace, run


def warnings_of(run: RunFolder) -> list[str]:
    return [event["sentence"] for event in EventReader(run.events_file).new() if event["event"] == "warning"]


def test_weights_are_a_runs_name_its_beginning_or_the_latest(place: tuple[Workspace, RunFolder], cells: Path) -> None:
    workspace, source = place
    for name in (source.name, source.name[:17], str(source.path), str(source.path / "trials" / NETWORK / "fold-2")):
        run = create_run(experiment(cells, name="next", model__weights=name), workspace, [])
        written = Experiment.from_file(run.experiment_file).model.weights
        assert Path(written).is_absolute() and str(source.path) in written
        shutil.rmtree(run.path)
    run = create_run(experiment(cells, name="next", model__weights="latest"), workspace, [])
    assert Experiment.from_file(run.experiment_file).model.weights == str(source.path)
    shutil.rmtree(run.path)
    with pytest.raises(InputProblem, match=r"model\.weights: There is no run nosuchrun"):
        create_run(experiment(cells, model__weights="nosuchrun"), workspace, [])
    assert [run.name for run in workspace.runs()] == [source.name]


def test_test_images_that_the_first_weights_know_are_counted_for_each_fold(
    place: tuple[Workspace, RunFolder], cells: Path
) -> None:
    workspace, source = place
    run = create_run(experiment(cells, name="again", model__weights=source.name, seed=5), workspace, [])
    try:
        (sentence,) = [text for text in warnings_of(run) if "seen in pre-training" in text]
        # Counted by hand, from the files.
        images = read_manifest(run.manifest_file).images
        split, older = read_split(run.split_file, images), read_split(source.split_file, images)
        taken = 1 if "fold 1 of the run" in sentence else 2
        seen = np.isin(older.column(taken), (Part.TRAIN, Part.VALIDATION))
        for fold in (1, 2, 3):
            test = split.column(fold) == Part.TEST
            count = int((test & seen).sum())
            assert (f"{count} of the {int(test.sum())} of fold {fold}" in sentence) == (count > 0)
        assert f"{int(seen.sum())} test images were seen" in sentence
    finally:
        shutil.rmtree(run.path)


def test_other_images_raise_no_warning(place: tuple[Workspace, RunFolder], cells: Path, tmp_path: Path) -> None:
    workspace, source = place
    other = tmp_path / "other"
    for path in cells.rglob("*.jpg"):
        target = other / path.relative_to(cells)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes() + b"\0")  # the same picture in another file: digests can't tell
    run = create_run(experiment(other, name="other", model__weights=source.name), workspace, [])
    assert not [text for text in warnings_of(run) if "pre-training" in text or "can't be checked" in text]
    shutil.rmtree(run.path)


def test_a_model_without_its_run_can_not_be_checked_and_that_is_said(
    place: tuple[Workspace, RunFolder], cells: Path, tmp_path: Path
) -> None:
    workspace, source = place
    shutil.copytree(source.path / "trials" / NETWORK / "fold-1" / "model", tmp_path / "model")
    run = create_run(experiment(cells, name="lone", model__weights=str(tmp_path / "model")), workspace, [])
    assert any("can't be checked" in text for text in warnings_of(run))
    shutil.rmtree(run.path)


def test_grandparents_count_too(place: tuple[Workspace, RunFolder], cells: Path, tmp_path: Path) -> None:
    """cells -> other images -> cells: the network knows the cells, though the run that it starts from does not."""
    workspace, source = place
    other = tmp_path / "other"
    for path in cells.rglob("*.jpg"):
        target = other / path.relative_to(cells)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes() + b"\0")
    between = create_run(experiment(other, name="between", model__weights=source.name), workspace, [])
    train(between, 1)
    run = create_run(experiment(cells, name="last", model__weights=between.name), workspace, [])
    try:
        told = [text for text in warnings_of(run) if "seen in pre-training" in text]
        assert len(told) == 1 and source.name in told[0]
    finally:
        shutil.rmtree(run.path)
        shutil.rmtree(between.path)


def test_another_fit_than_the_first_weights_saw_is_said(place: tuple[Workspace, RunFolder], cells: Path) -> None:
    workspace, source = place
    run = create_run(experiment(cells, name="pad", model__weights=source.name, data__fit="pad"), workspace, [])
    assert any("--set data.fit=stretch" in text for text in warnings_of(run))
    shutil.rmtree(run.path)


def test_what_was_taken_is_told_by_the_trial_the_model_and_the_report(
    place: tuple[Workspace, RunFolder], cells: Path, tmp_path: Path
) -> None:
    from aimic_tui.engine.evaluation.build_results import build_results
    from aimic_tui.engine.report.write_report import write_report

    workspace, source = place
    three = tmp_path / "three"
    shutil.copytree(cells, three)
    (three / "light").rename(three / "bright")
    run = create_run(
        experiment(three, name="three", model__weights=source.name, model__image_size="auto"), workspace, []
    )
    train(run, 1)
    trial = run.trial(TrialKey(NETWORK, 1, 0))
    (event,) = [event for event in EventReader(trial.events_file).new() if event["event"] == "weights"]
    assert f"of the run {source.name} (epoch" in event["source"] and "best of its 2 there" in event["source"]
    assert event["replaced"] == ["classifier.weight", "classifier.bias"]
    assert event["loaded"] == event["total"] - 2
    assert event["loaded_parameters"] < event["parameters"]
    assert event["origin"]["run"] == source.name and len(event["origin"]["sha256"]) == 64

    card = read_model_card(trial.model_folder)
    assert card.preprocessing.image_size == 32  # the source's own, since auto was asked for
    assert card.provenance.first_weights["origin"] == event["origin"]
    assert str(tmp_path) not in json.dumps(read_json(trial.model_folder / "model.json"))

    build_results(run.path)
    write_report(run)
    page = run.report_file.read_text("utf-8")
    assert "Initial weights" in page and f"{event['loaded']:,} of {event['total']:,}" in page
    assert "were seen in pre-training" in page
    assert "classifier.weight and classifier.bias" in page
    assert len(read_table(trial.metrics_file)) == 2
    shutil.rmtree(run.path)
