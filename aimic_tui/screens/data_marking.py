"""Deciding about images in the Data place: the keys, what they are for just now, and what they do.

A key is for the images that were chosen with space; where none were, for the image in focus, or from the list of
findings for all images of the finding.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import ClassVar, cast

from textual import work
from textual.binding import Binding, BindingType

from aimic_tui.engine.data.marks import Kind
from aimic_tui.engine.data.relabel import own_name
from aimic_tui.engine.errors import AimicError
from aimic_tui.screens.data_audit import Finding
from aimic_tui.screens.data_contents import ClassRow, FindingRow, ImagesOf
from aimic_tui.screens.data_prompts import ClassPrompt, NotePrompt
from aimic_tui.screens.data_state import (
    Change,
    OpenData,
    changed,
    noted,
    one_kept,
    relabelled,
    toggled,
    united,
)
from aimic_tui.screens.place import Place
from aimic_tui.widgets.row_list import RowList
from aimic_tui.widgets.thumbnails import ThumbnailGrid
from aimic_tui.wording import plural

_DUPLICATES = ("duplicate", "near-duplicate", "label-conflict")
_ACTIONS = ("choose", "exclude", "keep_one", "unite", "relabel", "note", "doubt", "reviewed")


def _bindings(*shown: str) -> list[BindingType]:
    """Return the keys of the lists and the grid; those shown stand on the bottom line where they make sense."""
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


class MarkingGrid(ThumbnailGrid):
    """The images of a class or a finding, to be decided about."""

    BINDINGS: ClassVar[list[BindingType]] = _bindings("choose", "exclude", "keep_one", "unite", "relabel", "note")


class ClassList(RowList[ClassRow]):
    """The classes."""

    BINDINGS: ClassVar[list[BindingType]] = _bindings("groups")[:1]


class FindingList(RowList[FindingRow]):
    """The findings, whose images are decided about together."""

    BINDINGS: ClassVar[list[BindingType]] = _bindings("choose", "exclude", "keep_one", "unite", "reviewed")


class MarkingPlace(Place):
    """A place with a grid of images that can be decided about; a subclass shows them and says what is open."""

    def __init__(self) -> None:
        super().__init__()
        self._data: OpenData | None = None
        self._shown: ClassRow | FindingRow | None = None
        self._chosen: frozenset[str] = frozenset()
        self._writing = asyncio.Lock()

    def _decided(self, data: OpenData) -> None:
        """Show what is open after a decision."""
        raise NotImplementedError

    def _choice_moved(self) -> None:
        """Show which images are chosen."""
        raise NotImplementedError

    # -- which images

    @property
    def _grid(self) -> MarkingGrid:
        return self.query_one(MarkingGrid)

    @property
    def _image(self) -> str | None:
        items = self._grid.items
        return items.names[self._grid.cursor] if isinstance(items, ImagesOf) and items.names else None

    @property
    def _finding(self) -> Finding | None:
        return self._shown.finding if isinstance(self._shown, FindingRow) else None

    @property
    def _in_grid(self) -> bool:
        return isinstance(self.focused, ThumbnailGrid)

    def _images(self) -> tuple[str, ...]:
        """Return the images that a key is for now."""
        if self._chosen:
            return tuple(sorted(self._chosen))
        if self._in_grid:
            return () if self._image is None else (self._image,)
        return self._finding.images if self._finding and isinstance(self.focused, FindingList) else ()

    def _sets(self) -> list[tuple[tuple[str, ...], str]]:
        """Return the sets of duplicates that a key is for, and which image of each to keep."""
        finding = self._finding
        if finding is None or finding.kind not in _DUPLICATES:
            return []
        sets = [images for images in finding.groups if len(images) > 1]
        if not self._in_grid:
            return [(images, images[0]) for images in sets]
        return [(images, self._image) for images in sets if self._image in images][:1]

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer only what there are images for."""
        if action not in _ACTIONS:
            return True
        if self._data is None:
            return False
        if action == "keep_one":
            return bool(self._sets())
        if action == "unite":
            return len(self._chosen) > 1 or bool(self._sets())
        if action == "choose" and not self._in_grid:
            return self._finding is not None and bool(self._finding.images)
        return bool(self._images())

    # -- what the keys do

    def action_choose(self) -> None:
        """Choose the image in focus and go on to the next, or all images of the finding; or unchoose them."""
        here = () if self._image is None else (self._image,)
        images: tuple[str, ...] = here if self._in_grid else self._finding.images if self._finding else ()
        self._chosen = self._chosen - set(images) if self._chosen.issuperset(images) else self._chosen | set(images)
        self._choice_moved()
        if self._in_grid:
            self._grid.action_move(1)

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
        assert self._data is not None
        self._apply(toggled(self._data, self._images(), kind))

    def action_keep_one(self) -> None:
        """Leave out all but one of a set of duplicates, or take them in again."""
        assert self._data is not None
        sets = self._sets()
        if self._in_grid:
            self._apply(one_kept(self._data, sets))
            return
        data_set = self._data.data_set
        labels = {row: int(data_set.labels[at]) for row in self._images() if (at := data_set.index(row)) is not None}
        clear = [(images, keep) for images, keep in sets if len({labels.get(image, -1) for image in images} - {-1}) < 2]
        if not clear:
            self.shell.tell("They have several labels. Go to the images, and choose which one to keep.", "warning")
        else:
            self._apply(one_kept(self._data, clear))

    def action_unite(self) -> None:
        """Put images into one group, or take that back."""
        assert self._data is not None
        sets: Sequence[Sequence[str]] = [images for images, _ in self._sets()]
        self._apply(united(self._data, [self._images()] if len(self._chosen) > 1 else sets))

    @work(exclusive=True, group="question")
    async def action_relabel(self) -> None:
        """Ask for the right class of images."""
        data, images = self._data, self._images()
        assert data is not None
        if not self.may_change("mark images"):
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
        data, images = self._data, self._images()
        assert data is not None
        if not self.may_change("mark images"):
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
