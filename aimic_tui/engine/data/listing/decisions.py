"""From listed images to the data set: applying the decisions on classes and single images."""

from __future__ import annotations

import bisect
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from aimic_tui.engine.data.data_set import DataSet
from aimic_tui.engine.data.listing.class_names import check_classes, class_changes_sentence
from aimic_tui.engine.data.listing.groups import group_values, join_groups, no_match_sentence
from aimic_tui.engine.data.listing.list_images import ListedImages
from aimic_tui.engine.data.listing.marks import Mark
from aimic_tui.engine.data.note import Note
from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.text import one_line, plural, printable


@dataclass(frozen=True)
class FoundData:
    """A data set and what lies beside it.

    Attributes:
        data_set: the labelled images, as people decided about them.
        suggested_group: the pattern that the names show, whether or not it is used.
        unlabelled: images that no folder, row, name or mark gives a class.
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
    classes = classes or {}
    marked = _AppliedMarks(listed, marks)
    own = Counter(label for label in marked.labels if label)
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
    data_set = _data_set(listed, rows, [names[marked.labels[row]] for row in rows], marked.together)
    return FoundData(
        data_set=replace(data_set, decisions=tuple(sentence for sentence in sentences if sentence)),
        suggested_group=listed.suggested_group,
        unlabelled=tuple(image for image, label in zip(listed.images, marked.labels, strict=True) if not label),
        others=listed.others,
        repeated=listed.repeated,
        conflicts=listed.conflicts,
        notes=listed.notes,
        original_classes=dict(sorted(own.items())),
        excluded=excluded,
    )


class _AppliedMarks:
    """The marks on images that are there."""

    def __init__(self, listed: ListedImages, marks: Sequence[Mark]) -> None:
        self.labels: list[str] = list(listed.labels)
        self.excluded: set[int] = set()
        self._relabelled = self._doubted = 0
        self._absent: list[str] = []
        together: dict[str, list[int]] = {}
        for mark in marks:
            row = bisect.bisect_left(listed.images, mark.image)
            if row == len(listed.images) or listed.images[row] != mark.image:
                self._absent.append(mark.image)
            elif mark.kind == "exclude":
                self.excluded.add(row)
            elif mark.kind == "label":
                self._relabelled += self.labels[row] != mark.label
                self.labels[row] = mark.label
            elif mark.kind == "label-error":
                self._doubted += 1
            elif mark.kind == "group":
                together.setdefault(mark.group, []).append(row)
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


def _data_set(
    listed: ListedImages, rows: Sequence[int], labels: Sequence[str], together: Sequence[Sequence[int]]
) -> DataSet:
    images = tuple(listed.images[row] for row in rows)
    values: Sequence[str | None] = [None] * len(rows)
    if listed.groups is not None:
        values = [listed.groups[row] for row in rows]
    elif listed.rule != "none":
        values = group_values(images, listed.rule)
        if not any(value is not None for value in values):
            raise InputProblem(no_match_sentence(listed.rule, images), key="data.group")
    codes_of_groups: dict[str, int] = {}
    groups = np.fromiter(
        (
            codes_of_groups.setdefault(image if value is None else value, len(codes_of_groups))
            for image, value in zip(images, values, strict=True)
        ),
        np.int32,
        len(images),
    )
    at = {row: index for index, row in enumerate(rows)} if together else {}
    kept = [[at[row] for row in members if row in at] for members in together]
    groups, group_names = join_groups(groups, tuple(codes_of_groups), kept)
    classes = tuple(sorted(set(labels)))
    codes = {name: code for code, name in enumerate(classes)}
    return DataSet(
        root=listed.root,
        images=images,
        classes=classes,
        labels=np.fromiter((codes[label] for label in labels), np.int32, len(labels)),
        groups=groups,
        group_names=group_names,
        group_rule=listed.rule,
        parts=None if listed.parts is None else listed.parts[list(rows)],
    )


def single_class(path: str, data_set: DataSet) -> str:
    """Say that a data set holds one class only, and what may have gone wrong."""
    shown = printable(path)
    name = data_set.classes[0]
    inner = sorted({image.split("/")[1] for image in data_set.images if image.count("/") >= 2})
    beginning = (
        f"{shown} holds a single class, {one_line(name, 60)} ({plural(len(data_set), 'image')}); "
        "a classifier needs at least two."
    )
    if data_set.decisions:
        return f"{beginning} {' '.join(data_set.decisions)}"
    if len(inner) > 1:
        names = ", ".join(one_line(folder, 30) for folder in inner[:3])
        return f"{beginning} It has the folders {names}: did you mean {printable(str(Path(path) / name))}?"
    return f"{beginning} Add a folder for each other class."
