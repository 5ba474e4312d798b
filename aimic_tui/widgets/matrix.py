"""A confusion matrix as a heat map that can be walked over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.color import Color
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from aimic_tui.engine.text import printable

_CORNER = "true ╲ predicted"
_HEADER = 20  # columns for the names of the rows, at most
_WIDEST = 11  # a column of the matrix, the space around its number included
_SHADES = " ░▒▓█"  # how much of its row a cell holds, where colours can't say it
_MARGIN = 9  # "   recall" on the right


def short_names(names: Sequence[str], width: int) -> list[str]:
    """Return the names cut to `width` characters such that they still differ; numbers from 1 where they would not.

    A beginning that all names share is left out.
    """
    names = [printable(name) for name in names]
    if all(len(name) <= width for name in names):
        return names
    shared = 0
    if len(names) > 1:
        shared = next((i for i, letters in enumerate(zip(*names, strict=False)) if len(set(letters)) > 1), 0)
        while shared and names[0][shared - 1].isalnum():  # cut between words only
            shared -= 1
    cut = [_cut(name[shared:], width) for name in names]
    if len(set(cut)) == len(cut) and width >= 4:
        return cut
    return [str(number) for number in range(1, len(names) + 1)]


def _cut(name: str, width: int) -> str:
    """Return `name` in `width` characters, its beginning and its end kept."""
    if len(name) <= width:
        return name
    tail = (width - 1) // 3
    return name[: width - 1 - tail] + "…" + name[len(name) - tail :]


@dataclass(frozen=True)
class _Layout:
    """Where everything stands: columns of the row header, of a cell; the names over the columns."""

    header: int
    cell: int
    names: tuple[str, ...]
    rows: tuple[str, ...]


class ConfusionGrid(ScrollView, can_focus=True):
    """Counts of images by true class (rows) and predicted class (columns), with recall and precision.

    A cell's heat is its share of its row: right ones in the accent, wrong ones in the colour that wants attention,
    so that a class that is mostly mistaken for another stands out even where it is rare.
    """

    DEFAULT_CSS = """
    ConfusionGrid { height: auto; width: 1fr; background: $background; }
    ConfusionGrid .matrix--right { color: $primary; background: $background; }
    ConfusionGrid .matrix--wrong { color: $warning; background: $background; }
    ConfusionGrid .matrix--header { color: $text-muted; background: $background; }
    ConfusionGrid .matrix--lit { color: $foreground; background: $background; text-style: bold; }
    ConfusionGrid .matrix--zero { color: $text-disabled; background: $background; }
    ConfusionGrid .matrix--text { color: $foreground; background: $background; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "matrix--right",
        "matrix--wrong",
        "matrix--header",
        "matrix--lit",
        "matrix--zero",
        "matrix--text",
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1, 0)", "Up", show=False, id="matrix.up", tooltip="To the true class above"),
        Binding("down,j", "move(1, 0)", "Down", show=False, id="matrix.down", tooltip="To the true class below"),
        Binding(
            "left,h", "move(0, -1)", "Left", show=False, id="matrix.left", tooltip="To the predicted class on the left"
        ),
        Binding(
            "right,l",
            "move(0, 1)",
            "Right",
            show=False,
            id="matrix.right",
            tooltip="To the predicted class on the right",
        ),
        Binding("n", "next_error(1)", "Next error", show=False, id="matrix.next", tooltip="To the next larger error"),
        Binding("N", "next_error(-1)", "Previous", show=False, id="matrix.previous", tooltip="To the previous error"),
        Binding(
            "percent_sign",
            "shares",
            "Per cent",
            show=False,
            id="matrix.shares",
            tooltip="Counts, or per cent of each true class",
        ),
        Binding(
            "enter", "select", "Images", id="matrix.select", tooltip="The images behind this cell, surest errors first"
        ),
    ]

    @dataclass
    class CellHighlighted(Message):
        """The cursor is on another cell."""

        grid: ConfusionGrid
        row: int
        column: int
        count: int

        @property
        def control(self) -> ConfusionGrid:
            """The grid, for `@on`."""
            return self.grid

    @dataclass
    class CellSelected(Message):
        """The user asked for the images behind a cell."""

        grid: ConfusionGrid
        row: int
        column: int
        count: int

        @property
        def control(self) -> ConfusionGrid:
            """The grid, for `@on`."""
            return self.grid

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._counts: NDArray[np.int64] = np.zeros((0, 0), np.int64)
        self._names: tuple[str, ...] = ()
        self._row = self._column = 0
        self._as_shares = False
        self._layout_made: _Layout | None = None

    @property
    def cursor(self) -> tuple[int, int]:
        """The cell in focus: code of the true class, code of the predicted class."""
        return self._row, self._column

    def show(self, counts: NDArray[np.integer], classes: Sequence[str]) -> None:
        """Show a matrix.

        Args:
            counts: int [classes, classes], row: true class, column: predicted class.
            classes: their names.
        """
        first = not self._names
        self._counts, self._names = np.asarray(counts, np.int64), tuple(classes)
        if first or max(self._row, self._column) >= len(classes):
            # The largest error is what a person asks about first.
            errors = self._errors()
            self._row, self._column = errors[0] if errors else (0, 0)
        self._relayout()
        self._report()

    def move_to(self, row: int, column: int) -> None:
        """Put the cursor on a cell."""
        last = len(self._names) - 1
        row, column = min(max(row, 0), last), min(max(column, 0), last)
        if last < 0 or (row, column) == self.cursor:
            return
        self._row, self._column = row, column
        self._reveal()
        self.refresh()
        self._report()

    def _reveal(self) -> None:
        layout = self._layout()
        # What the fixed columns cover is not seen: the region is as much wider.
        wide = layout.cell + layout.header + _MARGIN
        self.scroll_to_region(Region(self._column * layout.cell, self._row, wide, 4), animate=False)

    def action_move(self, down: int, right: int) -> None:
        """Move the cursor by some cells."""
        self.move_to(self._row + down, self._column + right)

    def action_next_error(self, step: int) -> None:
        """Go to the next cell off the diagonal, by the number of its images."""
        errors = self._errors()
        if errors:
            at = errors.index(self.cursor) + step if self.cursor in errors else 0
            self.move_to(*errors[at % len(errors)])

    def action_shares(self) -> None:
        """Write counts, or percentages of each row: of the images of that true class."""
        self._as_shares = not self._as_shares
        self._relayout()

    def action_select(self) -> None:
        """Ask for the images behind the cell."""
        if self._names:
            count = int(self._counts[self._row, self._column])
            self.post_message(self.CellSelected(self, self._row, self._column, count))

    def on_click(self, event: events.Click) -> None:
        """Put the cursor where it was clicked; a click on the cursor asks for the images."""
        layout = self._layout()
        row = event.y + self.scroll_offset.y - 2
        column = (event.x - layout.header + self.scroll_offset.x) // layout.cell
        among_cells = layout.header <= event.x < self.size.width - _MARGIN
        if among_cells and 0 <= row < len(self._names) and 0 <= column < len(self._names):
            if (row, column) == self.cursor:
                self.action_select()
            self.move_to(row, column)

    def on_resize(self) -> None:
        """Fit the columns to the new width."""
        self._relayout()

    def notify_style_update(self) -> None:
        """Draw in the new theme's colours."""
        super().notify_style_update()
        self.refresh()

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Two lines of header, a line a class, one of precision."""
        return len(self._names) + 3 if self._names else 1

    def render_line(self, y: int) -> Strip:
        """Draw one line of the matrix."""
        width = self.size.width
        base = self.get_component_rich_style("matrix--text")
        if not self._names:
            text = "no predictions yet" if y == 0 else ""
            return Strip([Segment(text.ljust(width), self.get_component_rich_style("matrix--header"))], width)
        line = y + self.scroll_offset.y
        count = len(self._names)
        if line < 2:
            left, cells, right = self._head(line)
        elif line < 2 + count:
            left, cells, right = self._line(line - 2)
        elif line == 2 + count:
            left, cells, right = self._foot()
        else:
            return Strip.blank(width, base)
        # The names on the left and the figures on the right stay where they are; the cells pass below them.
        layout = self._layout()
        room = max(0, width - layout.header - _MARGIN)
        shown = Strip(cells).crop_extend(self.scroll_offset.x, self.scroll_offset.x + room, base)
        shown = shown.crop(0, min(room, layout.cell * count))
        return Strip.join([Strip([left]), shown, Strip([right])]).adjust_cell_length(width, base)

    def _errors(self) -> list[tuple[int, int]]:
        off = self._counts.copy()
        np.fill_diagonal(off, 0)
        order = np.argsort(-off, axis=None, kind="stable")
        found = [divmod(int(flat), len(self._names)) for flat in order]
        return [(row, column) for row, column in found if off[row, column] > 0]

    def _report(self) -> None:
        if self._names:
            count = int(self._counts[self._row, self._column])
            self.post_message(self.CellHighlighted(self, self._row, self._column, count))

    def _relayout(self) -> None:
        self._layout_made = None
        layout = self._layout()
        self.virtual_size = Size(layout.header + layout.cell * len(self._names) + _MARGIN, len(self._names) + 3)
        self.refresh(layout=True)
        self.call_after_refresh(self._reveal)

    def _layout(self) -> _Layout:
        if self._layout_made is None:
            self._layout_made = self._fit()
        return self._layout_made

    def _fit(self) -> _Layout:
        count = len(self._names)
        digits = 5 if self._as_shares else len(str(int(self._counts.max(initial=0))))  # "100.0"
        narrowest = max(digits, len(str(count))) + 2
        longest = max((len(printable(name)) for name in self._names), default=0)
        header = max(min(_HEADER, longest) + 2, len(_CORNER) + 1)
        room = (self.size.width - header - _MARGIN) // max(count, 1)
        cell = max(narrowest, min(room, _WIDEST, longest + 2))
        names = short_names(self._names, cell - 1)
        numbered = count > 0 and names[0] == "1" and printable(self._names[0]) != "1"
        rows = tuple(_cut(printable(name), header - 2) for name in self._names)
        if numbered:  # the rows then say which number is which class
            space = header - 3 - len(str(count))
            cut = [_cut(printable(name), space) for name in self._names]
            rows = tuple(f"{number:>{len(str(count))}} {name}" for number, name in enumerate(cut, 1))
        return _Layout(header, cell, tuple(names), rows)

    def _head(self, line: int) -> tuple[Segment, list[Segment], Segment]:
        layout = self._layout()
        muted, lit = self.get_component_rich_style("matrix--header"), self.get_component_rich_style("matrix--lit")
        if line == 1:
            ends = Segment("─" * layout.header, muted), Segment("─" * _MARGIN, muted)
            return ends[0], [Segment("─" * layout.cell * len(self._names), muted)], ends[1]
        cells = [
            Segment(f"{name:>{layout.cell - 1}} ", lit if column == self._column else muted)
            for column, name in enumerate(layout.names)
        ]
        corner = "% of true class" if self._as_shares else _CORNER
        header = Segment(corner.ljust(layout.header), muted)
        return header, cells, Segment("recall".rjust(_MARGIN), muted)

    def _line(self, row: int) -> tuple[Segment, list[Segment], Segment]:
        layout = self._layout()
        lit, text = self.get_component_rich_style("matrix--lit"), self.get_component_rich_style("matrix--text")
        total = int(self._counts[row].sum())
        name = Segment(layout.rows[row].ljust(layout.header), lit if row == self._row else text)
        cells = [self._cell(row, column, int(self._counts[row, column]), total) for column in range(len(self._names))]
        recall = f"{self._counts[row, row] / total:.3f}" if total else "–"
        return name, cells, Segment(recall.rjust(_MARGIN), text)

    def _cell(self, row: int, column: int, count: int, total: int) -> Segment:
        layout = self._layout()
        share = count / total if total else 0.0
        style = self._heat(row == column, share) if count else self.get_component_rich_style("matrix--zero")
        number = (f"{100 * share:.1f}" if self._as_shares else str(count)) if count else "·"
        if (row, column) == self.cursor:
            style += Style(bold=True, underline=self.has_focus)
            return Segment(f"[{number:>{layout.cell - 2}}]", style)
        if style.bgcolor is None or style.bgcolor.is_default:  # the terminal's own colours: shade by a character
            shade = _SHADES[min(4, round(share * 4 + 0.4))] if count else " "
            return Segment(f"{shade + number:>{layout.cell - 1}} ", style)
        return Segment(f"{number:>{layout.cell - 1}} ", style)

    def _heat(self, right: bool, share: float) -> Style:
        base = self.get_component_rich_style("matrix--right" if right else "matrix--wrong")
        if base.bgcolor is None or base.bgcolor.is_default or base.color is None:
            return base
        hot, cold = Color.from_rich_color(base.color), Color.from_rich_color(base.bgcolor)
        # Errors are few: the square root lets a twentieth of a class show.
        background = cold.blend(hot, 0.08 + 0.72 * (share if right else share**0.5))
        light, dark = Color(255, 255, 255), Color(0, 0, 0)  # one of them has a contrast of 4.5 on any colour
        text = max((light, dark), key=lambda colour: _contrast(colour, background))
        return Style(color=text.rich_color, bgcolor=background.rich_color)

    def _foot(self) -> tuple[Segment, list[Segment], Segment]:
        layout = self._layout()
        muted = self.get_component_rich_style("matrix--header")
        predicted = self._counts.sum(axis=0)
        cells = []
        for column, images in enumerate(predicted):
            text = "–"
            if images:
                share = self._counts[column, column] / images
                text = f"{share:.3f}" if layout.cell >= 6 else "1.0" if share > 0.995 else f"{share:.2f}"[1:]
            cells.append(Segment(f"{text:>{layout.cell - 1}} ", muted))
        total = int(self._counts.sum())
        accuracy = f"{np.trace(self._counts) / total:.3f}" if total else "–"
        return Segment("precision".ljust(layout.header), muted), cells, Segment(accuracy.rjust(_MARGIN), muted)


def _contrast(one: Color, other: Color) -> float:
    """Return the contrast of two colours, 1 to 21 (WCAG 2.1)."""

    def luminance(colour: Color) -> float:
        parts = [value / 255 for value in colour.rgb]
        linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    bright, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)
