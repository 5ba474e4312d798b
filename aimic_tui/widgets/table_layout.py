"""Where the columns of a table stand, and how its header and its rows become lines."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import takewhile

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from aimic_tui.engine.text import printable
from aimic_tui.widgets.table_column import Column, cut

_GAP = 2  # cells between columns
_MARGIN = 2  # cells before the first column: room for the mark of the cursor's row
_NARROWEST = 10  # cells of a column that takes what is left

Styles = Callable[[str], Style]  # the style of a role, or of a part of the table, to be laid over another one


@dataclass(frozen=True)
class TableLayout:
    """The columns of a table and their widths.

    Attributes:
        columns: from left to right.
        widths: in cells, one a column.
        staying: cells at the left that stay where they are when the rest is scrolled; 0 where nothing stays.
    """

    columns: tuple[Column, ...] = ()
    widths: tuple[int, ...] = ()
    staying: int = 0

    @classmethod
    def of(cls, columns: Sequence[Column], room: int) -> TableLayout:
        """Share `room` cells out. Columns stay only where they leave the others at least half of it."""
        fixed = _MARGIN + sum(column.width or 0 for column in columns) + _GAP * (len(columns) - 1)
        open_columns = sum(column.width is None for column in columns)
        share, rest = divmod(max(room - fixed, 0), max(open_columns, 1))
        widths = []
        for column in columns:
            if column.width is not None:
                widths.append(column.width)
            else:
                widths.append(max(_NARROWEST, share + (1 if rest > 0 else 0)))
                rest -= 1
        count = len(list(takewhile(lambda column: column.stays, columns)))
        staying = _MARGIN + sum(widths[:count]) + _GAP * count if count else 0
        return cls(tuple(columns), tuple(widths), staying if 2 * staying <= room else 0)

    @property
    def width(self) -> int:
        """Cells of a whole line."""
        return _MARGIN + sum(self.widths) + _GAP * (len(self.widths) - 1) if self.widths else 0

    def column_at(self, x: int, scrolled: int) -> int | None:
        """Return the column that stands `x` cells from the left of the screen, with its gap."""
        position = x if x < self.staying else x + scrolled
        left = _MARGIN
        for index, width in enumerate(self.widths):
            if left <= position < left + width + _GAP:
                return index
            left += width + _GAP
        return None

    def scrolled_to(self, index: int, scrolled: int, room: int) -> int:
        """Return by how many cells to scroll so that a column is in sight, as little as need be."""
        left = _MARGIN + sum(self.widths[:index]) + _GAP * index
        if left < self.staying:
            return scrolled
        furthest = left - max(self.staying, _MARGIN)  # its left edge beside what stays
        nearest = min(furthest, left + self.widths[index] - room)
        return max(0, nearest, min(scrolled, furthest))

    def in_sight(self, line: Strip, scrolled: int, room: int, base: Style) -> Strip:
        """Return the `room` cells of a line that are seen."""
        segments = list(line)
        style = segments[-1].style if segments else base
        if not self.staying or not scrolled:
            return line.crop_extend(scrolled, scrolled + room, style)
        parts = [(0, self.staying), (self.staying + scrolled, room + scrolled)]
        return Strip.join([line.crop_extend(start, end, style) for start, end in parts])

    def header(
        self, styles: Styles, base: Style, *, marked: int | None, sorted_by: Column | None, descending: bool
    ) -> Strip:
        """Write the columns' names; `marked` is the one that keys act on."""
        muted = base + styles("header")
        segments = [Segment(" " * _MARGIN, muted)]
        for index, (column, width) in enumerate(zip(self.columns, self.widths, strict=True)):
            label = printable(column.label)
            if sorted_by is not None and column.key == sorted_by.key:
                label += " ▼" if descending else " ▲"
            text = cut(label, width)
            style = base + styles("header-marked") if index == marked else muted
            space = Segment(" " * (width - cell_len(text)), muted)
            segments += [space, Segment(text, style)] if column.align == "right" else [Segment(text, style), space]
            segments.append(Segment(" " * _GAP, muted))
        return Strip(segments[:-1])

    def line(self, row: int, styles: Styles, base: Style, *, at_cursor: bool) -> Strip:
        """Write a row."""
        if at_cursor:
            base += styles("cursor")
        segments = [Segment("▸ " if at_cursor else " " * _MARGIN, base)]
        for column, width in zip(self.columns, self.widths, strict=True):
            segments += _cell(column, row, width, styles, base)
            segments.append(Segment(" " * _GAP, base))
        return Strip(segments[:-1])

    def words(self, text: str, styles: Styles, base: Style) -> Strip:
        """Write the text shown where there is no row."""
        return Strip([Segment(" " * _MARGIN + printable(text), base + styles("muted"))])


def _cell(column: Column, row: int, width: int, styles: Styles, base: Style) -> list[Segment]:
    cell = column.show(column.values[row])
    if isinstance(cell, str):
        text = cut(printable(cell), width, keep_end=column.keep_end)
        space = " " * (width - cell_len(text))
        return [Segment(space + text if column.align == "right" else text + space, base)]
    segments = []
    left = width
    for piece, role in cell:
        text = cut(printable(piece), left)
        left -= cell_len(text)
        segments.append(Segment(text, base + styles(role) if role else base))
    filling = Segment(" " * left, base)
    return [filling, *segments] if column.align == "right" else [*segments, filling]
