"""A table of any length: only the lines on the screen are drawn, straight from the columns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Input, Label

from aimic_tui.engine.text import printable
from aimic_tui.widgets import table_rows
from aimic_tui.widgets.table_column import Cell, Column, Role
from aimic_tui.widgets.table_rows import Rows, TableRows

__all__ = ["BigTable", "Cell", "Column", "Role"]


class BigTable(Vertical):
    """A table to browse, sort, search and filter, with up to millions of rows.

    A row's number is its index in the columns, in whatever order the rows are shown.
    """

    DEFAULT_CSS = """
    BigTable { height: 1fr; }
    BigTable > #prompt { display: none; height: 1; }
    BigTable > #note { display: none; height: 1; color: $text-muted; padding: 0 2; }
    BigTable.-asking > #prompt { display: block; }
    BigTable.-noted > #note { display: block; }
    BigTable.-asking > #note { display: none; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "search", "Search", id="table.search", tooltip="Find rows that contain a text"),
        Binding("o", "sort", "Sort", id="table.sort", tooltip="Sort by the marked column; again reverses it"),
        Binding("f", "filter", "Filter", id="table.filter", tooltip="Show only rows that contain a text"),
        Binding("n", "next_match", "Next match", show=False, id="table.next", tooltip="Go to the next match"),
        Binding(
            "N", "next_match(-1)", "Previous match", show=False, id="table.previous", tooltip="Go to the previous match"
        ),
        Binding("y", "copy", "Copy", show=False, id="table.copy", tooltip="Copy the row to the clipboard"),
    ]

    RowHighlighted: TypeAlias = table_rows.RowHighlighted
    RowSelected: TypeAlias = table_rows.RowSelected
    ViewChanged: TypeAlias = table_rows.ViewChanged

    def __init__(self, *, empty: str = "Nothing to show.", id: str | None = None, classes: str | None = None) -> None:
        """Make an empty table.

        Args:
            empty: shown while there is no row: what to do next.
            id: as of any widget.
            classes: as of any widget.
        """
        super().__init__(id=id, classes=classes)
        self.rows = TableRows(self, empty, self.action_sort)
        self._asking: Literal["search", "filter"] = "search"
        self._searched = ""

    def compose(self) -> ComposeResult:
        """Yield the rows, and below them the line for a note or for the text to find."""
        yield self.rows
        yield Label("", id="note", markup=False)
        yield Input(id="prompt")

    # -- what the owner calls

    def show(self, columns: Sequence[Column], count: int) -> None:
        """Show `count` rows of new columns, from the top, in their own order."""
        self.rows.show(columns, count)
        self._show_state()

    def update(self, columns: Sequence[Column], count: int) -> None:
        """Show the same table after rows were added to its end; filter, order and cursor stay."""
        self.rows.update_rows(columns, count)

    def set_filter(self, name: str, keep: Callable[[int, int], NDArray[np.bool_]] | None) -> None:
        """Show only the rows for which `keep(start, stop)` (row numbers) is true; None shows all."""
        self.rows.set_filter(name, keep)
        self._show_state()

    def sort_by(self, key: str | None, *, descending: bool = False) -> None:
        """Order the rows by a column; None puts them in their own order."""
        self.rows.sort_by(key, descending=descending)
        self._show_state()

    def go_to(self, row: int) -> None:
        """Put the cursor on a row, if it is shown."""
        self.rows.go_to(row)

    @property
    def row(self) -> int | None:
        """The row that the cursor is on."""
        return self.rows.row

    @property
    def shown(self) -> Rows:
        """The rows that are shown, in order."""
        return self.rows.view

    def focus(self, scroll_visible: bool = True) -> BigTable:
        """Give the rows the focus."""
        self.rows.focus(scroll_visible)
        return self

    # -- keys

    def action_search(self) -> None:
        """Ask for a text to find."""
        self._ask("search")

    def action_filter(self) -> None:
        """Ask for a text that rows must contain."""
        self._ask("filter")

    def action_sort(self) -> None:
        """Sort by the marked column, reverse the order, or return to the rows' own order."""
        self.rows.cycle_sort()
        self._show_state()

    def action_next_match(self, step: int = 1) -> None:
        """Go to the next (or previous) row that contains the text searched for."""
        if not self._searched:
            self._ask("search")
        elif not self.rows.find(self._searched, step):
            self._show_note(f"no row contains “{printable(self._searched)}”")

    def action_copy(self) -> None:
        """Copy the cursor's row, its cells separated by tabs."""
        if self.row is not None:
            self.app.copy_to_clipboard("\t".join(printable(column.plain(self.row)) for column in self.rows.columns))
            self._show_note("row copied (if this terminal allows it)")

    def _ask(self, what: Literal["search", "filter"]) -> None:
        self._asking = what
        prompt = self.query_one("#prompt", Input)
        prompt.placeholder = "find a text" if what == "search" else "only rows that contain ... (empty: all)"
        prompt.value = self._searched if what == "search" else ""
        self.add_class("-asking")
        prompt.focus()

    @on(Input.Submitted, "#prompt")
    def _answered(self, event: Input.Submitted) -> None:
        event.stop()
        text = event.value.strip()
        self._close_prompt()
        if self._asking == "search":
            self._searched = text
            if text:
                self.action_next_match()
        else:
            self.set_filter(f"with “{printable(text)}”", self.rows.rows_with(text) if text else None)

    def on_key(self, event: events.Key) -> None:
        """Close the prompt without a search or filter."""
        if event.key == "escape" and self.has_class("-asking"):
            event.stop()
            self._close_prompt()

    def on_descendant_blur(self, event: events.DescendantBlur) -> None:
        """Close a prompt that lost the focus."""
        if isinstance(event.widget, Input):
            self.remove_class("-asking")

    def _close_prompt(self) -> None:
        self.rows.focus()
        self.remove_class("-asking")

    def _show_state(self) -> None:
        rows = self.rows
        parts = []
        if rows.filter_name:
            parts.append(f"{len(rows.view):,} of {rows.count:,} rows: {rows.filter_name}")
        if rows.sorted_by is not None:
            parts.append(f"by {rows.sorted_by.label}, {'largest' if rows.descending else 'smallest'} first")
        self._show_note("  ·  ".join(parts))

    def _show_note(self, text: str) -> None:
        if self.is_mounted:
            self.query_one("#note", Label).update(text)
            self.set_class(bool(text), "-noted")
