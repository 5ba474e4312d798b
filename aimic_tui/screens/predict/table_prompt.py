"""Where a prediction's table is written, and the accepted error rate: asked before a prediction starts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Input, Static

from aimic_tui.engine.errors import AimicError
from aimic_tui.engine.evaluation.calibration_words import CONFIDENCE
from aimic_tui.engine.formatting.numbers import percent
from aimic_tui.engine.inference.combined_calibration import combine_calibrations
from aimic_tui.engine.models.model_folder import find_models
from aimic_tui.engine.text import printable
from aimic_tui.engine.user_folders import expanded
from aimic_tui.widgets.dialog import Dialog
from aimic_tui.widgets.dialogs import SHEET_CSS
from aimic_tui.widgets.frame import KeyLine, Rule
from aimic_tui.widgets.path_input import PathInput
from aimic_tui.workspace.model_choices import ModelChoice
from aimic_tui.workspace.typed_path import typed_path

_WORDS = {
    "output": "A CSV file; it grows while the images are read.",
    "errors": "Accepted error rate, e.g. 2 %. Images the model is too unsure about are left for review. With "
    f"{percent(CONFIDENCE)} confidence it holds for the others, if they are like the run's own. Empty: answer all.",
}


@dataclass(frozen=True)
class TableOptions:
    """The table's file, and the accepted error rate; None answers all images."""

    output: Path
    max_error: float | None


class TablePrompt(Dialog[TableOptions | None]):
    """Asks for the table's file and the accepted error rate; gives `TableOptions`, or None after `esc`."""

    DEFAULT_CSS = f"""
    TablePrompt {{
        {SHEET_CSS}
        .line {{ height: 1; }}
        #lines {{ height: auto; margin: 1 0; }}
        #sheet .line Static {{ width: 20; height: 1; color: $text-muted; }}
        .line:focus-within {{ color: $primary; }}  /* its own, or what is inside is not drawn anew */
        #sheet .line:focus-within Static {{ color: $primary; text-style: bold; }}
        .line Input {{ width: 1fr; }}
        #detail {{ min-height: 2; }}
        #problem {{ color: $warning; min-height: 1; }}
    }}
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "take", "Predict", id="table.take", priority=True, tooltip="Start the prediction"),
        Binding("down", "move(1)", "Next line", id="table.down", tooltip="The next line"),
        Binding("up", "move(-1)", "Up", show=False, id="table.up", tooltip="The previous line"),
        Binding("escape", "cancel", "Cancel", id="table.cancel", tooltip="Don't predict"),
    ]

    def __init__(self, choice: ModelChoice, value: str, check: Callable[[Path], str | None]) -> None:
        """Make the prompt.

        Args:
            choice: the model, whose run's test images say which error rates can be promised.
            value: the file that is proposed.
            check: gives a sentence where a path can't be used, None where it can.
        """
        super().__init__()
        self._choice, self._value, self._check = choice, value, check

    def compose(self) -> ComposeResult:
        """Draw the sheet."""
        with Vertical(id="sheet"):
            yield Rule()
            yield Static("Table of predictions", id="title")
            with Vertical(id="lines"):
                with Horizontal(classes="line"):
                    yield Static("write to")
                    yield PathInput(self._value, suffixes=(".csv",), action="Use", id="output")
                with Horizontal(classes="line"):
                    yield Static("max. error rate")
                    yield Input(placeholder="answer all", id="errors", select_on_focus=False)
            yield Static("", id="detail")
            yield Static("", id="problem")
            yield KeyLine()

    def on_mount(self) -> None:
        """Put the cursor behind what is there."""
        field = self.query_one("#output", Input)
        field.focus()
        field.cursor_position = len(field.value)

    @on(events.DescendantFocus)
    def _moved(self, event: events.DescendantFocus) -> None:
        self.query_one("#detail", Static).update(_WORDS.get(event.widget.id or "", ""))

    @on(PathInput.Offered)
    def _show_choices(self, offered: PathInput.Offered) -> None:
        self._show_problem("   ".join(offered.names[:40]))

    @on(Input.Changed)
    def _forget_problem(self) -> None:
        self._show_problem("")

    def action_move(self, step: int) -> None:
        """Go to the other line."""
        self.query_one("#errors" if self.focused is self.query_one("#output") else "#output", Input).focus()

    @work(exclusive=True, group="take")
    async def action_take(self) -> None:
        """Close with the options, or say why they can't be used."""
        text = typed_path(self.query_one("#output", Input).value)
        output = _path(text)
        problem = self._check(output) if text else "Type a path, or press esc."
        max_error = None
        if problem is None:
            try:
                max_error = _rate(self.query_one("#errors", Input).value)
            except ValueError:
                problem = "Type an error rate above 0 and below 100 %, e.g. 2 %; or leave it empty."
        if problem is None and max_error is not None:
            problem = await asyncio.to_thread(_problem_with, self._choice, max_error)
        if problem is None:
            self.dismiss(TableOptions(output, max_error))
        else:
            self._show_problem(problem)

    def _show_problem(self, sentence: str) -> None:
        self.query_one("#problem", Static).update(Content(printable(sentence)))

    def action_cancel(self) -> None:
        """Close without."""
        self.dismiss(None)


def _path(text: str) -> Path:
    return expanded(text).absolute()


def _rate(text: str) -> float | None:
    """Read an error rate, `2 %` or `0.02`; None for nothing.

    Raises:
        ValueError: it is none.
    """
    text = text.strip().replace(",", ".")
    if not text:
        return None
    value = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    if not 0 < value < 1:
        raise ValueError(text)
    return value


def _problem_with(choice: ModelChoice, max_error: float) -> str | None:
    """Return why an error rate can't be promised for a model; None where it can."""
    try:
        combine_calibrations(find_models(choice.target, choice.network_option or None), max_error=max_error)
    except AimicError as problem:
        return problem.sentence
    return None
