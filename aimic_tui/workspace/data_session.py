"""What the Data place has open, and what changes when somebody decides something about it. Nothing here draws.

Everything that reads or writes is made to be called in a thread of the app.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from aimic_tui.engine.data.audit.settlement import is_settled, keep_one
from aimic_tui.engine.data.data_set import DataSet
from aimic_tui.engine.data.listing.data_choice import DataChoice
from aimic_tui.engine.data.listing.decisions import Found, decide
from aimic_tui.engine.data.listing.find_data_set import marks_of
from aimic_tui.engine.data.listing.list_images import Listed, list_images
from aimic_tui.engine.data.listing.marks import (
    KINDS,
    Kind,
    Mark,
    add_marks,
    by_image,
    remove_marks,
    writable_marks_file,
)
from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.text import plural


@dataclass(frozen=True, eq=False)
class OpenData:
    """A data set as it is open: what is listed, what was decided, what follows.

    Attributes:
        choice: what was asked for; its `marks` is a path where the data set's own folder can't be written.
        listed: before any decision.
        found: after all decisions.
        marks: on each image that has some.
        file: where marks are written, None where `data.marks` is none.
    """

    choice: DataChoice
    listed: Listed
    found: Found
    marks: Mapping[str, tuple[Mark, ...]]
    file: Path | None

    @property
    def data_set(self) -> DataSet:
        """The images that take part."""
        return self.found.data_set

    def class_of(self, image: str) -> str:
        """Return the class of an image, also of one that is left out; empty where it has none."""
        at = self.data_set.index(image)
        if at is None:
            return self.found.excluded.get(image, "")
        return self.data_set.classes[int(self.data_set.labels[at])]

    def mark(self, image: str, kind: Kind) -> Mark | None:
        """Return the mark of a kind that an image has."""
        return next((mark for mark in self.marks.get(image, ()) if mark.kind == kind), None)

    def marked(self, images: Iterable[str], kind: Kind) -> bool:
        """Tell whether all of these images have a mark of a kind."""
        return all(self.mark(image, kind) is not None for image in images)

    def settled(self, kind: str, images: Sequence[str]) -> bool:
        """Tell whether people have dealt with a finding."""
        marks = [mark for image in images for mark in self.marks.get(image, ())]
        return is_settled(kind, images, self.data_set, marks)


def open_data(choice: DataChoice, fallback: Path, progress: Callable[[int], None] | None = None) -> OpenData:
    """Find a data set.

    Args:
        choice: which images.
        fallback: the folder for marks on data sets whose own can't be written.
        progress: hears how many images there are so far.

    Raises:
        AimicError: there is none, or a setting makes no sense for it.
    """
    listed = list_images(choice, progress)
    file = None if choice.marks == "none" else writable_marks_file(choice.path, choice.marks, fallback)
    if file is not None and file.parent == fallback and file.exists():
        choice = replace(choice, marks=str(file))
    marks = marks_of(choice)
    return OpenData(choice, listed, decide(listed, marks, choice.classes), by_image(marks), file)


def with_classes(data: OpenData, classes: Mapping[str, str]) -> OpenData:
    """Give classes other names.

    Raises:
        AimicError: that leaves nothing.
    """
    marks = [mark for of_image in data.marks.values() for mark in of_image]
    found = decide(data.listed, marks, classes)
    return replace(data, choice=replace(data.choice, classes=dict(classes)), found=found)


def renewed(data: OpenData) -> OpenData:
    """Read the marks again.

    Raises:
        AimicError: they can't be read.
    """
    choice = data.choice
    if data.file is not None and data.choice.marks != str(data.file) and not marks_of(choice) and data.file.exists():
        choice = replace(choice, marks=str(data.file))
    marks = marks_of(choice)
    return replace(data, choice=choice, found=decide(data.listed, marks, choice.classes), marks=by_image(marks))


# -- what can be decided


@dataclass(frozen=True)
class Change:
    """Marks to add and to take away, and what that does in words."""

    words: str
    add: tuple[Mark, ...] = ()
    remove: tuple[str, ...] = ()
    of_kinds: tuple[Kind, ...] = KINDS
    together: tuple[tuple[str, ...], ...] = ()
    note: str = ""


def changed(data: OpenData, change: Change) -> OpenData:
    """Write a change, and return what is open after it.

    Raises:
        AimicError: no marks are kept here, or no image would be left; nothing is written then.
        OSError: they can't be written.
    """
    if data.file is None:
        raise InputProblem("data.marks is none, so that no marks are kept. Set it to auto in Set-up.")
    out = {mark.image for mark in change.add if mark.kind == "exclude"}
    if out and not any(image not in out for image in data.data_set.images):
        raise InputProblem("That would leave no image. Keep some.")
    marks: tuple[Mark, ...] = ()
    if change.remove:
        marks = remove_marks(data.file, change.remove, change.of_kinds)
    if change.add or change.together or not change.remove:
        marks = add_marks(data.file, change.add, change.together, change.note)
    choice = data.choice
    if marks_of(choice) != marks:  # the file is in the workspace, so that its path must be named
        choice = replace(choice, marks=str(data.file))
    return replace(data, choice=choice, found=decide(data.listed, marks, choice.classes), marks=by_image(marks))


def toggled(data: OpenData, images: Sequence[str], kind: Kind) -> Change:
    """Mark images; where all of them are marked so already, take that back."""
    many, back = plural(len(images), "image"), data.marked(images, kind)
    words = _TOGGLES[kind][back].format(many)
    if back:
        return Change(words, remove=tuple(images), of_kinds=(kind,))
    return Change(words, tuple(Mark(image, kind) for image in images if data.mark(image, kind) is None))


_TOGGLES: Mapping[Kind, tuple[str, str]] = {
    "exclude": ("{} left out; x takes it back.", "{} in again."),
    "reviewed": ("{} reviewed, and right.", "{} no longer marked as reviewed."),
    "label-error": ("The class of {} is doubted; they stay in until it is settled.", "The doubt on {} is taken back."),
}


def one_kept(data: OpenData, sets: Sequence[tuple[Sequence[str], str]]) -> Change:
    """Leave out all but one of each set of images; where that is so already, take it back.

    Args:
        data: what is open.
        sets: images of one picture, and which of them to keep.
    """
    marks = [mark for images, keep in sets for mark in keep_one(images, keep)]
    kept = {keep for _, keep in sets}
    out = [mark.image for mark in marks]
    if data.marked(out, "exclude") and not any(data.mark(image, "exclude") for image in kept):
        return Change(f"{plural(len(out), 'copy', 'copies')} in again.", remove=tuple(out), of_kinds=("exclude",))
    words = f"{plural(len(out), 'copy', 'copies')} left out; d takes it back."
    again = tuple(image for image in kept if data.mark(image, "exclude"))
    return Change(words, tuple(marks), remove=again, of_kinds=("exclude",))


def united(data: OpenData, sets: Sequence[Sequence[str]]) -> Change:
    """Put the images of each set into one group; where they are, take it back."""
    sets = [images for images in sets if len(images) > 1]
    all_images = tuple(dict.fromkeys(image for images in sets for image in images))

    def one(images: Sequence[str]) -> bool:
        groups = {mark.group if (mark := data.mark(image, "group")) else "" for image in images}
        return len(groups) == 1 and groups != {""}

    many = plural(len(all_images), "image")
    if all(map(one, sets)):
        return Change(f"{many} no longer grouped by marks.", remove=all_images, of_kinds=("group",))
    groups = plural(len(sets), "group")
    return Change(f"{many} put into {groups}; u takes it back.", together=tuple(map(tuple, sets)))


def relabelled(data: OpenData, images: Sequence[str], label: str) -> Change:
    """Give images another class, under its own name in the data set; the one they had is no mark."""
    listed = {image: data.listed.label_of(image) for image in images}
    back = tuple(image for image in images if listed[image] == label)
    add = tuple(Mark(image, "label", label=label) for image in images if listed[image] != label)
    return Change(f"{plural(len(images), 'image')} marked as {label}.", add, remove=back, of_kinds=("label",))


def noted(images: Sequence[str], text: str) -> Change:
    """Write a note on images; an empty one takes it away."""
    many = plural(len(images), "image")
    if not text:
        return Change(f"The note on {many} is taken away.", remove=tuple(images), of_kinds=("note",))
    return Change(f"A note on {many}.", tuple(Mark(image, "note", note=text) for image in images))
