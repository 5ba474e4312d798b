"""The question for the prevalence of a class where a network is to be used."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input, Static

from aimic_tui.engine.errors import UsageProblem
from aimic_tui.engine.text import printable
from aimic_tui.widgets.dialog import Dialog
from aimic_tui.widgets.dialogs import SHEET_CSS
from aimic_tui.widgets.frame import KeyLine, Rule
from aimic_tui.wording.predictive_values import read_prevalence


class PrevalencePrompt(Dialog[str | None]):
    """Asks for a prevalence; gives it as it was typed and can be read, "" for none, or None after `esc`."""

    DEFAULT_CSS = f"""
    PrevalencePrompt {{
        {SHEET_CSS}
        Input {{ margin: 1 1 0 1; }}
        #problem {{ color: $warning; min-height: 1; }}
    }}
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "take", "Show", id="prevalence.take", priority=True, tooltip="Show PPV and NPV there"),
        Binding("escape", "cancel", "Cancel", id="prevalence.cancel", tooltip="Leave the table as it was"),
    ]

    def __init__(self, name: str, text: str = "") -> None:
        """Make the prompt.

        Args:
            name: of the class.
            text: what was typed before.
        """
        super().__init__()
        self._of_class, self._text = name, text

    def compose(self) -> ComposeResult:
        """Draw the sheet."""
        with Vertical(id="sheet"):
            yield Rule()
            yield Static(Content(f"Prevalence of {printable(self._of_class)}"), id="title")
            yield Static("Where the network is to be used, such as 2 % or 0.02. Empty: none.", id="detail")
            yield Input(self._text)
            yield Static("", id="problem")
            yield KeyLine()

    def on_mount(self) -> None:
        """Put the cursor behind what is there."""
        field = self.query_one(Input)
        field.focus()
        field.cursor_position = len(field.value)

    @on(Input.Changed)
    def _forget_problem(self) -> None:
        self.query_one("#problem", Static).update("")

    def action_take(self) -> None:
        """Close with the prevalence, or say what is wrong with it."""
        text = self.query_one(Input).value.strip()
        if text:
            try:
                read_prevalence(text)
            except UsageProblem as problem:
                self.query_one("#problem", Static).update(Content(problem.sentence))
                return
        self.dismiss(text)

    def action_cancel(self) -> None:
        """Close without."""
        self.dismiss(None)
