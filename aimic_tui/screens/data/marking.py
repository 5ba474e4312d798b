"""Deciding about images in the Data place: the keys, what they are for just now, and what they do.

A key is for the images that were chosen with space; where none were, for the image in focus, or from the list of
findings for all images of the finding.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from textual.binding import BindingType

from aimic_tui.screens.data.contents import ClassRow, FindingRow, ImagesOf
from aimic_tui.screens.marking.deciding_place import DecidingPlace, marking_keys
from aimic_tui.widgets.row_list import RowList
from aimic_tui.widgets.thumbnails import ThumbnailGrid
from aimic_tui.workspace.audit_process import Finding
from aimic_tui.workspace.data_session import one_kept, united

_DUPLICATES = ("duplicate", "near-duplicate", "label-conflict")
_ACTIONS = ("choose", "exclude", "keep_one", "unite", "relabel", "note", "doubt", "reviewed")


class MarkingGrid(ThumbnailGrid):
    """The images of a class or a finding, to be decided about."""

    BINDINGS: ClassVar[list[BindingType]] = marking_keys("choose", "exclude", "keep_one", "unite", "relabel", "note")


class ClassList(RowList[ClassRow]):
    """The classes."""

    BINDINGS: ClassVar[list[BindingType]] = marking_keys("groups")[:1]


class FindingList(RowList[FindingRow]):
    """The findings, whose images are decided about together."""

    BINDINGS: ClassVar[list[BindingType]] = marking_keys("choose", "exclude", "keep_one", "unite", "reviewed")


class MarkingPlace(DecidingPlace):
    """A place with a grid of images that can be decided about; a subclass shows them and says what is open."""

    def __init__(self) -> None:
        super().__init__()
        self._shown: ClassRow | FindingRow | None = None

    @abstractmethod
    def _choice_moved(self) -> None:
        """Show which images are chosen."""

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
