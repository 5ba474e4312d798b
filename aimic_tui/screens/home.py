"""Home: what is going on, and what needs me?"""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.widgets import Static

from aimic_tui.screens.place import Place


class HomeScreen(Place):
    """The runs with their states, the data sets that were seen, this machine."""

    PLACE: ClassVar[str] = "home"

    def compose_body(self) -> ComposeResult:
        """Yield the lists."""
        yield Static("Runs", classes="heading")
