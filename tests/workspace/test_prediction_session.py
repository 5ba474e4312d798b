"""Predicting without a screen: what there is to predict with, a table that grows, and a start."""

from __future__ import annotations

import sys
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.evaluation.interval import Interval
from aimic_tui.engine.evaluation.label_shift import ClassShare
from aimic_tui.engine.event_log import append_event
from aimic_tui.engine.inference.combined_calibration import CombinedCalibration
from aimic_tui.engine.inference.prediction_table import PredictionTable
from aimic_tui.engine.progress import Progress
from aimic_tui.engine.workspace_folder import Workspace
from aimic_tui.workspace import processes
from aimic_tui.workspace.prediction_job import PredictionJob
from aimic_tui.workspace.prediction_session import PredictionSession
from tests.processes import working_on

CLASSES = ("a", "b")


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "space")


def make_job(workspace: Workspace, name: str = "20261122-190512-cells", images: str = "cells") -> PredictionJob:
    folder = workspace.root / "predictions" / name
    folder.mkdir(parents=True)
    job = PredictionJob(
        folder=folder,
        label="cells / resnet18",
        model=workspace.root / "model",
        network="",
        images=workspace.root / images,
        output=folder / "predictions.csv",
        created="2026-11-22T19:05:12+00:00",
    )
    job.write_request()
    return job


def make_table(job: PredictionJob) -> PredictionTable:
    return PredictionTable(
        job.output, "csv", "key", ["1.png", "2.png", "3.png"], CLASSES, calibration=CombinedCalibration()
    )


def add_row(table: PredictionTable, probability: float) -> None:
    table.add([np.array([[probability, 1 - probability]])], [""])


async def test_predictions_are_read_newest_first_and_their_images_offered_once(workspace: Workspace) -> None:
    for name, images in (("1-x", "cells"), ("2-x", "other"), ("3-x", "cells")):
        make_job(workspace, name, images)
    session = PredictionSession(workspace)
    assert (session.predictions, session.image_folders) == ((), ())
    await session.read()
    assert [job.folder.name for job in session.predictions] == ["3-x", "2-x", "1-x"]
    assert [Path(path).name for path in session.image_folders] == ["cells", "other"]
    assert (await session.data_paths())[-2:] == session.image_folders
    assert session.models == ()


async def test_a_table_is_followed_from_its_header_to_its_last_row(workspace: Workspace) -> None:
    job = make_job(workspace)
    with working_on(job.events_file) as process:
        await follow_to_its_end(workspace, replace(job, process=process))


async def follow_to_its_end(workspace: Workspace, job: PredictionJob) -> None:
    prediction = PredictionSession(workspace).open(job)
    assert not prediction.complete
    assert not await prediction.update(), "there is no table yet"
    assert (prediction.state, prediction.count, prediction.rows) == ("running", 0, None)
    table = make_table(job)
    add_row(table, 0.9)
    append_event(job.events_file, "progress", **Progress("predict", 1, 3).to_json())
    assert await prediction.update()
    assert (prediction.count, prediction.progress) == (1, Progress("predict", 1, 3))
    assert not await prediction.update(), "nothing new came"
    add_row(table, 0.2)
    assert await prediction.update()
    assert prediction.rows is not None
    assert prediction.rows.predicted[:2].tolist() == [0, 1]
    assert prediction.rows.confidence[:2] == pytest.approx([0.9, 0.8])
    assert not prediction.complete
    table.close()
    prediction.job = replace(job, process=None)
    await prediction.update()
    assert (prediction.state, prediction.complete) == ("stopped", True)


async def test_shares_come_with_the_event_that_a_prediction_ends_with(workspace: Workspace) -> None:
    job = make_job(workspace)
    table = make_table(job)
    add_row(table, 0.9)
    prediction = PredictionSession(workspace).open(job)
    await prediction.update()
    assert prediction.shares is None
    share = ClassShare("a", 1.0, Interval(0.9, 0.7, 1.0))
    append_event(job.events_file, "finished", summary={"images": 1, "shares": [asdict(share)]})
    assert await prediction.update(), "the shares are new"
    assert prediction.shares == (share,)
    assert not await prediction.update()
    for summary in ({"images": 1, "shares": None}, {"images": 1}):  # too few images; an earlier version
        other = make_job(workspace, f"{len(summary)}-other")
        append_event(other.events_file, "finished", summary=summary)
        without = PredictionSession(workspace).open(other)
        await without.update()
        assert without.shares is None


async def test_a_long_table_is_read_piece_by_piece_and_its_end_is_reported(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = make_job(workspace)
    table = make_table(job)
    for probability in (0.9, 0.8, 0.7):
        add_row(table, probability)
    table.finish()
    length = job.output.stat().st_size
    monkeypatch.setattr("aimic_tui.workspace.prediction_rows._PIECE", length)  # the next piece is empty
    prediction = PredictionSession(workspace).open(job)
    assert await prediction.update()
    assert (prediction.count, prediction.more, prediction.complete) == (3, True, False)
    assert await prediction.update(), "no row came, but now it is known that these are all"
    assert (prediction.count, prediction.more, prediction.complete) == (3, False, True)


async def test_another_table_is_an_error(workspace: Workspace) -> None:
    job = make_job(workspace)
    job.output.write_text("name,value\nx,1\n")
    with pytest.raises(InputProblem, match="the columns must be image, label"):
        await PredictionSession(workspace).open(job).update()


async def test_a_start_gives_the_job_its_process_and_stores_the_request(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "PROGRAM", (sys.executable, "-c", "import time; time.sleep(60)"))
    session = PredictionSession(workspace)
    started = await session.start(make_job(workspace))
    try:
        assert started.state == "running"
        await session.read()
        assert session.predictions == (started,)
    finally:
        started.stop()


async def test_the_model_of_a_prediction_may_be_gone(workspace: Workspace) -> None:
    with pytest.raises(InputProblem):
        await PredictionSession(workspace).model_of(make_job(workspace))
