"""How predictions and evaluations stand: by their process, by what it wrote of its end, and by what it left behind."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from aimic_tui.engine.errors import ErrorRecord, InputProblem
from aimic_tui.engine.event_log import append_event
from aimic_tui.engine.progress import Progress
from aimic_tui.workspace.evaluation_job import EvaluationJob, read_evaluation_job
from aimic_tui.workspace.model_job import ModelJob
from aimic_tui.workspace.prediction_job import PredictionJob, read_prediction_job
from tests.processes import is_there, working_on

CREATED = "2026-11-22T19:05:12+00:00"


def prediction(folder: Path, process: tuple[int, float] | None = None) -> PredictionJob:
    return PredictionJob(
        folder=folder,
        label="cells",
        model=folder / "model",
        network="",
        created=CREATED,
        process=process,
        images=folder / "images",
        output=folder / "predictions.csv",
    )


def evaluation(folder: Path) -> EvaluationJob:
    return EvaluationJob(
        folder=folder, label="cells", model=folder / "model", network="", created=CREATED, data=str(folder / "images")
    )


def fails(job: ModelJob, error: ErrorRecord) -> None:
    append_event(job.events_file, "progress", **Progress("predict", 1, 9).to_json())
    append_event(job.events_file, "error", **error.to_json())


@pytest.mark.parametrize("make", [prediction, evaluation])
def test_the_reason_of_a_failure_is_the_errors_whatever_the_log_holds(tmp_path: Path, make: object) -> None:
    job = make(tmp_path)  # type: ignore[operator]
    fails(job, ErrorRecord("There is no such\ndevice.", code="usage"))
    job.log_file.write_text("aimic: stopped after 8 images.\n")
    assert (job.state, job.problem) == ("failed", "There is no such device.")


@pytest.mark.parametrize("make", [prediction, evaluation])
def test_one_that_was_interrupted_is_stopped(tmp_path: Path, make: object) -> None:
    job = make(tmp_path)  # type: ignore[operator]
    fails(job, ErrorRecord("Whatever it says.", code="interrupted"))
    assert job.state == "stopped"


def test_a_process_that_lives_is_running_whatever_an_earlier_one_wrote(tmp_path: Path) -> None:
    with working_on(tmp_path / "events.jsonl") as process:
        job = prediction(tmp_path, process)
        fails(job, ErrorRecord("The disk is full.", code="disk-full"))
        assert job.state == "running"
    assert job.state == "failed"


def test_a_process_of_another_work_is_neither_running_nor_stopped(tmp_path: Path) -> None:
    with working_on(tmp_path / "other" / "events.jsonl") as process:
        job = prediction(tmp_path, process)
        assert job.state == "failed"
        job.stop()
        assert is_there(process[0])


@pytest.mark.parametrize("number", [-1, 0, 2**31, 2**80])
def test_a_number_that_is_no_process_is_none(tmp_path: Path, number: int) -> None:
    job = prediction(tmp_path, (number, 0.0))
    job.stop()
    assert job.state == "failed"


def test_without_an_event_the_files_say_it(tmp_path: Path) -> None:
    job = prediction(tmp_path)
    assert job.state == "failed"
    assert job.problem == "Its process ended without a reason."
    job.log_file.write_text("aimic: There is no such model.\n")
    assert job.problem == "There is no such model."
    partial = tmp_path / "predictions.csv.partial"
    partial.touch()
    assert job.state == "stopped", "it was killed: the rows that are there can be gone on from"
    partial.rename(job.output)
    assert job.state == "finished"
    assert evaluation(tmp_path).state == "failed", "it never began with the images"
    append_event(evaluation(tmp_path).events_file, "progress", **Progress("load", 0, 9).to_json())
    assert evaluation(tmp_path).state == "stopped"
    (tmp_path / "evaluation.json").touch()
    assert evaluation(tmp_path).state == "finished"


def test_one_that_finished_but_whose_table_is_gone_is_not_finished(tmp_path: Path) -> None:
    job = prediction(tmp_path)
    append_event(job.events_file, "finished")
    assert job.state == "failed"


def test_requests_come_back_also_those_of_version_0_1(tmp_path: Path) -> None:
    for job in (prediction(tmp_path / "a"), evaluation(tmp_path / "b")):
        job.folder.mkdir()
        job.write_request()
        read = read_prediction_job if isinstance(job, PredictionJob) else read_evaluation_job
        assert read(job.folder) == job
        file = job.folder / "request.json"
        record = json.loads(file.read_text())
        assert record.pop("version") == 1
        file.write_text(json.dumps(record))
        assert read(job.folder) == job


@pytest.mark.parametrize(
    "change",
    [
        {"process": ["7", 1.0]},
        {"process": [7]},
        {"process": [7, "long ago"]},
        {"model": 3},
        {"model": "a\0b"},
        {"images": ["a"], "data": ["a"]},
        {"created": 20261122},
        {"label": None},
        {"max_error": "few", "margin": "small"},
    ],
)
@pytest.mark.parametrize("make", [prediction, evaluation])
def test_a_request_with_values_of_other_kinds_is_a_sentence(
    tmp_path: Path, make: object, change: dict[str, object]
) -> None:
    job = make(tmp_path)  # type: ignore[operator]
    job.write_request()
    file = tmp_path / "request.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **change}))
    read = read_prediction_job if isinstance(job, PredictionJob) else read_evaluation_job
    with pytest.raises(InputProblem, match="can be read"):
        read(tmp_path)


def test_images_of_a_table_are_found_by_the_names_that_it_writes(tmp_path: Path) -> None:
    (tmp_path / "im").mkdir()
    (tmp_path / "im/1.png").write_bytes(b"x")
    (tmp_path / "list.csv").write_text("id,label\n1,a\n")
    of_table = replace(prediction(tmp_path), images=tmp_path / "list.csv")
    assert of_table.image_path("1") == tmp_path / "im/1.png"
    assert of_table.image_path("im/1.png") == tmp_path / "im/1.png"
    (tmp_path / "list.csv").write_text("no table\n")
    assert of_table.image_path("2") == tmp_path / "2", "the table is gone"
