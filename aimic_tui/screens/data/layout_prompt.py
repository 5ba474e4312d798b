"""Asks what the folders of a data set mean, and previews the classes that each answer makes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from aimic_tui.engine.data.data_set import Part
from aimic_tui.engine.data.listing.layout import LAYOUTS, Layout
from aimic_tui.engine.data.listing.recognize_layout import UnclearLayout, chosen_layout, recognize_layout
from aimic_tui.engine.text import one_line, plural
from aimic_tui.widgets.dialogs import SHEET_CSS
from aimic_tui.widgets.frame import KeyLine, Rule
from aimic_tui.widgets.row_list import RowList

_AUTO = "auto"
_AS_TEXT: dict[str, str] = {str(kind): words for kind, words in LAYOUTS.items()}
_CLASSES_SHOWN = 8
_WIDTH = 9  # of the values


def preview_of_layout(images: Sequence[str], root: Path, value: str) -> str:
    """Return in a few lines what a value of `data.layout` makes of these names.

    Args:
        images: names, sorted.
        root: the data set's folder.
        value: a key of `LAYOUTS`, or auto.
    """
    kind = next((name for name in LAYOUTS if name == value), None)
    try:
        layout = recognize_layout(images, root) if kind is None else chosen_layout(images, root, kind)
    except UnclearLayout:
        return "Two levels of folders could be the classes. Choose one of the others."
    labels, parts = layout.read(images)
    sizes = Counter(label for label in labels if label)
    if not sizes:
        return "No image would have a class."
    shown = ", ".join(f"{one_line(name, 30)} {count:,}" for name, count in sizes.most_common(_CLASSES_SHOWN))
    more = f" and {len(sizes) - _CLASSES_SHOWN} more" if len(sizes) > _CLASSES_SHOWN else ""
    return f"{plural(len(sizes), 'class', 'classes')}{_beside(layout, parts, labels)}\n{shown}{more}"


def _beside(layout: Layout, parts: Sequence[Part], labels: Sequence[str]) -> str:
    """Say what else a layout gives the images."""
    without = sum(not label for label in labels)
    found = []
    if layout.gives_parts:
        counts = Counter(parts)
        found += [f"{part.name.lower()} {counts[part]:,}" for part in (Part.TRAIN, Part.VALIDATION, Part.TEST)]
    if layout.group_pattern:
        found.append("grouped by folder")
    if without:
        found.append(f"{plural(without, 'image')} without a class")
    return "".join(f" · {words}" for words in found)


class LayoutPrompt(ModalScreen[str | None]):
    """Asks for a value of `data.layout`; gives it, or None after `esc`."""

    DEFAULT_CSS = f"""
    LayoutPrompt {{
        {SHEET_CSS}
        RowList {{ margin: 1 0; max-height: 8; }}
        #preview {{ min-height: 3; color: $text-muted; }}
    }}
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "take", "Use", id="layout.take", tooltip="Read the folders in this way"),
        Binding("escape", "cancel", "Cancel", id="layout.cancel", tooltip="Leave everything as it is"),
    ]

    def __init__(self, images: Sequence[str], root: Path, now: str, problem: str = "") -> None:
        """Make the prompt.

        Args:
            images: names, sorted.
            root: the data set's folder.
            now: the value in force.
            problem: why an answer is needed; empty where it is not.
        """
        super().__init__()
        self._images, self._root, self._now, self._problem = images, root, now, problem
        self._words: dict[str, str] = {_AUTO: "Recognized from the folders' names, and said", **_AS_TEXT}

    def compose(self) -> ComposeResult:
        """Draw the sheet."""
        with Vertical(id="sheet"):
            yield Rule()
            yield Static("What do the folders mean?", id="title")
            yield Static(Content(self._problem), id="detail")
            yield RowList[str](self._draw, lambda value: value)
            yield Static("", id="preview")
            yield KeyLine()

    def on_mount(self) -> None:
        """List the values, with the cursor on the one in force."""
        self.query_one("#detail").display = bool(self._problem)
        rows = self.query_one(RowList)
        rows.show(tuple(self._words))
        rows.cursor = list(self._words).index(self._now) if self._now in self._words else 0
        rows.focus()
        self._preview()

    def _draw(self, value: str, width: int) -> Content:
        words = Content.assemble(value.ljust(_WIDTH), (self._words[value], "$text-muted"))
        return words.truncate(width, ellipsis=True)

    @property
    def _chosen(self) -> str:
        return tuple(self._words)[self.query_one("RowList", RowList).cursor]

    @on(RowList.Moved)
    def _preview(self) -> None:
        self.query_one("#preview", Static).update(Content(preview_of_layout(self._images, self._root, self._chosen)))

    @on(RowList.Chosen)
    def action_take(self) -> None:
        """Close with the value in focus."""
        self.dismiss(self._chosen)

    def action_cancel(self) -> None:
        """Close without."""
        self.dismiss(None)
