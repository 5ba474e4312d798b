"""What an experiment amounts to before it is started: images, folds, trials, steps, disk.

Everything here is cheap enough for a thread of the app: nothing opens an image or needs torch.
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from aimic_tui.engine.data.data_set import DataSet, Part
from aimic_tui.engine.data.listing.find_data_set import find_data_set
from aimic_tui.engine.data.splitting.split import Split
from aimic_tui.engine.data.splitting.validation_size import too_few_to_choose_by
from aimic_tui.engine.errors import AimicError, SettingProblem
from aimic_tui.engine.experiment import DataSettings, Experiment
from aimic_tui.engine.models.catalogue import NetworkInfo, find_network
from aimic_tui.engine.runs.prepare.creation import grid
from aimic_tui.engine.runs.prepare.images_and_split import list_for_split, split_images
from aimic_tui.engine.text import printable
from aimic_tui.engine.workspace_folder import Workspace

_BUFFERS = 1.02  # what a network holds beside its parameters: the statistics of its batch norms, 2 % of mobilenet_v2
# Numbers kept for each weight that learns; L-BFGS keeps two vectors for each of ten steps, and four more.
_MOMENTS = {"adamw": 2, "adam": 2, "adamax": 2, "rprop": 2, "adadelta": 2, "adagrad": 1, "lbfgs": 24}
_ROW = 60  # bytes of a row of predictions.csv or split.csv before the classes' probabilities
_PROBABILITY = 20  # bytes of each


@dataclass(frozen=True)
class DataFacts:
    """What was found of a data set by its names.

    Attributes:
        classes: name -> images.
        groups: how many different ones; `rule` is where they come from.
        group_counts: name of a class -> groups that hold images of it.
        problem: why it can't be used, None where it can.
        data_set: the images themselves; None where there is a problem.
    """

    classes: Mapping[str, int]
    groups: int = 0
    rule: str = "none"
    group_counts: Mapping[str, int] = field(default_factory=dict)
    problem: SettingProblem | None = None
    data_set: DataSet | None = field(default=None, compare=False, repr=False)

    @property
    def images(self) -> int:
        """Of all classes."""
        return sum(self.classes.values())


@dataclass(frozen=True)
class Division:
    """How the images would be divided, by their names alone: what shows one picture twice is not yet known.

    Attributes:
        train, validation, test: images of each fold.
        few_choose: the sentence about a fold whose images that choose the epoch are too few; "" where none are.
        used: images that some fold uses.
        warnings: sentences on what the split can't give.
        problem: what makes it impossible, None where it can be made.
        split: the split itself; None where there is a problem.
    """

    train: tuple[int, ...] = ()
    validation: tuple[int, ...] = ()
    test: tuple[int, ...] = ()
    few_choose: str = ""
    used: int = 0
    warnings: tuple[str, ...] = ()
    problem: SettingProblem | None = None
    split: Split | None = field(default=None, compare=False, repr=False)

    @property
    def folds(self) -> int:
        """Over all repeats."""
        return len(self.train)


@dataclass(frozen=True)
class Forecast:
    """What an experiment amounts to.

    Attributes:
        trials: networks times folds times seeds, and the inner ones.
        train, validation: images of each trial, about.
        epochs: of each trial, at most.
        steps: of all trials at most; None where the batch size is left to the device.
        run_bytes: that the run's folder will hold, about.
        cache_bytes: of decoded images, which other runs share.
        free_bytes: on the disk of the workspace; None where that can't be known.
    """

    networks: int
    folds: int
    trials: int
    train: int
    validation: int
    epochs: int
    steps: int | None
    run_bytes: int
    cache_bytes: int
    free_bytes: int | None = None


def look_at_data(settings: DataSettings) -> DataFacts:
    """Find a data set's images by name; what is wrong with it comes back as a sentence."""
    try:
        found = find_data_set(settings)
    except AimicError as problem:
        return DataFacts({}, problem=SettingProblem(problem.key or "data.path", problem.sentence))
    except OSError as error:
        sentence = f"{printable(settings.path)} can't be read: {error.strerror or error}."
        return DataFacts({}, problem=SettingProblem("data.path", sentence))
    return DataFacts(found.counts(), len(found.group_names), found.group_rule, found.group_counts(), data_set=found)


def divide(experiment: Experiment, data_set: DataSet, workspace: Workspace) -> Division:
    """Divide a data set as a run would, as far as names tell; what is wrong comes back as a sentence."""
    try:
        data_set, given = list_for_split(experiment, data_set, workspace)
        _, split = split_images(experiment, data_set, given)
    except AimicError as problem:
        return Division(problem=SettingProblem(problem.key or "split.method", problem.sentence))
    counts = [[int((column == part).sum()) for column in split.parts] for part in _PARTS]
    return Division(
        train=tuple(counts[0]),
        validation=tuple(counts[1]),
        test=tuple(counts[2]),
        few_choose=_few_choose(experiment, data_set, split),
        used=int((split.parts != Part.UNUSED).any(axis=0).sum()),
        warnings=split.warnings,
        split=split,
    )


_PARTS = (Part.TRAIN, Part.VALIDATION, Part.TEST)


def _few_choose(experiment: Experiment, data_set: DataSet, split: Split) -> str:
    """Return what is said of the fold with the fewest images of some class among those that choose its epoch."""
    honest = experiment.split.protocol == "honest"
    part = Part.VALIDATION if honest else Part.TEST
    chosen = [data_set.labels[column == part] for column in split.parts]
    fewest = min(chosen, key=lambda labels: int(np.bincount(labels, minlength=len(data_set.classes)).min()))
    return too_few_to_choose_by(fewest, data_set.classes, experiment, validation=honest) or ""


def forecast(experiment: Experiment, division: Division, classes: int, workspace: Path) -> Forecast:
    """Work out what an experiment amounts to.

    Args:
        division: without a problem.
        classes: how many.
        workspace: the folder that the run would be kept in; it need not be there yet.
    """
    assert division.split is not None
    training = experiment.training
    keys = grid(experiment, division.split)
    counts = [np.bincount(division.split.column(key.fold, key.inner), minlength=len(Part)) for key in keys]
    trained = [int(count[Part.TRAIN]) for count in counts]
    steps = None
    if isinstance(training.batch_size, int):
        steps = sum(math.ceil(train / training.batch_size) for train in trained) * training.epochs
    infos = _known(experiment)
    weights = sum(trial_bytes(experiment, info, classes) for info in infos) * len(keys) // max(1, len(infos))
    predicted = sum(int(count[Part.TEST] + count[Part.VALIDATION]) for count in counts)
    return Forecast(
        networks=len(experiment.model.networks),
        folds=division.folds,
        trials=len(keys),
        train=round(sum(trained) / len(trained)),
        validation=round(sum(division.validation) / division.folds),
        epochs=training.epochs,
        steps=steps,
        run_bytes=weights + predicted * (_ROW + _PROBABILITY * classes) + division.used * (division.folds + 3) * _ROW,
        cache_bytes=_cache_bytes(experiment, infos, division.used),
        free_bytes=_free_bytes(workspace),
    )


def _known(experiment: Experiment) -> list[NetworkInfo]:
    infos = []
    for name in experiment.model.networks:
        try:
            infos.append(find_network(name))
        except AimicError:
            continue
    return infos


def trial_bytes(experiment: Experiment, info: NetworkInfo, classes: int) -> int:
    """Return what a finished trial's weights take on the disk, in bytes.

    That is the network three times (the model, the best epoch's, the last epoch's checkpoint), and in the checkpoint
    the optimiser's numbers for each weight that learns, and the averaged weights.
    """
    training = experiment.training
    weights = info.parameters_for(classes)
    learning = info.per_class * classes if experiment.model.trainable == "head" else weights
    moments = _MOMENTS.get(training.optimizer, 0)
    if training.optimizer in ("sgd", "rmsprop"):
        moments = (training.optimizer == "rmsprop") + (training.momentum > 0)
    averages = learning if training.ema else 0
    return round(4 * (3 * _BUFFERS * weights + moments * learning + averages))


def _cache_bytes(experiment: Experiment, infos: Sequence[NetworkInfo], images: int) -> int:
    """Return what the decoded images take: once for each size, and no more than the cache's limit."""
    if experiment.compute.cache == "off":
        return 0
    wanted = experiment.model.image_size
    sizes = {info.input_size if wanted == "auto" else wanted for info in infos}
    limit = int(experiment.compute.cache_limit * 1e9)
    return min(limit, sum(size for size in (3 * side * side * images for side in sizes) if size <= limit))


def _free_bytes(folder: Path) -> int | None:
    there = next((parent for parent in (folder, *folder.parents) if parent.exists()), None)
    try:
        return shutil.disk_usage(there).free if there else None
    except OSError:
        return None
