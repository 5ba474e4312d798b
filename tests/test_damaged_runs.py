"""One damaged run takes nothing else down: whatever a file of it holds, the others are listed, and it has its sentence.

Every file of a finished run is damaged in every way of `damage.py`, and read by everything that lists runs; a wide
version, with random values in every file, goes through the commands that read one run as well.
"""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from random import Random
from types import FrameType

import pytest

from aimic_tui.engine.data.preprocessing import Preprocessing
from aimic_tui.engine.errors import AimicError
from aimic_tui.engine.evaluation.build_results import write_results
from aimic_tui.engine.files import write_json
from aimic_tui.engine.run_folder import RunFolder, TrialKey
from aimic_tui.engine.runs.control import check_resumable
from aimic_tui.engine.runs.follow.snapshot import RunFollower
from aimic_tui.engine.runs.status import read_recorded, write_status
from aimic_tui.engine.runs.work.trial_tasks import task_loader
from aimic_tui.engine.workspace_folder import Workspace
from aimic_tui.workspace.model_choices import list_models
from aimic_tui.workspace.runs_overview import Overview
from tests.commands.calling import call
from tests.damage import changed_values, put_in_place, whole_files
from tests.screens.made_run import make_data, make_run

NETWORKS = ("mobilenet_v2", "resnet18")
GOOD, BAD = "20261122-190512-good", "20261123-190512-bad"
FILES = (
    *("status.json", "results.json", "experiment.toml", "manifest.csv", "split.csv", "events.jsonl"),
    *("environment.json", "trials/resnet18/fold-1/events.jsonl", "trials/resnet18/fold-1/predictions.csv"),
    *("trials/resnet18/fold-1/model/model.json", "lock"),
)
_PATIENCE = 30  # seconds for what takes milliseconds: a reader that waits for a pipe waits forever


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A workspace with two finished runs, each with a model card."""
    folder = tmp_path_factory.mktemp("damaged")
    workspace = Workspace(folder / "workspace")
    made = make_run(workspace.root, make_data(folder / "cells", each=6), networks=NETWORKS, folds=2, epochs=2)
    preprocessing = Preprocessing(64, "stretch", "auto", (0.5, 0.5, 0.5), (0.2, 0.2, 0.2))
    card = {"format": 1, "network": "resnet18", "classes": ["a", "b"], "preprocessing": preprocessing.to_json()}
    model = made.trial(TrialKey("resnet18", 1)).model_folder
    model.mkdir()
    write_json(model / "model.json", {**card, "weights": {"sha256": "0" * 64}})
    write_results(made.path)
    made.lock_file.touch()
    good = made.path.rename(workspace.runs_folder / GOOD)
    shutil.copytree(good, workspace.runs_folder / BAD)
    return workspace


@pytest.fixture
def bad(workspace: Workspace) -> Iterator[RunFolder]:
    """The run that a test may damage."""
    folder = RunFolder(workspace.runs_folder / BAD)
    yield folder
    shutil.rmtree(folder.path)
    shutil.copytree(workspace.runs_folder / GOOD, folder.path)


@contextmanager
def at_once(what: str, patience: int = _PATIENCE) -> Iterator[None]:
    """Fail where something waits without end."""

    def give_up(number: int, frame: FrameType | None) -> None:
        raise AssertionError(f"{what}: still not read after {patience} s")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(patience)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def damaged(file: Path, random: Random, changes: int) -> Iterator[str]:
    """Damage a file in one way after another; yield which. A newer file than all others, as a changed one is."""
    content = file.read_bytes()
    for name, wrong in (*whole_files(content), *changed_values(file, random, changes)):
        file.write_bytes(wrong)
        yield name
    yield from put_in_place(file)
    file.write_bytes(content)


def require_the_others_are_listed(workspace: Workspace, what: str) -> None:
    rows = {row.folder.name: row for row in Overview(workspace).read()}
    assert rows[GOOD].status.state == "finished" and rows[GOOD].figure is not None, what
    if rows[BAD].status.state != "finished":
        assert "status.json can't be read: " in rows[BAD].status.reason, what
    assert [choice.run for choice in list_models(workspace)].count(GOOD) == 1, what


@pytest.mark.parametrize("name", FILES)
def test_the_other_runs_are_listed_whatever_a_file_of_one_holds(
    workspace: Workspace, bad: RunFolder, name: str
) -> None:
    for way in damaged(bad.path / name, Random(name), changes=12):
        what = f"{name}, {way}"
        with at_once(what):
            require_the_others_are_listed(workspace, what)
            RunFollower(bad).snapshot()
            for check in (lambda: check_resumable(bad), lambda: task_loader(bad, "cpu")):
                try:
                    check()
                except AimicError as problem:
                    assert BAD in problem.sentence, what


@pytest.mark.parametrize("command", ["runs", "watch", "stop", "resume"])
def test_a_command_names_the_status_that_cant_be_read(workspace: Workspace, bad: RunFolder, command: str) -> None:
    bad.status_file.write_text("[" * 100_000)
    options = {"watch": ["--plain"]}.get(command, [])
    answer = call(workspace.root, command, *([] if command == "runs" else [BAD]), *options)
    if command == "runs":
        assert answer.returncode == 0
        assert f"{GOOD}" in answer.stdout and "status.json can't be read: it is damaged" in answer.stdout
    else:
        assert answer.returncode == 3, answer.stderr
        assert "status.json can't be read: it is damaged: it is nested more than 64 levels deep" in answer.stderr


@pytest.mark.parametrize(
    "name", ["experiment.toml", "manifest.csv", "split.csv", "trials/resnet18/fold-1/predictions.csv"]
)
def test_figures_name_the_file_that_cant_be_read(workspace: Workspace, bad: RunFolder, name: str) -> None:
    (bad.path / name).write_text("[" * 100_000)
    for arguments in (["results", BAD, "--again"], ["compare", GOOD, BAD], ["report", BAD]):
        answer = call(workspace.root, *arguments)
        assert answer.returncode == 3, arguments
        assert name in answer.stderr and "Traceback" not in answer.stderr


@pytest.mark.parametrize(
    "content", ["[" * 100_000, "[data]\npath = 3\n", "[training]\nepochs = 0xffffffffffffffffffffff\n"]
)
def test_a_run_with_a_damaged_experiment_is_not_resumed(workspace: Workspace, bad: RunFolder, content: str) -> None:
    status = read_recorded(bad)
    write_status(bad, replace(status, state="stopped"))
    bad.experiment_file.write_text(content)
    answer = call(workspace.root, "resume", BAD)
    assert answer.returncode == 3, answer.stderr
    assert "experiment.toml" in answer.stderr and "Traceback" not in answer.stderr


def test_damaged_results_are_computed_again(workspace: Workspace, bad: RunFolder) -> None:
    before = call(workspace.root, "results", BAD).stdout
    with bad.results_file.open("r+b") as file:
        file.truncate(300 << 20)
    os.utime(bad.results_file)
    answer = call(workspace.root, "results", BAD)
    assert answer.returncode == 0 and answer.stdout == before


@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("seed", range(1))  # more of them where readers have changed: a case takes seconds
def test_every_command_answers_whatever_a_file_of_a_run_holds(
    workspace: Workspace, bad: RunFolder, name: str, seed: int
) -> None:
    """Worth its minutes: it found a dozen tracebacks when it was written."""
    commands = (
        ["results", BAD],
        ["results", BAD, "--json"],
        ["results", BAD, "--review"],
        ["compare", BAD],
        ["report", BAD],
        ["watch", BAD, "--plain"],
        ["stop", BAD, "--no-wait"],
    )
    random = Random(f"{name} {seed}")
    for way in damaged(bad.path / name, random, changes=20):
        what = f"{name}, {way}"
        with at_once(what, 10 * _PATIENCE):
            for arguments in random.sample(commands, 2):
                answer = call(workspace.root, *arguments)
                assert answer.returncode in (0, 1, 2, 3), f"{what}: {arguments}"
                assert "Traceback" not in answer.stderr, f"{what}: {arguments}"
            require_the_others_are_listed(workspace, what)
