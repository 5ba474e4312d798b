"""Evaluating a model without a screen: its data set, a start, progress, and the images of a cell."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.evaluation.predictions import Predictions, write_predictions
from aimic_tui.engine.event_log import append_event
from aimic_tui.engine.files import write_json
from aimic_tui.engine.progress import Progress
from aimic_tui.engine.workspace_folder import Workspace
from aimic_tui.workspace import processes
from aimic_tui.workspace.evaluation_job import EvaluationChoices, EvaluationJob
from aimic_tui.workspace.evaluation_session import EvaluationSession
from aimic_tui.workspace.model_choices import ModelChoice
from tests.screens.made_run import CLASSES, make_data
from tests.screens.predict.test_evaluation_screen import answer


@pytest.fixture
def session(tmp_path: Path) -> EvaluationSession:
    choice = ModelChoice("", "resnet18", tmp_path / "model", 1, 0.9, "macro_f1", CLASSES)
    return EvaluationSession(Workspace(tmp_path / "space"), choice)


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    """Another laboratory's images: one class has another name, one is in other letters."""
    return make_data(tmp_path / "theirs", ("Platelet", "erythrocyte", "white cell"), each=4)


def program(monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    monkeypatch.setattr(processes, "PROGRAM", (sys.executable, "-c", script))


async def start(session: EvaluationSession, data: Path, **classes: str | None) -> EvaluationJob:
    found = await session.inspect(str(data), {})
    return await session.start(found, EvaluationChoices({**found.matches, **classes}, "none", without_trained=False))


async def test_a_start_has_the_options_and_is_listed(
    session: EvaluationSession, theirs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(monkeypatch, "import time; time.sleep(60)")
    job = await start(session, theirs, erythrocyte="red_cell", Platelet=None)
    try:
        assert (job.pairs, job.left_out, job.group) == (("red_cell=erythrocyte",), ("Platelet",), "none")
        evaluation = session.open(job)
        append_event(job.events_file, "progress", **Progress("predict", 3, 8).to_json())
        assert await evaluation.update() == "running"
        assert (evaluation.progress, evaluation.results) == (Progress("predict", 3, 8), None)
        (row,) = await session.earlier()
        assert (row.job, row.state, row.results) == (job, "running", None)
        session.close()
        assert (session.opened, job.state) == (None, "running")
    finally:
        job.stop()


async def test_without_the_images_of_the_training_it_is_another_evaluation_in_a_folder_of_its_own(
    session: EvaluationSession, theirs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(monkeypatch, "")
    first = await start(session, theirs, erythrocyte=None)
    second = await session.start_without_trained(first)
    assert (first.without_trained, second.without_trained) == (False, True)
    assert second.left_out == first.left_out == ("erythrocyte",)
    assert first.folder != second.folder
    assert len(await session.earlier()) == 2


async def test_the_images_of_a_cell_are_those_predicted_so_the_most_confident_first(
    session: EvaluationSession, theirs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(monkeypatch, "")
    evaluation = session.open(await start(session, theirs, erythrocyte="red_cell"))
    with pytest.raises(InputProblem):
        await evaluation.read_results()
    folder = evaluation.job.folder
    write_json(folder / "evaluation.json", answer(theirs))
    labels = np.array([1, 1, 1, 0], np.int32)
    probabilities = np.array([[0.6, 0.3, 0.1], [0.9, 0.1, 0.0], [0.1, 0.8, 0.1], [0.9, 0.1, 0.0]])
    names = ("w.jpg", "x.jpg", "y.jpg", "z.jpg")
    write_predictions(evaluation.job.predictions_file, Predictions(names, labels, probabilities, CLASSES))
    found = await evaluation.read_results()
    assert found.images == 60
    images = await evaluation.images_of(1, 0)
    assert [images.predictions.images[row] for row in images.rows] == ["x.jpg", "w.jpg"]
    assert images.root == theirs
    assert (await evaluation.images_of(2, 2)).rows == []


async def test_a_folder_without_classes_cant_be_evaluated_on(session: EvaluationSession, theirs: Path) -> None:
    with pytest.raises(InputProblem):
        await session.inspect(str(theirs / "Platelet"), {})
