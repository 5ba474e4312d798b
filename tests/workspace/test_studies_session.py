"""Studies without a screen: what is open, when plan and tables are due, starting and stopping."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from aimic_tui.engine.errors import ErrorRecord
from aimic_tui.engine.evaluation.build_results import write_results
from aimic_tui.engine.study.figures import read_figures
from aimic_tui.engine.study.study_file import Study, read_study
from aimic_tui.engine.study.study_folder import StudyFolder, StudyRun, study_folder
from aimic_tui.engine.study.write_tables import write_study
from aimic_tui.engine.workspace_folder import Workspace
from aimic_tui.workspace.processes import Outcome
from aimic_tui.workspace.studies_session import StudiesSession
from tests.engine.evaluation.stored_run import make_run

TEXT = """
name = "one set"
[model]
networks = ["resnet50"]
weights = "none"
[split]
folds = 3
[data-sets.cells]
path = "cells"
"""


class Commands:
    """Stands in for the commands that a session runs."""

    def __init__(self, outcome: Outcome | None = None) -> None:
        self.asked: list[list[str]] = []
        self.outcome = outcome or Outcome(0, "", "")

    async def __call__(self, arguments: Sequence[str]) -> Outcome:
        self.asked.append(list(arguments))
        return self.outcome


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "ws")


@pytest.fixture
def study(tmp_path: Path, workspace: Workspace) -> Study:
    (tmp_path / "cells").mkdir()
    (tmp_path / "study.toml").write_text(TEXT)
    found = read_study(tmp_path / "study.toml")
    folder = study_folder(workspace, found.name)
    folder.path.mkdir(parents=True)
    folder.study_file.write_text(found.to_toml())
    return found


def add_run(study: Study, workspace: Workspace) -> StudyFolder:
    folder = study_folder(workspace, study.name)
    (cell,) = study.cells
    run = make_run(workspace.runs_folder / "20261122-190510-cells", skills={"resnet50": 2.0})
    write_results(run)
    folder.add_run(StudyRun(cell.data.name, cell.protocol, cell.digest, ("resnet50",), run.name))
    return folder


def session_on(workspace: Workspace, commands: Commands, *, read_only: bool = False) -> StudiesSession:
    session = StudiesSession(workspace, read_only=read_only, run=commands)
    session.accept(session.read())
    return session


def test_nothing_is_due_before_a_study_is_open(study: Study, workspace: Workspace) -> None:
    session = session_on(workspace, Commands())
    assert [row.folder.name for row in session.rows] == ["one-set"]
    assert not session.is_open
    assert session.open_row is None
    assert not session.plan_is_due
    assert not session.tables_are_due


def test_a_plan_is_due_once_and_again_when_runs_come(study: Study, workspace: Workspace) -> None:
    session = session_on(workspace, Commands())
    session.open(session.rows[0].folder.path)
    assert session.plan_is_due
    asyncio.run(session.work_out_plan())
    assert not session.plan_is_due
    assert session.plan["cells", "honest"].problem, "the folder holds no images"
    assert session.seconds_left is None
    add_run(study, workspace)
    session.accept(session.read())
    assert session.plan_is_due


def test_tables_are_made_by_the_command_once_for_what_is_tested(study: Study, workspace: Workspace) -> None:
    folder = add_run(study, workspace)
    commands = Commands(Outcome(3, "", "aimic: It can't be \x1b[31m written.\n"))
    session = session_on(workspace, commands)
    session.open(folder.path)
    assert session.tables_are_due
    asyncio.run(session.make_tables())
    assert commands.asked[0][-4:] == ["study", str(folder.study_file), "--tables", "--json"]
    assert session.note == "! It can't be \\x1b[31m written."
    assert not session.tables_are_due, "what failed is not tried again for the same figures"


def test_tables_that_are_there_are_read_and_older_ones_made_again(study: Study, workspace: Workspace) -> None:
    folder = add_run(study, workspace)
    results = write_study(read_figures(study, folder, workspace), folder, workspace)
    session = session_on(workspace, Commands())
    session.open(folder.path)
    assert session.tables is not None
    assert session.tables.results == results
    assert not session.tables_are_due
    run = workspace.runs_folder / folder.runs()[0].run
    later = folder.results_file.stat().st_mtime_ns + 5_000_000_000
    os.utime(run / "results.json", ns=(later, later))
    session.accept(session.read())
    assert session.tables_are_due


def test_a_read_only_look_makes_no_tables_and_says_so(study: Study, workspace: Workspace) -> None:
    folder = add_run(study, workspace)
    session = session_on(workspace, Commands(), read_only=True)
    session.open(folder.path)
    assert not session.tables_are_due
    assert session.note.startswith("A read-only look makes no tables: there are none")


def test_a_start_opens_the_study_or_returns_what_is_wrong(study: Study, workspace: Workspace) -> None:
    folder = study_folder(workspace, study.name)
    error = ErrorRecord("cells is empty.\nAnother one.")
    refusing = Commands(Outcome(3, json.dumps({"error": error.to_json()}), ""))
    session = session_on(workspace, refusing)
    assert asyncio.run(session.start(folder.study_file)) == ["cells is empty.", "Another one."]
    assert not session.is_open
    answer = json.dumps({"study": folder.name, "path": str(folder.path), "state": "running"})
    session = session_on(workspace, Commands(Outcome(0, answer + "\n", "")))
    assert asyncio.run(session.start(folder.study_file)) == []
    assert session.open_row is not None
    asyncio.run(session.stop(folder))
    assert folder.stop_file.exists()


def test_a_study_whose_folder_is_gone_is_no_longer_open(study: Study, workspace: Workspace) -> None:
    session = session_on(workspace, Commands())
    session.open(session.rows[0].folder.path)
    session.accept(())
    assert session.is_open
    assert session.open_row is None
    session.close()
    assert not session.is_open
