"""A column of a table: its values and how they are written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from numpy.typing import NDArray
from rich.cells import cell_len, set_cell_size

Role = Literal["", "muted", "attention", "failed", "primary", "strong", "track"]
Cell = str | Sequence[tuple[str, Role]]  # plain text, or pieces of it each with its role in the theme


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Attributes:
        key: its name for the program.
        label: its name for people.
        values: a value a row: a list, an array; it may be longer than the table.
        show: how a value is written. What it returns is escaped before it is drawn.
        align: numbers to the right, so that their digits align.
        width: in cells; None takes a share of what the others leave.
        keep_end: where a text is too long, its end is shown: the part of a path that tells files apart.
        searched: whether search and filter look into it; None: where it is aligned to the left.
        descending: whether the first sort puts the largest first, as one wants it of counts.
        sort_by: a value a row to sort by, where that is not `values`.
        stays: whether it stays in sight while the table is scrolled sideways; columns that do come first.
    """

    key: str
    label: str
    values: Sequence[Any] | NDArray[Any]
    show: Callable[[Any], Cell] = str
    align: Literal["left", "right"] = "left"
    width: int | None = None
    keep_end: bool = False
    searched: bool | None = None
    descending: bool = False
    sort_by: Sequence[Any] | NDArray[Any] | None = None
    stays: bool = False

    def plain(self, row: int) -> str:
        """Return what is written in a row, without roles."""
        return _plain(self.show(self.values[row]))

    @property
    def is_searched(self) -> bool:
        """Whether search and filter look into it."""
        return self.align == "left" if self.searched is None else self.searched


def _plain(cell: Cell) -> str:
    return cell if isinstance(cell, str) else "".join(text for text, _ in cell)


def cut(text: str, width: int, *, keep_end: bool = False) -> str:
    """Return `text` in at most `width` cells, with `…` where something is left out: its beginning or its end."""
    if cell_len(text) <= width:
        return text
    if width <= 1:
        return "…"[:width]
    if not keep_end:
        return set_cell_size(text, width - 1).rstrip() + "…"
    start = len(text) - 1
    while start > 0 and cell_len(text[start - 1 :]) < width:
        start -= 1
    return "…" + text[start:]
