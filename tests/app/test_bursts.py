"""Keys in a burst, signals and faults: the app never ends without a word, and never leaves the terminal raw."""

from __future__ import annotations

import asyncio
import os
import pty
import select
import signal
import subprocess
import termios
import time
from pathlib import Path

import pytest
from textual import events
from textual.command import CommandPalette
from textual.pilot import Pilot
from textual.widgets import LoadingIndicator

from aimic_tui.app.app import AimicApp
from aimic_tui.app.help import HelpScreen
from aimic_tui.app.palette import Palette
from aimic_tui.commands import open_app as opening
from aimic_tui.engine.errors import AimicError
from aimic_tui.engine.python_process import python_command
from aimic_tui.engine.workspace_folder import Workspace
from aimic_tui.widgets.dialogs import Confirm, PathPrompt
from aimic_tui.widgets.path_input import PathInput


@pytest.fixture(autouse=True)
def own_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIMIC_SETTINGS", str(tmp_path / "settings.toml"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture
def app(tmp_path: Path) -> AimicApp:
    return AimicApp(Workspace(tmp_path))


async def burst(pilot: Pilot[None], *keys: str) -> None:
    """Send keys at once, as a slow connection delivers them, and wait until all is quiet."""
    for key in keys:
        pilot.app.post_message(events.Key(key, key if len(key) == 1 else None))
    for _ in range(4):
        await pilot.pause(0.1)


async def test_a_dialog_that_is_answered_twice_closes_once(app: AimicApp) -> None:
    answers: list[bool | None] = []
    async with app.run_test() as pilot:
        app.push_screen(Confirm("Stop?"), answers.append)
        await pilot.pause()
        await burst(pilot, "y", "y", "n", "escape")
        assert answers == [True]
        assert len(app.screen_stack) == 1


async def test_a_dialog_below_another_closes_both(app: AimicApp) -> None:
    async with app.run_test() as pilot:
        dialog = Confirm("Stop?")
        app.push_screen(dialog)
        app.push_screen(HelpScreen([], ""))
        await pilot.pause()
        dialog.dismiss(False)
        dialog.dismiss(True)
        await pilot.pause()
        assert len(app.screen_stack) == 1


async def test_a_dialog_that_is_closed_before_it_is_drawn_is_let_go(app: AimicApp) -> None:
    async with app.run_test() as pilot:
        for _ in range(3):
            app.push_screen(PathPrompt("Open a data set"))
            app.pop_screen()
            await pilot.pause()
        assert not isinstance(app.screen, PathPrompt)


async def test_a_dialog_whose_place_is_not_shown_stays_there(app: AimicApp) -> None:
    async with app.run_test() as pilot:
        dialog = Confirm("Stop?")
        app.push_screen(dialog)
        await pilot.pause()
        app.go("data")
        await pilot.pause()
        dialog.dismiss(True)
        await pilot.pause()
        assert app.current_mode == "data" and len(app.screen_stack) == 1
        app.go("home")
        await pilot.pause()
        assert app.screen is dialog


async def test_keys_that_come_before_a_dialog_is_there_are_typed_into_it(app: AimicApp, tmp_path: Path) -> None:
    (tmp_path / "ab").mkdir()
    paths: list[str | None] = []
    async with app.run_test() as pilot:
        app.push_screen(PathPrompt("Open"), paths.append)
        assert not app.screen.is_mounted
        await burst(pilot, *str(tmp_path / "ab"), "enter", "enter")
        assert paths == [str(tmp_path / "ab")]


@pytest.mark.parametrize("keys", [["ctrl+p", "pageup"], ["ctrl+p", "pagedown", "end"], ["ctrl+p", "ctrl+p", "escape"]])
async def test_the_palette_takes_keys_while_it_fills(app: AimicApp, keys: list[str]) -> None:
    async with app.run_test() as pilot:
        await burst(pilot, *keys)
        assert app.is_running


async def test_enter_twice_in_the_palette_runs_its_action_once(app: AimicApp) -> None:
    async with app.run_test() as pilot:
        await burst(pilot, "ctrl+p")
        await burst(pilot, *"keys that work here")
        await pilot.pause(0.5)
        await burst(pilot, "enter", "enter", "enter")
        assert not any(isinstance(screen, CommandPalette) for screen in app.screen_stack)
        assert len(app.screen_stack) <= 2


async def test_a_search_that_ends_after_its_palette_has_closed_is_let_go(app: AimicApp) -> None:
    async with app.run_test() as pilot:
        await burst(pilot, "ctrl+p")
        palette = app.screen
        assert isinstance(palette, Palette)
        await palette.query(LoadingIndicator).remove()
        palette._show_busy = not palette._show_busy
        await pilot.pause(0.1)
        assert app.is_running


async def test_an_action_from_the_palette_on_a_screen_that_has_closed_is_let_go(app: AimicApp) -> None:
    async with app.run_test() as pilot:
        shown = HelpScreen([], "")
        app.push_screen(shown)
        await pilot.pause()
        await app.run_action_on("ids", shown)
        assert shown._ids
        app.pop_screen()
        await pilot.pause(0.2)
        await app.run_action_on("scroll(1)", shown)
        assert app.is_running and len(app.screen_stack) == 1


async def test_there_is_one_palette_also_below_a_dialog(app: AimicApp) -> None:
    async with app.run_test() as pilot:
        await burst(pilot, "ctrl+p")
        app.push_screen(Confirm("Stop?"))
        await pilot.pause()
        app.action_command_palette()
        await pilot.pause()
        assert sum(isinstance(screen, CommandPalette) for screen in app.screen_stack) == 1


async def test_a_dragged_folder_is_pasted_as_its_path(app: AimicApp, tmp_path: Path) -> None:
    folder = tmp_path / "my cells"
    folder.mkdir()
    for written in (f"'{folder}'", str(folder).replace(" ", "\\ "), folder.as_uri(), f"{folder} "):
        paths: list[str | None] = []
        async with AimicApp(Workspace(tmp_path)).run_test() as pilot:
            pilot.app.push_screen(PathPrompt("Open"), paths.append)
            await pilot.pause()
            pilot.app.post_message(events.Paste(written))
            await pilot.pause()
            assert pilot.app.screen.query_one(PathInput).value == str(folder)
            await pilot.press("enter")
            await pilot.pause()
        assert paths == [str(folder)]


async def test_what_comes_while_the_app_is_being_left_is_no_fault(app: AimicApp) -> None:
    async with app.run_test():
        app.exit()
        app.go("data")
        app.push_screen(PathPrompt("Open"))
        await asyncio.sleep(0.3)
    assert app.fault is None and app.return_code == 0


def test_a_fault_ends_in_a_sentence_a_log_and_an_exit_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(app: AimicApp) -> None:
        try:
            raise KeyError("\x1b[2J")
        except KeyError as error:
            app.fault = error

    monkeypatch.setattr(AimicApp, "run", run)
    monkeypatch.setattr(AimicApp, "call_later", lambda *_: None)
    monkeypatch.setattr(opening, "_require_terminal", lambda: None)
    with pytest.raises(AimicError, match="because of a fault in the program") as raised:
        opening.open_app(tmp_path)
    assert raised.value.exit_code == 1
    log = tmp_path / "state" / "aimic" / "faults.log"
    assert str(log) in raised.value.sentence
    assert "KeyError" in log.read_text()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGQUIT])
def test_a_signal_leaves_the_terminal_as_it_was(tmp_path: Path, number: signal.Signals) -> None:
    ours, theirs = pty.openpty()
    before = termios.tcgetattr(theirs)
    environment = {**os.environ, "TERM": "xterm-256color", "LINES": "24", "COLUMNS": "80"}
    app = subprocess.Popen(
        python_command("aimic_tui", "--workspace", str(tmp_path)),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=environment,
        start_new_session=True,
    )
    drawn, deadline, asked = b"", time.monotonic() + 60, False
    while app.poll() is None:
        assert time.monotonic() < deadline, drawn[-500:]
        if select.select([ours], [], [], 0.1)[0]:
            drawn += os.read(ours, 65536)
        if b"Predict" in drawn and not asked:
            assert termios.tcgetattr(theirs) != before, "the app has the terminal"
            time.sleep(0.5)
            app.send_signal(number)
            asked = True
    while select.select([ours], [], [], 0.1)[0]:
        drawn += os.read(ours, 65536)
    assert app.returncode == 128 + number
    assert termios.tcgetattr(theirs) == before
    assert drawn.rfind(b"\x1b[?1049l") > drawn.rfind(b"\x1b[?1049h"), "it left the alternate screen"
    os.close(ours)
    os.close(theirs)
