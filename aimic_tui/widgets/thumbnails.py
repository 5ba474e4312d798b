"""A grid of thumbnails for any number of images; only those in sight are read."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.reactive import var
from textual.scroll_view import ScrollView
from textual.strip import Strip

from aimic_tui.engine.data.reading.input_rule import AS_STORED, InputRule
from aimic_tui.engine.text import printable
from aimic_tui.widgets.half_blocks import Drawing, drawing_for, faded, strips_of
from aimic_tui.widgets.table_column import cut

_NARROWEST, _WIDEST = 12, 40  # cells: below, a cell's nucleus can't be told from its plasma
_USUAL = 16
_MARGIN = 2  # cells left of a thumbnail: the mark of the one in focus stands there
_CACHED = 600  # drawings, about 20 kB each
_SLICE = 0.08  # seconds that one visit of the reading thread lasts, so that leaving never waits for it

_Drawn = list[Strip] | str  # lines, or why there are none


@dataclass(frozen=True)
class Thumbnail:
    """An image of the grid: its file, the caption below it, a sign before that and the sign's role in the theme.

    A `faded` one is drawn nearly in the background's colour: it is there, but left out.
    """

    path: Path
    caption: str
    sign: str = ""
    role: Literal["", "muted", "attention", "failed", "primary"] = ""
    faded: bool = False


class ThumbnailGrid(ScrollView, can_focus=True):
    """A grid of thumbnails to walk over."""

    DEFAULT_CSS = """
    ThumbnailGrid { height: 1fr; background: $background; color: $foreground; overflow-x: hidden; }
    ThumbnailGrid > .thumbnail--caption { color: $text-muted; }
    ThumbnailGrid > .thumbnail--cursor { color: $primary; text-style: bold; }
    ThumbnailGrid > .thumbnail--attention { color: $warning; }
    ThumbnailGrid > .thumbnail--failed { color: $error; }
    ThumbnailGrid > .thumbnail--muted { color: $text-muted; }
    ThumbnailGrid > .thumbnail--primary { color: $primary; }
    ThumbnailGrid > .thumbnail--waiting { color: $track; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "thumbnail--caption",
        "thumbnail--cursor",
        "thumbnail--attention",
        "thumbnail--failed",
        "thumbnail--muted",
        "thumbnail--primary",
        "thumbnail--waiting",
    }

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right,l", "move(1)", "Right", show=False, id="thumbnails.right", tooltip="The next image"),
        Binding("left,h", "move(-1)", "Left", show=False, id="thumbnails.left", tooltip="The previous image"),
        Binding("down,j", "move_lines(1)", "Down", show=False, id="thumbnails.down", tooltip="The image below"),
        Binding("up,k", "move_lines(-1)", "Up", show=False, id="thumbnails.up", tooltip="The image above"),
        Binding("pagedown,ctrl+d", "page(1)", "Page down", show=False, id="thumbnails.page-down", tooltip="A page on"),
        Binding("pageup,ctrl+u", "page(-1)", "Page up", show=False, id="thumbnails.page-up", tooltip="A page back"),
        Binding("g,home", "move_to(0)", "First", show=False, id="thumbnails.first", tooltip="The first image"),
        Binding("G,end", "move_to(-1)", "Last", show=False, id="thumbnails.last", tooltip="The last image"),
        Binding("plus,equals_sign", "zoom(4)", "Larger", show=False, id="thumbnails.larger", tooltip="Larger images"),
        Binding("minus", "zoom(-4)", "Smaller", show=False, id="thumbnails.smaller", tooltip="Smaller images"),
        Binding("enter", "open", "Large", id="thumbnails.open", tooltip="Show the image large, with its facts"),
    ]

    cursor: var[int] = var(0)

    class Highlighted(Message):
        """The cursor is on another image (None: there is none)."""

        def __init__(self, grid: ThumbnailGrid, index: int | None) -> None:
            super().__init__()
            self.grid = grid
            self.index = index

        @property
        def control(self) -> ThumbnailGrid:
            """The grid, for `@on`."""
            return self.grid

    class Opened(Message):
        """Enter, or a click on the image with the cursor."""

        def __init__(self, grid: ThumbnailGrid, index: int) -> None:
            super().__init__()
            self.grid = grid
            self.index = index

        @property
        def control(self) -> ThumbnailGrid:
            """The grid, for `@on`."""
            return self.grid

    class _Drew(Message):
        def __init__(self, size: tuple[int, int], rule: InputRule, drawn: dict[Path, _Drawn]) -> None:
            super().__init__()
            self.size = size
            self.rule = rule
            self.drawn = drawn

    def __init__(self, *, empty: str = "No images to show.", id: str | None = None, classes: str | None = None) -> None:
        """Make an empty grid.

        Args:
            empty: shown while there is no image.
            id: as of any widget.
            classes: as of any widget.
        """
        super().__init__(id=id, classes=classes)
        self._empty = empty
        self.items: Sequence[Thumbnail] = ()
        self._requested_width = _USUAL
        self._across = 1
        self._tile = (_USUAL, _USUAL // 2)
        self._drawn: OrderedDict[Path, _Drawn] = OrderedDict()
        self._reading = False
        self._rule = AS_STORED

    @property
    def rule(self) -> InputRule:
        """Which stored values are drawn in which colour."""
        return self._rule

    @rule.setter
    def rule(self, rule: InputRule) -> None:
        if rule != self._rule:
            self._rule = rule
            self._drawn.clear()
            self._draw_visible()

    def show(self, items: Sequence[Thumbnail], at: int = 0) -> None:
        """Show other images; `items` may make its entries when asked for them.

        Args:
            items: the images, thousands or a million.
            at: which one gets the cursor.
        """
        self.items = items
        self.set_reactive(ThumbnailGrid.cursor, max(0, min(at, len(items) - 1)))
        self._lay_out()
        self.scroll_to(y=0, animate=False, immediate=True)
        self._reveal()
        self.post_message(self.Highlighted(self, self.index))
        self._draw_visible()

    @property
    def index(self) -> int | None:
        """Which image has the cursor."""
        return self.cursor if self.items else None

    # -- the cursor

    def validate_cursor(self, cursor: int) -> int:
        """Keep the cursor on an image."""
        return max(0, min(cursor, len(self.items) - 1))

    def watch_cursor(self) -> None:
        """Keep the image with the cursor in sight."""
        self._reveal()
        self.post_message(self.Highlighted(self, self.index))
        self._draw_visible()

    def action_move(self, step: int) -> None:
        """Move along the line of images, and on to the next."""
        self.cursor += step

    def action_move_lines(self, step: int) -> None:
        """Move up or down; from the last full line also onto a shorter one."""
        target = self.cursor + step * self._across
        last_line = (len(self.items) - 1) // self._across
        if 0 <= target < len(self.items) or (target > 0 and self.cursor // self._across < last_line):
            self.cursor = target

    def action_page(self, step: int) -> None:
        """Move by as many lines as are in sight."""
        self.cursor += step * self._across * max(1, self.size.height // self._pitch)

    def action_move_to(self, index: int) -> None:
        """Move to the first image or (-1) the last."""
        self.cursor = index if index >= 0 else len(self.items) - 1

    def action_zoom(self, step: int) -> None:
        """Draw the images larger or smaller."""
        self._requested_width = max(_NARROWEST, min(_WIDEST, self._requested_width + step))
        self._lay_out()
        self._reveal()
        self._draw_visible()

    def action_open(self) -> None:
        """Ask for the image with the cursor to be shown large."""
        if self.items:
            self.post_message(self.Opened(self, self.cursor))

    def on_click(self, event: events.Click) -> None:
        """Go to a clicked image, or open it if it has the cursor already."""
        offset = event.get_content_offset(self)
        if offset is None:
            return
        line, column = (offset.y + self.scroll_offset.y) // self._pitch, offset.x // (self._tile[0] + _MARGIN)
        index = line * self._across + column
        if column < self._across and index < len(self.items):
            if index == self.cursor:
                self.action_open()
            else:
                self.cursor = index

    @property
    def _pitch(self) -> int:
        return self._tile[1] + 2  # the caption, and a line apart

    def _reveal(self) -> None:
        top = self.cursor // self._across * self._pitch
        bottom = top + self._pitch - 1
        if top < self.scroll_offset.y:
            self.scroll_to(y=top, animate=False, immediate=True)
        elif bottom > self.scroll_offset.y + self.size.height:
            self.scroll_to(y=max(0, min(top, bottom - self.size.height)), animate=False, immediate=True)

    # -- reading what is in sight

    def on_resize(self) -> None:
        """Fit the images into the new width."""
        self._lay_out()
        self._reveal()
        self._draw_visible()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Draw what came into sight."""
        super().watch_scroll_y(old_value, new_value)
        self._draw_visible()

    def notify_style_update(self) -> None:
        """Draw in the new theme."""
        super().notify_style_update()
        self._drawn.clear()
        self._draw_visible()

    def _lay_out(self) -> None:
        room = max(self.size.width - 1, _NARROWEST + _MARGIN)  # the scrollbar's column
        wish = min(self._requested_width, max(_NARROWEST, 2 * (self.size.height - 1)), room - _MARGIN)
        self._across = max(1, room // (wish + _MARGIN))
        # A little wider than asked for, where that leaves no empty stripe at the right.
        width = min(room // self._across - _MARGIN, wish + 6, max(_NARROWEST, 2 * (self.size.height - 1)))
        if (width, width // 2) != self._tile:
            self._tile = (width, width // 2)
            self._drawn.clear()
        lines = -(-len(self.items) // self._across)
        self.virtual_size = Size(self.size.width - 1, max(0, lines * self._pitch - 1))
        self.refresh()

    def _in_sight(self) -> range:
        first = self.scroll_offset.y // self._pitch
        last = (self.scroll_offset.y + max(self.size.height, 1) - 1) // self._pitch
        return range(first * self._across, min((last + 1) * self._across, len(self.items)))

    def _draw_visible(self) -> None:
        self.refresh()
        if self._reading or not self.is_attached or not self.size:
            return
        wanted = [path for path in (self.items[index].path for index in self._in_sight()) if path not in self._drawn]
        if not wanted:
            return
        self._reading = True
        size, rule, drawing = self._tile, self._rule, drawing_for(self.app)
        self.run_worker(
            lambda: self.post_message(self._Drew(size, rule, _draw(wanted, size, rule, drawing))),
            thread=True,
            group="thumbnails",
            exit_on_error=False,
        )

    def on_thumbnail_grid__drew(self, message: ThumbnailGrid._Drew) -> None:
        """Store what was drawn, then draw what else is in sight by now."""
        self._reading = False
        if message.size == self._tile and message.rule == self._rule:
            self._drawn.update(message.drawn)
            while len(self._drawn) > max(_CACHED, 2 * len(self._in_sight())):
                self._drawn.popitem(last=False)
        self._draw_visible()

    # -- drawing

    def render_line(self, y: int) -> Strip:
        """Draw one line through a row of thumbnails, their captions, or the space between."""
        base = self.rich_style
        width = self.size.width
        if not self.items:
            if y == 1:
                muted = base + self.get_component_rich_style("thumbnail--caption", partial=True)
                return Strip([Segment(" " * _MARGIN + printable(self._empty), muted)]).adjust_cell_length(width, base)
            return Strip.blank(width, base)
        line, inner = divmod(y + self.scroll_offset.y, self._pitch)
        segments: list[Segment] = []
        if inner <= self._tile[1]:
            for index in range(line * self._across, min((line + 1) * self._across, len(self.items))):
                at_cursor = index == self.cursor and self.has_focus
                mark = base + self.get_component_rich_style("thumbnail--cursor", partial=True) if at_cursor else base
                segments.append(Segment(("▸ " if inner == self._tile[1] else "┃ ") if at_cursor else "  ", mark))
                item = self.items[index]
                if inner < self._tile[1]:
                    segments += self._image_line(item, inner, base)
                else:
                    segments += self._caption(item, base, mark if at_cursor else None)
        return Strip(segments).adjust_cell_length(width, base)

    def _image_line(self, item: Thumbnail, inner: int, base: Style) -> list[Segment]:
        width, height = self._tile
        drawn = self._drawn.get(item.path)
        if isinstance(drawn, list):
            top = (height - len(drawn)) // 2
            if 0 <= inner - top < len(drawn):
                strip = faded(drawn[inner - top], base) if item.faded else drawn[inner - top]
                left = (width - strip.cell_length) // 2
                return [
                    Segment(" " * left, base),
                    *strip,
                    Segment(" " * (width - left - strip.cell_length), base),
                ]
            return [Segment(" " * width, base)]
        if drawn is None:
            waiting = base + self.get_component_rich_style("thumbnail--waiting", partial=True)
            return [Segment(("·" if inner == height // 2 else " ").center(width), waiting)]
        attention = base + self.get_component_rich_style("thumbnail--attention", partial=True)
        words = cut(f"! {drawn}", width) if inner == height // 2 else ""
        return [Segment(words + " " * (width - cell_len(words)), attention)]

    def _caption(self, item: Thumbnail, base: Style, at_cursor: Style | None) -> list[Segment]:
        width = self._tile[0]
        segments = []
        if item.sign:
            role = self.get_component_rich_style(f"thumbnail--{item.role or 'caption'}", partial=True)
            segments.append(Segment(printable(item.sign) + " ", base + role))
            width -= cell_len(item.sign) + 1
        text = cut(printable(item.caption), width, keep_end=True)
        style = at_cursor or base + self.get_component_rich_style("thumbnail--caption", partial=True)
        return [*segments, Segment(text + " " * (width - cell_len(text)), style)]


def _draw(paths: Sequence[Path], size: tuple[int, int], rule: InputRule, drawing: Drawing) -> dict[Path, _Drawn]:
    from aimic_tui.engine.data.reading.read_image import UnreadableImage, read_image

    until = time.monotonic() + _SLICE
    drawn: dict[Path, _Drawn] = {}
    for path in paths:
        try:
            drawn[path] = strips_of(read_image(path, rule), *size, drawing)
        except UnreadableImage as problem:
            drawn[path] = problem.kind
        if time.monotonic() > until:
            break
    return drawn
