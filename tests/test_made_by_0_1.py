"""What version 0.1 left behind opens, goes on and reports: no change of format may lose anybody's work.

`data/made_by_0_1.tar.xz` is a laboratory's folder as 0.1 (commit d682b3f) left it, /home/lab then: a data set of drawn
cells, a finished run of two folds, a run whose processes were killed while they wrote a checkpoint of the second fold,
predictions and evaluations in every state, and a study under both protocols. Checkpoints are left out where none is
needed, and only the heads were trained, from weights of few different numbers, so that it is small.
`resumed-by-0.1.csv` are the second fold's predictions when 0.1 itself went on with the killed run.
"""

from __future__ import annotations

import hashlib
import json
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aimic_tui.engine.evaluation.predictions import read_predictions
from aimic_tui.engine.files import write_atomically
from aimic_tui.engine.run_folder import RunFolder, TrialKey
from aimic_tui.engine.runs.follow.snapshot import RunFollower
from aimic_tui.engine.workspace_folder import Workspace
from aimic_tui.workspace.evaluation_job import list_evaluations
from aimic_tui.workspace.model_choices import list_models
from aimic_tui.workspace.prediction_job import list_predictions
from aimic_tui.workspace.runs_overview import Overview
from aimic_tui.workspace.studies_overview import StudyOverview
from tests.commands.calling import call

ARCHIVE = Path(__file__).parent / "data" / "made_by_0_1.tar.xz"
FINISHED, INTERRUPTED = "20261129-192031-finished", "20261129-192048-interrupted"
NETWORK = "test_convnext"


@pytest.fixture(scope="module")
def laboratory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder, moved to another place with everything in it; tests that change its workspace take their own.

    An experiment and a study keep the path that they were made with: it belongs to their digests, by which a run knows
    its checkpoints and a study its runs.
    """
    return unpack(tmp_path_factory.mktemp("laboratory"))


def unpack(folder: Path) -> Path:
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(folder, filter="data")
    for file in folder.rglob("*"):
        if file.suffix in (".json", ".csv", ".txt", ".partial"):
            text = file.read_text("utf-8")
            if "/home/lab" in text:
                write_atomically(file, text.replace("/home/lab", str(folder)))
    return folder


@pytest.fixture
def workspace(laboratory: Path) -> Workspace:
    return Workspace(laboratory / "aimic-workspace")


@pytest.fixture
def own(tmp_path: Path) -> Workspace:
    """A workspace that a test may change."""
    return Workspace(unpack(tmp_path) / "aimic-workspace")


def digests_of(folder: Path) -> dict[str, str]:
    return {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in folder.rglob("*")
        if file.is_file()
    }


def test_runs_are_listed_with_their_states_and_figures(workspace: Workspace) -> None:
    rows = {row.folder.name: row for row in Overview(workspace).read()}
    assert {name: row.status.state for name, row in rows.items()} == {
        FINISHED: "finished",
        INTERRUPTED: "interrupted",
        "20261129-192150-two-protocols-cells-honest": "finished",
        "20261129-192210-two-protocols-cells-aimic-2022": "finished",
    }
    assert rows[INTERRUPTED].resumable
    figure = rows[FINISHED].figure
    assert figure is not None and figure.value == pytest.approx(0.514, abs=5e-4)


def test_a_run_is_followed_from_its_files(workspace: Workspace) -> None:
    run = RunFollower(workspace.find_run(INTERRUPTED)).snapshot()
    first, second = run.trials
    assert run.status.state == "interrupted"
    assert [(trial.status.state, len(trial.epochs)) for trial in run.trials] == [("finished", 30), ("stopped", 2)]
    assert first.start is not None and (first.start.train, first.start.validation, first.start.test) == (7, 4, 10)
    assert second.epochs[-1].train_loss == pytest.approx(0.6486609764549376)
    assert first.test["macro_f1"] == pytest.approx(run_results(workspace, INTERRUPTED)["folds"][0]["macro_f1"])
    assert any("Few images choose the epoch" in sentence for sentence in second.warnings)


def run_results(workspace: Workspace, run: str) -> dict[str, Any]:
    answer = call(workspace.root, "results", run, "--json")
    assert answer.returncode == 0, answer.stderr
    return json.loads(answer.stdout)["networks"][NETWORK]


def test_results_are_those_that_0_1_wrote(workspace: Workspace) -> None:
    written = json.loads((workspace.runs_folder / FINISHED / "results.json").read_text())["networks"][NETWORK]
    found = run_results(workspace, FINISHED)
    assert found["confusion"] == written["confusion"]
    ends = {
        metric: {end: figure[end] for end in ("value", "low", "high")} for metric, figure in found["pooled"].items()
    }
    assert ends == written["pooled"]  # why a figure has no interval is said since 0.2


def test_runs_are_compared(workspace: Workspace) -> None:
    runs = [FINISHED, "20261129-192150-two-protocols-cells-honest"]
    answer = call(workspace.root, "compare", *runs, "--json")
    assert answer.returncode == 0, answer.stderr
    assert len(json.loads(answer.stdout)["pairs"]) == 1


def test_a_report_is_written(workspace: Workspace) -> None:
    answer = call(workspace.root, "report", FINISHED)
    assert answer.returncode == 0, answer.stderr
    page = (workspace.runs_folder / FINISHED / "report.html").read_text("utf-8")
    assert NETWORK in page and "0.514" in page and "data:image/jpeg" in page  # drawn from the images themselves


def test_jobs_are_listed_with_their_states(laboratory: Path, workspace: Workspace) -> None:
    predictions = {job.images.name: job for job in list_predictions(workspace)}
    assert {name: job.state for name, job in predictions.items()} == {
        "fresh": "finished",
        "gone": "failed",
        "cells": "stopped",
    }
    assert predictions["gone"].problem == f"{laboratory}/gone does not exist. Name image files or folders of images."
    assert [row.state for row in list_evaluations(workspace)] == ["failed", "stopped", "finished"]
    results = list_evaluations(workspace)[-1].results
    assert results is not None
    assert results.images == 21 and results.pooled["macro_f1"].value == pytest.approx(0.708, abs=5e-4)


def test_models_are_there_to_predict_with(workspace: Workspace) -> None:
    of_the_run = [choice for choice in list_models(workspace) if choice.run == FINISHED]
    assert [choice.folds for choice in of_the_run] == [2, 1, 1]  # both together, then each
    assert of_the_run[0].classes == ("lymphocyte", "neutrophil")


def test_a_study_knows_its_runs(workspace: Workspace) -> None:
    (study,) = StudyOverview(workspace).read()
    assert [(cell.protocol, cell.state, len(cell.runs)) for cell in study.cells] == [
        ("honest", "finished", 1),
        ("aimic-2022", "finished", 1),
    ]
    assert not any(cell.outdated for cell in study.cells)


@pytest.mark.slow
def test_a_model_predicts_as_it_did(laboratory: Path, workspace: Workspace) -> None:
    output = laboratory / "again.csv"
    answer = call(workspace.root, "predict", FINISHED, str(laboratory / "fresh"), "--output", str(output))
    assert answer.returncode == 0, answer.stderr
    (before,) = (job for job in list_predictions(workspace) if job.images.name == "fresh")
    then, now = read_predictions(before.output), read_predictions(output)
    assert now.images == then.images
    np.testing.assert_allclose(now.probabilities, then.probabilities, atol=1e-4)


@pytest.mark.slow
def test_a_stopped_prediction_goes_on_with_its_rows(own: Workspace) -> None:
    (stopped,) = (job for job in list_predictions(own) if job.images.name == "cells")
    rows = stopped.table.read_text("utf-8").splitlines()
    answer = call(own.root, *["predict", str(stopped.model), str(stopped.images), "--output", str(stopped.output)])
    assert answer.returncode == 0, answer.stderr
    table = stopped.output.read_text("utf-8").splitlines()
    assert len(table) == 22 and table[: len(rows)] == rows


@pytest.mark.slow
@pytest.mark.usefixtures("forked")
def test_an_interrupted_run_ends_as_0_1_would_have_ended_it(own: Workspace) -> None:
    folder = RunFolder(own.runs_folder / INTERRUPTED)
    first, second = (folder.trial(TrialKey(NETWORK, fold, 7)) for fold in (1, 2))
    before = digests_of(first.path)
    answer = call(own.root, "resume", INTERRUPTED)
    assert answer.returncode == 0, answer.stderr
    run = RunFollower(folder).snapshot()
    assert run.status.state == "finished"
    after = digests_of(first.path)
    calibration = "model/calibration.json"  # holds the errors of all folds' test images, and a fold more is tested
    assert after.pop(calibration) != before.pop(calibration)
    assert after == before  # what was finished is left alone
    _, trial = run.trials
    assert trial.start is not None and trial.start.resumed and len(trial.epochs) == 30
    assert trial.best_epoch == 20
    then, now = read_predictions(own.root.parent / "resumed-by-0.1.csv"), read_predictions(second.predictions_file)
    assert now.images == then.images
    np.testing.assert_allclose(now.probabilities, then.probabilities, atol=1e-3)
