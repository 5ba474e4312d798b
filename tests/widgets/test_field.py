"""Form fields made from the declarations of settings."""

from __future__ import annotations

import pytest
from textual.app import App, ComposeResult
from textual.widgets import Input

from aimic_tui.app.themes import OWN_THEMES
from aimic_tui.engine.experiment import settings
from aimic_tui.engine.setting_text import text_of
from aimic_tui.widgets.field import Choice, FormField

_BY_KEY = {setting.key: setting for setting in settings()}


class _App(App[None]):
    def __init__(self, *keys: str) -> None:
        super().__init__()
        for own in OWN_THEMES:
            self.register_theme(own)
        self.theme = "aimic-dark"
        self._keys = keys
        self.told: list[tuple[str, str]] = []

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return {"focus-row": "$primary 20%"}

    def compose(self) -> ComposeResult:
        for key in self._keys:
            yield FormField(_BY_KEY[key], text_of(_BY_KEY[key].default))

    def on_form_field_changed(self, event: FormField.Changed) -> None:
        self.told.append((event.field.setting.key, event.text))

    def on_form_field_pick_requested(self, event: FormField.PickRequested) -> None:
        self.told.append(("pick", event.field.setting.key))


async def test_typing_tells_the_value() -> None:
    app = _App("training.epochs")
    async with app.run_test() as pilot:
        field = app.query_one(FormField)
        field.focus()
        await pilot.press("end", "0")
        assert app.told[-1] == ("training.epochs", "300")
        assert field.text == "300"
        assert field.changed
        field.text = "30"
        await pilot.pause()
        assert not field.changed
        assert app.query_one(Input).value == "30"
        assert app.told[-1] == ("training.epochs", "300")  # what the program sets is not told back


async def test_a_choice_is_walked_through() -> None:
    app = _App("split.method")
    async with app.run_test(size=(80, 5)) as pilot:
        field = app.query_one(FormField)
        field.focus()
        await pilot.press("right")
        assert field.text == "hold-out"
        await pilot.press("h", "h")
        assert field.text == "predefined"
        assert "[predefined]" in str(app.query_one(Choice).render())


async def test_a_choice_of_many_words_shows_one() -> None:
    app = _App("training.optimizer")
    async with app.run_test(size=(60, 5)):
        assert "1 of 9" in str(app.query_one(Choice).render())


async def test_a_switch_says_yes_and_no() -> None:
    app = _App("training.shuffle")
    async with app.run_test(size=(60, 5)) as pilot:
        app.query_one(FormField).focus()
        assert "[yes]" in str(app.query_one(Choice).render())
        await pilot.press("space")
        assert app.told[-1] == ("training.shuffle", "false")


async def test_enter_on_names_asks_for_the_list() -> None:
    app = _App("model.networks")
    async with app.run_test() as pilot:
        app.query_one(FormField).focus()
        await pilot.press("enter")
        assert app.told == [("pick", "model.networks")]


async def test_a_problem_is_shown_below_and_goes_again() -> None:
    app = _App("training.epochs")
    async with app.run_test() as pilot:
        field = app.query_one(FormField)
        assert field.size.height == 1
        field.problem = "training.epochs = -3 must be a whole number [b]from 1[/b]."
        await pilot.pause()
        assert field.size.height == 2
        field.problem = ""
        await pilot.pause()
        assert field.size.height == 1


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (3e-4, "3e-4"),
        (0.15, "0.15"),
        (0.0, "0"),
        (1e-05, "1e-5"),
        (0.000123456789, "0.000123456789"),
        (True, "true"),
        (["a", "b"], "a, b"),
        (12, "12"),
    ],
)
def test_values_are_written_as_one_types_them(value: object, text: str) -> None:
    assert text_of(value) == text
    if isinstance(value, float):
        assert float(text) == value
