"""Questions to the user: a sheet at the bottom of the screen, closed by `esc`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input, Static

from aimic_tui.engine.text import printable
from aimic_tui.engine.user_folders import expanded
from aimic_tui.widgets.dialog import Dialog
from aimic_tui.widgets.frame import KeyLine, Rule
from aimic_tui.widgets.keys import rename_key
from aimic_tui.widgets.path_input import PathInput
from aimic_tui.workspace.typed_path import typed_path

SHEET_CSS = """
    align: left bottom;
    background: $background 60%;
    #sheet { height: auto; max-height: 90%; background: $surface; }
    #sheet Static { padding: 0 2; height: auto; }
    #title { text-style: bold; margin-top: 1; }
    #detail { color: $text-muted; }
    #space { height: 1; }
"""
"""Of every question: a sheet at the bottom of the screen, with its title, its detail and its keys."""


class Confirm(Dialog[bool]):
    """A yes-or-no question: `y` is yes, `n` or `esc` no.

    `await app.push_screen_wait(Confirm(...))`, or `push_screen` with a callback, gives the answer.
    """

    DEFAULT_CSS = f"Confirm {{ {SHEET_CSS} }}"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "Yes", id="dialog.yes", tooltip="Do it"),
        Binding("n,escape,q", "answer(False)", "No", id="dialog.no", tooltip="Leave everything as it is"),
    ]

    def __init__(self, question: str, detail: str = "", *, yes: str = "Yes", no: str = "No") -> None:
        """Make the question.

        Args:
            question: one sentence that ends with a question mark.
            detail: the consequence of a yes, in a sentence.
            yes: what `y` does, in a word or two.
            no: what `n` does.
        """
        super().__init__()
        self._texts = (question, detail)
        rename_key(self, "y", yes)
        rename_key(self, "n", no)

    def compose(self) -> ComposeResult:
        """Draw the sheet."""
        question, detail = self._texts
        with Vertical(id="sheet"):
            yield Rule()
            yield Static(Content(printable(question)), id="title")
            if detail:
                yield Static(Content(printable(detail)), id="detail")
            yield Static("", id="space")
            yield KeyLine()

    def action_answer(self, answer: bool) -> None:
        """Close with the answer."""
        self.dismiss(answer)


class PathPrompt(Dialog[str | None]):
    """Asks for a path, with completion; returns it absolute, with `~` expanded, or None after `esc`."""

    DEFAULT_CSS = f"""
    PathPrompt {{
        {SHEET_CSS}
        PathInput {{ margin: 1 0 0 0; }}
        #problem {{ color: $warning; min-height: 1; max-height: 6; }}
    }}
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", "Cancel", id="dialog.cancel", tooltip="Close without a path"),
        Binding("down", "next_known", "Recent", id="dialog.known", tooltip="Paths that were used before"),
        Binding("up", "previous_known", show=False, id="dialog.known-back", tooltip="Paths that were used before"),
    ]

    def __init__(
        self,
        title: str,
        *,
        detail: str = "",
        value: str = "",
        suffixes: Sequence[str] = (),
        action: str = "Open",
        known: Sequence[str] = (),
        check: Callable[[Path], str | None] | None = None,
    ) -> None:
        """Make the prompt.

        Args:
            title: what is asked for, in a few words.
            detail: what it can be, in a sentence.
            value: what the field holds at first.
            suffixes: of the files that are offered (`.csv`); folders always are.
            action: what enter does with the path, in a word: Open, Save, Use.
            known: paths that were used before; the arrow keys step through them.
            check: returns what is wrong with a path, None where it is fine.
        """
        super().__init__()
        self._title, self._detail, self._value = title, detail, value
        self._suffixes, self._action = suffixes, action
        self._known, self._check = tuple(known), check
        self._at = -1

    def compose(self) -> ComposeResult:
        """Draw the sheet."""
        with Vertical(id="sheet"):
            yield Rule()
            yield Static(Content(printable(self._title)), id="title")
            if self._detail:
                yield Static(Content(printable(self._detail)), id="detail")
            yield PathInput(self._value, suffixes=self._suffixes, action=self._action)
            yield Static("", id="problem")
            yield KeyLine()

    def on_mount(self) -> None:
        """Put the cursor behind what is there."""
        field = self.query_one(PathInput)
        field.focus()
        field.cursor_position = len(field.value)

    @on(PathInput.Offered)
    def _show_choices(self, offered: PathInput.Offered) -> None:
        shown = "   ".join(printable(name) for name in offered.names[:40])
        more = f"   and {len(offered.names) - 40} more" if len(offered.names) > 40 else ""
        self.query_one("#problem", Static).update(Content.styled(shown + more, "$text-muted"))

    @on(Input.Changed)
    def _clear_problem(self) -> None:
        self.query_one("#problem", Static).update("")

    @on(Input.Submitted)
    def _submit(self) -> None:
        self.action_submit()

    def action_submit(self) -> None:
        """Close with the path, or show what is wrong with it."""
        text = typed_path(self.query_one(PathInput).value)
        if not text:
            self._show_problem("Type a path, or press esc.")
            return
        path = expanded(text).absolute()
        problem = self._check(path) if self._check else None
        if problem:
            self._show_problem(problem)
        else:
            self.dismiss(str(path))

    def _show_problem(self, sentence: str) -> None:
        self.query_one("#problem", Static).update(Content(printable(sentence)))

    def action_next_known(self) -> None:
        """Put the next path that was used before into the field."""
        self._show_known(self._at + 1)

    def action_previous_known(self) -> None:
        """Put the one before it into the field."""
        self._show_known(self._at - 1)

    def _show_known(self, index: int) -> None:
        if self._known:
            self._at = index % len(self._known)
            field = self.query_one(PathInput)
            field.value = self._known[self._at]
            field.cursor_position = len(field.value)

    def action_cancel(self) -> None:
        """Close without a path."""
        self.dismiss(None)
