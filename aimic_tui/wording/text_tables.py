"""Tables as lines of text: for what commands print, and for a screen that shows the same."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from rich.cells import cell_len


def aligned(rows: Iterable[Sequence[str]], indent: int = 0) -> Iterator[str]:
    """Lay out a table: its first column is aligned to the left, the others at their decimal points."""
    rows = list(rows)
    columns = [_Column.of([row[at] for row in rows]) for at in range(1, len(rows[0]))]
    first = max(cell_len(row[0]) for row in rows)
    for row in rows:
        cells = [column.padded(cell) for column, cell in zip(columns, row[1:], strict=True)]
        yield (" " * indent + "   ".join([row[0] + " " * (first - cell_len(row[0])), *cells])).rstrip()


def left_aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Lay out a table with every column aligned to the left."""
    widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [cell + " " * (width - cell_len(cell)) for cell, width in zip(row, widths, strict=True)]
        yield "  ".join(cells).rstrip()


@dataclass(frozen=True)
class _Column:
    """Widths of a column: before the decimal point of its figures, and in all."""

    before: int
    width: int

    @classmethod
    def of(cls, cells: Sequence[str]) -> _Column:
        before = max((_before_point(cell) for cell in cells[1:]), default=0)
        after = max((cell_len(cell) - _before_point(cell) for cell in cells[1:]), default=0)
        return cls(before, max(before + after, cell_len(cells[0])))

    def padded(self, cell: str) -> str:
        moved = " " * max(0, self.before - _before_point(cell)) + cell if _is_figure(cell) else cell
        return moved + " " * (self.width - cell_len(moved))


def _is_figure(cell: str) -> bool:
    return cell[:1].isdigit() or cell[:1] in ("-", "−")


def _before_point(cell: str) -> int:
    if not _is_figure(cell):
        return 0
    figure, _, _ = cell.partition(" ")
    return len(figure.partition(".")[0])
