"""Resuming a run in the app asks where its images are when they are gone, and whether to go on when they changed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Static

from aimic_tui.app.app import AimicApp
from aimic_tui.engine.data.manifest import read_manifest
from aimic_tui.engine.experiment import Experiment
from aimic_tui.engine.run_folder import RunFolder
from aimic_tui.engine.runs import control
from aimic_tui.engine.runs.data_story import data_story
from aimic_tui.engine.runs.prepare.creation import create_run
from aimic_tui.engine.runs.status import read_status, write_status
from aimic_tui.engine.workspace_folder import Workspace
from aimic_tui.widgets.dialogs import Confirm, PathPrompt
from aimic_tui.widgets.path_input import PathInput
from tests.drawn_cells import draw_cells

Until = Callable[[Pilot[None], Callable[[], bool]], Awaitable[None]]


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[RunFolder]:
    """The runs whose scheduler was to be started; none is."""
    runs: list[RunFolder] = []
    monkeypatch.setattr(control, "start_scheduler", lambda folder: runs.append(folder) or 1)
    return runs


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    """A stopped run that was renamed to a name with a blank and brackets."""
    draw_cells(tmp_path / "cells", 6, "{number}")
    values = {"data.path": str(tmp_path / "cells"), "model.weights": "none", "split.folds": 2}
    folder = create_run(Experiment().with_values(values), Workspace(tmp_path / "space"), ["test"])
    write_status(folder, replace(read_status(folder), state="stopped"))
    return RunFolder(folder.path.rename(folder.path.with_name("my run [1]")))


def app_on(run: RunFolder) -> AimicApp:
    app = AimicApp(Workspace.of_run(run), place="run")
    app.context.run = run.path
    return app


def detail(app: AimicApp) -> str:
    return str(app.screen.query_one("#detail", Static).render())


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_moved_images_are_asked_for(
    run: RunFolder, tmp_path: Path, until: Until, started: list[RunFolder], size: tuple[int, int]
) -> None:
    (tmp_path / "cells").rename(tmp_path / "other place")
    app = app_on(run)
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: "my run [1]" in str(app.screen.query_one("#head", Static).render()))
        await pilot.press("r")
        await until(pilot, lambda: isinstance(app.screen, PathPrompt))
        assert f"the folder {tmp_path / 'cells'} is not there" in detail(app)
        app.screen.query_one(PathInput).value = str(tmp_path / "other place")
        await pilot.press("enter")
        await until(pilot, lambda: bool(started))
    assert started == [run]
    assert all(path.is_file() for path in read_manifest(run.manifest_file).paths())


async def test_changed_images_are_accepted_or_the_run_stays_stopped(
    run: RunFolder, tmp_path: Path, until: Until, started: list[RunFolder]
) -> None:
    (tmp_path / "cells" / "dark" / "0.jpg").write_bytes((tmp_path / "cells" / "light" / "0.jpg").read_bytes())
    app = app_on(run)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "my run [1]" in str(app.screen.query_one("#head", Static).render()))
        await pilot.press("r")
        await until(pilot, lambda: isinstance(app.screen, Confirm))
        assert "dark/0.jpg" in detail(app)
        await pilot.press("n")
        await until(pilot, lambda: not isinstance(app.screen, Confirm))
        assert not started
        assert data_story(run) == ()
        await pilot.press("r")
        await until(pilot, lambda: isinstance(app.screen, Confirm))
        await pilot.press("y")
        await until(pilot, lambda: bool(started))
    assert "dark/0.jpg" in data_story(run)[0]
