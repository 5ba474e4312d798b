"""Dialogs on images: a note on them, or their right class."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input, Static

from aimic_tui.engine.formatting.numbers import count_text
from aimic_tui.engine.text import printable
from aimic_tui.widgets.dialog import Dialog
from aimic_tui.widgets.dialogs import SHEET_CSS
from aimic_tui.widgets.frame import KeyLine, Rule
from aimic_tui.widgets.row_list import RowList


class NotePrompt(Dialog[str | None]):
    """Asks for a note on images; gives it (an empty one removes what is there), or None after `esc`."""

    DEFAULT_CSS = f"NotePrompt {{ {SHEET_CSS} Input {{ margin: 1 1 0 1; }} }}"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "take", "Save", id="note.take", priority=True, tooltip="Save this note"),
        Binding("escape", "cancel", "Cancel", id="note.cancel", tooltip="Leave the note as it was"),
    ]

    def __init__(self, title: str, text: str = "") -> None:
        """Make the prompt.

        Args:
            title: what the note is on.
            text: what is there already.
        """
        super().__init__()
        self._title, self._text = title, text

    def compose(self) -> ComposeResult:
        """Draw the sheet."""
        with Vertical(id="sheet"):
            yield Rule()
            yield Static(Content(printable(self._title)), id="title")
            yield Static("Saved with the data set; an empty note is removed.", id="detail")
            yield Input(self._text)
            yield Static("", id="space")
            yield KeyLine()

    def on_mount(self) -> None:
        """Put the cursor behind what is there."""
        field = self.query_one(Input)
        field.focus()
        field.cursor_position = len(field.value)

    def action_take(self) -> None:
        """Close with the note."""
        self.dismiss(self.query_one(Input).value.strip())

    def action_cancel(self) -> None:
        """Close without."""
        self.dismiss(None)


class ClassPrompt(Dialog[str | None]):
    """Asks for one of the classes; gives its name, or None after `esc`."""

    DEFAULT_CSS = f"""
    ClassPrompt {{ {SHEET_CSS} RowList {{ margin: 1 0 0 0; max-height: 20; }} }}
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "take", "Use", id="class.take", tooltip="Give the images this class"),
        Binding("escape", "cancel", "Cancel", id="class.cancel", tooltip="Leave the class as it was"),
    ]

    def __init__(self, title: str, counts: Mapping[str, int], at: str = "") -> None:
        """Make the prompt.

        Args:
            title: whose class is asked for.
            counts: class name -> images.
            at: the class that has the cursor at first.
        """
        super().__init__()
        self._title, self._names, self._counts, self._at = title, tuple(counts), counts, at

    def compose(self) -> ComposeResult:
        """Draw the sheet."""
        with Vertical(id="sheet"):
            yield Rule()
            yield Static(Content(printable(self._title)), id="title")
            yield RowList[str](self._draw, lambda name: name)
            yield Static("", id="space")
            yield KeyLine()

    def on_mount(self) -> None:
        """List the classes."""
        rows = self.query_one(RowList)
        rows.show(self._names)
        rows.cursor = self._names.index(self._at) if self._at in self._names else 0
        rows.focus()

    def _draw(self, name: str, width: int) -> Content:
        count = count_text(self._counts[name]).rjust(8)
        return Content.assemble(Content(printable(name)).truncate(min(40, width - 8), pad=True), (count, "$text-muted"))

    @on(RowList.Chosen)
    def _chosen(self) -> None:
        self.action_take()

    def action_take(self) -> None:
        """Close with the class in focus."""
        self.dismiss(self._names[self.query_one(RowList).cursor])

    def action_cancel(self) -> None:
        """Close without."""
        self.dismiss(None)
