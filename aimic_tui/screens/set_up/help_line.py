"""The help on a setting below the form, where the screen is too narrow for a column beside it."""

from __future__ import annotations

import textwrap

from textual.content import Content
from textual.widgets import Static

_LINES = 2  # as many as its height in screen.tcss


class HelpLine(Static):
    """Two lines of help; where it is longer, it ends with `…`."""

    _text = ""

    def show(self, text: str) -> None:
        """Show the help on another setting."""
        self._text = text
        self._draw()

    def on_resize(self) -> None:
        """Fold it to the new width."""
        self._draw()

    def _draw(self) -> None:
        width = self.content_size.width
        if width:  # it is hidden on a wide screen
            lines = textwrap.wrap(self._text, width, max_lines=_LINES, placeholder=" …")
            self.update(Content("\n").join(map(Content, lines)))
