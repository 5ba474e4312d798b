"""The rows of a table: which are shown, in which order, and where the cursor is."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.reactive import var
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widget import Widget

from aimic_tui.widgets.table_column import Column
from aimic_tui.widgets.table_layout import TableLayout

Rows = NDArray[np.int64]


class RowHighlighted(Message):
    """The cursor is on another row (None: there is none)."""

    def __init__(self, table: Widget, row: int | None) -> None:
        super().__init__()
        self.table = table
        self.row = row

    @property
    def control(self) -> Widget:
        """The table, for `@on`."""
        return self.table


class RowSelected(Message):
    """Enter, or a click on the cursor's row."""

    def __init__(self, table: Widget, row: int) -> None:
        super().__init__()
        self.table = table
        self.row = row

    @property
    def control(self) -> Widget:
        """The table, for `@on`."""
        return self.table


class ViewChanged(Message):
    """Another filter or order: other rows are shown."""

    def __init__(self, table: Widget) -> None:
        super().__init__()
        self.table = table

    @property
    def control(self) -> Widget:
        """The table, for `@on`."""
        return self.table


class TableRows(ScrollView, can_focus=True):
    """The header and the rows of a table.

    Args:
        table: the widget that they are part of; messages come from it.
        empty: shown while there is no row.
        sort: called when a header is clicked: the table sorts by the marked column.
    """

    DEFAULT_CSS = """
    TableRows { height: 1fr; background: $background; color: $foreground; scrollbar-size-vertical: 1; }
    TableRows > .table--header { color: $text-muted; }
    TableRows > .table--header-marked { color: $foreground; text-style: underline; }
    TableRows > .table--cursor { background: $panel; }
    TableRows:focus > .table--cursor { background: $focus-row; text-style: bold; }
    TableRows > .table--muted { color: $text-muted; }
    TableRows > .table--attention { color: $warning; }
    TableRows > .table--failed { color: $error; }
    TableRows > .table--primary { color: $primary; }
    TableRows > .table--track { color: $track; }
    TableRows > .table--strong { text-style: bold; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "table--header",
        "table--header-marked",
        "table--cursor",
        "table--muted",
        "table--attention",
        "table--failed",
        "table--primary",
        "table--track",
        "table--strong",
    }

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "move(1)", "Down", show=False, id="table.down", tooltip="The row below"),
        Binding("up,k", "move(-1)", "Up", show=False, id="table.up", tooltip="The row above"),
        Binding("pagedown,ctrl+d", "page(1)", "Page down", show=False, id="table.page-down", tooltip="A page down"),
        Binding("pageup,ctrl+u", "page(-1)", "Page up", show=False, id="table.page-up", tooltip="A page up"),
        Binding("g,home", "move_to(0)", "First", show=False, id="table.first", tooltip="The first row"),
        Binding("G,end", "move_to(-1)", "Last", show=False, id="table.last", tooltip="The last row"),
        Binding("right,l", "mark(1)", "Column right", show=False, id="table.right", tooltip="Mark the column right"),
        Binding("left,h", "mark(-1)", "Column left", show=False, id="table.left", tooltip="Mark the column left"),
        Binding("enter", "select", "Open", show=False, id="table.select", tooltip="Open the row"),
    ]

    cursor: var[int] = var(0)

    def __init__(self, table: Widget, empty: str, sort: Callable[[], None]) -> None:
        super().__init__()
        self.table = table
        self.empty = empty
        self._sort = sort
        self.columns: tuple[Column, ...] = ()
        self.count = 0
        self.view: Rows = np.zeros(0, np.int64)
        self.filter_name = ""
        self.sorted_by: Column | None = None
        self.descending = False
        self._keep: Callable[[int, int], NDArray[np.bool_]] | None = None
        self._marked = 0
        self._layout = TableLayout()
        self._reported: int | None = None
        self._sort_seconds = 0.0
        self._sorted_at = 0.0

    # -- rows and their order

    def show(self, columns: Sequence[Column], count: int) -> None:
        """Show other columns, from the top."""
        self.columns, self.count = tuple(columns), count
        self.filter_name, self._keep, self.sorted_by, self.descending, self._marked = "", None, None, False, 0
        self.view = np.arange(count, dtype=np.int64)
        self.cursor = 0
        self._reported = None
        self.scroll_to(0, 0, animate=False, immediate=True)
        self._changed()

    def update_rows(self, columns: Sequence[Column], count: int) -> None:
        """Add the rows from the present count up to `count`; the cursor stays on its row."""
        row, before = self.row, self.count
        line = self.cursor - self.scroll_offset.y
        self.columns, self.count = tuple(columns), count
        if self.sorted_by is not None:
            self.sorted_by = next((column for column in columns if column.key == self.sorted_by.key), None)
        added = np.arange(before, count, dtype=np.int64)
        if self._keep is not None and len(added):
            added = added[self._keep(before, count)]
        self.view = np.concatenate([self.view, added])
        # Ordering a large table anew at every tick would cost more than the table is worth.
        if self.sorted_by is not None and time.monotonic() - self._sorted_at > 20 * self._sort_seconds:
            self.view = self._ordered(self.view)
        cursor = self.cursor
        self._changed(stay_on=row)
        if self.cursor != cursor:  # rows came in above it: its line on the screen stays
            self.scroll_to(y=self.cursor - line, animate=False, immediate=True)

    def set_filter(self, name: str, keep: Callable[[int, int], NDArray[np.bool_]] | None) -> None:
        """Show only rows for which `keep(start, stop)` is true."""
        row = self.row
        self.filter_name, self._keep = name if keep is not None else "", keep
        self._rebuild(row)

    def sort_by(self, key: str | None, *, descending: bool) -> None:
        """Order the rows by a column, or as they are, and go to the first."""
        self.sorted_by = next((column for column in self.columns if column.key == key), None)
        self.descending = descending
        if self.sorted_by is not None:
            self._marked = self.columns.index(self.sorted_by)
        self._rebuild(None)
        self.cursor = 0
        self.scroll_to(y=0, animate=False, immediate=True)

    def cycle_sort(self) -> None:
        """Sort by the marked column, then reversed, then in the rows' own order."""
        if not self.columns:
            return
        column = self.columns[self._marked]
        if self.sorted_by is None or self.sorted_by.key != column.key:
            self.sort_by(column.key, descending=column.descending)
        elif self.descending == column.descending:
            self.sort_by(column.key, descending=not column.descending)
        else:
            self.sort_by(None, descending=False)

    def rows_with(self, text: str) -> Callable[[int, int], NDArray[np.bool_]]:
        """Return a filter for rows that contain `text`, for `set_filter`."""

        def keep(start: int, stop: int) -> NDArray[np.bool_]:
            return np.fromiter((self._contains(row, text.casefold()) for row in range(start, stop)), bool, stop - start)

        return keep

    def find(self, text: str, step: int) -> bool:
        """Go to the next row that contains `text`, wrapping round; return whether there is one."""
        sought = text.casefold()
        for distance in range(1, len(self.view) + 1):
            position = (self.cursor + step * distance) % len(self.view)
            if self._contains(int(self.view[position]), sought):
                self.cursor = position
                return True
        return False

    def _contains(self, row: int, sought: str) -> bool:
        return any(sought in column.plain(row).casefold() for column in self.columns if column.is_searched)

    def _rebuild(self, row: int | None) -> None:
        view = np.arange(self.count, dtype=np.int64)
        if self._keep is not None:
            view = view[self._keep(0, self.count)]
        self.view = view if self.sorted_by is None else self._ordered(view)
        self._changed(stay_on=row)
        self.table.post_message(ViewChanged(self.table))

    def _ordered(self, view: Rows) -> Rows:
        assert self.sorted_by is not None
        began = time.monotonic()
        values = self.sorted_by.values if self.sorted_by.sort_by is None else self.sorted_by.sort_by
        if isinstance(values, np.ndarray) and values.dtype.kind in "iufb":
            taken = values[view].astype(np.float64)
            order = np.argsort(-taken if self.descending else taken, kind="stable")  # no figure: last either way
        else:
            keys = [str(values[row]).casefold() for row in view.tolist()]
            order = np.array(sorted(range(len(keys)), key=keys.__getitem__, reverse=self.descending), np.int64)
        self._sorted_at = time.monotonic()
        self._sort_seconds = self._sorted_at - began
        return view[order]

    def _changed(self, stay_on: int | None = None) -> None:
        if stay_on is not None:
            found = np.flatnonzero(self.view == stay_on)
            if len(found):
                self.set_reactive(TableRows.cursor, int(found[0]))
        self.set_reactive(TableRows.cursor, max(0, min(self.cursor, len(self.view) - 1)))
        self._lay_out()
        if stay_on is not None:
            self._reveal()
        self._report()
        self.refresh()

    # -- the cursor

    @property
    def row(self) -> int | None:
        """The row that the cursor is on."""
        return int(self.view[self.cursor]) if 0 <= self.cursor < len(self.view) else None

    def go_to(self, row: int) -> None:
        """Put the cursor on a row, if it is shown."""
        found = np.flatnonzero(self.view == row)
        if len(found):
            self.cursor = int(found[0])

    def validate_cursor(self, cursor: int) -> int:
        """Keep the cursor on a row."""
        return max(0, min(cursor, len(self.view) - 1))

    def watch_cursor(self) -> None:
        """Keep the cursor's row in sight."""
        self._reveal()
        self._report()
        self.refresh()

    def _report(self) -> None:
        if self.row != self._reported:
            self._reported = self.row
            self.table.post_message(RowHighlighted(self.table, self.row))

    def _reveal(self) -> None:
        lines = max(1, self.scrollable_content_region.height - 1)
        top = self.scroll_offset.y
        if self.cursor < top:
            self.scroll_to(y=self.cursor, animate=False, immediate=True)
        elif self.cursor >= top + lines:
            self.scroll_to(y=self.cursor - lines + 1, animate=False, immediate=True)

    def action_move(self, step: int) -> None:
        """Move by rows."""
        self.cursor += step

    def action_page(self, step: int) -> None:
        """Move by pages."""
        self.cursor += step * max(1, self.scrollable_content_region.height - 2)

    def action_move_to(self, position: int) -> None:
        """Move to the first row or (-1) the last."""
        self.cursor = position if position >= 0 else len(self.view) - 1

    def action_mark(self, step: int) -> None:
        """Mark another column, the one that `o` sorts by."""
        if self.columns:
            self._marked = max(0, min(self._marked + step, len(self.columns) - 1))
            scrolled = self._layout.scrolled_to(
                self._marked, self.scroll_offset.x, self.scrollable_content_region.width
            )
            self.scroll_to(x=scrolled, animate=False, immediate=True)
            self.refresh()

    def action_select(self) -> None:
        """Open the cursor's row."""
        if self.row is not None:
            self.table.post_message(RowSelected(self.table, self.row))

    def on_click(self, event: events.Click) -> None:
        """Sort by a clicked header; go to a clicked row, or open it if it has the cursor already."""
        offset = event.get_content_offset(self)
        if offset is None:
            return
        if offset.y == 0:
            column = self._layout.column_at(offset.x, self.scroll_offset.x)
            if column is not None:
                self._marked = column
                self._sort()
            return
        position = self.scroll_offset.y + offset.y - 1
        if position == self.cursor:
            self.action_select()
        elif position < len(self.view):
            self.cursor = position

    # -- drawing

    def on_resize(self) -> None:
        """Fit the columns to the new width."""
        self._lay_out()
        self._reveal()

    def notify_style_update(self) -> None:
        """Draw in the new theme."""
        super().notify_style_update()
        self.refresh()

    def _lay_out(self) -> None:
        room = max(self.size.width - 1, 0)  # the scrollbar's column
        self._layout = TableLayout.of(self.columns, room)
        self.virtual_size = Size(self._layout.width, len(self.view) + 1) if self.columns else Size(0, 0)

    def _style(self, role: str) -> Style:
        return self.get_component_rich_style(f"table--{role}", partial=True)

    def render_line(self, y: int) -> Strip:
        """Draw the header (line 0) or the row that is scrolled to line `y`."""
        base, layout = self.rich_style, self._layout
        width = self.scrollable_content_region.width
        position = self.scroll_offset.y + y - 1
        if y == 0:
            marked = self._marked if self.has_focus else None
            line = layout.header(self._style, base, marked=marked, sorted_by=self.sorted_by, descending=self.descending)
        elif position < len(self.view):
            row = int(self.view[position])
            line = layout.line(row, self._style, base, at_cursor=position == self.cursor)
        elif not len(self.view) and y == 2:
            return layout.words(self.empty, self._style, base).adjust_cell_length(width, base)
        else:
            return Strip.blank(width, base)
        return layout.in_sight(line, self.scroll_offset.x, width, base)
