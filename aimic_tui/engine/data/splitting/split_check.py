"""Checking a split, whatever made it: groups in two parts, parts without a class."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from aimic_tui.engine.data.data_set import DataSet, Part
from aimic_tui.engine.data.splitting.split import PART_NAMES, Split, fold_name
from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.text import one_line, plural

_NAMED = 8  # folds in a sentence


def check_split(data_set: DataSet, split: Split, *, by_image: bool) -> tuple[str, ...]:
    """Return sentences about what a split can't give, every one with its numbers; refuse what can't be trained on.

    Images that show one picture, whole or nearly, are of one group (`check.group_duplicates`), so they are looked at
    with the groups.

    Args:
        by_image: groups may be on both sides, as in the published protocol; how many are is then said.

    Raises:
        InputProblem: a group is in more than one part of a fold, and that may not be; or a part has no image at all.
    """
    rows = _rows(split)
    warnings = []
    straddling = {name: groups for name, column in rows if len(groups := _straddling(data_set, column))}
    if straddling and not by_image:
        fold, groups = next(iter(straddling.items()))
        raise InputProblem(
            f"Fold {fold} has {plural(len(groups), 'group')} in more than one part; the first is "
            f"{one_line(data_set.group_names[groups[0]], 60)}. Images of one group, and duplicates of one image, must "
            "stay together: set split.method = k-fold; or data.group = none if the groups are wrong; `aimic inspect` "
            "lists the duplicates.",
            key="split.method",
        )
    if straddling:
        most = max(len(groups) for groups in straddling.values())
        warnings.append(
            f"Folds are by image, as published: {most} of {plural(len(data_set.group_names), 'group')} have images in "
            "more than one part of a fold, which makes results look too good."
        )
    wanted = [Part.TRAIN, Part.TEST] if by_image else [Part.TRAIN, Part.VALIDATION, Part.TEST]
    _refuse_empty(rows, wanted, inner=split.inner_folds)
    return (*warnings, *_missing_classes(data_set, rows, wanted))


def _refuse_empty(rows: Sequence[tuple[str, npt.NDArray[np.int8]]], wanted: Sequence[Part], *, inner: int) -> None:
    for name, column in rows:
        for part in wanted:
            if not (column == part).any():
                fewer = f" set split.inner_folds = {inner - 1 if inner > 2 else 0}," if "inner" in name else ""
                raise InputProblem(
                    f"The {PART_NAMES[part]} part of fold {name} has no image: too few groups are left for it. Add "
                    f"images from elsewhere,{fewer} or set data.group = none if the groups are wrong.",
                    key="split.inner_folds" if fewer else "split.method",
                )


def _rows(split: Split) -> list[tuple[str, npt.NDArray[np.int8]]]:
    """Every fold's name and parts, the inner ones after the others."""
    folds = range(1, split.folds + 1)
    inner = [(fold, number) for fold in folds for number in range(1, split.inner_folds + 1)]
    return [(fold_name(*key), split.column(*key)) for key in [*((fold, 0) for fold in folds), *inner]]


def _straddling(data_set: DataSet, column: npt.NDArray[np.int8]) -> npt.NDArray[np.intp]:
    """Return the groups with images in more than one part, ascending."""
    there = np.zeros((len(data_set.group_names), len(Part)), bool)
    there[data_set.groups, column] = True
    there[:, Part.UNUSED] = False
    return np.flatnonzero(there.sum(axis=1) > 1)


def _missing_classes(
    data_set: DataSet, rows: Sequence[tuple[str, npt.NDArray[np.int8]]], wanted: Sequence[Part]
) -> list[str]:
    """Say which part of which fold lacks a class, with that class's numbers."""
    classes = len(data_set.classes)
    counts = [
        np.bincount(data_set.labels * len(Part) + column, minlength=classes * len(Part)).reshape(classes, len(Part))
        for _, column in rows
    ]
    if all(table[:, wanted].all() for table in counts):
        return []
    images, groups = data_set.counts(), data_set.group_counts()
    sentences = []
    for code, name in enumerate(data_set.classes):
        for part in wanted:
            folds = [fold for (fold, _), table in zip(rows, counts, strict=True) if not table[code, part]]
            if folds:
                more = f" and {len(folds) - _NAMED} more" if len(folds) > _NAMED else ""
                sentences.append(
                    f"The {PART_NAMES[part]} part of fold {'; '.join(folds[:_NAMED])}{more} has no image of the class "
                    f"{one_line(name, 60)} ({plural(images[name], 'image')} in {plural(groups[name], 'group')} in all)."
                )
    return sentences
