from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.run_folder import RunFolder
from aimic_tui.engine.runs.status import RunStatus, TrialStatus, read_status, write_status
from aimic_tui.engine.workspace_folder import Workspace


def add_run(workspace: Workspace, name: str) -> RunFolder:
    folder = RunFolder(workspace.runs_folder / name)
    folder.path.mkdir(parents=True)
    trials = tuple(TrialStatus("mobilenet_v2", fold, 0, "finished") for fold in range(1, 51))
    write_status(folder, RunStatus(run=name, state="finished", trials=trials))
    return folder


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "space")


def test_runs_come_newest_first_and_other_folders_are_left_out(workspace: Workspace) -> None:
    assert workspace.runs() == []
    for name in ("20261121-090000-a", "20261122-090000-b"):
        add_run(workspace, name)
    (workspace.runs_folder / ".new-x").mkdir()
    (workspace.runs_folder / "notes").mkdir()
    assert [run.name for run in workspace.runs()] == ["20261122-090000-b", "20261121-090000-a"]


def test_a_run_is_found_by_latest_name_beginning_or_path(workspace: Workspace) -> None:
    first, second = (add_run(workspace, name) for name in ("20261121-090000-a", "20261122-090000-b"))
    assert workspace.find_run("latest") == second
    assert workspace.find_run(first.name) == first
    assert workspace.find_run("20261121") == first
    assert workspace.find_run(str(first.path)) == first


def test_a_name_that_is_the_beginning_of_another_finds_itself(workspace: Workspace) -> None:
    short, _ = (add_run(workspace, name) for name in ("20261121-090000-a", "20261121-090000-a-2"))
    assert workspace.find_run(short.name) == short


@pytest.mark.parametrize(
    ("text", "why"),
    [("2026", "several runs"), ("nothing", "no run nothing"), ("", "no run"), ("\x1b[2J", r"no run \\x1b\[2J")],
)
def test_a_run_that_is_not_clear_is_a_sentence(workspace: Workspace, text: str, why: str) -> None:
    for name in ("20261121-090000-a", "20261122-090000-b"):
        add_run(workspace, name)
    with pytest.raises(InputProblem, match=why):
        workspace.find_run(text)


def test_latest_of_none_is_a_sentence(workspace: Workspace) -> None:
    with pytest.raises(InputProblem, match=r"no run in .* yet"):
        workspace.find_run("latest")


def test_data_sets_are_remembered_latest_first(workspace: Workspace) -> None:
    workspace.remember_data_set(Path("/data/a"), images=10, classes=2)
    workspace.remember_data_set(Path("/data/b"), images=20, classes=3, groups=5, problems=1)
    workspace.remember_data_set(Path("/data/a"), images=11, classes=2)
    known = workspace.data_sets()
    assert [(entry.path, entry.images, entry.groups) for entry in known] == [("/data/a", 11, None), ("/data/b", 20, 5)]
    workspace.remember_data_set(Path("/data/b"), images=20, classes=3)
    assert workspace.data_sets()[0].problems == 1  # a run on the same images does not make the findings unknown
    workspace.forget_data_set("/data/a")
    assert [replace(entry, when=None).path for entry in workspace.data_sets()] == ["/data/b"]


def test_a_damaged_list_of_data_sets_is_begun_anew(workspace: Workspace) -> None:
    workspace.remember_data_set(Path("/data/a"), images=10, classes=2)
    workspace.data_sets_file.write_text('{"data_sets": [3]}')
    assert workspace.data_sets() == ()
    workspace.remember_data_set(Path("/data/b"), images=10, classes=2)
    assert len(workspace.data_sets()) == 1


def test_the_state_of_a_run_costs_a_look_at_two_files(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Home looks at hundreds of runs: the number of files behind each must not grow with its trials."""
    run = add_run(workspace, "20261122-000000-run")
    opened: list[str] = []

    def watched(kept: Callable[..., object]) -> Callable[..., object]:
        return lambda path, *rest: (opened.append(str(path)), kept(path, *rest))[1]

    for module, name in ((Path, "read_bytes"), (Path, "read_text"), (os, "open")):
        monkeypatch.setattr(module, name, watched(getattr(module, name)))
    assert read_status(run).state == "finished"
    assert len(opened) <= 2, opened


def test_what_screens_need_of_runs_imports_nothing_heavy() -> None:
    program = (
        "import sys\nfrom aimic_tui.engine import workspace_folder\n"
        "from aimic_tui.engine.runs import control\nfrom aimic_tui.engine.runs.follow import snapshot\n"
        "print([name for name in ('torch', 'numpy', 'pydantic', 'sklearn', 'click') if name in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
