"""A field for a path: tab completes it, a grey continuation is offered as one types."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.suggester import Suggester
from textual.widgets import Input

from aimic_tui.engine.user_folders import expanded
from aimic_tui.widgets.keys import rename_key
from aimic_tui.workspace.typed_path import typed_path

_MOST_ENTRIES = 5000  # read of a folder; one with a million images must not hold up a key press


@dataclass(frozen=True)
class Completion:
    """What can be made of the beginning of a path.

    Attributes:
        text: the path as far as it is unambiguous; a folder that is the only match ends with `/`.
        names: the matching entries, sorted; folders end with `/`.
    """

    text: str
    names: tuple[str, ...]


def complete_path(text: str, *, suffixes: Sequence[str] = (), folders: bool = True) -> Completion:
    """Complete the beginning of a path as a shell does.

    Args:
        text: what was typed; `~` stands for the home folder and stays as typed.
        suffixes: of the files that are offered (`.csv`), lower case; without any only folders are.
        folders: whether folders are offered.
    """
    head, slash, beginning = text.rpartition("/")
    folder = expanded((head or "/") if slash else ".")
    names = []
    try:
        with os.scandir(folder) as entries:
            for entry in islice(entries, _MOST_ENTRIES):
                if not entry.name.startswith(beginning) or (entry.name.startswith(".") and not beginning):
                    continue
                if _is_folder(entry):
                    if folders:
                        names.append(entry.name + "/")
                elif entry.name.lower().endswith(tuple(suffixes)) and suffixes:
                    names.append(entry.name)
    except OSError:
        return Completion(text, ())
    names.sort()
    common = os.path.commonprefix(names)  # noqa: RUF071 - of letters, not of folders
    return Completion(head + slash + common if common else text, tuple(names))


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


class _PathSuggester(Suggester):
    """Offers the first completion of a path, in grey behind the cursor."""

    def __init__(self, suffixes: Sequence[str]) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._suffixes = suffixes

    async def get_suggestion(self, value: str) -> str | None:
        if not value:
            return None
        completion = await asyncio.to_thread(complete_path, value, suffixes=self._suffixes)
        if not completion.names:
            return None
        offered = completion.text if len(completion.text) > len(value) else _with(value, completion.names[0])
        return offered if offered != value else None


def _with(value: str, name: str) -> str:
    head, slash, _ = value.rpartition("/")
    return head + slash + name


class PathInput(Input):
    """An input for a path. `tab` completes it; with nothing to complete, `tab` moves to the next field."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "submit", "Open", id="path.submit", tooltip="Open this path"),
        Binding(
            "tab", "complete", "Complete", id="path.complete", tooltip="Complete the path as far as it is unambiguous"
        ),
    ]

    @dataclass
    class Offered(Message):
        """The possible completions after a `tab`; empty where there is only one."""

        field: PathInput
        names: tuple[str, ...]

    def __init__(
        self,
        value: str = "",
        *,
        placeholder: str = "",
        suffixes: Sequence[str] = (),
        action: str = "Open",
        id: str | None = None,
    ) -> None:
        """Make the field.

        Args:
            value: what it holds at first.
            placeholder: shown while it is empty.
            suffixes: of the files that are offered; without any only folders are.
            action: what enter does with the path, in a word: Open, Save, Use.
            id: of the widget.
        """
        super().__init__(value, placeholder=placeholder, suggester=_PathSuggester(suffixes), id=id)
        self._suffixes = tuple(suffixes)
        rename_key(self, "enter", action, f"{action} this path")

    def on_paste(self, event: events.Paste) -> None:
        """Put in the path that is meant: terminals type a dragged folder quoted, escaped or as an address."""
        event.prevent_default()
        event.stop()
        path = typed_path(event.text)
        start, end = self.selection
        self.replace(path.splitlines()[0] if path else "", min(start, end), max(start, end))

    async def action_complete(self) -> None:
        """Complete the path as far as it is unambiguous, then offer the choices."""
        before = self.value
        completion = await asyncio.to_thread(complete_path, before, suffixes=self._suffixes)
        if self.value != before:
            return
        if completion.text != before:
            self.value = completion.text
            self.cursor_position = len(self.value)
        elif not completion.names:
            self.screen.focus_next()
            return
        self.post_message(self.Offered(self, completion.names if len(completion.names) > 1 else ()))
