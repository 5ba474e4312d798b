"""Deciding about images wherever they are looked at: one set of keys, the same dialogs, marks kept with the data set.

The Data place and the error review of Results build on it; each says which images a key is for just now.
"""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from typing import cast

from textual import work
from textual.binding import Binding, BindingType

from aimic_tui.engine.data.listing.class_names import own_name
from aimic_tui.engine.data.listing.marks import Kind
from aimic_tui.engine.errors import AimicError
from aimic_tui.engine.text import plural
from aimic_tui.screens.marking.prompts import ClassPrompt, NotePrompt
from aimic_tui.screens.place import Place
from aimic_tui.workspace.data_session import Change, OpenData, changed, noted, relabelled, toggled


def marking_keys(*shown: str) -> list[BindingType]:
    """Return the keys of lists and grids of images; those shown stand on the bottom line where they make sense."""
    keys = (
        ("g", "groups", "Groups", "What images of one patient or slide share"),
        ("space", "choose", "Choose", "Choose the image, or the finding's images, for the next key"),
        ("x", "exclude", "Exclude", "Leave the images out, or take them in again"),
        ("d", "keep_one", "Keep one", "Leave out all of identical images but this one, or take them in again"),
        ("u", "unite", "One group", "Put the images into one group, so that no split parts them; or take it back"),
        ("b", "relabel", "Class", "Say which class the images belong to"),
        ("n", "note", "Note", "Write a note on the images"),
        ("e", "doubt", "Label error", "Doubt the images' class; they stay in until it is settled"),
        ("r", "reviewed", "Reviewed", "The images were looked at, and are right"),
    )
    return [
        Binding(
            key,
            f"screen.{action}",
            label,
            show=action in shown,
            id=f"data.{action.replace('_', '-')}",
            tooltip=tooltip,
        )
        for key, action, label, tooltip in keys
    ]


class DecidingPlace(Place):
    """A place with images that can be decided about; a subclass shows them and says what is open."""

    def __init__(self) -> None:
        super().__init__()
        self._data: OpenData | None = None
        self._chosen: frozenset[str] = frozenset()
        self._writing = asyncio.Lock()

    @abstractmethod
    def _decided(self, data: OpenData) -> None:
        """Show what is open after a decision."""

    @abstractmethod
    def _images(self) -> tuple[str, ...]:
        """Return the images that a key is for now."""

    def _decidable(self) -> OpenData | None:
        """Return what is open where it may be decided about."""
        return self._data if self.may_change("mark images") else None

    def action_exclude(self) -> None:
        """Leave images out, or take them in again."""
        self._toggle("exclude")

    def action_doubt(self) -> None:
        """Doubt the class of images, or no longer."""
        self._toggle("label-error")

    def action_reviewed(self) -> None:
        """Say that images are right, or no longer."""
        self._toggle("reviewed")

    def _toggle(self, kind: Kind) -> None:
        if (data := self._decidable()) is not None:
            self._apply(toggled(data, self._images(), kind))

    @work(exclusive=True, group="question")
    async def action_relabel(self) -> None:
        """Ask for the right class of images."""
        data, images = self._decidable(), self._images()
        if data is None:
            return
        what = plural(len(images), "image") if len(images) > 1 else images[0]
        prompt = ClassPrompt(f"Which class is right for {what}?", data.data_set.counts(), data.class_of(images[0]))
        shown = await self.app.push_screen_wait(prompt)
        if shown is not None:
            label = own_name(shown, data.choice.classes, set(data.found.own_classes))
            self._apply(relabelled(data, images, label))

    @work(exclusive=True, group="question")
    async def action_note(self) -> None:
        """Ask for words on images."""
        data, images = self._decidable(), self._images()
        if data is None:
            return
        mark = data.mark(images[0], "note")
        title = f"A note on {plural(len(images), 'image')}" if len(images) > 1 else f"A note on {images[0]}"
        text = await self.app.push_screen_wait(NotePrompt(title, mark.note if mark else ""))
        if text is not None:
            self._apply(noted(images, text))

    @work(group="marks", exit_on_error=False)
    async def _apply(self, change: Change) -> None:
        """Write a change, one after another, and show what follows from it."""
        if not self.may_change("mark images"):
            return
        async with self._writing:
            data = cast("OpenData", self._data)
            try:
                after = await asyncio.to_thread(changed, data, change)
            except AimicError as problem:
                self.shell.tell(problem.sentence, "warning")
                return
            except OSError as problem:
                self.shell.tell(f"The marks can't be written: {problem.strerror or problem}.", "error")
                return
            if self._data is not data:  # another data set was opened meanwhile
                return
            self._chosen = frozenset()
            self._decided(after)
            self.shell.tell(change.words)
