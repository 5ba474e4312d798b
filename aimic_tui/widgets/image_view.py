"""One image, as large as fits, with its facts as text."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import ClassVar

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text
from textual.message import Message
from textual.reactive import var
from textual.strip import Strip
from textual.widget import Widget

from aimic_tui.engine.data.reading.input_rule import AS_STORED, InputRule
from aimic_tui.engine.formatting.numbers import number
from aimic_tui.engine.text import bytes_text, printable
from aimic_tui.widgets.half_blocks import Pixels, drawing_for, fitting, resized, strips_of
from aimic_tui.widgets.table_column import Cell

_CACHED = 48  # images that are shown again without being read again
_TEXT_BESIDE = 40  # columns that words beside an image take, where it becomes larger that way
_LARGEST = 480  # pixels a side that are kept of an image: more than any terminal shows


@dataclass(frozen=True, eq=False)
class Picture:
    """What is known of an image file: its pixels where it can be read, and sentences on it."""

    pixels: Pixels | None
    facts: tuple[str, ...]


def read_picture(path: Path, rule: InputRule = AS_STORED) -> Picture:
    """Read an image for the screen; for an unreadable one return a picture that says why."""
    # Pillow and the readers of other formats are needed only when there is an image to show.
    from aimic_tui.engine.data.reading.read_image import UnreadableImage, image_facts, read_image

    try:
        pixels = read_image(path, rule)
        facts = image_facts(path, rule)
    except UnreadableImage as problem:
        return Picture(None, (f"! {problem.detail}",))
    height, width = pixels.shape[:2]
    if max(height, width) > _LARGEST:
        scale = _LARGEST / max(height, width)
        pixels = resized(pixels, max(1, round(width * scale)), max(1, round(height * scale / 2)))
    return Picture(
        pixels,
        (
            f"{facts.width}×{facts.height} {facts.mode} {facts.format}, {bytes_text(facts.bytes)}",
            f"values {_value(facts.low)} to {_value(facts.high)}, sharpness {number(facts.sharpness, 2)}",
        ),
    )


def _value(value: float) -> str:
    return f"{value:.0f}" if value == int(value) else f"{value:.3g}"


class ImageView(Widget):
    """Draws an image in half blocks, or by density without colours; always with its facts as text."""

    DEFAULT_CSS = """
    ImageView { height: 1fr; }
    ImageView > .image--attention { color: $warning; }
    ImageView > .image--failed { color: $error; }
    ImageView > .image--muted { color: $text-muted; }
    ImageView > .image--primary { color: $primary; }
    ImageView > .image--strong { text-style: bold; }
    ImageView > .image--track { color: $track; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "image--attention",
        "image--failed",
        "image--muted",
        "image--primary",
        "image--strong",
        "image--track",
    }

    picture: var[Picture | None] = var(None)

    class _Read(Message):
        def __init__(self, path: Path, rule: InputRule, picture: Picture) -> None:
            super().__init__()
            self.path = path
            self.rule = rule
            self.picture = picture

    def __init__(self, *, empty: str = "", id: str | None = None, classes: str | None = None) -> None:
        """Make a view without an image.

        Args:
            empty: shown while there is none.
            id: as of any widget.
            classes: as of any widget.
        """
        super().__init__(id=id, classes=classes)
        self._empty = empty
        self._words: tuple[Cell, ...] = ()
        self._below: tuple[Cell, ...] = ()
        self._path: Path | None = None
        self._reading = False
        self._known: OrderedDict[Path, Picture] = OrderedDict()
        self._lines: list[Strip] | None = None
        self._rule = AS_STORED

    @property
    def rule(self) -> InputRule:
        """Which stored values are drawn in which colour."""
        return self._rule

    @rule.setter
    def rule(self, rule: InputRule) -> None:
        if rule != self._rule:
            self._rule = rule
            self._known.clear()
            self.picture = None
            self._redraw()
            self._read_next()

    def show_path(self, path: Path | None, words: Sequence[Cell] = (), below: Sequence[Cell] = ()) -> None:
        """Show an image file, read beside the event loop; None shows none.

        Args:
            path: the file.
            words: lines about it that stand between the image and the file's own facts (such as its name).
            below: lines that follow the facts, after an empty one.
        """
        self._path, self._words, self._below = path, tuple(words), tuple(below)
        self.picture = None if path is None else self._known.get(path)
        self._redraw()
        self._read_next()

    def _read_next(self) -> None:
        # One at a time, and always the latest: holding a key down reads few images, not all on the way.
        if self._path is not None and self.picture is None and not self._reading and self.is_attached:
            self._reading = True
            path, rule = self._path, self._rule
            self.run_worker(
                lambda: self.post_message(self._Read(path, rule, read_picture(path, rule))),
                thread=True,
                group="read-image",
                exit_on_error=False,
            )

    def on_mount(self) -> None:
        """Read what was requested before the view was mounted."""
        self._read_next()

    def on_image_view__read(self, message: ImageView._Read) -> None:
        """Show a picture that was read, then read the next one requested meanwhile."""
        self._reading = False
        if message.rule == self._rule:
            self._known[message.path] = message.picture
            if len(self._known) > _CACHED:
                self._known.popitem(last=False)
            if message.path == self._path:
                self.picture = message.picture
                self._redraw()
        self._read_next()

    def on_resize(self) -> None:
        """Draw at the new size."""
        self._redraw()

    def notify_style_update(self) -> None:
        """Draw in the new theme."""
        super().notify_style_update()
        self._redraw()

    def _redraw(self) -> None:
        self._lines = None
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """Draw a line of the image or of the text below it."""
        if self._lines is None:
            self._lines = self._draw()
        base = self.rich_style
        width = self.size.width
        if y >= len(self._lines):
            return Strip.blank(width, base)
        return self._lines[y].adjust_cell_length(width, base)

    def _draw(self) -> list[Strip]:
        width, height = self.size
        if self._path is None:
            return self._text(self._empty, width, "muted") if self._empty else []
        pixels = self.picture.pixels if self.picture else None
        if pixels is None:
            return self._texts(width)
        image_height, image_width = pixels.shape[:2]
        lines = len(self._texts(width))
        beside = fitting(image_height, image_width, width - _TEXT_BESIDE, height)
        below = fitting(image_height, image_width, width, max(height - lines - 1, min(height, 4)))
        if beside[1] > below[1]:
            columns = beside[0] + 3
            return self._side_by_side(self._image(pixels, *beside), self._texts(width - columns), columns)
        return [*self._image(pixels, *below), Strip([]), *self._texts(width)]

    def _texts(self, width: int) -> list[Strip]:
        facts = self.picture.facts if self.picture else ()
        texts = [strip for words in self._words for strip in self._text(words, width)]
        for fact in facts:
            texts += self._text(fact, width, "attention" if fact.startswith("!") else "muted")
        if self._below:
            texts += [Strip([]), *(strip for words in self._below for strip in self._text(words, width))]
        return texts

    def _image(self, pixels: Pixels, columns: int, rows: int) -> list[Strip]:
        strips = strips_of(pixels, columns, rows, drawing_for(self.app))
        return [strip.apply_style(self.rich_style) for strip in strips]

    def _side_by_side(self, image: list[Strip], texts: list[Strip], columns: int) -> list[Strip]:
        padded = [strip.extend_cell_length(columns, self.rich_style) for strip in image]
        padded += [Strip.blank(columns, self.rich_style)] * (len(texts) - len(image))
        return [Strip.join([strip, text]) for strip, text in zip_longest(padded, texts)]

    def _text(self, cell: Cell, width: int, role: str = "") -> list[Strip]:
        """Draw a text, broken into lines where it is too long for one."""
        base = self.rich_style
        pieces = [(cell, role)] if isinstance(cell, str) else cell
        text = Text.assemble(*((printable(piece), base + self._role(of)) for piece, of in pieces), style=base)
        lines = text.wrap(self.app.console, max(width, 1), tab_size=1) if cell_len(text.plain) > width else [text]
        return [Strip(line.render(self.app.console)) for line in lines]

    def _role(self, role: str) -> Style:
        return self.get_component_rich_style(f"image--{role}", partial=True) if role else Style.null()
