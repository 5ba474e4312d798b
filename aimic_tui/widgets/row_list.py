"""A list with one line per row, each drawn by a callback; the cursor's row has a sign and a colour."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

from rich.style import Style as RichStyle
from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.visual import Visual

T = TypeVar("T")


class RowList(ScrollView, Generic[T], can_focus=True):
    """Rows to choose from, hundreds of them; only those on the screen are drawn.

    It binds movement keys only: what `enter` does is up to the screen, which receives `Chosen`.
    """

    DEFAULT_CSS = """
    RowList {
        height: auto;
        overflow-x: hidden;
        overflow-y: auto;
        & > .row-list--cursor { background: $focus-row; text-style: bold; }
    }
    RowList:ansi > .row-list--cursor, RowList:nocolor > .row-list--cursor { text-style: reverse; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {"row-list--cursor"}

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "move(1)", "Down", show=False, id="list.down", tooltip="The next row"),
        Binding("up,k", "move(-1)", "Up", show=False, id="list.up", tooltip="The previous row"),
        Binding("pagedown,ctrl+d", "page(1)", "Page down", show=False, id="list.page-down", tooltip="A screen further"),
        Binding("pageup,ctrl+u", "page(-1)", "Page up", show=False, id="list.page-up", tooltip="A screen back"),
        Binding("home,g", "jump(0)", "First", show=False, id="list.first", tooltip="The first row"),
        Binding("end,G", "jump(-1)", "Last", show=False, id="list.last", tooltip="The last row"),
    ]

    cursor: reactive[int] = reactive(0)

    @dataclass
    class Chosen(Message):
        """A row was double-clicked."""

        list: RowList[object]
        index: int

        @property
        def control(self) -> RowList[object]:
            """The list that it comes from, for `@on(..., "#id")`."""
            return self.list

    @dataclass
    class Moved(Message):
        """Another row has the cursor."""

        list: RowList[object]
        index: int

        @property
        def control(self) -> RowList[object]:
            """The list that it comes from, for `@on(..., "#id")`."""
            return self.list

    def __init__(
        self,
        draw: Callable[[T, int], Content],
        identify: Callable[[T], object],
        *,
        id: str | None = None,
    ) -> None:
        """Make an empty list.

        Args:
            draw: gives a row as one line of at most so many columns.
            identify: gives what stays the same of a row while its figures change, so that the cursor stays on it.
            id: of the widget.
        """
        super().__init__(id=id)
        self._draw = draw
        self._identify = identify
        self._rows: Sequence[T] = ()

    @property
    def rows(self) -> Sequence[T]:
        """What is listed."""
        return self._rows

    @property
    def chosen(self) -> T | None:
        """The row with the cursor, None in an empty list."""
        return self._rows[self.cursor] if 0 <= self.cursor < len(self._rows) else None

    def show(self, rows: Sequence[T]) -> None:
        """List these rows; the cursor stays on the thing it is on, if that is still there."""
        before = self.chosen
        old, self._rows = self._rows, rows
        if before is not None:
            mark = self._identify(before)
            found = (index for index, row in enumerate(rows) if self._identify(row) == mark)
            self.cursor = next(found, min(self.cursor, max(0, len(rows) - 1)))
        if len(rows) != len(old):
            self.virtual_size = Size(0, len(rows))
            self.refresh(layout=True)
        if self.size and any(a is not b for a, b in zip(rows, old, strict=False)):
            self.refresh()

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Return the number of rows: the list is as tall as it needs to be, and scrolls where there is less room."""
        return max(1, len(self._rows))

    def render_line(self, y: int) -> Strip:
        """Draw one row."""
        index = y + self.scroll_offset.y
        width = self.scrollable_content_region.width
        if index >= len(self._rows):
            return Strip.blank(width, self.visual_style.rich_style)
        here = index == self.cursor and self.has_focus
        content = Content.assemble(("▸ " if here else "  ", "$primary"), self._draw(self._rows[index], width - 2))
        style = self.get_visual_style("row-list--cursor") if here else self.visual_style
        strips = Visual.to_strips(self, content, width, 1, style, pad=True)
        strip = strips[0].adjust_cell_length(width, style.rich_style)
        # `get_visual_style` leaves reverse video out, which is how themes without colours of their own mark the row.
        reverse = here and self.get_component_styles("row-list--cursor").text_style.reverse
        return strip.apply_style(RichStyle(reverse=True)) if reverse else strip

    def watch_cursor(self, old: int, new: int) -> None:
        """Keep the cursor's row on the screen."""
        for index in (old, new):
            self.refresh(Region(0, index - self.scroll_offset.y, self.size.width, 1))
        self.scroll_to_region(Region(0, new, 1, 1), animate=False, force=True)
        self.post_message(self.Moved(self, new))  # type: ignore[arg-type]

    def validate_cursor(self, cursor: int) -> int:
        """Keep the cursor within the rows."""
        return max(0, min(cursor, len(self._rows) - 1))

    def action_move(self, by: int) -> None:
        """Move the cursor; past an end it moves to the previous or next list."""
        target = self.cursor + by
        if 0 <= target < len(self._rows):
            self.cursor = target
        elif by > 0:
            self.screen.focus_next(RowList)
        else:
            self.screen.focus_previous(RowList)

    def action_page(self, by: int) -> None:
        """Move by what fits on the screen."""
        self.cursor += by * max(1, self.size.height - 1)

    def action_jump(self, to: int) -> None:
        """Go to the first or the last row."""
        self.cursor = to if to >= 0 else len(self._rows) - 1

    def on_click(self, event: events.Click) -> None:
        """Put the cursor on a clicked row; a second click picks it."""
        index = event.y + self.scroll_offset.y
        if index < len(self._rows):
            if event.chain == 2:
                self.post_message(self.Chosen(self, index))  # type: ignore[arg-type]
            self.cursor = index

    def on_focus(self) -> None:
        """Show the cursor."""
        self.refresh()

    def on_blur(self) -> None:
        """Hide the cursor."""
        self.refresh()
