"""`aimic jobs`: the predictions and evaluations that were started in the app."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from aimic_tui.engine.event_log import append_event
from aimic_tui.engine.progress import Progress
from aimic_tui.engine.workspace_folder import Workspace
from aimic_tui.workspace.evaluation_job import EvaluationJob
from aimic_tui.workspace.prediction_job import PredictionJob, list_predictions
from tests.commands.calling import call
from tests.processes import working_on
from tests.test_made_by_0_1 import unpack


def listed(workspace: Path) -> list[dict[str, Any]]:
    answer = call(workspace, "jobs", "--json")
    assert answer.returncode == 0, answer.stderr
    found: list[dict[str, Any]] = json.loads(answer.stdout)["jobs"]
    return found


def prediction(workspace: Path, name: str, **changes: Any) -> PredictionJob:
    folder = workspace / "predictions" / name
    folder.mkdir(parents=True)
    values: dict[str, Any] = {
        "folder": folder,
        "label": "cells / mobilenet_v2, 3 folds together",
        "model": workspace / "runs" / "cells",
        "network": "mobilenet_v2",
        "images": workspace / "new slides",
        "output": folder / "predictions.csv",
        "created": "2026-11-22T19:05:12+00:00",
    }
    job = PredictionJob(**(values | changes))
    job.write_request()
    return job


def evaluation(workspace: Path, name: str, created: str) -> EvaluationJob:
    folder = workspace / "evaluations" / name
    folder.mkdir(parents=True)
    job = EvaluationJob(
        folder=folder,
        label="cells / mobilenet_v2",
        model=workspace / "runs" / "cells",
        network="",
        created=created,
        data=str(workspace / "theirs"),
    )
    job.write_request()
    return job


def test_jobs_of_0_1_are_listed_newest_first_with_what_they_did(tmp_path: Path) -> None:
    laboratory = unpack(tmp_path)
    workspace = laboratory / "aimic-workspace"
    jobs = listed(workspace)
    assert [
        (job["kind"], Path(job["data"]).name, job["state"], job["images_done"], job["images_total"]) for job in jobs
    ] == [
        ("prediction", "fresh", "finished", 6, 6),
        ("evaluation", "gone", "failed", 0, None),
        ("evaluation", "cells", "stopped", 16, 21),
        ("evaluation", "cells", "finished", 21, 21),
        ("prediction", "cells", "stopped", 16, 21),
        ("prediction", "gone", "failed", 0, None),
    ]
    assert [job["reason"] for job in jobs if job["state"] != "failed"] == [""] * 4
    failed = jobs[-1]
    assert failed["reason"] == f"{laboratory}/gone does not exist. Name image files or folders of images."
    assert failed["job"] == "20261129-192126-gone" and failed["path"] == str(workspace / "predictions" / failed["job"])
    assert failed["created"] == "2026-11-29T19:21:26+00:00"
    assert failed["label"] == "finished / test_convnext, 2 folds together" and failed["network"] == "test_convnext"
    assert failed["model"] == str(workspace / "runs" / "20261129-192031-finished")


def test_the_table_says_the_same(tmp_path: Path) -> None:
    workspace = unpack(tmp_path) / "aimic-workspace"
    answer = call(workspace, "jobs")
    assert answer.returncode == 0, answer.stderr
    heading, *rows = answer.stdout.splitlines()
    assert heading.split() == ["kind", "images", "model", "state", "done", "when", "folder"]
    assert len(rows) == 6
    assert "prediction  cells" in rows[4] and "stopped   16/21" in rows[4]
    assert "predictions/20261129-192128-cells" in rows[4]
    assert rows[5].split()[0] in ("✗", "x") and "gone does not exist." in rows[5]


def test_a_job_that_works_says_how_far_it_is(tmp_path: Path) -> None:
    name = "20261122-190512-new-slides"
    with working_on(tmp_path / "predictions" / name / "events.jsonl") as process:
        job = prediction(tmp_path, name, process=process)
        for progress in (Progress("load", 0, 40), Progress("predict", 16, 40), Progress("predict", 32, 40)):
            append_event(job.events_file, "progress", **progress.to_json())
        (found,) = listed(tmp_path)
    assert (found["state"], found["images_done"], found["images_total"]) == ("running", 32, 40)


def test_the_resampling_of_an_evaluation_is_not_taken_for_images(tmp_path: Path) -> None:
    job = evaluation(tmp_path, "20261122-200000-theirs", "2026-11-22T20:00:00+00:00")
    for progress in (Progress("predict", 21, 21), Progress("resample", 500, 2000)):
        append_event(job.events_file, "progress", **progress.to_json())
    (found,) = listed(tmp_path)
    assert (found["images_done"], found["images_total"]) == (21, 21)


def test_kinds_are_listed_together_by_their_time_and_control_characters_are_escaped(tmp_path: Path) -> None:
    prediction(tmp_path, "20261122-190512-old", label="\x1b[2Jcells", created="2026-11-22T19:05:12+00:00")
    evaluation(tmp_path, "20261122-200000-theirs", "2026-11-22T20:00:00+00:00")
    prediction(tmp_path, "20261122-210512-new", created="2026-11-22T21:05:12+00:00")
    assert [job["kind"] for job in listed(tmp_path)] == ["prediction", "evaluation", "prediction"]
    assert "\x1b" not in call(tmp_path, "jobs").stdout


def test_a_folder_that_holds_no_job_is_passed_over(tmp_path: Path) -> None:
    kept = prediction(tmp_path, "20261122-190512-new-slides")
    (tmp_path / "predictions" / "20261123-000000-other").mkdir()
    (tmp_path / "evaluations").mkdir()
    (tmp_path / "evaluations" / "notes.txt").write_text("mine")
    assert [job["job"] for job in listed(tmp_path)] == [kept.folder.name]


@pytest.mark.parametrize("folder", [".", "not-there"])
def test_an_empty_workspace_has_no_jobs(tmp_path: Path, folder: str) -> None:
    assert listed(tmp_path / folder) == []
    answer = call(tmp_path / folder, "jobs")
    assert (answer.returncode, answer.stdout) == (0, "")
    assert "No predictions or evaluations in" in answer.stderr


def test_a_job_that_cant_be_read_is_named_and_the_others_are_listed(tmp_path: Path) -> None:
    prediction(tmp_path, "20261122-190512-new")
    deep = prediction(tmp_path, "20261122-190513-deep").folder / "request.json"
    deep.write_text("[" * 100_000)
    other = evaluation(tmp_path, "20261122-190514-other", "2026-11-22T19:05:12+00:00").folder / "request.json"
    other.write_text(json.dumps({**json.loads(other.read_text()), "margin": "small"}))
    assert [job["job"] for job in listed(tmp_path)] == ["20261122-190512-new"]
    answer = call(tmp_path, "jobs")
    assert answer.returncode == 0 and "new slides" in answer.stdout
    first, second = answer.stderr.splitlines()
    assert "20261122-190513-deep" in first and "nested more than 64 levels" in first
    assert "20261122-190514-other" in second and "stands where a number should" in second
    assert len(json.loads(call(tmp_path, "jobs", "--json").stdout)["unreadable"]) == 2


def test_jobs_are_sorted_by_the_moment_they_were_requested_in_and_not_by_their_folders_names(tmp_path: Path) -> None:
    prediction(tmp_path, "20261123-040000-first", created="2026-11-22T19:00:00+00:00")
    prediction(tmp_path, "20261122-140500-second", created="2026-11-22T14:05:00-05:00")
    evaluation(tmp_path, "20261122-150000-zeroth", "2026-11-22T18:00:00+00:00")
    evaluation(tmp_path, "20261121-150000-last", "2026-11-22T20:00:00+00:00")
    assert [job["job"].rpartition("-")[2] for job in listed(tmp_path)] == ["last", "second", "first", "zeroth"]
    assert [job.folder.name[-6:] for job in list_predictions(Workspace(tmp_path))] == ["second", "-first"]
