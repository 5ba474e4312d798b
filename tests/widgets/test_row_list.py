"""The list of rows: movement, staying on a row, drawing only what is seen."""

from __future__ import annotations

from textual.app import App, ComposeResult
from textual.content import Content

from aimic_tui.app.themes import missing_colours
from aimic_tui.widgets.row_list import RowList


class Lists(App[None]):
    drawn = 0

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return missing_colours(self.current_theme)

    def compose(self) -> ComposeResult:
        yield RowList[str](self.draw, lambda row: row, id="first")
        yield RowList[str](self.draw, lambda row: row, id="second")

    def draw(self, row: str, width: int) -> Content:
        self.drawn += 1
        return Content(row)


async def test_vim_motions_and_ends() -> None:
    app = Lists()
    async with app.run_test(size=(40, 24)) as pilot:
        first = app.query_one("#first", RowList)
        first.show([f"row {index}" for index in range(100)])
        first.focus()
        await pilot.press("j", "j", "k")
        assert first.chosen == "row 1"
        await pilot.press("G")
        assert first.chosen == "row 99"
        await pilot.press("g")
        assert first.chosen == "row 0"
        await pilot.press("k")
        assert first.chosen == "row 0"


async def test_moving_past_the_end_goes_on_to_the_next_list() -> None:
    app = Lists()
    async with app.run_test(size=(40, 24)) as pilot:
        first, second = app.query_one("#first", RowList), app.query_one("#second", RowList)
        first.show(["a"])
        second.show(["b"])
        first.focus()
        await pilot.press("j")
        assert second.has_focus
        await pilot.press("k")
        assert first.has_focus


async def test_only_what_is_seen_is_drawn() -> None:
    app = Lists()
    async with app.run_test(size=(40, 24)) as pilot:
        first = app.query_one("#first", RowList)
        first.styles.height = 10
        app.drawn = 0
        first.show([f"row {index}" for index in range(10_000)])
        await pilot.pause()
        assert app.drawn < 100


async def test_the_cursor_follows_its_row() -> None:
    app = Lists()
    async with app.run_test(size=(40, 24)) as pilot:
        first = app.query_one("#first", RowList)
        first.show(["a", "b", "c"])
        first.cursor = 1
        first.show(["new", "a", "b", "c"])
        await pilot.pause()
        assert first.chosen == "b"
        first.show(["a"])
        assert first.chosen == "a"
        first.show([])
        assert first.chosen is None
        await pilot.press("j", "G", "g")
