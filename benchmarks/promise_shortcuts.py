"""Promises on shortcuts that an audit reports, tried on measurements of images that exist only as numbers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from promise import Promise

from aimic_tui.engine.data.audit.measures import ROW, Measures
from aimic_tui.engine.data.audit.shortcut import Shortcut
from aimic_tui.engine.data.audit.shortcuts import find_shortcuts
from aimic_tui.engine.data.data_set import DataSet

Names = Literal["shared counter", "counter per class", "counter per group", "counter in blocks"]
NUMBERS = "file name"


@dataclass(frozen=True)
class DataSets:
    """Data sets whose classes look alike, unless something is said to give them away.

    Attributes:
        groups: of each class; where groups are mixed, as many in all as these together.
        most: images of a group, 1 to `most` drawn.
        mixed: whether a group holds images of several classes, rather than of one.
        lamp: standard deviation of the groups' colour and brightness, in those of single images.
        shortcut: how many standard deviations of the groups the first class is brighter.
        names: how files are numbered; "counter in blocks" numbers one class after the other.
    """

    groups: tuple[int, ...]
    most: int
    mixed: bool = False
    lamp: float = 1.0
    shortcut: float = 0.0
    names: Names = "shared counter"

    def audit(self, number: int) -> list[Shortcut]:
        """Audit one data set."""
        random = np.random.default_rng([number, *self.groups, self.most, self.mixed])
        classes, total = len(self.groups), sum(self.groups)
        sizes = random.integers(1, self.most + 1, total)
        groups = np.repeat(np.arange(total), sizes).astype(np.int32)
        of_group = np.repeat(np.arange(classes), self.groups)
        labels = of_group[groups].astype(np.int32)
        if self.mixed:
            likely = random.dirichlet(np.full(classes, 2.0), total)
            labels = (random.random((len(groups), 1)) > likely[groups].cumsum(axis=1)).sum(axis=1).astype(np.int32)
        count = len(labels)
        rows = np.zeros(count, ROW)
        lamps = random.normal(scale=max(self.lamp, 1e-9), size=(total, 4))
        seen = lamps[groups] + random.normal(size=(count, 4))
        seen[:, :3] += (self.shortcut * max(1.0, self.lamp) * (labels == 0))[:, None]
        rows["border"] = rows["inner"] = 150 + 8 * seen[:, :3]
        rows["inner"] += random.normal(size=(count, 3)).astype(np.float32)
        rows["file_size"] = 6000 + 300 * seen[:, 3]
        rows["width"] = rows["height"] = 80
        rows["format"], rows["bits"] = b"PNG", 8
        numbers = self._numbers(random, labels, groups)
        names = tuple(f"class{label}/img_{at:05d}.png" for label, at in zip(labels, numbers, strict=True))
        data_set = DataSet(
            root=Path("nowhere"),
            images=names,
            classes=tuple(f"class{code}" for code in range(classes)),
            labels=labels,
            groups=groups,
            group_names=tuple(f"slide{code:03d}" for code in range(total)),
            group_rule="slide" if self.most > 1 else "none",
        )
        return find_shortcuts(data_set, Measures(np.ones(count, bool), rows, {}))

    def _numbers(self, random: np.random.Generator, labels: NDArray[np.int32], groups: NDArray[np.int32]) -> list[int]:
        if self.names == "shared counter":
            taken = random.permutation(groups.max() + 1)  # the groups in the order in which they were photographed
            return (1 + np.argsort(np.argsort(taken[groups], kind="stable"))).tolist()
        if self.names == "counter in blocks":
            return (1 + np.argsort(np.argsort(labels, kind="stable"))).tolist()
        units = labels if self.names == "counter per class" else groups
        order = random.permutation(len(units))
        numbers = np.zeros(len(units), np.int64)
        for unit in np.unique(units):
            members = order[units[order] == unit]
            numbers[members] = 1 + np.arange(len(members))
        return numbers.tolist()


@dataclass(frozen=True)
class _FalseAlarm:
    data_sets: DataSets

    def __call__(self, number: int) -> bool | None:
        return bool(self.data_sets.audit(number))


@dataclass(frozen=True)
class _Missed:
    data_sets: DataSets
    feature: str

    def __call__(self, number: int) -> bool | None:
        return self.feature not in {shortcut.feature for shortcut in self.data_sets.audit(number)}


_WITHOUT = {
    "8 pure groups a class": DataSets((8, 8), 12),
    "12 pure groups a class, strong lamps": DataSets((12, 12, 12), 12, lamp=3.0),
    "20 pure groups a class": DataSets((20, 20), 12),
    "8 and 20 pure groups": DataSets((8, 20), 20, lamp=2.0),
    "40 mixed groups": DataSets((20, 20), 12, mixed=True),
    "30 mixed groups, strong lamps": DataSets((10, 10, 10), 8, mixed=True, lamp=3.0),
    "single images": DataSets((60, 120), 1),
    "classes numbered from 1, single images": DataSets((30, 80, 200), 1, names="counter per class"),
    "classes numbered from 1, pure groups": DataSets((8, 20), 12, names="counter per class"),
    "classes numbered from 1, mixed groups": DataSets((20, 20), 12, mixed=True, names="counter per class"),
    "groups numbered from 1": DataSets((10, 16), 20, names="counter per group"),
}
PROMISES: tuple[Promise, ...] = (
    *(
        Promise(
            f"shortcuts: {name}", "a feature is called a shortcut only where it is one", 0.05, _FalseAlarm(data_sets)
        )
        for name, data_sets in _WITHOUT.items()
    ),
    Promise(
        "shortcuts: a brighter class in 15 pure groups",
        "a lamp that goes with the class is found in most data sets",
        0.2,
        _Missed(DataSets((15, 15), 12, shortcut=2.0), "brightness"),
    ),
    Promise(
        "shortcuts: one counter, one class after the other",
        "the order in which images were collected is found where it gives the class away",
        0.05,
        _Missed(DataSets((30, 60), 1, names="counter in blocks"), NUMBERS),
    ),
)
