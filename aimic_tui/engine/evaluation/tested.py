"""What the networks of a run said about its test images, put together from the run's plain files.

Only experiment.toml, manifest.csv, split.csv and the trials' predictions.csv are read: figures can be made again
wherever a run's folder is copied to, while it is going on as well as years later.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tomli
from numpy.typing import NDArray

from aimic_tui.engine.data.data_set import DataSet, Part
from aimic_tui.engine.data.manifest import read_manifest
from aimic_tui.engine.data.split import Split, read_split
from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.evaluation.metrics import Floats, Integers
from aimic_tui.engine.evaluation.predictions import Predictions, read_predictions
from aimic_tui.engine.text import printable

_TRIAL = re.compile(r"fold-(\d+)(?:-seed-(\d+))?\Z")


@dataclass(frozen=True, eq=False)
class TestedNetwork:
    """The test predictions of one network, over the folds that are done: `n` images, `s` seeds, `c` classes.

    Attributes:
        seeds: those that have predictions for every fold in `folds`; further, less complete ones are left out.
        folds: int [n], in which fold (from 1) an image was tested; ascending.
        images: int [n], positions in the manifest.
        labels: int32 [n].
        groups: int [n].
        probabilities: float [s, n, c]; NaN rows are images that could not be classified.
    """

    __test__ = False  # not a test class, whatever its name

    name: str
    seeds: tuple[int, ...]
    folds: NDArray[np.int64]
    images: NDArray[np.int64]
    labels: Integers
    groups: Integers
    probabilities: Floats

    @property
    def folds_done(self) -> list[int]:
        """The folds that are tested, ascending."""
        done: list[int] = np.unique(self.folds).tolist()
        return done

    def part(self, kept: NDArray[np.bool_] | NDArray[np.intp], *, seeds: int | None = None) -> TestedNetwork:
        """Return the same for some of the images (a mask or places), and for the first `seeds` only."""
        return TestedNetwork(
            self.name,
            self.seeds[:seeds],
            self.folds[kept],
            self.images[kept],
            self.labels[kept],
            self.groups[kept],
            self.probabilities[:seeds, kept],
        )


@dataclass(frozen=True, eq=False)
class TestedRun:
    """A run's test predictions.

    Attributes:
        experiment: the tables of experiment.toml.
        data: the images of manifest.csv, in the order that positions count in.
        split: which of them train, validate and test in each fold.
        images: how many are tested in some fold.
        groups: how many they come from.
        networks: in the experiment's order, those that have a tested fold.
    """

    __test__ = False

    experiment: Mapping[str, Any]
    data: DataSet
    split: Split
    images: int
    groups: int
    networks: tuple[TestedNetwork, ...]

    @property
    def classes(self) -> tuple[str, ...]:
        """Their names, in the order of the codes."""
        return self.data.classes

    @property
    def folds(self) -> int:
        """How many the split has."""
        return self.split.folds

    @property
    def wanted(self) -> tuple[str, ...]:
        """The networks that the experiment names."""
        return tuple(self.experiment.get("model", {}).get("networks", ()))

    @property
    def complete(self) -> bool:
        """Whether every network is tested on every fold."""
        done = {network.name: len(network.folds_done) for network in self.networks}
        return all(done.get(name) == self.folds for name in self.wanted)


def read_tested(run: Path) -> TestedRun:
    """Read the test predictions of the run in folder `run`, as far as there are any.

    Raises:
        InputProblem: a file is missing or damaged, or predictions are not of the test images of their fold.
    """
    experiment_file = run / "experiment.toml"
    try:
        experiment = tomli.loads(experiment_file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise InputProblem(f"{printable(str(run))} is no run: its experiment.toml can't be read ({error}).") from None
    data = read_manifest(run / "manifest.csv")
    split = read_split(run / "split.csv", data.images)
    positions = {image: position for position, image in enumerate(data.images)}

    tables: dict[str, dict[int, dict[int, Path]]] = {}
    for path in sorted((run / "trials").rglob("predictions.csv")):
        match = _TRIAL.match(path.parent.name)
        if match:
            network = path.parent.parent.relative_to(run / "trials").as_posix()
            tables.setdefault(network, {}).setdefault(int(match[2] or 0), {})[int(match[1])] = path

    networks = []
    wanted = list(experiment.get("model", {}).get("networks", ()))
    for name in sorted(tables, key=lambda name: (wanted.index(name) if name in wanted else len(wanted), name)):
        by_seed = tables[name]
        folds = max((sorted(paths) for paths in by_seed.values()), key=len)
        seeds = tuple(seed for seed in sorted(by_seed) if sorted(by_seed[seed]) == folds)
        tested = [_test_part(split, fold) for fold in folds]
        images = np.concatenate(tested)
        probabilities = np.stack(
            [
                np.concatenate(
                    [
                        _table(by_seed[seed][fold], part, positions, data.classes)
                        for fold, part in zip(folds, tested, strict=True)
                    ]
                )
                for seed in seeds
            ]
        )
        networks.append(
            TestedNetwork(
                name,
                seeds,
                np.repeat(folds, [len(part) for part in tested]),
                images,
                data.labels[images],
                data.groups[images],
                probabilities,
            )
        )
    ever_tested = (split.parts == Part.TEST).any(axis=0)
    return TestedRun(
        experiment,
        data,
        split,
        int(ever_tested.sum()),
        len(np.unique(data.groups[ever_tested])),
        tuple(networks),
    )


def read_validations(run: Path, tested: TestedRun, network: TestedNetwork) -> dict[tuple[int, int], Predictions]:
    """Read what a network said about the validation images of its folds: (fold, seed) -> predictions.

    A trial without such a table is left out, and so is one whose table is not about its fold's validation images.
    """
    found = {}
    for fold in network.folds_done:
        wanted = {tested.data.images[place] for place in tested.split.indices(fold, Part.VALIDATION)}
        for seed in network.seeds:
            trial = f"fold-{fold}" + (f"-seed-{seed}" if seed else "")
            try:
                table = read_predictions(run / "trials" / network.name / trial / "validation.csv")
            except InputProblem:
                continue
            if table.classes == tested.classes and wanted.issuperset(table.images):
                found[fold, seed] = table
    return found


def _test_part(split: Split, fold: int) -> NDArray[np.int64]:
    if fold > split.folds:
        raise InputProblem(f"There are predictions of fold {fold}, but split.csv has {split.folds} folds.")
    return split.indices(fold, Part.TEST).astype(np.int64)


def _table(path: Path, tested: NDArray[np.int64], positions: dict[str, int], classes: tuple[str, ...]) -> Floats:
    """float [len(tested), c]: the probabilities in the order of `tested`; NaN for an image that the table lacks."""
    found = read_predictions(path)
    if found.classes != classes:
        raise InputProblem(f"{printable(str(path))} has other classes than the run. Train this trial anew.")
    rows = np.full((len(tested), len(classes)), np.nan)
    row_of = dict(zip(tested.tolist(), range(len(tested)), strict=True))
    try:
        order = [row_of[positions[image]] for image in found.images]
    except KeyError:
        raise InputProblem(
            f"{printable(str(path))} holds images that are not in the test part of its fold in split.csv. "
            "One of the two was changed; train this trial anew."
        ) from None
    rows[order] = found.probabilities
    return rows
