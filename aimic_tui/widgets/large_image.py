"""One image as large as the screen, with its facts; the arrow keys move to its neighbours."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical

from aimic_tui.engine.data.reading.input_rule import AS_STORED, InputRule
from aimic_tui.widgets.dialog import Dialog
from aimic_tui.widgets.frame import KeyLine, Rule
from aimic_tui.widgets.image_view import ImageView
from aimic_tui.widgets.table_column import Cell


class LargeImage(Dialog[int]):
    """Shows one of several images; returns the index of the last one shown."""

    DEFAULT_CSS = """
    LargeImage { background: $background; }
    LargeImage ImageView { height: 1fr; margin: 1 2; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right,l,j,down", "step(1)", "Next", id="large.next", tooltip="The next image"),
        Binding("left,h,k,up", "step(-1)", "Previous", id="large.previous", tooltip="The previous image"),
        Binding("escape,enter,q", "close", "Close", id="large.close", tooltip="Back to where you were"),
    ]

    def __init__(
        self,
        count: int,
        at: int,
        path: Callable[[int], Path],
        words: Callable[[int], Sequence[Cell]],
        rule: InputRule = AS_STORED,
    ) -> None:
        """Make the view.

        Args:
            count: how many images there are.
            at: which one is shown first.
            path: returns the file of an image.
            words: returns lines about an image that its file does not hold: its name, its label.
            rule: which stored values are drawn in which colour.
        """
        super().__init__()
        self._count, self._at, self._path, self._words, self._rule = count, at, path, words, rule

    def compose(self) -> ComposeResult:
        """Draw the image, its facts below it, and the keys."""
        with Vertical():
            yield ImageView()
            yield Rule()
            yield KeyLine()

    def on_mount(self) -> None:
        """Show the image."""
        self.query_one(ImageView).rule = self._rule
        self._show()

    def _show(self) -> None:
        position: Cell = [(f"{self._at + 1:,} of {self._count:,}", "muted")]
        self.query_one(ImageView).show_path(self._path(self._at), [*self._words(self._at), position])

    def action_step(self, by: int) -> None:
        """Show a neighbour."""
        self._at = max(0, min(self._at + by, self._count - 1))
        self._show()

    def action_close(self) -> None:
        """Close."""
        self.dismiss(self._at)
