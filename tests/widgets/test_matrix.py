"""The confusion matrix on the screen."""

from __future__ import annotations

import numpy as np
import pytest
from textual.app import App, ComposeResult
from textual.color import Color

from aimic_tui.app.themes import OWN_THEMES
from aimic_tui.widgets.matrix import ConfusionGrid, _contrast, short_names

_COUNTS = np.array([[338, 11, 12], [9, 1129, 6], [14, 3, 355]])
_CLASSES = ("platelet", "red_cell", "white_cell")


class _App(App[None]):
    def __init__(self, theme: str = "aimic-dark") -> None:
        super().__init__()
        for own in OWN_THEMES:
            self.register_theme(own)
        self.theme = theme
        self.told: list[tuple[str, int, int, int]] = []

    def compose(self) -> ComposeResult:
        yield ConfusionGrid()

    def on_confusion_grid_cell_highlighted(self, event: ConfusionGrid.CellHighlighted) -> None:
        self.told.append(("on", event.row, event.column, event.count))

    def on_confusion_grid_cell_selected(self, event: ConfusionGrid.CellSelected) -> None:
        self.told.append(("enter", event.row, event.column, event.count))


def _lines(app: App[None]) -> list[str]:
    grid = app.query_one(ConfusionGrid)
    return [grid.render_line(y).text for y in range(grid.size.height)]


async def test_counts_recall_and_precision_are_written() -> None:
    app = _App()
    async with app.run_test(size=(80, 20)) as pilot:
        app.query_one(ConfusionGrid).show(_COUNTS, _CLASSES)
        await pilot.pause()
        lines = _lines(app)
    assert lines[0].split() == ["true", "╲", "predicted", "platelet", "red_cell", "white_cell", "recall"]
    assert lines[2].split() == ["platelet", "338", "11", "12", "0.936"]
    assert lines[5].split() == ["precision", "0.936", "0.988", "0.952", "0.971"]


async def test_the_cursor_begins_at_the_largest_error_and_moves() -> None:
    app = _App()
    async with app.run_test(size=(80, 20)) as pilot:
        grid = app.query_one(ConfusionGrid)
        grid.focus()
        grid.show(_COUNTS, _CLASSES)
        await pilot.pause()
        assert app.told[-1] == ("on", 2, 0, 14)
        await pilot.press("k", "l")
        assert app.told[-1] == ("on", 1, 1, 1129)
        await pilot.press("up", "up", "up", "left", "left")
        assert grid.cursor == (0, 0)
        await pilot.press("n")
        assert grid.cursor == (2, 0)
        await pilot.press("n")
        assert grid.cursor == (0, 2)
        await pilot.press("enter")
        assert app.told[-1] == ("enter", 0, 2, 12)


async def test_new_counts_leave_the_cursor_where_it_is() -> None:
    app = _App()
    async with app.run_test(size=(80, 20)) as pilot:
        grid = app.query_one(ConfusionGrid)
        grid.show(_COUNTS, _CLASSES)
        grid.move_to(1, 1)
        grid.show(_COUNTS * 2, _CLASSES)
        await pilot.pause()
        assert grid.cursor == (1, 1)
        assert app.told[-1] == ("on", 1, 1, 2258)


async def test_twenty_classes_fit_and_stay_apart() -> None:
    names = [f"{cell}_{kind}" for cell in ("basophil", "eosinophil") for kind in "abcdefghij"]
    counts = np.eye(20, dtype=int) * 40
    counts[3, 17] = 5
    app = _App()
    async with app.run_test(size=(80, 30)) as pilot:
        grid = app.query_one(ConfusionGrid)
        grid.show(counts, names)
        await pilot.pause()
        lines = _lines(app)
        assert len({line[:18] for line in lines[2:22]}) == 20
        assert "5]" in lines[5]  # the cursor's cell was brought into sight, and the names did not leave it
        assert lines[5].startswith(" 4 ")
        assert lines[5].rstrip().endswith("0.889")


@pytest.mark.parametrize("theme", ["aimic-dark", "aimic-light"])
async def test_every_number_can_be_read_on_its_heat(theme: str) -> None:
    app = _App(theme)
    async with app.run_test(size=(80, 20)):
        grid = app.query_one(ConfusionGrid)
        for right in (True, False):
            for share in np.linspace(0, 1, 21):
                style = grid._heat(right, float(share))
                assert style.color is not None
                assert style.bgcolor is not None
                contrast = _contrast(Color.from_rich_color(style.color), Color.from_rich_color(style.bgcolor))
                assert contrast >= 4.5, (right, share, contrast)


async def test_without_colours_a_character_says_the_heat() -> None:
    app = _App("aimic-terminal")
    async with app.run_test(size=(80, 20)) as pilot:
        app.query_one(ConfusionGrid).show(_COUNTS, _CLASSES)
        await pilot.pause()
        assert "█" in _lines(app)[2]


async def test_a_class_without_images_has_no_recall() -> None:
    app = _App()
    async with app.run_test(size=(80, 20)) as pilot:
        app.query_one(ConfusionGrid).show(np.array([[3, 0], [0, 0]]), ("a", "b"))
        await pilot.pause()
        assert _lines(app)[3].split() == ["b", "·", "·", "–"]


def test_names_are_cut_such_that_they_differ() -> None:
    assert short_names(["cat", "dog"], 5) == ["cat", "dog"]
    assert len(set(short_names(["lymphocyte_large", "lymphocyte_small"], 8))) == 2
    assert short_names(["abcdefgh1", "abcdefgh2"], 3) == ["1", "2"]


def test_a_name_cannot_write_to_the_terminal() -> None:
    assert "\x1b" not in "".join(short_names(["\x1b[31mred", "b"], 20))
