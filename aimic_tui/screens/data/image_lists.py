"""The lists of the Data place, each with the keys that are for what it shows."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType

from aimic_tui.screens.data.contents import ClassRow, FindingRow
from aimic_tui.screens.marking.controller import COMMANDS, MarkingCommand, marking_bindings
from aimic_tui.widgets.row_list import RowList
from aimic_tui.widgets.thumbnails import ThumbnailGrid

# On the lists, before their own g, which is also the home key.
_GROUPS = Binding(
    "g",
    "screen.groups",
    "Groups",
    show=False,
    id="data.groups",
    tooltip="Which part of the name identifies the patient or slide",
)
_ON_IMAGES: tuple[MarkingCommand, ...] = ("select", "exclude", "keep_one", "one_group", "set_class", "note")
_ON_FINDINGS: tuple[MarkingCommand, ...] = ("select", "exclude", "keep_one", "one_group", "reviewed")


class ImageGrid(ThumbnailGrid):
    """The images of a class or a finding."""

    BINDINGS: ClassVar[list[BindingType]] = [_GROUPS, *marking_bindings(COMMANDS, shown=_ON_IMAGES)]


class ClassList(RowList[ClassRow]):
    """The classes."""

    BINDINGS: ClassVar[list[BindingType]] = [_GROUPS]


class FindingList(RowList[FindingRow]):
    """The findings, whose images are decided about together."""

    BINDINGS: ClassVar[list[BindingType]] = [_GROUPS, *marking_bindings(COMMANDS, shown=_ON_FINDINGS)]
