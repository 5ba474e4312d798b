"""Home: the runs with their states, the data sets, what can be done with them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from textual.pilot import Pilot

from aimic_tui.app.app import AimicApp
from aimic_tui.engine.runs.status import read_recorded, write_status
from aimic_tui.engine.workspace_folder import Workspace
from aimic_tui.screens.home import screen as module
from aimic_tui.screens.home.rows import data_line, run_heading, run_line
from aimic_tui.screens.home.screen import HomeScreen
from aimic_tui.widgets.dialogs import Confirm, PathPrompt
from aimic_tui.widgets.row_list import RowList
from aimic_tui.workspace.runs_overview import Overview
from tests.app.test_app import screen_text
from tests.run_folders import NOW, hold, make_run


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIMIC_SETTINGS", str(tmp_path / "settings.toml"))
    monkeypatch.setenv("AIMIC_ASCII", "0")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "workspace"


@pytest.fixture
def lively(root: Path) -> Iterator[Workspace]:
    """A run in each state, and two data sets."""
    live = make_run(root, "20261122-190512-live", "running", networks=("mobilenet_v2", "resnet50", "vgg16"), done=11)
    make_run(root, "20261121-190512-done", "finished", done=5, f1=0.934, ended=NOW - timedelta(days=1))
    make_run(root, "20261120-190512-dead", "running", done=2)
    make_run(root, "20261119-190512-failed", "failed", done=1, trial_reason="out of memory in fold 2 at batch 256")
    make_run(root, "20261118-190512-stopped", "stopped", done=3)
    make_run(root, "20261117-190512-paper", "finished", done=5, f1=0.97, protocol="aimic-2022")
    make_run(root, "20261116-190512-ev\x1b[2Jil[red]", "queued")
    workspace = Workspace(root)
    workspace.remember_data_set(root / "wbc", images=339, classes=4, groups=339, problems=0)
    workspace.remember_data_set(root / "cells", images=1877, classes=3, groups=362, problems=3)
    lock = hold(live)
    yield workspace
    lock.release()


async def settle(pilot: Pilot[None]) -> None:
    """Wait until Home has read the workspace twice: states, then figures."""
    for _ in range(100):
        await pilot.pause(0.05)
        screen = pilot.app.screen
        if isinstance(screen, HomeScreen) and screen._seen is not None and screen._overview is not None:
            break
    await pilot.pause(0.2)


def line_of(text: str, name: str) -> str:
    return next(line for line in text.splitlines() if f" {name} " in line)


async def test_every_run_has_its_sign_and_says_what_it_needs(lively: Workspace) -> None:
    app = AimicApp(lively)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        text = screen_text(app)
        assert "● live" in text
        assert "11/15" in line_of(text, "live")
        assert "left" in line_of(text, "live")
        assert "✓ done" in text
        assert "0.934 [.921 .946]" in line_of(text, "✓ done")
        assert "yesterday" in line_of(text, "✓ done")
        assert "! dead" in text
        assert "interrupted at 2/5 · r resumes it" in line_of(text, "dead")
        assert "✗ failed" in text
        assert "out of memory in fold 2" in line_of(text, "failed")
        assert "‖ stopped" in text
        assert "0.970 optimistic" in line_of(text, "paper")
        assert "ev\\x1b[2Jil[red]" in text


async def test_data_sets_have_their_counts_and_findings(lively: Workspace) -> None:
    app = AimicApp(lively)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        text = screen_text(app)
        assert "1,877" in line_of(text, "cells")
        assert "! 3 findings" in line_of(text, "cells")
        assert line_of(text, "wbc").rstrip().endswith("✓")


async def test_an_empty_workspace_says_what_to_do_next(root: Path) -> None:
    app = AimicApp(Workspace(root))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        text = screen_text(app)
        assert "o  Open a folder of images" in text
        assert "n  Set up a run" in text
        assert "Data sets" not in text
    assert list(Workspace(root).runs()) == []


async def test_the_machine_is_told(root: Path) -> None:
    app = AimicApp(Workspace(root))
    async with app.run_test(size=(120, 30)) as pilot:
        for _ in range(100):
            await pilot.pause(0.1)
            if "core" in screen_text(app):
                break
        assert "This machine" in screen_text(app)
        assert "disk free" in screen_text(app)


async def test_a_change_on_the_disk_shows_without_a_key(lively: Workspace) -> None:
    app = AimicApp(lively)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        make_run(lively.root, "20261123-000000-new-one", "queued")
        for _ in range(60):
            await pilot.pause(0.1)
            if "new-one" in screen_text(app):
                break
        assert "◌ new-one" in screen_text(app)


async def test_the_cursor_stays_on_its_run_when_others_come(lively: Workspace) -> None:
    app = AimicApp(lively)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await pilot.press("j", "j")
        runs = app.screen.query_one("#runs", RowList)
        before = runs.chosen
        make_run(lively.root, "20261123-000000-new-one", "queued")
        for _ in range(60):
            await pilot.pause(0.1)
            if len(runs.rows) == 8:
                break
        assert runs.chosen.folder == before.folder


async def test_keys_fit_the_run_with_the_cursor(lively: Workspace) -> None:
    app = AimicApp(lively)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        assert "s Stop" in screen_text(app).splitlines()[-1]
        await pilot.press("j")
        await pilot.pause()
        last = screen_text(app).splitlines()[-1]
        assert "s Stop" not in last
        assert "r Resume" not in last
        await pilot.press("j")
        await pilot.pause()
        assert "r Resume" in screen_text(app).splitlines()[-1]


async def test_enter_goes_to_results_of_a_finished_run_and_to_a_run_otherwise(
    lively: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = AimicApp(lively)
    gone: list[str] = []
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        monkeypatch.setattr(app, "go", gone.append)
        await pilot.press("enter")
        assert (gone, app.context.run) == (["run"], lively.runs_folder / "20261122-190512-live")
        await pilot.press("j", "enter")
        assert (gone[-1], app.context.run) == ("results", lively.runs_folder / "20261121-190512-done")
        await pilot.press("G", "j", "enter")  # past the last run to the data sets
        assert (gone[-1], app.context.data_path) == ("data", str(lively.root / "cells"))
        await pilot.press("j", "n")
        assert (gone[-1], app.context.data_path) == ("set-up", str(lively.root / "wbc"))


async def test_stop_asks_first_and_then_leaves_the_stop_file(lively: Workspace) -> None:
    app = AimicApp(lively)
    folder = lively.find_run("20261122")
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await pilot.press("s")
        await pilot.pause()
        assert isinstance(app.screen, Confirm)
        await pilot.press("n")
        await pilot.pause(0.1)
        assert not folder.stop_file.exists()
        await pilot.press("s")
        await pilot.pause()
        await pilot.press("y")
        await pilot.pause(0.3)
        assert folder.stop_file.exists()


async def test_resume_starts_the_run_again(lively: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    from aimic_tui.engine.runs import control, same_data

    begun: list[str] = []
    monkeypatch.setattr(control, "start_scheduler", lambda folder: begun.append(folder.name) or 1)
    monkeypatch.setattr(same_data, "check_same_data", lambda *_: ())  # the run has no images
    app = AimicApp(lively)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await pilot.press("j", "j", "r")
        await pilot.pause(0.3)
        assert begun == ["20261120-190512-dead"]


async def test_a_read_only_look_changes_nothing_and_says_so(lively: Workspace) -> None:
    app = AimicApp(lively, read_only=True)
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await settle(pilot)
        await pilot.press("s", "n", "d")
        await pilot.pause(0.2)
        assert isinstance(app.screen, HomeScreen)
        assert "read-only" in screen_text(app)
        assert not lively.find_run("20261122").stop_file.exists()
        assert not (lively.root / "demo.log").exists()


async def test_open_takes_a_folder_and_refuses_what_is_not_there(
    lively: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = AimicApp(lively)
    gone: list[str] = []
    (lively.root / "images").mkdir()
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        monkeypatch.setattr(app, "go", gone.append)
        await pilot.press("o")
        await pilot.pause()
        prompt = app.screen
        assert isinstance(prompt, PathPrompt)
        await pilot.press(*str(lively.root / "nothing"), "enter")
        await pilot.pause()
        assert "There is nothing at" in screen_text(app)
        assert app.screen is prompt
        for _ in "nothing":
            await pilot.press("backspace")
        await pilot.press(*"images", "enter")
        await pilot.pause(0.1)
        assert (gone, app.context.data_path) == (["data"], str(lively.root / "images"))


async def test_the_demo_is_a_process_of_its_own(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[list[str]] = []
    monkeypatch.setattr(module, "start_command", lambda arguments, *_: started.append(arguments))
    app = AimicApp(Workspace(root))
    async with app.run_test() as pilot:
        await settle(pilot)
        await pilot.press("d")
        assert started[0][-2:] == ["demo", "--headless"]
        assert str(root) in started[0]


async def test_forgetting_a_data_set_keeps_its_images(lively: Workspace) -> None:
    (lively.root / "cells").mkdir()
    app = AimicApp(lively)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await pilot.press("tab", "x")
        await pilot.pause(0.1)
        assert [Path(known.path).name for known in lively.data_sets()] == ["wbc"]
        assert (lively.root / "cells").is_dir()


@pytest.mark.parametrize("width", [70, 76, 80, 96, 116, 200])
def test_lines_fill_their_width_exactly_so_that_columns_align(lively: Workspace, width: int) -> None:
    rows = Overview(lively).read()
    widths = {run_line(row, width).cell_length for row in rows}
    assert widths == {run_heading(width).cell_length}
    assert max(widths) <= width
    assert all(data_line(known, width).cell_length <= width for known in lively.data_sets())


def test_the_overview_reads_again_only_what_changed(lively: Workspace) -> None:
    overview = Overview(lively)
    first = overview.read()
    assert [row.folder.title for row in first][:2] == ["live", "done"]
    again = overview.read()
    assert all(a is b for a, b in zip(first[1:], again[1:], strict=True))
    folder = lively.find_run("20261118")
    write_status(folder, read_recorded(folder).__class__(run=folder.name, state="finished"))
    changed = overview.read()
    assert next(row for row in changed if row.folder.title == "stopped").status.state == "finished"


def test_damaged_files_do_not_hide_the_other_runs(lively: Workspace) -> None:
    lively.find_run("20261121").results_file.write_text("[1, 2")
    lively.find_run("20261117").results_file.write_text('{"networks": {"a": {"pooled": {"macro_f1": 3}}}}')
    lively.find_run("20261118").status_file.write_text("{")
    rows = {row.folder.title: row for row in Overview(lively).read()}
    assert len(rows) == 7
    assert rows["done"].figure is None
    assert rows["paper"].figure is None
    assert rows["stopped"].status.state == "failed"
