"""From listed images to the data set: applying the decisions on classes and single images."""

from __future__ import annotations

import bisect
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import takewhile
from pathlib import Path

import numpy as np

from aimic_tui.engine.data.data_set import DataSet, Part
from aimic_tui.engine.data.listing.class_names import check_classes, class_changes_sentence
from aimic_tui.engine.data.listing.groups import group_values, join_groups, no_match_sentence
from aimic_tui.engine.data.listing.list_images import ListedImages
from aimic_tui.engine.data.listing.look_alike_names import (
    LookAlikeClasses,
    LookAlikeGroups,
    look_alike_classes,
    merged_classes,
    name_groups,
    note_on_groups,
    note_on_look_alikes,
)
from aimic_tui.engine.data.listing.marks import Mark
from aimic_tui.engine.data.listing.missing_values import (
    Cells,
    doubtful_classes,
    note_on_doubtful_classes,
    note_on_missing,
    without_missing,
)
from aimic_tui.engine.data.listing.table_reader import western
from aimic_tui.engine.data.note import Note
from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.names import nfc
from aimic_tui.engine.text import one_line, plural, printable


@dataclass(frozen=True)
class FoundData:
    """A data set and what lies beside it.

    Attributes:
        data_set: the labelled images, as people decided about them.
        suggested_group: the pattern that the names show, whether or not it is used.
        unlabelled: images that no folder, row, name or mark gives a class.
        missing: word for a missing label, such as nan -> images that a table lists with it.
        in_table: a table gives the labels.
        look_alikes: classes that look the same, as they are called now.
        merged_classes: the `data.classes` that merges these, None where there are none.
        look_alike_groups: sets of groups that look the same, an image of each.
        others: files among the images that don't look like images.
        repeated: images that a manifest lists more than once under one label.
        conflicts: images that a manifest lists under several labels; the first counts.
        notes: on what else was left out.
        original_classes: the number of images of each class by its original name, before `data.classes` and marks leave
            any out.
        excluded: the images that marks exclude, with their classes.
    """

    data_set: DataSet
    suggested_group: str | None
    unlabelled: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    repeated: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()
    notes: tuple[Note, ...] = ()
    original_classes: Mapping[str, int] = field(default_factory=dict)
    excluded: Mapping[str, str] = field(default_factory=dict)
    missing: Mapping[str, int] = field(default_factory=dict)
    in_table: bool = False
    look_alikes: tuple[LookAlikeClasses, ...] = ()
    merged_classes: Mapping[str, str] | None = None
    look_alike_groups: tuple[LookAlikeGroups, ...] = ()

    def before_evaluation(self) -> tuple[str, ...]:
        """What to know of the data before a model is judged on it: how it was read, and what is left out."""
        said = [note.sentence for note in self.notes]
        counted = {"missing-labels", "masks-beside-images"}  # by their own sentences
        if self.unlabelled and counted.isdisjoint(note.kind for note in self.notes):
            said.append(f"{plural(len(self.unlabelled), 'image')} without a label can't be used.")
        parts = self.data_set.parts
        if parts is not None and {Part.TRAIN, Part.TEST} <= set(parts.tolist()):
            said.insert(0, "The parts of the data set are evaluated together, its training images too.")
        return tuple(said)


def apply_decisions(
    listed: ListedImages, marks: Sequence[Mark] = (), classes: Mapping[str, str] | None = None
) -> FoundData:
    """Make the data set from listed images: first the marks, which use the original class names, then `classes`.

    Args:
        listed: n images.
        marks: decisions on single images; those on images that are not listed are ignored.
        classes: new names of classes, empty for those left out.

    Raises:
        InputProblem: no image is left, or the group pattern matches none.
        UsageProblem: `classes` names a class that does not exist, or the group pattern is invalid.
    """
    classes = {nfc(name): nfc(other) for name, other in (classes or {}).items()}
    cells = without_missing(listed.labels, classes) if listed.in_table else Cells(listed.labels)
    marked = _AppliedMarks(listed.images, cells.values, marks)
    own = Counter(label for label in marked.labels if label)
    notes = [*listed.notes, *([note_on_missing(cells.missing)] if cells.missing else [])]
    if not own:
        raise InputProblem(
            f"{printable(str(listed.root))} has no labelled image. {' '.join(note.sentence for note in notes)}",
            key="data.path",
        )
    check_classes(classes, own)
    names = {name: classes.get(name, name) for name in own}
    excluded: dict[str, str] = {}
    rows: list[int] = []
    for row, label in enumerate(marked.labels):
        if label and names[label]:
            if row in marked.excluded:
                excluded[listed.images[row]] = names[label]
            else:
                rows.append(row)
    if not rows:
        raise InputProblem(
            f"{printable(str(listed.root))} has no image left: marks exclude {len(excluded)}. `aimic marks` lists "
            "them.",
            key="data.marks",
        )
    sentences = (*marked.sentences(), class_changes_sentence(classes, own))
    data_set, groups = _data_set(listed, rows, [names[marked.labels[row]] for row in rows], marked.together)
    alike = look_alike_classes(data_set.counts())
    merged = merged_classes(alike, classes, own) if alike else None
    if merged is not None:
        notes.append(note_on_look_alikes(alike, merged))
    if doubtful := [name for name in doubtful_classes(own) if name not in classes]:
        notes.append(note_on_doubtful_classes(doubtful))
    notes += groups.notes
    return FoundData(
        data_set=replace(data_set, decisions=tuple(sentence for sentence in sentences if sentence), notes=tuple(notes)),
        suggested_group=listed.suggested_group,
        unlabelled=tuple(image for image, label in zip(listed.images, marked.labels, strict=True) if not label),
        others=listed.others,
        repeated=listed.repeated,
        conflicts=listed.conflicts,
        notes=tuple(notes),
        original_classes=dict(sorted(own.items())),
        excluded=excluded,
        missing={word: count for word, count in cells.missing.items() if word},
        in_table=listed.in_table,
        look_alikes=alike,
        merged_classes=merged,
        look_alike_groups=groups.alike,
    )


class _Rows:
    """Images by their names, which marks may have in another Unicode form: since a copy to or from a Mac."""

    def __init__(self, images: Sequence[str]) -> None:
        self._images = images
        self._by_form: dict[str, int | None] | None = None  # made when it is needed, since it rarely is

    def find(self, name: str) -> int | None:
        """Return the row of an image; None where there is none, or several have the name in other forms."""
        row = bisect.bisect_left(self._images, name)
        if row < len(self._images) and self._images[row] == name:
            return row
        if name.isascii():
            return None
        if self._by_form is None:
            self._by_form = {}
            for number, image in enumerate(self._images):
                if not image.isascii():
                    self._by_form[nfc(image)] = None if nfc(image) in self._by_form else number
        return self._by_form.get(nfc(name))


class _AppliedMarks:
    """The marks on images that are there."""

    def __init__(self, images: Sequence[str], labels: Sequence[str], marks: Sequence[Mark]) -> None:
        self.labels: list[str] = list(labels)
        self.excluded: set[int] = set()
        self._relabelled = self._doubted = 0
        self._absent: list[str] = []
        together: dict[str, list[int]] = {}
        rows, classes = _Rows(images), set(labels)
        for mark in marks:
            row = rows.find(mark.image)
            if row is None:  # a spreadsheet may have saved the marks in Windows-1252
                row = rows.find(western(mark.image))
            if row is None:
                self._absent.append(mark.image)
            elif mark.kind == "exclude":
                self.excluded.add(row)
            elif mark.kind == "label":
                label = nfc(mark.label if mark.label in classes else western(mark.label))
                self._relabelled += self.labels[row] != label
                self.labels[row] = label
            elif mark.kind == "label-error":
                self._doubted += 1
            elif mark.kind == "group":
                together.setdefault(nfc(mark.group), []).append(row)
        self.together = [rows for rows in together.values() if len(rows) > 1]

    def sentences(self) -> list[str]:
        """Say what the marks do, a sentence a kind."""
        grouped = sum(map(len, self.together))
        sentences = []
        if self.excluded:
            sentences.append(f"Marks exclude {plural(len(self.excluded), 'image')}.")
        if self._relabelled:
            sentences.append(f"Marks give another class to {plural(self._relabelled, 'image')}.")
        if grouped:
            sentences.append(f"Marks put {plural(grouped, 'image')} into common groups.")
        if self._doubted:
            errors = plural(self._doubted, "possible label error")
            sentences.append(f"Marks name {errors}, still used for training.")
        if self._absent:
            absent = sorted(set(self._absent))
            images, first = plural(len(absent), "image"), one_line(absent[0], 80)
            sentences.append(f"Marks name {images} not in the data set; the first is {first}.")
        return sentences


@dataclass(frozen=True)
class _GroupNames:
    """What is to be said about the names of groups."""

    notes: tuple[Note, ...]
    alike: tuple[LookAlikeGroups, ...]


def _data_set(
    listed: ListedImages, rows: Sequence[int], labels: Sequence[str], together: Sequence[Sequence[int]]
) -> tuple[DataSet, _GroupNames]:
    images = tuple(listed.images[row] for row in rows)
    values: Sequence[str | None] = [None] * len(rows)
    if listed.groups is not None:
        values = [listed.groups[row] for row in rows]
    elif listed.rule != "none":
        values = [None if value is None else nfc(value) for value in group_values(images, listed.rule)]
        if not any(value is not None for value in values):
            raise InputProblem(no_match_sentence(listed.rule, images), key="data.group")
    named = name_groups(values, in_table=listed.groups is not None)
    codes_of_groups: dict[str, int] = {}
    groups = np.fromiter(
        (
            codes_of_groups.setdefault(image if value is None else value, len(codes_of_groups))
            for image, value in zip(images, named.values, strict=True)
        ),
        np.int32,
        len(images),
    )
    at = {row: index for index, row in enumerate(rows)} if together else {}
    kept = [[at[row] for row in members if row in at] for members in together]
    first = {name: int(np.flatnonzero(groups == codes_of_groups[name])[0]) for alike in named.alike for name in alike}
    groups, group_names = join_groups(groups, tuple(codes_of_groups), kept)
    alike = tuple(
        LookAlikeGroups(names, tuple(images[first[name]] for name in names))
        for names in named.alike
        if len({int(groups[first[name]]) for name in names}) > 1
    )
    classes = tuple(sorted(set(labels)))
    codes = {name: code for code, name in enumerate(classes)}
    data_set = DataSet(
        root=listed.root,
        images=images,
        classes=classes,
        labels=np.fromiter((codes[label] for label in labels), np.int32, len(labels)),
        groups=groups,
        group_names=group_names,
        group_rule=listed.rule,
        parts=None if listed.parts is None else listed.parts[list(rows)],
    )
    return data_set, _GroupNames((*named.notes, *([note_on_groups(alike)] if alike else ())), alike)


def single_class(path: str, data_set: DataSet) -> str:
    """Say that a data set holds one class only, and what may have gone wrong."""
    shown = printable(path)
    name = data_set.classes[0]
    folder, inner = _first_fork(data_set.images)
    beginning = (
        f"{shown} holds a single class, {one_line(name, 60)} ({plural(len(data_set), 'image')}); "
        "a classifier needs at least two."
    )
    missing = [note.sentence for note in data_set.notes if note.kind == "missing-labels"]
    if data_set.decisions or missing:
        return f"{beginning} {' '.join((*data_set.decisions, *missing))}"
    if len(inner) > 1:
        names = ", ".join(one_line(folder, 30) for folder in inner[:3])
        return f"{beginning} It has the folders {names}: did you mean {printable(str(Path(path) / folder))}?"
    return f"{beginning} Add a folder for each other class."


def _first_fork(images: Sequence[str]) -> tuple[str, list[str]]:
    """Return the deepest folder in which all images lie, and the names of the folders in it."""
    first, last = images[0].split("/")[:-1], images[-1].split("/")[:-1]  # of sorted names these have least in common
    common = [one for one, _ in takewhile(lambda pair: pair[0] == pair[1], zip(first, last, strict=False))]
    inner = {image.split("/")[len(common)] for image in images if image.count("/") > len(common)}
    return "/".join(common), sorted(inner)
