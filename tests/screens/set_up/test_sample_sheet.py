"""Samples in the app: presets side by side in time, further images, what is taken."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import numpy as np
import pytest
from textual.pilot import Pilot
from textual.widgets import Static

from aimic_tui.app.app import AimicApp
from aimic_tui.engine.errors import ErrorRecord
from aimic_tui.engine.experiment import Experiment
from aimic_tui.engine.progress import Progress, ReportProgress
from aimic_tui.engine.workspace_folder import Workspace
from aimic_tui.screens.set_up import sample_sheet
from aimic_tui.screens.set_up.sample_sheet import SampleSheet, SampleTiles
from aimic_tui.screens.set_up.screen import SetUpScreen
from aimic_tui.widgets.field import Choice
from aimic_tui.workspace.samples import Samples
from aimic_tui.workspace.trial_command import CommandRefused

Until = Callable[[Pilot[None], Callable[[], bool]], Awaitable[None]]
PRESETS = ("cells", "none", "flips", "stain", "strong")


def one_colour(*rgb: int) -> np.ndarray:
    return np.full((32, 32, 3), rgb, np.uint8)


def some_samples(rows: int = 6) -> Samples:
    """Images of one colour each, so that one can tell on the screen which is which."""
    return Samples(
        captions=tuple(f"kind{row}   kind{row}/image{row}.jpg" for row in range(rows)),
        originals=tuple(one_colour(10 * row, 0, 0) for row in range(rows)),
        variants={
            preset: tuple(tuple(one_colour(0, 10 * row, 40 * at) for _ in range(11)) for row in range(rows))
            for at, preset in enumerate(PRESETS)
        },
    )


@pytest.fixture
def samples(monkeypatch: pytest.MonkeyPatch) -> list[Experiment]:
    asked: list[Experiment] = []

    async def draw(workspace: Path, experiment: Experiment, report: ReportProgress) -> Samples:
        asked.append(experiment)
        return some_samples()

    monkeypatch.setattr(sample_sheet, "draw_samples", draw)
    return asked


def set_up(tmp_path: Path, cells: Path) -> AimicApp:
    app = AimicApp(Workspace(tmp_path / "workspace"), place="set-up")
    app.context.data_path = str(cells)
    app.context.draft = {"model.weights": "none"}
    return app


def colours(app: AimicApp) -> set[tuple[int, int, int]]:
    """The background colours of what is drawn."""
    tiles = app.screen.query_one(SampleTiles)
    found = set()
    for y in range(tiles.size.height):
        for segment in tiles.render_line(y):
            if segment.style and segment.style.color and "▀" in segment.text:
                found.add(tuple(segment.style.color.get_truecolor()))
    return found


def said(app: AimicApp) -> str:
    return str(app.screen.query_one("#message", Static).render())


async def open_sheet(app: AimicApp, pilot: Pilot[None], until: Until, key: str = "f9") -> None:
    await until(pilot, lambda: isinstance(app.screen, SetUpScreen))
    assert isinstance(app.screen, SetUpScreen)
    if key == "t":
        app.screen.form.go_to("augmentation.preset")
        await pilot.pause()
    await pilot.press(key)
    await until(pilot, lambda: isinstance(app.screen, SampleSheet) and "Left: the original" in said(app))


@pytest.mark.parametrize("key", ["f9", "t"])
async def test_the_arrows_compare_presets_in_place_and_enter_takes_one(
    tmp_path: Path, cells: Path, until: Until, samples: list[Experiment], key: str
) -> None:
    app = set_up(tmp_path, cells)
    async with app.run_test(size=(120, 40)) as pilot:
        await open_sheet(app, pilot, until, key)
        assert app.screen.query_one(Choice).value == "cells"
        assert (0, 10, 0) in colours(app)
        await pilot.press("right", "right")
        assert app.screen.query_one(Choice).value == "flips"
        assert (0, 10, 80) in colours(app)
        assert (0, 10, 0) not in colours(app)
        await pilot.press("left", "enter")
        await until(pilot, lambda: isinstance(app.screen, SetUpScreen))
        assert isinstance(app.screen, SetUpScreen)
        assert app.screen.session.draft.text("augmentation.preset") == "none"
    assert len(samples) == 1  # all presets came at once


async def test_esc_leaves_the_preset(tmp_path: Path, cells: Path, until: Until, samples: list[Experiment]) -> None:
    app = set_up(tmp_path, cells)
    async with app.run_test(size=(80, 24)) as pilot:
        await open_sheet(app, pilot, until)
        await pilot.press("right", "escape")
        await until(pilot, lambda: isinstance(app.screen, SetUpScreen))
        assert isinstance(app.screen, SetUpScreen)
        assert app.screen.session.draft.text("augmentation.preset") == "cells"


async def test_further_images_and_larger_ones(
    tmp_path: Path, cells: Path, until: Until, samples: list[Experiment]
) -> None:
    app = set_up(tmp_path, cells)
    async with app.run_test(size=(80, 24)) as pilot:
        await open_sheet(app, pilot, until)
        tiles = app.screen.query_one(SampleTiles)
        assert (20, 0, 0) not in colours(app) or tiles.size.height > 20
        before = tiles.columns
        await pilot.press("down", "down")
        assert (20, 0, 0) in colours(app)
        assert (0, 0, 0) not in colours(app)
        await pilot.press("plus", "plus")
        assert tiles.columns < before
        assert f"epoch 1 to {tiles.columns}" in said(app)
        await pilot.press(*["minus"] * 9, *["up"] * 9)
        assert tiles.columns > before
        assert (0, 0, 0) in colours(app)
        await pilot.press(*["down"] * 40)
        assert (50, 0, 0) in colours(app)  # the last image stays in sight


async def test_a_refusal_is_one_sentence(
    tmp_path: Path, cells: Path, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(workspace: Path, experiment: Experiment, report: ReportProgress) -> Samples:
        raise CommandRefused(ErrorRecord("cells holds no image that can be read."))

    monkeypatch.setattr(sample_sheet, "draw_samples", refuse)
    app = set_up(tmp_path, cells)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, SetUpScreen))
        await pilot.press("f9")
        await until(pilot, lambda: isinstance(app.screen, SampleSheet) and said(app).startswith("! cells holds no"))
        await pilot.press("right", "plus", "down")  # nothing to show, nothing to fail
        assert isinstance(app.screen, SampleSheet)


async def test_progress_stands_where_the_samples_will_be(
    tmp_path: Path, cells: Path, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = asyncio.Event()

    async def draw(workspace: Path, experiment: Experiment, report: ReportProgress) -> Samples:
        report(Progress("read", 20, 60))
        await go_on.wait()
        return some_samples()

    monkeypatch.setattr(sample_sheet, "draw_samples", draw)
    app = set_up(tmp_path, cells)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, SetUpScreen))
        await pilot.press("f9")
        await until(
            pilot, lambda: isinstance(app.screen, SampleSheet) and said(app) == "Reading images: 20 of 60 images"
        )
        go_on.set()
        await until(pilot, lambda: "Left: the original" in said(app))


async def test_names_are_data(tmp_path: Path, cells: Path, until: Until, monkeypatch: pytest.MonkeyPatch) -> None:
    hostile = some_samples(1)

    async def draw(workspace: Path, experiment: Experiment, report: ReportProgress) -> Samples:
        return Samples(("[red]a\x1b[2Jb",), hostile.originals, hostile.variants)

    monkeypatch.setattr(sample_sheet, "draw_samples", draw)
    app = set_up(tmp_path, cells)
    async with app.run_test(size=(120, 40)) as pilot:
        await open_sheet(app, pilot, until)
        tiles = app.screen.query_one(SampleTiles)
        text = "".join(segment.text for y in range(tiles.size.height) for segment in tiles.render_line(y))
        assert "\x1b" not in text
        assert "[red]a\\x1b[2Jb" in text


@pytest.mark.slow
async def test_the_real_command_draws_what_it_should(tmp_path: Path, cells: Path, until: Until) -> None:
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    app = set_up(tmp_path, cells)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, SetUpScreen))
        await pilot.press("f9")
        for _ in range(2000):
            if isinstance(app.screen, SampleSheet) and "Left: the original" in said(app):
                break
            await pilot.pause(0.1)
        assert len(colours(app)) > 50
        assert set(app.screen._samples.variants) == set(PRESETS)  # type: ignore[attr-defined]
