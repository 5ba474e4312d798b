"""The app around the places: going, telling, help, palette, preferences, looks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
from textual.binding import Binding
from textual.color import Color
from textual.command import CommandPalette
from textual.dom import DOMNode
from textual.widgets import Input, OptionList, Static

from aimic_tui.app.app import AimicApp
from aimic_tui.app.help import HelpScreen, collect_help
from aimic_tui.app.palette import ActionsElsewhere, bindings_of
from aimic_tui.app.settings import RESERVED_KEYS, Settings, load_settings
from aimic_tui.app.themes import DARK, LIGHT, for_256_colours
from aimic_tui.commands.open_app import open_app
from aimic_tui.engine.workspace_folder import Workspace
from aimic_tui.screens.home.screen import HomeScreen
from aimic_tui.screens.place import common_bindings
from aimic_tui.widgets.dialogs import PathPrompt
from aimic_tui.widgets.frame import KeyLine, TopLine
from aimic_tui.workspace.context import PLACES
from tests.run_folders import hold, make_run


@pytest.fixture(autouse=True)
def own_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "preferences" / "settings.toml"
    monkeypatch.setenv("AIMIC_SETTINGS", str(path))
    monkeypatch.setenv("AIMIC_ASCII", "0")
    return path


@pytest.fixture
def app(tmp_path: Path) -> AimicApp:
    return AimicApp(Workspace(tmp_path))


def screen_text(app: AimicApp) -> str:
    """What stands on the screen, without colours."""
    lines = app.screen._compositor.render_strips(app.size)
    return "\n".join("".join(segment.text for segment in strip) for strip in lines)


async def test_the_frame_shows_the_places_and_at_most_six_keys(app: AimicApp) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        lines = screen_text(app).splitlines()
        assert "0 aimic  1 Data  2 Set-up  3 Run  4 Results  5 Predict" in lines[0]
        assert set(lines[1]) == {"─"}
        assert set(lines[-2]) == {"─"}
        keys = re.split(r"\s{3,}", lines[-1].strip())
        assert len(keys) <= 6
        assert "? Help" in keys
        assert "^p All actions" in keys


@pytest.mark.parametrize("place", [place for place in PLACES if place.name != "home"], ids=lambda place: place.name)
async def test_every_place_opens_by_its_key_on_an_empty_workspace(app: AimicApp, place: object) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press(place.key)  # type: ignore[attr-defined]
        await pilot.pause()
        assert type(app.screen).__name__ == place.screen  # type: ignore[attr-defined]
        assert app.screen.query_one(TopLine).place == place.name  # type: ignore[attr-defined]
        assert app.screen.query(KeyLine)
        app.go("home")
        await pilot.pause()
        assert isinstance(app.screen, HomeScreen)


async def test_a_place_keeps_its_screen_while_another_is_shown(app: AimicApp) -> None:
    async with app.run_test() as pilot:
        first = app.screen
        app.go("data")
        await pilot.pause()
        app.go("home")
        await pilot.pause()
        assert app.screen is first


async def test_a_notice_is_never_parsed_and_never_a_control_sequence(app: AimicApp) -> None:
    async with app.run_test(size=(100, 30), notifications=True) as pilot:
        app.tell("run [red]evil\x1b[2J[/red] failed", "error")
        await pilot.pause(0.1)
        assert "run [red]evil\\x1b[2J[/red] failed" in screen_text(app)


async def test_a_path_longer_than_its_field_shows_its_end(app: AimicApp) -> None:
    path = f"/data/{'a-long-folder/' * 10}predictions.csv"
    async with app.run_test(size=(80, 24)) as pilot:
        await app.push_screen(PathPrompt("A path", value=path))
        await pilot.pause()
        app.screen.query_one(Input).action_end()
        await pilot.pause()
        assert "a-long-folder/predictions.csv" in screen_text(app)


async def test_help_is_made_of_the_bindings_that_work_here(app: AimicApp) -> None:
    async with app.run_test(size=(100, 60)) as pilot:
        await pilot.press("question_mark")
        await pilot.pause()
        assert isinstance(app.screen, HelpScreen)
        text = screen_text(app)
        for words in ("New run", "Open a folder of images", "All actions", "needs attention"):
            assert words in text
        await pilot.press("i")
        await pilot.pause()
        assert "home.new-run" in screen_text(app)
        await pilot.press("question_mark")
        await pilot.pause()
        assert isinstance(app.screen, HomeScreen)
        await pilot.press("f1")
        await pilot.pause()
        assert isinstance(app.screen, HelpScreen)


async def test_the_palette_has_every_action_of_every_place(app: AimicApp) -> None:
    async with app.run_test(size=(100, 60)) as pilot:
        elsewhere = ActionsElsewhere(app.screen)
        await elsewhere.startup()
        names = {entry.name for entry in elsewhere._entries}
        # Of places themselves and of the classes that they are made of.
        assert {"Run: Stop", "Data: Classes", "Set-up: Preset", "Predict: Evaluate", "Studies: New"} <= names, names
        for place in PLACES:
            for binding in bindings_of(getattr(import_module(place.path), place.screen)):
                assert binding.id, binding
                assert binding.tooltip, binding
        await pilot.press("ctrl+p")
        assert isinstance(app.screen, CommandPalette)
        await pilot.press(*"Classes")
        found = app.screen.query_one(OptionList)
        for _ in range(600):  # the places are imported for it
            if found.option_count:
                break
            await pilot.pause(0.1)
        assert "Data: Classes" in str(found.get_option_at_index(0).prompt)


async def test_a_theme_taken_from_the_palette_is_there_next_time(app: AimicApp, own_settings: Path) -> None:
    async with app.run_test() as pilot:
        app.save_theme("aimic-light")
        await pilot.pause()
        assert app.theme == "aimic-light"
    settings, problems = load_settings(own_settings)
    assert settings.theme == "aimic-light"
    assert problems == ()
    again = AimicApp(app.workspace, settings=settings)
    assert again.theme == "aimic-light"


async def test_every_theme_can_be_taken(tmp_path: Path) -> None:
    make_run(tmp_path, "20261122-190512-a", "interrupted", done=2)
    app = AimicApp(Workspace(tmp_path))
    async with app.run_test() as pilot:
        for name in app.available_themes:
            app.theme = name
            await pilot.pause()
            assert "interrupted at 2/5" in screen_text(app)


async def test_keys_can_be_rebound_and_a_clash_is_said(tmp_path: Path) -> None:
    app = AimicApp(Workspace(tmp_path), settings=Settings(keymap={"app.help": "h"}))
    async with app.run_test() as pilot:
        await pilot.press("question_mark")
        assert isinstance(app.screen, HomeScreen)
        await pilot.press("h")
        await pilot.pause()
        assert isinstance(app.screen, HelpScreen)


async def test_an_unknown_theme_is_reported_not_fatal(tmp_path: Path) -> None:
    app = AimicApp(Workspace(tmp_path), settings=Settings(theme="no-such-theme"))
    async with app.run_test(size=(100, 30), notifications=True) as pilot:
        await pilot.pause(0.1)
        assert app.theme == DARK.name
        assert "There is no theme no-such-theme" in screen_text(app)


async def test_ascii_only_draws_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIMIC_ASCII", "1")
    make_run(tmp_path, "20261122-190512-größe", "interrupted", done=2)
    app = AimicApp(Workspace(tmp_path))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause(0.3)
        assert screen_text(app).isascii()


async def test_no_color_uses_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    make_run(tmp_path, "20261122-190512-a", "interrupted", done=2)
    app = AimicApp(Workspace(tmp_path))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause(0.3)
        segments = [segment for strip in app.screen._compositor.render_strips(app.size) for segment in strip]
        styles = [segment.style for segment in segments if segment.style is not None]
        assert all(color is None or color.is_default for style in styles for color in (style.color, style.bgcolor))
        assert any(style.reverse for style in styles)  # the row with the cursor


async def test_leaving_says_which_runs_go_on(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    folder = make_run(tmp_path, "20261122-190512-wbc", "running", done=1)
    lock = hold(folder)
    app = AimicApp(Workspace(tmp_path))
    async with app.run_test() as pilot:
        await pilot.press("q")
        await pilot.pause(0.3)
    lock.release()
    assert "1 run continues in the background: 20261122-190512-wbc" in capfd.readouterr().err


def test_no_key_of_ours_is_one_that_tmux_takes() -> None:
    for key in keys_of(common_bindings()):
        assert key not in RESERVED_KEYS
        assert not key.startswith("ctrl+shift+")


def test_no_key_of_any_place_or_part_is_one_that_tmux_takes() -> None:
    import pkgutil

    import aimic_tui.screens
    import aimic_tui.widgets

    for package in (aimic_tui.screens, aimic_tui.widgets):
        for info in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
            module = __import__(info.name, fromlist=["x"])
            for item in vars(module).values():
                if isinstance(item, type) and issubclass(item, DOMNode) and item.__module__ == info.name:
                    for key in keys_of(item.__dict__.get("BINDINGS", [])):
                        assert key not in RESERVED_KEYS, (item, key)


def keys_of(bindings: object) -> Iterator[str]:
    for binding in Binding.make_bindings(bindings):  # type: ignore[arg-type]
        yield binding.key


THEMES = {"dark": DARK, "light": LIGHT, "dark-256": for_256_colours(DARK), "light-256": for_256_colours(LIGHT)}


@pytest.mark.parametrize("theme", THEMES.values(), ids=THEMES)
def test_text_stands_out_from_its_background(theme: object) -> None:
    variables = {**theme.to_color_system().generate(), **theme.variables}  # type: ignore[attr-defined]
    for role in ("foreground", "text-muted", "primary", "warning", "error", "success", "secondary"):
        for ground in ("background", "surface", "focus-row"):
            ratio = contrast(Color.parse(variables[role]), Color.parse(variables[ground]))
            assert ratio >= 4.5, (theme, role, ground, ratio)


def contrast(a: Color, b: Color) -> float:
    """WCAG 2.1 contrast ratio."""
    light, dark = sorted((luminance(a), luminance(b)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(color: Color) -> float:
    parts = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in color.normalized]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def test_open_app_takes_preferences_and_options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[AimicApp] = []
    monkeypatch.setattr("aimic_tui.commands.open_app._require_terminal", lambda: None)
    monkeypatch.setattr(AimicApp, "run", lambda self: seen.append(self))  # noqa: PLW0108 - it is to be a method
    for name in ("TEXTUAL_FPS", "TEXTUAL_ANIMATIONS", "TEXTUAL_SMOOTH_SCROLL", "ESCDELAY"):
        monkeypatch.setenv(name, "1")
    open_app(tmp_path, run=tmp_path / "runs" / "a", read_only=True, slow_link=True)
    (app,) = seen
    assert (app.read_only, app.slow_link, app.context.run) == (True, True, tmp_path / "runs" / "a")
    assert app._first_place == "run"


async def test_a_long_line_of_the_help_goes_on_below_its_beginning(app: AimicApp) -> None:
    def text(app: AimicApp) -> str:
        return str(app.screen.query_one("#text", Static).render())

    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("question_mark")
        await pilot.pause()
        sentence = "Draw less often, for slow connections; the choice is saved"
        lines = text(app).splitlines()
        begin = next(at for at, line in enumerate(lines) if "Slow link" in line)
        first, more = lines[begin], lines[begin + 1].strip()
        assert f"{first[first.index('Draw less') :]} {more}" == sentence
        assert lines[begin + 1].index(more) == first.index("Draw less")
        await pilot.resize_terminal(120, 40)
        await pilot.pause()
        assert sentence in text(app)


async def test_help_lists_every_key_of_an_action_once(app: AimicApp) -> None:
    async with app.run_test() as pilot:
        await pilot.pause()
        lines = [line for part in collect_help(app) for line in part.lines]
        ids = [line.id for line in lines]
        assert len(ids) == len(set(ids))
        assert all(ids)
        assert next(line for line in lines if line.id == "app.help").keys == "?  f1"
