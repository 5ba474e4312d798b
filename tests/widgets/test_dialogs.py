"""Questions to the user: what their keys are called, and what they return."""

from __future__ import annotations

from pathlib import Path

from textual.app import App

from aimic_tui.widgets.dialogs import Confirm, PathPrompt
from aimic_tui.widgets.path_input import PathInput


class Dialogs(App[None]):
    def get_theme_variable_defaults(self) -> dict[str, str]:
        return {"rule": "#333333", "focus-row": "#203040"}


def labels(app: App[None]) -> dict[str, str]:
    """Return what the keys that work are called."""
    return {key: active.binding.description for key, active in app.screen.active_bindings.items()}


async def test_enter_is_called_by_what_it_does() -> None:
    app = Dialogs()
    async with app.run_test() as pilot:
        app.push_screen(PathPrompt("Save the experiment as", action="Save"))
        await pilot.pause()
        assert labels(app)["enter"] == "Save"
        app.push_screen(PathPrompt("Open a data set"))
        await pilot.pause()
        assert labels(app)["enter"] == "Open"  # the label of one prompt is not another's
        app.push_screen(Confirm("Stop the run?", yes="Stop it", no="Keep it running"))
        await pilot.pause()
        assert (labels(app)["y"], labels(app)["n"]) == ("Stop it", "Keep it running")


async def test_a_path_is_returned_only_once_nothing_is_wrong_with_it(tmp_path: Path) -> None:
    app = Dialogs()
    answers: list[str | None] = []
    prompt = PathPrompt("Open", check=lambda path: None if path.exists() else "There is \x1b[2Jnothing there.")
    async with app.run_test() as pilot:
        app.push_screen(prompt, answers.append)
        await pilot.pause()
        await pilot.press("enter")
        assert "Type a path" in str(prompt.query_one("#problem").render())
        field = prompt.query_one(PathInput)
        field.value = str(tmp_path / "nowhere")
        await pilot.pause()
        assert str(prompt.query_one("#problem").render()) == ""  # typing clears the problem
        await pilot.press("enter")
        shown = str(prompt.query_one("#problem").render())
        assert "nothing there." in shown and "\x1b" not in shown
        assert answers == []
        field.value = str(tmp_path)
        await pilot.press("enter")
        await pilot.pause()
    assert answers == [str(tmp_path)]


async def test_recent_paths_come_with_the_arrow_keys(tmp_path: Path) -> None:
    app = Dialogs()
    answers: list[str | None] = []
    prompt = PathPrompt("Open", known=["/a", "/b"])
    async with app.run_test() as pilot:
        app.push_screen(prompt, answers.append)
        await pilot.pause()
        seen = []
        for key in ("down", "down", "down", "up"):
            await pilot.press(key)
            seen.append(prompt.query_one(PathInput).value)
        await pilot.press("escape")
        await pilot.pause()
    assert (seen, answers) == (["/a", "/b", "/a", "/b"], [None])
