"""Which run is the latest: by what the runs' own files say, whatever happened to their folders."""

from __future__ import annotations

import os
import shutil
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.run_events import RunCreated, append_to_run
from aimic_tui.engine.run_folder import RunFolder
from aimic_tui.engine.runs.status import RunStatus, write_status
from aimic_tui.engine.workspace_folder import Workspace

TOKYO, NEW_YORK = timezone(timedelta(hours=9)), timezone(timedelta(hours=-5))


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "space")


def add_run(workspace: Workspace, name: str, made: datetime | None, **more: datetime) -> RunFolder:
    folder = RunFolder(workspace.runs_folder / name)
    folder.path.mkdir(parents=True)
    write_status(folder, RunStatus(run=name, state="finished", created=made, **more))
    return folder


def names(workspace: Workspace) -> list[str]:
    return [run.name for run in workspace.runs()]


def test_the_moment_counts_and_not_the_local_time_in_the_name(workspace: Workspace) -> None:
    add_run(workspace, "20261130-180000-first", datetime(2026, 11, 30, 18, 0, tzinfo=TOKYO))
    add_run(workspace, "20261130-040100-second", datetime(2026, 11, 30, 4, 1, tzinfo=NEW_YORK))
    assert workspace.find_run("latest").title == "second"


def test_the_hour_that_comes_twice_is_told_apart(workspace: Workspace) -> None:
    summer, winter = timezone(timedelta(hours=2)), timezone(timedelta(hours=1))
    add_run(workspace, "20261025-025900-first", datetime(2026, 10, 25, 2, 59, tzinfo=summer))
    add_run(workspace, "20261025-020100-second", datetime(2026, 10, 25, 2, 1, tzinfo=winter))
    assert workspace.find_run("latest").title == "second"


def test_neither_a_new_name_nor_new_file_times_make_a_run_the_latest(workspace: Workspace) -> None:
    old = add_run(workspace, "20261101-120000-old", datetime(2026, 11, 1, 12, tzinfo=timezone.utc))
    new = add_run(workspace, "20261102-120000-new", datetime(2026, 11, 2, 12, tzinfo=timezone.utc))
    os.utime(new.status_file, (0, 0))  # restored from a backup
    old.path.rename(old.path.with_name("zz best so far"))
    assert names(workspace) == ["20261102-120000-new", "zz best so far"]


def test_a_hidden_run_is_not_listed_and_found_by_its_name(workspace: Workspace) -> None:
    run = add_run(workspace, "20261101-120000-a", datetime(2026, 11, 1, 12, tzinfo=timezone.utc))
    run.path.rename(run.path.with_name(".put aside"))
    assert names(workspace) == []
    assert workspace.find_run(".put aside").name == ".put aside"
    with pytest.raises(InputProblem, match=r"There is no run \.\. in"):
        workspace.find_run("..")


def test_resuming_a_run_does_not_make_it_the_latest(workspace: Workspace) -> None:
    add_run(
        workspace,
        "20261101-120000-old",
        datetime(2026, 11, 1, 12, tzinfo=timezone.utc),
        started=datetime(2026, 11, 9, 12, tzinfo=timezone.utc),
    )
    add_run(workspace, "20261102-120000-new", datetime(2026, 11, 2, 12, tzinfo=timezone.utc))
    assert workspace.find_run("latest").title == "new"


def test_the_original_comes_before_its_copies(workspace: Workspace) -> None:
    run = add_run(workspace, "20261101-120000-a", datetime(2026, 11, 1, 12, tzinfo=timezone.utc))
    for name in ("20261101-120000-a copy", "zz"):
        shutil.copytree(run.path, run.path.with_name(name))
    assert names(workspace) == ["20261101-120000-a", "zz", "20261101-120000-a copy"]


@pytest.mark.parametrize("damage", ["", "[]", "{", '{"created": 7}', "[" * 100_000, '{"created": "yesterday"}'])
def test_where_the_status_is_damaged_the_story_says_when_the_run_was_made(workspace: Workspace, damage: str) -> None:
    add_run(workspace, "20261101-120000-old", datetime(2026, 11, 1, 12, tzinfo=timezone.utc))
    broken = RunFolder(workspace.runs_folder / "broken")
    broken.path.mkdir()
    broken.status_file.write_text(damage)
    assert names(workspace) == ["20261101-120000-old", "broken"]  # nothing says when it was made: it comes last
    append_to_run(broken, RunCreated())
    assert Workspace(workspace.root).find_run("latest") == broken


def test_sorting_again_sees_what_changed(workspace: Workspace) -> None:
    first = add_run(workspace, "a", datetime(2026, 11, 1, tzinfo=timezone.utc))
    add_run(workspace, "b", datetime(2026, 11, 2, tzinfo=timezone.utc))
    assert names(workspace) == ["b", "a"]
    write_status(first, RunStatus(run="a", state="finished", created=datetime(2026, 11, 3, tzinfo=timezone.utc)))
    assert names(workspace) == ["a", "b"]
