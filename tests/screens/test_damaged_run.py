"""Every place opens with a damaged run beside good ones: it says so, and the others are there."""

from __future__ import annotations

import os
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from textual.pilot import Pilot

from aimic_tui.app.app import AimicApp
from aimic_tui.engine.evaluation.build_results import write_results
from aimic_tui.engine.run_folder import RunFolder
from aimic_tui.engine.workspace_folder import Workspace
from tests.app.test_app import screen_text
from tests.screens.made_run import make_run

Until = Callable[[Pilot[None], Callable[[], bool]], Awaitable[None]]
GOOD, BAD = "20261122-190512-good", "20261123-190512-bad"


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIMIC_SETTINGS", str(tmp_path / "settings.toml"))
    monkeypatch.setenv("AIMIC_ASCII", "0")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, cells: Path) -> Path:
    """A workspace with two finished runs."""
    root = tmp_path_factory.mktemp("good-and-bad") / "workspace"
    run = make_run(root, cells, networks=("mobilenet_v2", "resnet50"), folds=2, epochs=2)
    write_results(run.path)
    shutil.copytree(run.path, run.path.with_name(BAD))
    run.path.rename(run.path.with_name(GOOD))
    return root


@pytest.fixture
def workspace(tmp_path: Path, made: Path) -> Workspace:
    shutil.copytree(made, tmp_path / "workspace")
    return Workspace(tmp_path / "workspace")


@pytest.fixture
def bad(workspace: Workspace) -> RunFolder:
    return RunFolder(workspace.runs_folder / BAD)


def app_at(workspace: Workspace, place: str, run: RunFolder | None = None) -> AimicApp:
    app = AimicApp(workspace, place=place)
    app.context.run = run.path if run is not None else None
    return app


def is_shown(app: AimicApp, *texts: str) -> Callable[[], bool]:
    """Tell whether texts stand on the screen, over however many lines: a long path breaks anywhere."""
    return lambda: all("".join(text.split()) in "".join(screen_text(app).split()) for text in texts)


@pytest.mark.parametrize("content", ["[" * 100_000, '{"state": 3}', "pipe"])
async def test_home_shows_a_run_with_a_damaged_status_among_the_others(
    workspace: Workspace, bad: RunFolder, until: Until, content: str
) -> None:
    bad.status_file.unlink()
    if content == "pipe":
        os.mkfifo(bad.status_file)
    else:
        bad.status_file.write_text(content)
    app = app_at(workspace, "home")
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, is_shown(app, "good", "0.", "bad", "status.json can't be read"))


async def test_run_says_which_file_cant_be_read(workspace: Workspace, bad: RunFolder, until: Until) -> None:
    bad.status_file.write_text('{"state": "finished", "trials": 7}')
    app = app_at(workspace, "run", bad)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, is_shown(app, "status.json can't be read"))


async def test_run_shows_what_can_be_read_of_damaged_events(workspace: Workspace, bad: RunFolder, until: Until) -> None:
    for events in (bad.events_file, *bad.path.glob("trials/*/*/events.jsonl")):
        lines = events.read_bytes().splitlines(keepends=True)
        wrong = b'{"event": "epoch", "epoch": 1e300, "epochs": "x", "train_loss": [[]], "seconds": -1, "monitor": {}}\n'
        started = b'{"event": "trial-started", "train": "many", "steps": -5, "epoch": -1, "batch_size": 1e18}\n'
        events.write_bytes(
            b"".join([*lines, wrong, started, b"[" * 100_000 + b"\n", b'{"event": "epoch", "epoch": 7}\n'])
        )
    app = app_at(workspace, "run", bad)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, is_shown(app, "mobilenet_v2", "resnet50", "4/4"))


async def test_results_of_other_classes_are_computed_anew(workspace: Workspace, bad: RunFolder, until: Until) -> None:
    bad.results_file.write_text(bad.results_file.read_text().replace("platelet", "thrombocyte"))
    app = app_at(workspace, "results", bad)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, is_shown(app, "mobilenet_v2", "resnet50", "honest protocol"))
        await pilot.press("m")
        await until(pilot, is_shown(app, "platelet"))
        assert "thrombocyte" not in screen_text(app)


@pytest.mark.parametrize("name", ["manifest.csv", "experiment.toml", "split.csv"])
async def test_results_say_which_file_cant_be_read(
    workspace: Workspace, bad: RunFolder, until: Until, name: str
) -> None:
    bad.results_file.unlink()
    (bad.path / name).write_bytes(b"\0" * 1000)
    app = app_at(workspace, "results", bad)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, is_shown(app, name))


@pytest.mark.parametrize("place", ["predict", "studies", "data", "set-up"])
async def test_a_place_opens_beside_damaged_files(
    workspace: Workspace, bad: RunFolder, until: Until, place: str
) -> None:
    bad.status_file.write_text("[" * 100_000)
    for folder, name in (("studies", "study.toml"), ("predictions", "request.json"), ("evaluations", "request.json")):
        for number, content in enumerate(("[" * 100_000, "null", "a = 1")):
            path = workspace.root / folder / f"20261122-19051{number}-x"
            path.mkdir(parents=True)
            (path / name).write_text(content)
    workspace.data_sets_file.write_text('{"data_sets": [{"path": 3}]}')
    app = app_at(workspace, place)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause(0.3)
        if place == "studies":
            await until(pilot, is_shown(app, "✗"))
        await pilot.press("ctrl+o")
        await pilot.pause(0.1)
    assert app.return_code in (0, None)
