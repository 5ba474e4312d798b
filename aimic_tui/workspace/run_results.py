"""What the Results place reads of a run's folder, and the tables that it writes for others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import tomli
from numpy.typing import NDArray

from aimic_tui.engine.data.manifest import read_manifest
from aimic_tui.engine.data.reading.input_rule import AS_STORED, InputRule, rule_in
from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.evaluation.metrics import ALL_METRICS, CLASS_METRICS
from aimic_tui.engine.evaluation.predictions import read_predictions
from aimic_tui.engine.evaluation.results_file import VERSION
from aimic_tui.engine.files import Stamp, read_json, stamp_of, write_json, write_table
from aimic_tui.engine.run_folder import RunFolder
from aimic_tui.engine.runs.status import RunStatus, read_status


@dataclass(frozen=True)
class RunResults:
    """A run's figures at one moment: what results.json holds, and how the run stood."""

    folder: RunFolder
    status: RunStatus
    figures: Mapping[str, Any]

    @property
    def networks(self) -> tuple[str, ...]:
        """Those that have figures."""
        return tuple(self.figures["networks"])

    @property
    def classes(self) -> tuple[str, ...]:
        """In the order of the matrices."""
        return tuple(self.figures["classes"])

    def interval(self, network: str, metric: str) -> tuple[float | None, float | None, float | None]:
        """Return a network's pooled figure and the ends of its interval."""
        found = self.figures["networks"][network]["pooled"].get(metric) or {}
        return found.get("value"), found.get("low"), found.get("high")


@dataclass(frozen=True, eq=False)
class Judged:
    """What a network said about each test image of the folds that are done; `n` rows, one an image, repeat and seed.

    Attributes:
        paths: `n` files.
        groups: `n` names.
        folds: int [n], from 1.
        labels, said: int32 [n], codes into `classes`; said is -1 where the image could not be classified.
        probabilities: float64 [n, classes].
        data: the table `data` of the run's experiment: which data set the images are of.
        rule: which stored values the networks saw in which colour.
    """

    images: tuple[str, ...]
    paths: tuple[Path, ...]
    groups: tuple[str, ...]
    folds: NDArray[np.int64]
    labels: NDArray[np.int32]
    said: NDArray[np.int32]
    probabilities: NDArray[np.float64]
    classes: tuple[str, ...]
    data: Mapping[str, Any] = field(default_factory=dict)
    rule: InputRule = AS_STORED

    @property
    def confidence(self) -> NDArray[np.float64]:
        """float64 [n]: the probability of what was said."""
        confidence: NDArray[np.float64] = np.nan_to_num(self.probabilities).max(axis=1, initial=0.0)
        return confidence

    @property
    def wrong(self) -> NDArray[np.bool_]:
        """bool [n]: answered, and not with the image's label."""
        wrong: NDArray[np.bool_] = (self.said >= 0) & (self.said != self.labels)
        return wrong

    @property
    def loss(self) -> NDArray[np.float64]:
        """float64 [n]: -ln of the probability of the label, at most 27.6; NaN where it is not known."""
        share = self.probabilities[np.arange(len(self.labels)), self.labels]
        loss: NDArray[np.float64] = -np.log(np.maximum(share, 1e-12))
        return loss

    def behind(self, label: int, said: int) -> NDArray[np.intp]:
        """Return the rows of one cell of the matrix, the surest answer first."""
        rows = np.flatnonzero((self.labels == label) & (self.said == said))
        ordered: NDArray[np.intp] = rows[np.argsort(-self.confidence[rows], kind="stable")]
        return ordered


def read_results(folder: RunFolder) -> RunResults | None:
    """Read a run's figures; None where there are none yet, or only some that were made in another way.

    Raises:
        InputProblem: the run can't be read.
    """
    status = read_status(folder)
    try:
        figures = read_json(folder.results_file)
    except (OSError, ValueError):
        return None
    if not isinstance(figures, dict) or figures.get("format") != VERSION:
        return None
    return results_from(folder, status, figures)


def results_from(folder: RunFolder, status: RunStatus, figures: object) -> RunResults | None:
    """Return figures such as results.json and `aimic results --json` hold; None where no network has any."""
    if not isinstance(figures, dict) or not figures.get("networks"):
        return None
    return RunResults(folder, status, figures)


def stamp_of_run(folder: RunFolder) -> tuple[Stamp, Stamp]:
    """Return what changes when a run's figures or its state do."""
    return stamp_of(folder.results_file), stamp_of(folder.status_file)


def has_predictions(folder: RunFolder) -> bool:
    """Tell whether any trial has tested its images."""
    return any(folder.trials_folder.glob("*/*/predictions.csv"))


def read_judged(folder: RunFolder, network: str) -> Judged:
    """Read what a network said about the test images.

    Raises:
        InputProblem: a file is missing or damaged.
    """
    data_set = read_manifest(folder.manifest_file)
    index = {image: position for position, image in enumerate(data_set.images)}
    codes = {name: code for code, name in enumerate(data_set.classes)}
    images: list[str] = []
    folds, labels, tables = [], [], []
    for trial in read_status(folder).trials:
        file = folder.trial(trial.key).predictions_file
        if trial.network != network or trial.inner or not file.exists():
            continue
        predictions = read_predictions(file)
        if set(predictions.classes) != set(codes):
            raise InputProblem(f"{file} speaks of other classes than the run's. Start the run anew.")
        order = [predictions.classes.index(name) for name in data_set.classes]
        own = np.array([codes[name] for name in predictions.classes], dtype=np.int32)
        images += predictions.images
        folds.append(np.full(len(predictions.images), trial.fold))
        labels.append(own[predictions.labels])
        tables.append(predictions.probabilities[:, order])
    shares = np.concatenate(tables) if tables else np.zeros((0, len(codes)))
    known = ~np.isnan(shares).any(axis=1)
    said = np.where(known, np.nan_to_num(shares).argmax(axis=1), -1) if len(shares) else np.zeros(0)
    try:
        places = [index[image] for image in images]
    except KeyError as error:
        raise InputProblem(f"{error.args[0]} is in the predictions but not in {folder.manifest_file}.") from None
    table = _data_table(folder)
    return Judged(
        images=tuple(images),
        paths=tuple(data_set.path(place) for place in places),
        groups=tuple(data_set.group_names[data_set.groups[place]] for place in places),
        folds=np.concatenate(folds) if folds else np.zeros(0, np.int64),
        labels=np.concatenate(labels) if labels else np.zeros(0, np.int32),
        said=said.astype(np.int32),
        probabilities=shares,
        classes=data_set.classes,
        data=table,
        rule=rule_in(table) if table else AS_STORED,
    )


def _data_table(folder: RunFolder) -> Mapping[str, Any]:
    try:
        table = tomli.loads(folder.experiment_file.read_text("utf-8")).get("data", {})
    except (OSError, ValueError):  # the figures stand without the pictures
        return {}
    return table if isinstance(table, dict) else {}


def write_tables(results: RunResults, folder: Path) -> list[Path]:
    """Write the figures as tables that a spreadsheet opens, and as JSON; return the files.

    Raises:
        OSError: the folder can't be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    networks = results.figures["networks"]
    chosen = {f"(chosen by {found['by']})": found for found in results.figures.get("chosen") or ()}
    ends = ("value", "low", "high")
    pooled = [
        [
            name,
            of["trials_done"],
            of["images"],
            *(of["pooled"].get(m, {}).get(end) for m in ALL_METRICS for end in ends),
        ]
        for name, of in {**networks, **chosen}.items()
    ]
    columns = ["network", "trials", "images", *(f"{m}{_END_NAMES[end]}" for m in ALL_METRICS for end in ends)]
    folds = [
        [
            name,
            fold["fold"],
            fold.get("repeat"),
            fold["seed"],
            fold["images"],
            *(fold.get(metric) for metric in ALL_METRICS),
        ]
        for name, of in networks.items()
        for fold in of["folds"]
    ]
    classes = [
        [name, label, row["support"], row["predicted"], *(row[m].get(end) for m in CLASS_METRICS for end in ends)]
        for name, of in networks.items()
        for label, row in of["classes"].items()
    ]
    class_columns = [f"{metric}{_END_NAMES[end]}" for metric in CLASS_METRICS for end in ends]
    files = {
        "networks.csv": (columns, pooled),
        "folds.csv": (["network", "fold", "repeat", "seed", "images", *ALL_METRICS], folds),
        "classes.csv": (["network", "class", "support", "predicted", *class_columns], classes),
    }
    for name, of in networks.items():
        rows = [[label, *counts] for label, counts in zip(results.classes, of["confusion"], strict=True)]
        files[f"confusion-{name}.csv"] = (["truth", *results.classes], rows)
    written = []
    for file, (header, rows) in files.items():
        write_table(folder / file, header, rows)
        written.append(folder / file)
    write_json(folder / "results.json", results.figures)
    return [*written, folder / "results.json"]


_END_NAMES = {"value": "", "low": "_low", "high": "_high"}
