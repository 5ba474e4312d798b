"""Which images train, validate and test in each fold, with no group on two sides.

The honest protocol keeps groups together and classes in proportion, and takes a validation part out of each
fold's training part, so that the test part never chooses anything. The protocol aimic-2022 is the published one
(Liu et al. 2022, Computer Methods and Programs in Biomedicine 226, 107162): folds by image and no validation part.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from aimic_tui.engine.data.data_set import DataSet, Part
from aimic_tui.engine.data.split import PART_NAMES, Split
from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.text import one_line, printable

if TYPE_CHECKING:
    from aimic_tui.engine.experiment import SplitSettings

_Codes = npt.NDArray[np.int32]
_Mask = npt.NDArray[np.bool_]
_ATTEMPTS = 10  # seeds tried until every fold tests every class


def make_split(data_set: DataSet, settings: SplitSettings, balance: str, seed: int) -> Split:
    """Divide a data set; the same data, settings and seed give the same split.

    Args:
        data_set: n images.
        settings: method, folds, shares and protocol.
        balance: "undersample" drops images at random down to the smallest class before the division (of a predefined
            split only from its training part); every other value leaves all images in.
        seed: of every random choice.

    Raises:
        InputProblem: a class has fewer images or groups than the method needs, or the predefined parts are missing
            or share groups.
    """
    by_image = settings.protocol == "aimic-2022"
    groups = np.arange(len(data_set), dtype=np.int32) if by_image else data_set.groups
    if settings.method == "predefined":
        parts, warnings = _predefined(data_set, groups, settings, balance, seed)
    else:
        used = _undersampled(data_set.labels, seed) if balance == "undersample" else np.ones(len(data_set), bool)
        parts = np.zeros((settings.folds if settings.method == "k-fold" else 1, len(data_set)), np.int8)
        labels, groups_used = data_set.labels[used], groups[used]
        if settings.method == "k-fold":
            _require(data_set.classes, labels, groups_used, settings.folds, by_image=by_image)
            test_folds = _k_folds(labels, groups_used, settings.folds, seed)
            tests = [test_folds == fold for fold in range(settings.folds)]
        else:
            _require(data_set.classes, labels, groups_used, 2, by_image=by_image)
            tests = [_take_share(labels, groups_used, settings.test, np.random.default_rng([seed, 1]))]
        for fold, test in enumerate(tests):
            column = np.where(test, Part.TEST, Part.TRAIN).astype(np.int8)
            if not by_image:
                _set_validation(column, labels, groups_used, settings.validation, [seed, 2, fold])
            parts[fold, used] = column
        warnings = []
    _refuse_straddling(data_set, parts, groups)
    return Split(parts, tuple(warnings + _missing_classes(data_set, parts, validated=not by_image)))


def _undersampled(labels: _Codes, seed: int) -> _Mask:
    """Keep as many images of each class, at random, as the smallest class has."""
    present = np.unique(labels)
    size = min(int((labels == code).sum()) for code in present)
    random = np.random.default_rng([seed, 0])
    used = np.zeros(len(labels), bool)
    for code in present:
        used[random.choice(np.flatnonzero(labels == code), size, replace=False)] = True
    return used


def _require(classes: Sequence[str], labels: _Codes, groups: _Codes, least: int, *, by_image: bool) -> None:
    """Refuse to divide a class into more parts than it has images or groups."""
    what = f"{least} folds" if least > 2 else "two parts"
    for code, name in enumerate(classes):
        of_class = labels == code
        images, shared = int(of_class.sum()), len(np.unique(groups[of_class]))
        shown = one_line(name, 60)
        if images < least:
            fewer = f"set split.folds = {images}, " if images >= 2 and least > 2 else ""
            raise InputProblem(
                f"The class {shown} has {images} image(s), too few for {what}. Add images of it, {fewer}or leave the "
                "class out."
            )
        if shared < least and not by_image:
            fewer = f"set split.folds = {shared}, " if shared >= 2 and least > 2 else ""
            raise InputProblem(
                f"The class {shown} has {images} images in {shared} group(s), too few for {what}, since a group "
                f"is never divided. Add images from elsewhere, {fewer}or set data.group = none if the groups are wrong."
            )


def _k_folds(labels: _Codes, groups: _Codes, folds: int, seed: int) -> npt.NDArray[np.intp]:
    """Return the fold that tests each image: classes in proportion, groups whole."""
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    alone = len(np.unique(groups)) == len(groups)
    best: npt.NDArray[np.intp] | None = None
    fewest = np.inf
    for attempt in range(1 if alone else _ATTEMPTS):
        maker = StratifiedKFold if alone else StratifiedGroupKFold
        divider = maker(n_splits=folds, shuffle=True, random_state=(seed + 7919 * attempt) % 2**32)
        found = np.zeros(len(labels), np.intp)
        for fold, (_, test) in enumerate(divider.split(labels, labels, None if alone else groups)):
            found[test] = fold
        missing = folds * len(np.unique(labels)) - len(np.unique(np.stack([found, labels]), axis=1)[0])
        if missing < fewest:
            best, fewest = found, missing
        if not missing:
            break
    assert best is not None
    return best


def _set_validation(
    column: npt.NDArray[np.int8], labels: _Codes, groups: _Codes, share: float, seed: Sequence[int]
) -> None:
    """Turn a share of a fold's training images into its validation part, in place."""
    training = np.flatnonzero(column == Part.TRAIN)
    taken = _take_share(labels[training], groups[training], share, np.random.default_rng(list(seed)))
    column[training[taken]] = Part.VALIDATION


def _take_share(labels: _Codes, groups: _Codes, share: float, random: np.random.Generator) -> _Mask:
    """Choose whole groups so that each class gives about `share` of its images.

    Each class that lies in two groups or more is in the chosen part and in the rest. Groups come in random order, three
    times; one is taken, or put back, if that brings the squared relative distance to the share down, summed over
    the classes.
    """
    present, label = np.unique(labels, return_inverse=True)
    names, group = np.unique(groups, return_inverse=True)
    classes = len(present)
    if len(names) == len(labels):
        return _take_share_of_images(labels, share, random)
    content = np.bincount(group * classes + label, minlength=len(names) * classes).reshape(len(names), classes)
    totals = content.sum(axis=0)
    holds = content > 0
    inside = np.zeros(classes, np.int64)  # groups of each class in the chosen part
    outside = holds.sum(axis=0)  # and in the rest
    distance = -share * totals  # images taken too many (or, below 0, too few) of each class
    taken = np.zeros(len(names), bool)

    def move(one: int) -> None:
        nonlocal distance, inside, outside
        sign = -1 if taken[one] else 1
        taken[one] = not taken[one]
        distance = distance + sign * content[one]
        inside = inside + sign * holds[one]
        outside = outside - sign * holds[one]

    order = random.permutation(len(names)).tolist()
    for one in 3 * order:
        sign, side = (-1, inside) if taken[one] else (1, outside)
        change = sign * content[one]
        if (change * (change + 2 * distance) / totals**2).sum() < 0 and (side[holds[one]] > 1).all():
            move(one)
    for code in range(classes):
        if not inside[code]:
            spare = [one for one in order if holds[one, code] and (outside[holds[one]] > 1).all()]
            if spare:
                move(min(spare, key=lambda one: int(content[one].sum())))
    return taken[group]


def _take_share_of_images(labels: _Codes, share: float, random: np.random.Generator) -> _Mask:
    chosen = np.zeros(len(labels), bool)
    for code in np.unique(labels):
        of_class = np.flatnonzero(labels == code)
        if len(of_class) > 1:
            size = int(np.clip(round(share * len(of_class)), 1, len(of_class) - 1))
            chosen[random.choice(of_class, size, replace=False)] = True
    return chosen


def _predefined(
    data_set: DataSet, groups: _Codes, settings: SplitSettings, balance: str, seed: int
) -> tuple[npt.NDArray[np.int8], list[str]]:
    if data_set.parts is None:
        raise InputProblem(
            f"{printable(str(data_set.root))} does not say which images train and test. Sort them into folders "
            "named train, validation and test, give the manifest a column part, or set split.method = k-fold."
        )
    column = data_set.parts.copy()
    warnings = []
    if not (column == Part.TRAIN).any():
        raise InputProblem("No image is in the part train. Name a folder train, or set split.method = k-fold.")
    if not (column == Part.TEST).any():
        if not (column == Part.VALIDATION).any():
            raise InputProblem("No image is in the part test. Name a folder test, or set split.method = hold-out.")
        column[column == Part.VALIDATION] = Part.TEST
        warnings.append(
            "There is no part test, so the given validation part is the test, and the validation images come out of "
            "train."
        )
    if balance == "undersample":
        training = np.flatnonzero(column == Part.TRAIN)
        column[training[~_undersampled(data_set.labels[training], seed)]] = Part.UNUSED
    if settings.protocol == "aimic-2022":
        column[column == Part.VALIDATION] = Part.TRAIN
    elif not (column == Part.VALIDATION).any():
        _set_validation(column, data_set.labels, groups, settings.validation, [seed, 2, 0])
    return column[None], warnings


def _refuse_straddling(data_set: DataSet, parts: npt.NDArray[np.int8], groups: _Codes) -> None:
    """Check the finished split; only a predefined one can fail."""
    for fold, column in enumerate(parts, start=1):
        used = column != Part.UNUSED
        pairs = np.unique(np.stack([groups[used], column[used]]), axis=1)[0]
        twice = pairs[:-1][pairs[1:] == pairs[:-1]]
        if len(twice):
            shown = one_line(data_set.group_names[twice[0]], 60)
            raise InputProblem(
                f"{len(np.unique(twice))} group(s) are in more than one part of fold {fold}, the first is {shown}. "
                "Images of one group must stay together: set split.method = k-fold, or data.group = none if the "
                "groups are wrong."
            )


def _missing_classes(data_set: DataSet, parts: npt.NDArray[np.int8], *, validated: bool) -> list[str]:
    """Say which part of which fold lacks a class, with that class's numbers."""
    wanted = [Part.TRAIN, Part.VALIDATION, Part.TEST] if validated else [Part.TRAIN, Part.TEST]
    counts, group_counts = data_set.counts(), data_set.group_counts()
    sentences = []
    for code, name in enumerate(data_set.classes):
        of_class = parts[:, data_set.labels == code]
        for part in wanted:
            folds = np.flatnonzero(~(of_class == part).any(axis=1)) + 1
            if len(folds):
                sentences.append(
                    f"The {PART_NAMES[part]} part of fold {', '.join(map(str, folds))} has no image of the class "
                    f"{one_line(name, 60)} ({counts[name]} image(s) in {group_counts[name]} group(s) in all)."
                )
    return sentences
