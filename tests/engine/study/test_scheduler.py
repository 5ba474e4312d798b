from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.event_log import EventReader
from aimic_tui.engine.files import FileLock
from aimic_tui.engine.runs.status import read_status
from aimic_tui.engine.study.control import find_running_study, start_study, stop_study
from aimic_tui.engine.study.plan import plan_study
from aimic_tui.engine.study.scheduler import StudyScheduler
from aimic_tui.engine.study.study_file import Study, read_study
from aimic_tui.engine.study.study_folder import StudyFolder, study_folder
from aimic_tui.engine.workspace_folder import Workspace
from tests.engine.training.small import draw_images

TEXT = r"""
name = "tiny"
protocols = ["honest", "aimic-2022"]
[model]
networks = ["test_efficientnet"]
weights = "none"
image_size = 32
[split]
folds = 2
[training]
epochs = EPOCHS
batch_size = 8
[evaluation]
resamples = 1000
[data-sets.discs]
path = "discs"
group = '^(slide\d+)'
"""


def tiny(folder: Path, text: str = TEXT, epochs: int = 1) -> tuple[Study, StudyFolder, Workspace]:
    if not (folder / "discs").exists():
        draw_images(folder / "discs")
    (folder / "study.toml").write_text(text.replace("EPOCHS", str(epochs)))
    study, workspace = read_study(folder / "study.toml"), Workspace(folder / "ws")
    found = study_folder(workspace, study.name)
    found.path.mkdir(parents=True, exist_ok=True)
    found.study_file.write_text(study.to_toml())
    return study, found, workspace


def events(folder: StudyFolder) -> list[str]:
    return [event["event"] for event in EventReader(folder.events_file).new()]


@pytest.mark.slow
def test_a_study_makes_its_runs_goes_on_where_it_was_and_repeats_nothing(tmp_path: Path, forked: None) -> None:
    study, folder, workspace = tiny(tmp_path)
    planned = plan_study(study, folder, workspace)
    assert [(cell.trials_done, cell.trials, cell.images, cell.problem) for cell in planned] == [(0, 2, 42, "")] * 2
    assert StudyScheduler(folder, workspace).run()
    runs = {record.run: read_status(workspace.find_run(record.run)).state for record in folder.runs()}
    assert list(runs.values()) == ["finished", "finished"]
    assert [record.protocol for record in folder.runs()] == ["honest", "aimic-2022"]
    assert events(folder)[-1] == "study-finished"
    written = {path: path.stat().st_mtime_ns for path in workspace.root.rglob("predictions.csv")}
    assert len(written) == 4

    assert StudyScheduler(folder, workspace).run(), "nothing is left to do"
    assert {path: path.stat().st_mtime_ns for path in workspace.root.rglob("predictions.csv")} == written
    assert len(folder.runs()) == 2
    assert [(cell.trials_done, cell.trials) for cell in plan_study(study, folder, workspace)] == [(2, 2)] * 2

    more = TEXT.replace('"test_efficientnet"', '"test_efficientnet", "test_resnet"').replace(', "aimic-2022"', "")
    study, folder, workspace = tiny(tmp_path, more)
    assert StudyScheduler(folder, workspace).run(), "a further network gets a run of its own, on the same split"
    assert [record.networks for record in folder.runs()] == [*[("test_efficientnet",)] * 2, ("test_resnet",)]
    splits = [(workspace.runs_folder / folder.runs()[place].run / "split.csv").read_bytes() for place in (0, 2)]
    assert splits[0] == splits[1]


@pytest.mark.slow
def test_a_study_stops_with_the_run_that_is_on_and_goes_on_with_it(tmp_path: Path, forked: None) -> None:
    _, folder, workspace = tiny(tmp_path, epochs=400)
    scheduler = StudyScheduler(folder, workspace)
    outcome: list[bool] = []
    thread = threading.Thread(target=lambda: outcome.append(scheduler.run()))
    thread.start()
    until = time.monotonic() + 120
    while "run-started" not in events(folder) and time.monotonic() < until:
        time.sleep(0.1)
    stop_study(folder)
    thread.join(120)
    assert outcome == [False]
    assert events(folder)[-1] == "study-stopped"
    (record,) = folder.runs()
    assert read_status(workspace.find_run(record.run)).state == "stopped"


def test_trouble_with_one_data_set_is_told_and_the_others_go_on(tmp_path: Path) -> None:
    text = TEXT.replace("[data-sets.discs]", '[data-sets.gone]\npath = "gone"\n[data-sets.discs]')
    text = text.replace('path = "discs"', 'path = "empty"').replace(', "aimic-2022"', "")
    (tmp_path / "empty").mkdir()
    study, folder, workspace = tiny(tmp_path, text)
    assert not StudyScheduler(folder, workspace).run()
    told = [event for event in EventReader(folder.events_file).new() if event["event"] == "trouble"]
    assert [event["data"] for event in told] == ["gone", "discs"]
    assert "empty" in told[1]["sentence"]
    assert events(folder)[-1] == "study-failed"
    assert [bool(cell.problem) for cell in plan_study(study, folder, workspace)] == [True, True]


def test_a_study_is_found_by_its_name_only_while_it_is_going_on(tmp_path: Path) -> None:
    _, folder, workspace = tiny(tmp_path)
    assert find_running_study(workspace, "tiny") is None
    lock = FileLock(folder.lock_file)
    assert lock.acquire()
    found = find_running_study(workspace, "tiny")
    assert found is not None
    assert found.path == folder.path
    assert find_running_study(workspace, "ti") is None
    lock.release()
    assert os.path.exists(folder.lock_file)  # noqa: PTH110


def test_a_study_that_another_host_is_at_work_on_is_not_started_a_second_time(tmp_path: Path) -> None:
    study, folder, workspace = tiny(tmp_path)
    folder.lock_file.parent.mkdir(parents=True, exist_ok=True)
    folder.lock_file.write_text("node07 0f1e2d3c\n")
    with pytest.raises(InputProblem, match=r"going on on node07.*start the study again in 3 min"):
        start_study(study, workspace)
