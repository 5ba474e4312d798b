"""The predictions of a run's networks for its test images, put together from the run's plain files.

Only experiment.toml, manifest.csv, split.csv and the trials' predictions.csv are read: figures can be recomputed
wherever a run's folder is copied to, while it is going on as well as years later.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from aimic_tui.engine.data.data_set import DataSet, Part
from aimic_tui.engine.data.manifest import read_manifest
from aimic_tui.engine.data.splitting.split import Split, read_split
from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.evaluation.metrics import ALL_METRICS, Floats, Integers
from aimic_tui.engine.evaluation.predictions import Predictions, read_predictions
from aimic_tui.engine.evaluation.prior_correction import prior_ratio
from aimic_tui.engine.run_folder import RunFolder, TrialKey
from aimic_tui.engine.text import plural, printable

if TYPE_CHECKING:
    from aimic_tui.engine.experiment import SplitProtocol


@dataclass(frozen=True, eq=False)
class TrialPredictions:
    """Where one trial's predictions are in those of its network.

    Attributes:
        set_index: of its set, among the sets of predictions.
        images: bool [n], those that its fold tests.
    """

    set_index: int
    fold: int
    seed: int
    repeat: int
    images: NDArray[np.bool_]


@dataclass(frozen=True)
class GroupedPredictions(Predictions):
    """Predictions of some of a run's images.

    Attributes:
        groups: int [n], of the images.
        prior: float [c], what undoes the class weights of the training (`prior_correction`); None without any.
    """

    groups: Integers
    prior: Floats | None = None


@dataclass(frozen=True, eq=False)
class NetworkPredictions:
    """The test predictions of one network, over the folds that are done: `s` sets of `n` images, `c` classes.

    A set is made of all folds of one repeat, with one seed. Each image is in each set once, so that a figure
    of a set is one of independent images (as far as their groups go), and a network's figure is the mean over its sets.

    Attributes:
        seeds: int [s], of each set.
        repeats: int [s], of each set, from 1. Sets are in the order of repeats, then seeds; further ones that are not
            tested on the same images yet are left out.
        folds: int [s, n], in which fold (from 1, over all repeats) an image was tested.
        images: int [n], unique positions in the manifest.
        labels: int32 [n].
        groups: int [n].
        probabilities: float [s, n, c]; NaN rows are images that could not be classified.
        trials_done: how many trials are tested, those of sets that are left out among them.
    """

    name: str
    seeds: tuple[int, ...]
    repeats: tuple[int, ...]
    folds: NDArray[np.int64]
    images: NDArray[np.int64]
    labels: Integers
    groups: Integers
    probabilities: Floats
    trials_done: int

    @property
    def folds_done(self) -> list[int]:
        """The folds that are tested, ascending."""
        done: list[int] = np.unique(self.folds).tolist()
        return done

    @property
    def unclassified(self) -> NDArray[np.bool_]:
        """bool [n]: images that some set has no prediction for."""
        missing: NDArray[np.bool_] = np.asarray(np.isnan(self.probabilities).any(axis=(0, 2)))
        return missing

    def trials(self) -> Iterator[TrialPredictions]:
        """Yield the trials behind the predictions, by fold and then by seed."""
        for fold in self.folds_done:
            for index, (seed, repeat) in enumerate(zip(self.seeds, self.repeats, strict=True)):
                here = self.folds[index] == fold
                if here.any():
                    yield TrialPredictions(index, fold, seed, repeat, here)

    def only_class(self, trial: TrialPredictions) -> int | None:
        """Return the one class that a trial predicts for all of its images though they are of several; else None."""
        table, labels = self.probabilities[trial.set_index, trial.images], self.labels[trial.images]
        known = ~np.isnan(table).any(axis=1)
        predicted = np.unique(table[known].argmax(axis=1))
        return int(predicted[0]) if len(predicted) == 1 and len(np.unique(labels[known])) > 1 else None

    def select(
        self, rows: NDArray[np.bool_] | NDArray[np.intp], *, sets: Sequence[int] | None = None
    ) -> NetworkPredictions:
        """Return the same for some of the images (a mask or indices), and for some of the sets."""
        chosen = list(range(len(self.seeds)) if sets is None else sets)
        return NetworkPredictions(
            self.name,
            tuple(self.seeds[index] for index in chosen),
            tuple(self.repeats[index] for index in chosen),
            self.folds[chosen][:, rows],
            self.images[rows],
            self.labels[rows],
            self.groups[rows],
            self.probabilities[chosen][:, rows],
            self.trials_done,
        )


@dataclass(frozen=True, eq=False)
class RunPredictions:
    """A run's test predictions.

    Attributes:
        experiment: the tables of experiment.toml.
        data: the images of manifest.csv, in the order that positions count in.
        split: which of them train, validate and test in each fold.
        images: how many are tested in some fold.
        groups: how many they come from.
        networks: in the experiment's order, those that have a tested fold.
    """

    experiment: Mapping[str, Any]
    data: DataSet
    split: Split
    images: int
    groups: int
    networks: tuple[NetworkPredictions, ...]

    @property
    def classes(self) -> tuple[str, ...]:
        """Their names, in the order of the codes."""
        return self.data.classes

    @property
    def folds(self) -> int:
        """How many the split has, over all repeats."""
        return self.split.folds

    @property
    def seeds(self) -> int:
        """How many the experiment wants of each network and fold."""
        return int(self.experiment.get("training", {}).get("seeds", 1))

    @property
    def monitor(self) -> str:
        """The figure that chooses epochs and networks: one of `metrics.ALL_METRICS`."""
        wanted = str(self.experiment.get("training", {}).get("monitor", "macro_f1"))
        return wanted if wanted in ALL_METRICS else "log_loss"

    @property
    def protocol(self) -> SplitProtocol:
        """Whether test images chose epochs ("aimic-2022") or not."""
        return cast("SplitProtocol", self.experiment.get("split", {}).get("protocol", "honest"))

    @property
    def wanted(self) -> tuple[str, ...]:
        """The networks that the experiment names."""
        return tuple(self.experiment.get("model", {}).get("networks", ()))

    @property
    def complete(self) -> bool:
        """Whether every network is tested on every fold with every seed."""
        done = {network.name: network for network in self.networks}
        return all(
            name in done
            and len(done[name].folds_done) == self.folds
            and len(done[name].seeds) >= self.seeds * self.split.repeats
            for name in self.wanted
        )


def read_run_predictions(run: Path) -> RunPredictions:
    """Read the test predictions of the run in folder `run`, as far as there are any.

    Raises:
        InputProblem: a file is missing or damaged, or predictions are not of the test images of their fold.
    """
    from aimic_tui.engine.experiment import read_run_experiment  # pydantic takes long to load

    experiment = read_run_experiment(run / "experiment.toml")
    data = read_manifest(run / "manifest.csv")
    split = read_split(run / "split.csv", data.images)
    tables: dict[str, dict[tuple[int, int], Path]] = {}
    for trial in RunFolder(run).trials():
        if not trial.key.inner and trial.predictions_file.is_file():
            tables.setdefault(trial.key.network, {})[trial.key.fold, trial.key.seed] = trial.predictions_file
    wanted = list(experiment.get("model", {}).get("networks", ()))
    networks = [
        _network(name, tables[name], data, split)
        for name in sorted(tables, key=lambda name: (wanted.index(name) if name in wanted else len(wanted), name))
    ]
    ever_tested = (split.parts == Part.TEST).any(axis=0)
    return RunPredictions(
        experiment,
        data,
        split,
        int(ever_tested.sum()),
        len(np.unique(data.groups[ever_tested])),
        tuple(networks),
    )


def read_validation_predictions(
    run: Path, tested: RunPredictions, network: NetworkPredictions
) -> dict[tuple[int, int], GroupedPredictions]:
    """Read a network's predictions for the validation images of its folds: (fold, seed) -> predictions.

    A trial without such a table is left out, and so is one whose table is not about its fold's validation images.
    """
    tables = {
        (trial.fold, trial.seed): read_validation(run, tested, TrialKey(network.name, trial.fold, trial.seed))
        for trial in network.trials()
    }
    return {key: table for key, table in tables.items() if table is not None}


def read_validation(run: Path, tested: RunPredictions, key: TrialKey) -> GroupedPredictions | None:
    """Read a trial's predictions for its fold's validation images; None where there is no such table."""
    group_of = {
        tested.data.images[index]: tested.data.groups[index]
        for index in tested.split.indices(key.fold, Part.VALIDATION)
    }
    table = _predictions_of(RunFolder(run).trial(key).validation_file, tested.classes, set(group_of))
    if table is None:
        return None
    groups = np.array([group_of[image] for image in table.images], dtype=np.int32)
    training = tested.data.labels[tested.split.indices(key.fold, Part.TRAIN)]
    balance = str(tested.experiment.get("data", {}).get("balance", "none"))
    prior = prior_ratio(balance, training, len(tested.classes))
    return GroupedPredictions(table.images, table.labels, table.probabilities, table.classes, groups, prior)


def read_inner_predictions(run: Path, tested: RunPredictions, network: str) -> dict[int, dict[int, Predictions]]:
    """Read a network's predictions for the test images of inner folds: fold -> inner fold -> predictions.

    A trial without such a table is left out, and so is one whose table is not about its inner fold's test images.
    """
    found: dict[int, dict[int, Predictions]] = {}
    for trial in RunFolder(run).trials():
        fold, inner = trial.key.fold, trial.key.inner
        if trial.key.network != network or fold > tested.folds or not 1 <= inner <= tested.split.inner_folds:
            continue
        wanted = {tested.data.images[index] for index in tested.split.indices(fold, Part.TEST, inner)}
        table = _predictions_of(trial.predictions_file, tested.classes, wanted)
        if table is not None:
            found.setdefault(fold, {})[inner] = table
    return found


def _predictions_of(path: Path, classes: tuple[str, ...], wanted: set[str]) -> Predictions | None:
    try:
        table = read_predictions(path)
    except InputProblem:
        return None
    return table if table.classes == classes and wanted.issuperset(table.images) else None


def _network(name: str, tables: Mapping[tuple[int, int], Path], data: DataSet, split: Split) -> NetworkPredictions:
    """Put a network's tables together; `tables` is (fold, seed) -> its file."""
    positions = {image: position for position, image in enumerate(data.images)}

    def rows(fold: int, seed: int, part: NDArray[np.int64]) -> Floats:
        return table_rows(tables[fold, seed], part, positions, data.classes)

    return put_together(name, tables, rows, data, split)


def put_together(
    name: str,
    trials: Collection[tuple[int, int]],
    rows: Callable[[int, int, NDArray[np.int64]], Floats],
    data: DataSet,
    split: Split,
) -> NetworkPredictions:
    """Put the predictions of several folds together.

    Args:
        name: whose they are.
        trials: (fold, seed) of each, at least one.
        rows: returns the probabilities, float [b, c], of a fold and seed for the images int [b] that the fold tests.

    Raises:
        InputProblem: the split has no such fold; and what `rows` raises.
    """
    repeats = split.repeats
    folds: dict[tuple[int, int], list[int]] = {}  # (repeat, seed) -> the folds that are done
    for fold, seed in sorted(trials):
        _test_part(split, fold)
        folds.setdefault(((fold - 1) // (split.folds // repeats) + 1, seed), []).append(fold)
    covered = {key: np.concatenate([_test_part(split, fold) for fold in done]) for key, done in folds.items()}
    fullest = max(sorted(covered), key=lambda key: len(covered[key]))
    images = covered[fullest]
    same = np.sort(images)
    kept = [key for key in sorted(covered) if np.array_equal(np.sort(covered[key]), same)]
    row_of = np.full(len(data), -1)
    row_of[images] = np.arange(len(images))
    probabilities = np.full((len(kept), len(images), len(data.classes)), np.nan)
    tested_in = np.zeros((len(kept), len(images)), np.int64)
    for index, (repeat, seed) in enumerate(kept):
        for fold in folds[repeat, seed]:
            part = _test_part(split, fold)
            tested_in[index, row_of[part]] = fold
            probabilities[index, row_of[part]] = rows(fold, seed, part)
    return NetworkPredictions(
        name,
        tuple(seed for _, seed in kept),
        tuple(repeat for repeat, _ in kept),
        tested_in,
        images,
        data.labels[images],
        data.groups[images],
        probabilities,
        len(trials),
    )


def _test_part(split: Split, fold: int) -> NDArray[np.int64]:
    if fold > split.folds:
        raise InputProblem(f"There are predictions of fold {fold}, but split.csv has {split.folds} folds.")
    return split.indices(fold, Part.TEST).astype(np.int64)


def table_rows(path: Path, tested: NDArray[np.int64], positions: dict[str, int], classes: tuple[str, ...]) -> Floats:
    """Read float [len(tested), c], the probabilities in the order of `tested`; NaN for an unclassified image.

    Args:
        path: of a table of predictions.
        tested: int [n], positions of images.
        positions: image -> its position.
        classes: that the table must have.

    Raises:
        InputProblem: it can't be read, has other classes, or its images are not those of `tested`.
    """
    found = read_predictions(path)
    if found.classes != classes:
        raise InputProblem(f"{printable(str(path))} has other classes than the run. Train this trial again.")
    rows = np.full((len(tested), len(classes)), np.nan)
    row_of = dict(zip(tested.tolist(), range(len(tested)), strict=True))
    try:
        order = [row_of[positions[image]] for image in found.images]
    except KeyError:
        raise InputProblem(
            f"{printable(str(path))} holds images that are not in the test part of its fold in split.csv. "
            "One of the two was changed; train this trial again."
        ) from None
    if len(order) < len(tested):
        there, wanted = plural(len(order), "row"), plural(len(tested), "image")
        raise InputProblem(
            f"{printable(str(path))} has {there}, but its fold tests {wanted}. It was cut off or changed: restore "
            "it, or train this trial again."
        )
    rows[order] = found.probabilities
    return rows
