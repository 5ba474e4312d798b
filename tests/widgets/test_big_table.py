"""A table of any length: what is drawn, how it is moved through, ordered, searched and filtered."""

from __future__ import annotations

import numpy as np
import pytest
from textual.app import App, ComposeResult

from aimic_tui.widgets.big_table import BigTable, Column
from aimic_tui.widgets.table_column import cut

NAMES = ["pear", "Apple", "fig", "cherry", "\x1b[31mred\u202e", "[bold]date"]
SHARES = np.array([0.5, 0.9, np.nan, 0.7, 0.1, 0.3])


def columns(names: list[str] = NAMES, shares: np.ndarray = SHARES) -> list[Column]:
    return [
        Column("name", "name", names),
        Column("share", "share", shares, lambda share: f"{share:.3f}", "right", 8, descending=True),
    ]


class TableApp(App[None]):
    def __init__(self, given: list[Column], count: int) -> None:
        super().__init__()
        self.given, self.count = given, count
        self.highlighted: list[int | None] = []
        self.selected: list[int] = []

    def compose(self) -> ComposeResult:
        yield BigTable(empty="No fruit yet.")

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return {"track": "#333333", "focus-row": "#203040"}

    def on_mount(self) -> None:
        self.table.show(self.given, self.count)
        self.table.focus()

    @property
    def table(self) -> BigTable:
        return self.query_one(BigTable)

    def lines(self) -> list[str]:
        rows = self.table.rows
        return [rows.render_line(y).text.rstrip() for y in range(rows.size.height)]

    def on_row_highlighted(self, message: BigTable.RowHighlighted) -> None:
        self.highlighted.append(message.row)

    def on_row_selected(self, message: BigTable.RowSelected) -> None:
        self.selected.append(message.row)


@pytest.fixture
def app() -> TableApp:
    return TableApp(columns(), len(NAMES))


async def test_shows_a_header_and_aligned_rows_and_the_cursors_row(app: TableApp) -> None:
    async with app.run_test(size=(40, 12)):
        lines = app.lines()
        assert lines[0].split() == ["name", "share"]
        assert lines[1].startswith("▸ pear") and lines[1].endswith("0.500")
        assert len({len(line) for line in lines[:7]}) == 1  # right edges align
        assert app.highlighted == [0]


async def test_what_comes_from_files_is_escaped_and_never_read_as_markup(app: TableApp) -> None:
    async with app.run_test(size=(60, 12)):
        text = "\n".join(app.lines())
        assert r"\x1b[31mred\u202e" in text and "[bold]date" in text
        assert "\x1b" not in text and "\u202e" not in text


async def test_moves_by_row_page_and_to_the_ends(app: TableApp) -> None:
    async with app.run_test(size=(40, 5)) as pilot:
        await pilot.press("j", "down", "k")
        assert app.table.row == 1
        await pilot.press("G")
        assert app.table.row == 5
        assert any("date" in line for line in app.lines())
        await pilot.press("g")
        assert app.table.row == 0
        await pilot.press("pagedown")
        assert app.table.row == 3
        await pilot.press("enter")
        assert app.selected == [3]


async def test_sorts_by_the_marked_column_turns_round_and_goes_back(app: TableApp) -> None:
    async with app.run_test(size=(40, 12)) as pilot:
        await pilot.press("l", "o")
        assert app.table.shown.tolist() == [1, 3, 0, 5, 4, 2]  # largest first, what is no figure last
        assert "share ▼" in app.lines()[0]
        assert app.table.row == 1  # one sorts to see what comes first
        await pilot.press("o")
        assert app.table.shown.tolist() == [4, 5, 0, 3, 1, 2]
        await pilot.press("o")
        assert app.table.shown.tolist() == [0, 1, 2, 3, 4, 5]
        await pilot.press("h", "o")
        assert [NAMES[row] for row in app.table.shown[2:5]] == ["Apple", "cherry", "fig"]


async def test_finds_a_text_again_and_again_around_the_end(app: TableApp) -> None:
    async with app.run_test(size=(40, 12)) as pilot:
        await pilot.press("slash", *"RE", "enter")  # "\u202e" is drawn as letters, "re" is in `red`
        assert app.table.row == 4
        await pilot.press("n")
        assert app.table.row == 4
        await pilot.press("slash")
        await pilot.press("ctrl+u", *"app", "enter", "n", "N")
        assert app.table.row == 1
        await pilot.press("slash", "ctrl+u", *"melon", "enter")
        assert app.table.row == 1
        assert "no row contains" in str(app.table.query_one("#note").render())
        await pilot.press("slash", "escape")
        assert app.focused is app.table.rows


async def test_filters_by_text_or_by_rule_and_says_so(app: TableApp) -> None:
    async with app.run_test(size=(60, 12)) as pilot:
        await pilot.press("j", "j", "f", *"e", "enter")
        assert app.table.shown.tolist() == [0, 1, 3, 4, 5]
        assert "5 of 6 rows" in str(app.table.query_one("#note").render())
        app.table.set_filter("sure", lambda start, stop: SHARES[start:stop] > 0.6)
        await pilot.pause()
        assert app.table.shown.tolist() == [1, 3]
        await pilot.press("f", "enter")
        assert len(app.table.shown) == 6


async def test_rows_added_at_the_end_keep_filter_order_and_cursor(app: TableApp) -> None:
    async with app.run_test(size=(60, 12)) as pilot:
        app.table.sort_by("share", descending=True)
        app.table.set_filter(
            "sure", lambda start, stop: more[start:stop] > 0.4 if stop > 6 else SHARES[start:stop] > 0.4
        )
        await pilot.press("j")
        assert app.table.row == 3
        more = np.append(SHARES, [0.8, 0.2])
        app.table.update(columns([*NAMES, "kiwi", "lime"], more), 8)
        await pilot.pause()
        assert app.table.shown.tolist() == [1, 6, 3, 0]
        assert app.table.row == 3


async def test_an_empty_table_says_what_to_do() -> None:
    app = TableApp(columns([], np.zeros(0)), 0)
    async with app.run_test(size=(40, 12)) as pilot:
        await pilot.press("j", "G", "o", "enter", "n", "escape", "y")
        assert any("No fruit yet." in line for line in app.lines())
        assert app.table.row is None


async def test_a_table_can_be_emptied_and_shown_anew_with_other_columns(app: TableApp) -> None:
    async with app.run_test(size=(40, 12)) as pilot:
        app.table.show([], 0)
        await pilot.press("j", "l", "o")
        assert any("No fruit yet." in line for line in app.lines())
        app.table.show(columns()[:1], 3)
        await pilot.pause()
        assert app.lines()[0].split() == ["name"]


async def test_a_table_wider_than_the_screen_scrolls_to_the_marked_column() -> None:
    wide = [Column(f"c{index}", f"column {index}", ["x"], width=12) for index in range(10)]
    app = TableApp(wide, 1)
    async with app.run_test(size=(40, 12)) as pilot:
        await pilot.press(*["l"] * 9)
        await pilot.pause()
        assert "column 9" in app.lines()[0]


async def test_a_column_that_stays_is_in_sight_wherever_the_others_are() -> None:
    wide = [
        Column("name", "name", ["platelet"], width=10, stays=True),
        *(Column(f"c{index}", f"column {index}", [f"x{index}"], width=12) for index in range(10)),
    ]
    app = TableApp(wide, 1)
    async with app.run_test(size=(50, 12)) as pilot:
        await pilot.press(*["l"] * 9)
        await pilot.pause()
        assert app.lines()[0].split()[0] == "name"
        assert app.lines()[1].split()[:2] == ["▸", "platelet"]
        assert "column 8" in app.lines()[0]
        assert "column 0" not in app.lines()[0]
        left = app.lines()[0].index("column 8")
        await pilot.click(BigTable, offset=(left, 0))  # what is seen there is sorted by
        assert app.table.rows.sorted_by is wide[9]
        await pilot.press(*["h"] * 9)
        await pilot.pause()
        assert "column 0" in app.lines()[0]


async def test_where_it_is_too_narrow_nothing_stays() -> None:
    wide = [
        Column("name", "name", ["platelet"], width=30, stays=True),
        Column("last", "last", ["x"], width=12),
    ]
    app = TableApp(wide, 1)
    async with app.run_test(size=(40, 12)) as pilot:
        await pilot.press("l")
        await pilot.pause()
        assert "last" in app.lines()[0]


async def test_of_a_million_rows_only_those_in_sight_are_written() -> None:
    count = 1_000_000
    written: list[int] = []

    def write(row: int) -> str:
        written.append(row)
        return str(row)

    given = [Column("row", "row", np.arange(count), write, "right", 9)]
    app = TableApp(given, 0)
    async with app.run_test(size=(120, 40)) as pilot:
        app.table.show(given, count)
        await pilot.pause()
        app.table.rows.action_move_to(-1)
        assert "999999" in app.lines()[-1]
    assert len(set(written)) < 200


def test_texts_are_cut_where_they_tell_least() -> None:
    assert cut("slides/s41/c0001.tif", 12, keep_end=True) == "…1/c0001.tif"
    assert cut("slides/s41/c0001.tif", 12) == "slides/s41/…"
    assert cut("漢字漢字", 5) == "漢字…"
    assert cut("short", 12) == "short"
