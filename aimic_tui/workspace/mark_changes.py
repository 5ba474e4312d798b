"""What can be decided about images, each decision as the marks that it adds and removes.

The functions that decide return a `MarkChange`, and only `write_change` writes it. Where all images are marked so
already, the change takes the marks back, so that one key does both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from aimic_tui.engine.data.audit.resolution import keep_one_marks
from aimic_tui.engine.data.listing.find_data_set import read_marks_of
from aimic_tui.engine.data.listing.marks import MARK_KINDS, Mark, MarkKind, add_marks, remove_marks
from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.text import plural
from aimic_tui.workspace.open_data import OpenData

ToggledKind = Literal["exclude", "reviewed", "label-error"]


@dataclass(frozen=True)
class DuplicateSet:
    """Images that show one picture, and which of them to keep where only one is."""

    images: tuple[str, ...]
    keep: str


@dataclass(frozen=True)
class MarkChange:
    """Marks to add and to remove.

    Attributes:
        message: a sentence on what the change did, shown once it is written.
        add: the marks to add.
        remove: images that lose their marks of `remove_kinds`.
        groups: sets of images, each to be put into one group.
    """

    message: str
    add: tuple[Mark, ...] = ()
    remove: tuple[str, ...] = ()
    remove_kinds: tuple[MarkKind, ...] = MARK_KINDS
    groups: tuple[tuple[str, ...], ...] = ()


_TOGGLE_MESSAGES: Mapping[ToggledKind, tuple[str, str]] = {
    "exclude": ("{} excluded; x takes it back.", "{} no longer excluded."),
    "reviewed": ("{} marked as reviewed and right.", "{} no longer marked as reviewed."),
    "label-error": (
        "{} marked as possible label error; still used for training.",
        "{} no longer marked as possible label error.",
    ),
}


def toggle(data: OpenData, images: Sequence[str], kind: ToggledKind) -> MarkChange:
    """Mark images, or remove the mark where all of them have it."""
    already = data.marked(images, kind)
    message = _TOGGLE_MESSAGES[kind][already].format(plural(len(images), "image"))
    if already:
        return MarkChange(message, remove=tuple(images), remove_kinds=(kind,))
    return MarkChange(message, tuple(Mark(image, kind) for image in images if data.mark(image, kind) is None))


def keep_one(data: OpenData, sets: Sequence[DuplicateSet]) -> MarkChange:
    """Exclude all images of each set but the one to keep; where that is so already, take it back."""
    marks = [mark for duplicates in sets for mark in keep_one_marks(duplicates.images, duplicates.keep)]
    copies = [mark.image for mark in marks]
    keep_excluded = tuple(sorted({one.keep for one in sets if data.mark(one.keep, "exclude")}))
    if data.marked(copies, "exclude") and not keep_excluded:
        message = f"{plural(len(copies), 'duplicate')} no longer excluded."
        return MarkChange(message, remove=tuple(copies), remove_kinds=("exclude",))
    message = f"{plural(len(copies), 'duplicate')} excluded; d takes it back."
    return MarkChange(message, tuple(marks), remove=keep_excluded, remove_kinds=("exclude",))


def with_one_label(data: OpenData, sets: Sequence[DuplicateSet]) -> list[DuplicateSet]:
    """Return the sets whose images all have one label: of the others only a person can say which image is right."""

    def labels(images: Sequence[str]) -> set[int]:
        indices = [index for index in map(data.data_set.index, images) if index is not None]
        return {int(data.data_set.labels[index]) for index in indices}

    return [duplicates for duplicates in sets if len(labels(duplicates.images)) < 2]


def put_in_one_group(data: OpenData, sets: Sequence[Sequence[str]]) -> MarkChange:
    """Put the images of each set into one group; where they are, take it back."""
    sets = [images for images in sets if len(images) > 1]
    all_images = tuple(dict.fromkeys(image for images in sets for image in images))

    def share_a_group(images: Sequence[str]) -> bool:
        groups = {mark.group if (mark := data.mark(image, "group")) else "" for image in images}
        return len(groups) == 1 and groups != {""}

    count = plural(len(all_images), "image")
    if all(map(share_a_group, sets)):
        return MarkChange(f"{count} no longer grouped by marks.", remove=all_images, remove_kinds=("group",))
    message = f"{count} put into {plural(len(sets), 'group')}; u takes it back."
    return MarkChange(message, groups=tuple(map(tuple, sets)))


def set_class(data: OpenData, images: Sequence[str], label: str) -> MarkChange:
    """Give images another class.

    Args:
        data: what is open.
        images: names.
        label: the class by the data set's own name of it. An image that is listed with it loses its mark.
    """
    listed = {image: data.listed.label_of(image) for image in images}
    back = tuple(image for image in images if listed[image] == label)
    add = tuple(Mark(image, "label", label=label) for image in images if listed[image] != label)
    return MarkChange(f"{plural(len(images), 'image')} marked as {label}.", add, remove=back, remove_kinds=("label",))


def set_note(images: Sequence[str], text: str) -> MarkChange:
    """Write a note on images; an empty one removes it."""
    count = plural(len(images), "image")
    if not text:
        return MarkChange(f"Note removed from {count}.", remove=tuple(images), remove_kinds=("note",))
    return MarkChange(f"Note written on {count}.", tuple(Mark(image, "note", note=text) for image in images))


def write_change(data: OpenData, change: MarkChange) -> OpenData:
    """Write a change to the marks, and return what is open after it. It blocks.

    Raises:
        AimicError: no marks are stored here, or no image would be left; nothing is written then.
        OSError: they can't be written.
    """
    if data.file is None:
        raise InputProblem("data.marks is none, so no marks are stored. Set it to auto in Set-up.")
    excluded = {mark.image for mark in change.add if mark.kind == "exclude"}
    if excluded and not any(image not in excluded for image in data.data_set.images):
        raise InputProblem("That would leave no image. Keep some.")
    marks: tuple[Mark, ...] = ()
    if change.remove:
        marks = remove_marks(data.file, change.remove, change.remove_kinds)
    if change.add or change.groups or not change.remove:
        marks = add_marks(data.file, change.add, change.groups)
    choice = data.choice
    if read_marks_of(choice) != marks:  # the file is in the workspace, so that its path must be named
        choice = replace(choice, marks=str(data.file))
    return data.with_marks(marks, choice)
