"""Completing paths."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.app import App, ComposeResult

from aimic_tui.widgets.path_input import Completion, PathInput, complete_path


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in ("images", "images-old", "other", ".hidden"):
        (tmp_path / name).mkdir()
    for name in ("table.csv", "picture.png"):
        (tmp_path / name).write_text("")
    return tmp_path


def test_the_common_beginning_is_completed(tree: Path) -> None:
    assert complete_path(f"{tree}/im") == Completion(f"{tree}/images", ("images-old/", "images/"))


def test_a_folder_that_is_alone_is_completed_with_its_slash(tree: Path) -> None:
    assert complete_path(f"{tree}/oth") == Completion(f"{tree}/other/", ("other/",))


def test_files_are_offered_by_their_ending_only(tree: Path) -> None:
    assert complete_path(f"{tree}/", suffixes=(".csv",)).names == ("images-old/", "images/", "other/", "table.csv")
    assert complete_path(f"{tree}/").names == ("images-old/", "images/", "other/")


def test_hidden_names_are_offered_when_asked_for(tree: Path) -> None:
    assert complete_path(f"{tree}/.h").text == f"{tree}/.hidden/"


def test_the_home_folder_stays_as_typed(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tree))
    assert complete_path("~/oth").text == "~/other/"


def test_what_is_not_there_is_left_alone(tree: Path) -> None:
    assert complete_path(f"{tree}/nothing/here") == Completion(f"{tree}/nothing/here", ())


class Form(App[None]):
    offered: tuple[str, ...] = ()

    def compose(self) -> ComposeResult:
        yield PathInput(id="first")
        yield PathInput(id="second")

    def on_path_input_offered(self, event: PathInput.Offered) -> None:
        self.offered = event.names


async def test_tab_completes_then_offers_then_goes_on(tree: Path) -> None:
    app = Form()
    async with app.run_test() as pilot:
        field = app.query_one("#first", PathInput)
        field.value = f"{tree}/im"
        await pilot.press("tab")
        await pilot.pause(0.2)
        assert field.value == f"{tree}/images"
        assert app.offered == ("images-old/", "images/")
        assert field.has_focus
        field.value = f"{tree}/images/"
        await pilot.press("tab")
        await pilot.pause(0.2)
        assert app.query_one("#second").has_focus
