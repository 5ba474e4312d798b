"""Dividing labelled images into folds, or into a share and the rest: groups stay whole, classes in proportion.

It works on arrays of numbers alone. A million images in a hundred thousand groups take seconds: the loops go over
groups, and a group has entries for the classes that it holds only, not for all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

Codes = npt.NDArray[np.int32]
Mask = npt.NDArray[np.bool_]
Indices = npt.NDArray[np.intp]

_ATTEMPTS = 10  # seeds tried until every fold holds every class
_ROWS_AT_ONCE = 4096


def k_folds(labels: Codes, groups: Codes, folds: int, seed: int) -> Indices:
    """Return the fold (from 0) of each image: classes in proportion, groups whole.

    Where every image is its own group, the folds are those of scikit-learn's `StratifiedKFold`, else those of its
    `StratifiedGroupKFold`, shuffled with this seed. Groups are assigned in order of the standard deviation of their
    class counts, each to the fold where the class shares then differ least. Where a fold lacks a class, other
    seeds are tried, and the division that lacks fewest is kept.

    Args:
        labels: int [n], codes of the classes.
        groups: int [n], any codes.
        folds: at least 2, at most the images of the largest class.
        seed: 0 or more.
    """
    classes, label = np.unique(labels, return_inverse=True)
    names, group = np.unique(groups, return_inverse=True)
    if len(names) == len(labels):
        return _folds_of_images(label, folds, np.random.RandomState(seed % 2**32))
    best: Indices | None = None
    fewest = np.inf
    for attempt in range(_ATTEMPTS):
        random = np.random.RandomState((seed + 7919 * attempt) % 2**32)
        found = _folds_of_groups(label, group, folds, random)[group]
        missing = folds * len(classes) - len(np.unique(found * len(classes) + label))
        if missing < fewest:
            best, fewest = found, missing
        if not missing:
            break
    assert best is not None
    return best


def _folds_of_images(label: Indices, folds: int, random: np.random.RandomState) -> Indices:
    _, first, label = np.unique(label, return_index=True, return_inverse=True)
    label = np.argsort(np.argsort(first))[label]  # classes in the order in which they appear
    in_order = np.sort(label)
    counts = [np.bincount(in_order[fold::folds], minlength=len(first)) for fold in range(folds)]
    found = np.zeros(len(label), np.intp)
    for code, count in enumerate(np.stack(counts, axis=1)):
        dealt = np.arange(folds).repeat(count)
        random.shuffle(dealt)
        found[label == code] = dealt
    return found


def _folds_of_groups(label: Indices, group: Indices, folds: int, random: np.random.RandomState) -> Indices:
    """int [groups]: the fold of each group."""
    content = GroupContents(label, group)
    shuffled = np.arange(content.groups)
    random.shuffle(shuffled)
    order = shuffled[np.argsort(-content.unevenness()[shuffled], kind="stable")]
    totals = content.totals.astype(np.float64)
    counts = np.zeros((folds, content.classes))
    images = np.zeros(folds)
    tried = np.empty((folds, folds, content.classes))
    diagonal = np.arange(folds)
    found = np.zeros(content.groups, np.intp)
    for one in order.tolist():
        codes, amounts = content.of(one)
        tried[:] = counts / totals
        tried[diagonal[:, None], diagonal[:, None], codes] = (counts[:, codes] + amounts) / totals[codes]
        # The standard deviation over folds, written out: it is computed for every group.
        spread = tried - np.add.reduce(tried, axis=1, keepdims=True) / folds
        np.multiply(spread, spread, out=spread)
        uneven = np.sqrt(np.add.reduce(spread, axis=1) / folds)
        values = (np.add.reduce(uneven, axis=1) / content.classes).tolist()
        best = 0
        for fold in range(1, folds):
            value, least = values[fold], values[best]
            if value < least or (abs(value - least) <= 1e-8 + 1e-5 * least and images[fold] < images[best]):
                best = fold
        counts[best, codes] += amounts
        images[best] += amounts.sum()
        found[one] = best
    return found


def sample_share(labels: Codes, groups: Codes, share: float, random: np.random.Generator) -> Mask:
    """Choose whole groups so that each class gives about `share` of its images; return which images are chosen.

    Each class that lies in two groups or more is in the chosen part and in the rest. Groups come in random order, three
    times; one is moved to the other side if that reduces the squared relative distance to the share, summed over the
    classes.
    """
    _, label = np.unique(labels, return_inverse=True)
    names, group = np.unique(groups, return_inverse=True)
    if len(names) == len(labels):
        return _share_of_images(labels, share, random)
    content = GroupContents(label, group)
    return _Share(content, share).choose(random.permutation(content.groups).tolist())[group]


def _share_of_images(labels: Codes, share: float, random: np.random.Generator) -> Mask:
    chosen = np.zeros(len(labels), bool)
    for code in np.unique(labels):
        of_class = np.flatnonzero(labels == code)
        if len(of_class) > 1:
            size = int(np.clip(round(share * len(of_class)), 1, len(of_class) - 1))
            chosen[random.choice(of_class, size, replace=False)] = True
    return chosen


class _Share:
    """Groups on two sides; plain numbers, since each step looks at one group's few classes."""

    def __init__(self, content: GroupContents, share: float) -> None:
        self._held = content.lists()
        self._totals = [float(total) for total in content.totals]
        self._taken = [False] * content.groups
        self._inside = [0] * content.classes  # groups of each class in the chosen part
        self._outside = [0] * content.classes  # and in the rest
        for held in self._held:
            for code, _ in held:
                self._outside[code] += 1
        self._distance = [-share * total for total in self._totals]  # images too many (below 0: too few) of each class

    def choose(self, order: Sequence[int]) -> Mask:
        for _ in range(3):
            for one in order:
                if self._gains(one) and self._may_leave(one):
                    self._move(one)
        for code, groups in enumerate(self._inside):
            if not groups:
                self._bring_in(code, order)
        return np.array(self._taken)

    def _gains(self, one: int) -> bool:
        sign = -1 if self._taken[one] else 1
        change = 0.0
        for code, images in self._held[one]:
            change += sign * images * (sign * images + 2 * self._distance[code]) / self._totals[code] ** 2
        return change < 0

    def _may_leave(self, one: int) -> bool:
        side = self._inside if self._taken[one] else self._outside
        return all(side[code] > 1 for code, _ in self._held[one])

    def _move(self, one: int) -> None:
        sign = -1 if self._taken[one] else 1
        self._taken[one] = not self._taken[one]
        for code, images in self._held[one]:
            self._distance[code] += sign * images
            self._inside[code] += sign
            self._outside[code] -= sign

    def _bring_in(self, code: int, order: Sequence[int]) -> None:
        """Take the smallest group with a class that the chosen part lacks, where there is one to spare."""
        spare = [one for one in order if self._may_leave(one) and any(held == code for held, _ in self._held[one])]
        if spare:
            self._move(min(spare, key=lambda one: sum(images for _, images in self._held[one])))


class GroupContents:
    """The number of images of each class in each group, as a sparse table.

    Args:
        label: int [n], codes from 0 without gaps.
        group: int [n], codes from 0 without gaps.
    """

    def __init__(self, label: Indices, group: Indices) -> None:
        self.classes, self.groups = int(label.max()) + 1, int(group.max()) + 1
        cells, counts = np.unique(group.astype(np.int64) * self.classes + label, return_counts=True)
        self._codes, self._counts = cells % self.classes, counts
        self._starts = np.searchsorted(cells, np.arange(self.groups + 1) * self.classes)
        self.totals = np.bincount(label, minlength=self.classes)

    def of(self, group: int) -> tuple[Indices, Indices]:
        """Return the classes of a group and the images of each."""
        held = slice(self._starts[group], self._starts[group + 1])
        return self._codes[held], self._counts[held]

    def lists(self) -> list[list[tuple[int, int]]]:
        """Return (class, images) of every group."""
        cells = list(zip(self._codes.tolist(), self._counts.tolist(), strict=True))
        starts = self._starts.tolist()
        return [cells[start:end] for start, end in pairwise(starts)]

    def unevenness(self) -> npt.NDArray[np.float64]:
        """float [groups]: the standard deviation over all classes of the images of each."""
        found = np.zeros(self.groups)
        for start in range(0, self.groups, _ROWS_AT_ONCE):
            end = min(start + _ROWS_AT_ONCE, self.groups)
            held = slice(self._starts[start], self._starts[end])
            rows = np.zeros((end - start, self.classes))
            sizes = np.diff(self._starts[start : end + 1])
            rows[np.repeat(np.arange(end - start), sizes), self._codes[held]] = self._counts[held]
            found[start:end] = rows.std(axis=1)
        return found
