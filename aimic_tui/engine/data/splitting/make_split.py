"""Making a split: the training, validation and test part of each fold, with no group in two of them.

The honest protocol keeps groups together and classes in proportion, and takes a validation part out of each
fold's training part, so that the test part never chooses anything. The protocol aimic-2022 is the published one
(Liu et al. 2022, Computer Methods and Programs in Biomedicine 226, 107162): folds by image and no validation part.

Inner folds (nested cross-validation: Varma and Simon 2006, BMC Bioinformatics 7, 91) divide the images outside a
fold's test part once more, so that a network can be chosen there and tested on images that had no part in the choice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from aimic_tui.engine.data.data_set import DataSet, Part
from aimic_tui.engine.data.splitting.folds import Codes, Mask, k_folds, sample_share
from aimic_tui.engine.data.splitting.split import Split
from aimic_tui.engine.data.splitting.split_check import check_split
from aimic_tui.engine.errors import InputProblem, UsageProblem
from aimic_tui.engine.text import one_line, plural, printable

if TYPE_CHECKING:
    from aimic_tui.engine.experiment import Balance, SplitSettings


def require_compatible(settings: SplitSettings) -> None:
    """Do nothing where the settings of a split go together.

    Raises:
        UsageProblem: with the first one that does not go with the others.
    """
    if settings.repeats > 1 and settings.method != "k-fold" and not settings.from_:
        raise UsageProblem(
            f"split.repeats = {settings.repeats} does not go with split.method = {settings.method}: only k-fold "
            "can be repeated. Set split.repeats = 1, or split.method = k-fold.",
            key="split.repeats",
        )
    if settings.inner_folds == 1:
        raise UsageProblem(
            "split.inner_folds = 1 divides nothing: set 0 for none, or at least 2.", key="split.inner_folds"
        )
    if settings.inner_folds and settings.protocol != "honest":
        raise UsageProblem(
            f"split.inner_folds = {settings.inner_folds} does not go with split.protocol = {settings.protocol}, whose "
            "test images choose anyway. Set split.inner_folds = 0, or split.protocol = honest.",
            key="split.inner_folds",
        )


def make_split(data_set: DataSet, settings: SplitSettings, balance: Balance, seed: int) -> Split:
    """Divide a data set; the same data, settings and seed give the same split.

    Args:
        data_set: n images.
        settings: method, folds, repeats, inner folds, shares and protocol.
        balance: "undersample" drops images at random down to the smallest class before the division (of a predefined
            split only from its training part); every other value leaves all images in.
        seed: of every random choice.

    Raises:
        UsageProblem: settings that don't go together.
        InputProblem: a class has fewer images or groups than the method needs, or the predefined parts are missing
            or share groups.
    """
    require_compatible(settings)
    by_image = settings.protocol == "aimic-2022"
    groups = np.arange(len(data_set), dtype=np.int32) if by_image else data_set.groups
    warnings: list[str] = []
    if settings.method == "predefined":
        parts, warnings = _predefined(data_set, groups, settings, balance, seed)
    else:
        used = _undersampled(data_set.labels, seed) if balance == "undersample" else np.ones(len(data_set), bool)
        labels, groups_used = data_set.labels[used], groups[used]
        tests = _tests(data_set.classes, labels, groups_used, settings, seed, by_image=by_image)
        parts = np.zeros((len(tests), len(data_set)), np.int8)
        for fold, test in enumerate(tests):
            column = np.where(test, Part.TEST, Part.TRAIN).astype(np.int8)
            if not by_image:
                _set_validation(column, labels, groups_used, settings.validation, [seed, 2, fold])
            parts[fold, used] = column
    split = with_inner_folds(data_set, Split(parts), settings, seed)
    return replace(split, warnings=(*warnings, *check_split(data_set, split, by_image=by_image)))


def with_inner_folds(data_set: DataSet, split: Split, settings: SplitSettings, seed: int) -> Split:
    """Return the split with as many inner folds as the settings want, each with a validation part of its own.

    Raises:
        InputProblem: what a fold does not test holds too few images or groups of a class.
    """
    if not settings.inner_folds:
        return replace(split, inner=None)
    inner = np.zeros((split.folds, settings.inner_folds, len(data_set)), np.int8)
    for fold in range(split.folds):
        pool = np.flatnonzero((split.parts[fold] == Part.TRAIN) | (split.parts[fold] == Part.VALIDATION))
        labels, groups = data_set.labels[pool], data_set.groups[pool]
        _require(
            data_set.classes,
            labels,
            groups,
            settings.inner_folds,
            by_image=False,
            key="split.inner_folds",
            where=f" outside the test part of fold {fold + 1}",
        )
        tested = k_folds(labels, groups, settings.inner_folds, _seed([seed, 4, fold]))
        for number in range(settings.inner_folds):
            column = np.where(tested == number, Part.TEST, Part.TRAIN).astype(np.int8)
            _set_validation(column, labels, groups, settings.validation, [seed, 5, fold, number])
            inner[fold, number, pool] = column
    return replace(split, inner=inner)


def _tests(
    classes: Sequence[str], labels: Codes, groups: Codes, settings: SplitSettings, seed: int, *, by_image: bool
) -> list[Mask]:
    """Return which images each fold tests, the folds of one repeat after those of the other."""
    if settings.method == "hold-out":
        _require(classes, labels, groups, 2, by_image=by_image, key="split.method")
        return [sample_share(labels, groups, settings.test, np.random.default_rng([seed, 1]))]
    _require(classes, labels, groups, settings.folds, by_image=by_image)
    tests = []
    for repeat in range(settings.repeats):
        fold_of = k_folds(labels, groups, settings.folds, _seed([seed, 3, repeat]) if repeat else seed)
        tests += [fold_of == fold for fold in range(settings.folds)]
    return tests


def _seed(keys: Sequence[int]) -> int:
    return int(np.random.default_rng(list(keys)).integers(2**31))


def _undersampled(labels: Codes, seed: int) -> Mask:
    """Keep as many images of each class, at random, as the smallest class has."""
    present = np.unique(labels)
    size = min(int((labels == code).sum()) for code in present)
    random = np.random.default_rng([seed, 0])
    used = np.zeros(len(labels), bool)
    for code in present:
        used[random.choice(np.flatnonzero(labels == code), size, replace=False)] = True
    return used


def _require(
    classes: Sequence[str],
    labels: Codes,
    groups: Codes,
    least: int,
    *,
    by_image: bool,
    key: str = "split.folds",
    where: str = "",
) -> None:
    """Raise where a class has fewer images or groups than there are parts."""
    what = f"{least} {'inner ' if where else ''}folds" if least > 2 or where else "two parts"
    counts = np.bincount(labels, minlength=len(classes))
    pairs = np.unique(groups.astype(np.int64) * len(classes) + labels)
    shares = np.bincount(pairs % len(classes), minlength=len(classes))
    for name, images, shared in zip(classes, counts.tolist(), shares.tolist(), strict=True):
        shown = one_line(name, 60)
        if images < least:
            fewer = f"set {key} = {images}, " if images >= 2 and least > 2 else ""
            raise InputProblem(
                f"The class {shown} has {plural(images, 'image')}{where}, too few for {what}. Add images of it, "
                f"{fewer}or leave the class out.",
                key=key,
            )
        if shared < least and not by_image:
            fewer = f"set {key} = {shared}, " if shared >= 2 and least > 2 else ""
            raise InputProblem(
                f"The class {shown} has {plural(images, 'image')} in {plural(shared, 'group')}{where}, too few for "
                f"{what}, since a group is never divided. Add images from elsewhere, {fewer}or set data.group = none "
                "if the groups are wrong.",
                key=key,
            )


def _set_validation(
    column: npt.NDArray[np.int8], labels: Codes, groups: Codes, share: float, seed: Sequence[int]
) -> None:
    """Turn a share of a fold's training images into its validation part, in place."""
    training = np.flatnonzero(column == Part.TRAIN)
    taken = sample_share(labels[training], groups[training], share, np.random.default_rng(list(seed)))
    column[training[taken]] = Part.VALIDATION


def _predefined(
    data_set: DataSet, groups: Codes, settings: SplitSettings, balance: Balance, seed: int
) -> tuple[npt.NDArray[np.int8], list[str]]:
    if data_set.parts is None:
        raise InputProblem(
            f"{printable(str(data_set.root))} does not say which images train and test. Sort them into folders "
            "named train, validation and test, give the manifest a column part, or set split.method = k-fold.",
            key="split.method",
        )
    column = data_set.parts.copy()
    warnings = []
    if not (column == Part.TRAIN).any():
        raise InputProblem(
            "No image is in the part train. Name a folder train, or set split.method = k-fold.", key="split.method"
        )
    if not (column == Part.TEST).any():
        if not (column == Part.VALIDATION).any():
            raise InputProblem(
                "No image is in the part test. Name a folder test, or set split.method = hold-out.", key="split.method"
            )
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
