"""Asks for a pattern on the file names, and previews the groups or classes that it makes."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections import Counter
from collections.abc import Sequence
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input, Static

from aimic_tui.engine.data.listing.groups import group_values
from aimic_tui.engine.data.listing.name_pattern import name_pattern
from aimic_tui.engine.errors import AimicError
from aimic_tui.engine.text import one_line, plural, printable
from aimic_tui.widgets.dialog import Dialog
from aimic_tui.widgets.frame import KeyLine, Rule

_LARGEST_SHOWN = 3
_CLASSES_SHOWN = 8


def preview_of(images: Sequence[str], pattern: str) -> tuple[bool, str]:
    """Return whether `pattern` is valid, and in a few lines which groups it makes of these names."""
    if pattern in ("", "none"):
        return True, "Every image is its own group."
    try:
        values = group_values(images, pattern)
    except AimicError as problem:
        return False, problem.sentence
    sizes = Counter(value for value in values if value is not None)
    if not sizes:
        return False, f"It matches no file name; the first is {one_line(images[0].rpartition('/')[2], 60)}."
    alone = len(images) - sum(sizes.values())
    largest = ", ".join(
        f"{one_line(name, 30)} ({plural(count, 'image')})" for name, count in sizes.most_common(_LARGEST_SHOWN)
    )
    rest = f"; {plural(alone, 'image')} without a match, a group each" if alone else ""
    return True, (
        f"{plural(len(sizes), 'group')} of {plural(len(images) - alone, 'image')}{rest}\nLargest groups: {largest}"
    )


def preview_of_labels(images: Sequence[str], pattern: str) -> tuple[bool, str]:
    """Return whether a name pattern is valid, and in a few lines which classes it makes of these names."""
    if not pattern:
        return False, "Describe how names are built."
    try:
        reads = name_pattern(pattern)
    except AimicError as problem:
        return False, problem.sentence
    named = [found for found in map(reads.read, images) if found is not None and found.label]
    if not named:
        return False, f"It matches no name; the first is {one_line(images[0], 80)}."
    sizes = Counter(found.label for found in named)
    largest = ", ".join(f"{one_line(name, 30)} {count:,}" for name, count in sizes.most_common(_CLASSES_SHOWN))
    more = f" and {len(sizes) - _CLASSES_SHOWN} more" if len(sizes) > _CLASSES_SHOWN else ""
    groups = f", {plural(len({found.group for found in named}), 'group')}" if "group" in reads.parts else ""
    rest = f"; {plural(len(images) - len(named), 'image')} without a match" if len(named) < len(images) else ""
    many = plural(len(sizes), "class", "classes")
    return True, f"{many} of {plural(len(named), 'image')}{groups}{rest}\n{largest}{more}"


class PatternPrompt(Dialog[str | None]):
    """A field for a pattern with its effect below; gives the pattern, or None after `esc`."""

    QUESTION: ClassVar[str]
    DETAIL: ClassVar[str]
    EXAMPLE: ClassVar[str]

    DEFAULT_CSS = """
    PatternPrompt {
        align: left bottom;
        background: $background 60%;
        #sheet { height: auto; max-height: 80%; background: $surface; }
        #sheet Static { padding: 0 2; height: auto; }
        #title { text-style: bold; margin-top: 1; }
        #detail, #suggestion { color: $text-muted; }
        Input { margin: 1 1 0 1; }
        #preview { min-height: 2; }
        #preview.-bad { color: $warning; }
        #space { height: 1; }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = [  # before the field's own keys
        Binding(
            "enter",
            "take",
            "Use",
            id="group.accept",
            tooltip="Use this pattern",
            priority=True,
        ),
        Binding(
            "down",
            "suggestion",
            "Suggestion",
            id="group.suggestion",
            tooltip="Use the pattern that the names suggest",
            priority=True,
        ),
        Binding("escape", "cancel", "Cancel", id="group.cancel", tooltip="Leave everything as it is"),
    ]

    def __init__(self, images: Sequence[str], pattern: str, suggestion: str | None) -> None:
        """Make the prompt.

        Args:
            images: the names to try a pattern on.
            pattern: what is in force now.
            suggestion: the pattern that the names show, if they show one.
        """
        super().__init__()
        self._images, self._pattern, self._suggestion = images, pattern, suggestion
        self._good = True

    @staticmethod
    @abstractmethod
    def preview(images: Sequence[str], pattern: str) -> tuple[bool, str]:
        """Return whether a pattern is valid, and in a few lines what it makes of the names."""

    def compose(self) -> ComposeResult:
        """Draw the sheet."""
        suggested = (
            f"The names suggest {printable(self._suggestion)}" if self._suggestion else "The names suggest no pattern."
        )
        with Vertical(id="sheet"):
            yield Rule()
            yield Static(Content(self.QUESTION), id="title")
            yield Static(Content(self.DETAIL), id="detail")
            yield Input(self._pattern, placeholder=self.EXAMPLE)
            yield Static("", id="preview")
            yield Static(Content(suggested), id="suggestion")
            yield Static("", id="space")
            yield KeyLine()

    def on_mount(self) -> None:
        """Put the cursor behind what is there."""
        field = self.query_one(Input)
        field.focus()
        field.cursor_position = len(field.value)
        self._preview(field.value)

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        self._preview(event.value)

    @work(exclusive=True, group="preview", exit_on_error=False)
    async def _preview(self, pattern: str) -> None:
        await asyncio.sleep(0.1)  # while one types, only the last pattern is tried
        self._good, words = await asyncio.to_thread(self.preview, self._images, pattern.strip())
        shown = self.query_one("#preview", Static)
        shown.update(Content("\n").join(Content(printable(line)) for line in words.split("\n")))
        shown.set_class(not self._good, "-bad")

    async def action_take(self) -> None:
        """Close with the pattern, if it makes groups."""
        pattern = self.query_one(Input).value.strip()
        good, words = await asyncio.to_thread(self.preview, self._images, pattern)
        if good:
            self.dismiss(pattern)
        else:
            self.query_one("#preview", Static).update(Content(printable(words)))

    def action_suggestion(self) -> None:
        """Put what the names suggest into the field."""
        if self._suggestion:
            self._put(self._suggestion)

    def _put(self, pattern: str) -> None:
        field = self.query_one(Input)
        field.value = pattern
        field.cursor_position = len(pattern)

    def action_cancel(self) -> None:
        """Close without a pattern."""
        self.dismiss(None)


class GroupPrompt(PatternPrompt):
    """Asks for the part of the name that identifies the patient or slide."""

    QUESTION = "Which part of the name identifies the patient or slide?"
    DETAIL = (
        "A regular expression on the file name; its first parenthesis is the group. All images of a group stay on one "
        "side of every split."
    )
    EXAMPLE = r"e.g. ^(slide\d+), or none"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "nothing", "No groups", id="group.none", tooltip="Each image by itself", priority=True),
    ]

    @staticmethod
    def preview(images: Sequence[str], pattern: str) -> tuple[bool, str]:
        """Return which groups a pattern makes."""
        return preview_of(images, pattern)

    def action_nothing(self) -> None:
        """Put into the field that there are no groups."""
        self._put("none")


class LabelPatternPrompt(PatternPrompt):
    """Asks for the part of the name that is the class, where no folders are."""

    QUESTION = "Which part of the name is the class?"
    DETAIL = (
        "{label} stands for the class, {group} for the patient or slide, {part} for train, validation or test, * for "
        "anything else; or a regular expression with parts of these names."
    )
    EXAMPLE = "e.g. {group}_{label}_*.png"

    @staticmethod
    def preview(images: Sequence[str], pattern: str) -> tuple[bool, str]:
        """Return which classes a pattern makes."""
        return preview_of_labels(images, pattern)
