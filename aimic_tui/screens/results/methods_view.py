"""How the figures, intervals and tests of the other views are computed."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from aimic_tui.engine.text import printable
from aimic_tui.screens.results.result_view import ResultView
from aimic_tui.wording.result_methods import method_sections


class MethodsView(ResultView):
    """A page of text, a section for each of the other views."""

    NAME: ClassVar[str] = "methods"
    KEY: ClassVar[str] = "M"
    TITLE: ClassVar[str] = "Methods"
    TOOLTIP: ClassVar[str] = "How figures, intervals and tests are computed"
    FOCUS: ClassVar[str] = "#methods"

    def compose(self) -> ComposeResult:
        """Yield the text."""
        with VerticalScroll(id="methods"):
            yield Static("", id="methods-text")

    def refresh_network(self) -> None:
        """Write the text."""
        assert self.session is not None
        sections = [
            Content.assemble((title, "bold"), "\n", printable(sentences))
            for title, sentences in method_sections(self.session.figures)
        ]
        self.query_one("#methods-text", Static).update(Content("\n\n").join(sections))
