"""What an experiment amounts to before it is started: images, trials, steps, disk, time; and what stands in its way.

Everything here is cheap enough for a thread of the app; nothing opens an image or needs torch.
"""

from __future__ import annotations

import math
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from aimic_tui.engine.errors import AimicError
from aimic_tui.engine.models.catalogue import find_network
from aimic_tui.engine.models.weights_folder import check_weights
from aimic_tui.engine.runs.devices import find_slots
from aimic_tui.engine.runs.snapshot import RunFollower
from aimic_tui.engine.runs.workspace import Workspace
from aimic_tui.engine.setting import SettingProblem

if TYPE_CHECKING:
    from aimic_tui.engine.experiment import DataSettings, Experiment

_RUNS_LOOKED_AT = 30  # the newest ones tell how fast a network is here
_VALIDATION_COST = 1 / 3  # of a validation image, beside a training image: no backward pass


@dataclass(frozen=True)
class DataFacts:
    """What was found of a data set by its names.

    Attributes:
        classes: name -> images.
        groups: how many different ones; `rule` is where they come from.
        problem: the sentence about why it can't be used, "" where it can.
    """

    classes: Mapping[str, int]
    groups: int = 0
    rule: str = "none"
    problem: str = ""

    @property
    def images(self) -> int:
        """Of all classes."""
        return sum(self.classes.values())


@dataclass(frozen=True)
class Plan:
    """What an experiment amounts to.

    Attributes:
        training_images: in each trial, about.
        steps: of all trials at most; None where the batch size is left to the device.
        bytes: that are written, about.
    """

    networks: int
    folds: int
    training_images: int
    epochs: int
    steps: int | None
    bytes: int

    @property
    def trials(self) -> int:
        """Networks times folds."""
        return self.networks * self.folds


def look_at_data(settings: DataSettings) -> DataFacts:
    """Find a data set's images by name; what is wrong with it comes back as a sentence."""
    from aimic_tui.engine.data.find import find_data_set

    try:
        found = find_data_set(settings)
    except AimicError as problem:
        return DataFacts({}, problem=problem.sentence)
    except OSError as error:
        return DataFacts({}, problem=f"{settings.path} can't be read: {error.strerror or error}.")
    return DataFacts(found.counts(), len(found.group_names), found.group_rule)


def plan_of(experiment: Experiment, facts: DataFacts) -> Plan:
    """Work out what an experiment amounts to on a data set."""
    split, training = experiment.split, experiment.training
    images = facts.images
    if experiment.data.balance == "undersample" and facts.classes:
        images = min(facts.classes.values()) * len(facts.classes)
    folds = split.folds if split.method == "k-fold" else 1
    kept = 1 - (1 / split.folds if split.method == "k-fold" else split.test)
    if split.protocol == "honest":
        kept *= 1 - split.validation
    train = round(images * kept)
    networks = experiment.model.networks
    steps = None
    if isinstance(training.batch_size, int):
        steps = math.ceil(train / training.batch_size) * training.epochs * folds * len(networks)
    return Plan(len(networks), folds, train, training.epochs, steps, _bytes(experiment, images, folds))


def _bytes(experiment: Experiment, images: int, folds: int) -> int:
    written, sizes = 0, set()
    for name in experiment.model.networks:
        try:
            info = find_network(name)
        except AimicError:
            continue
        # Four times its weights: the model, and the checkpoint with two moments of each weight.
        written += folds * 4 * 4 * info.parameters
        size = experiment.model.image_size
        sizes.add(info.input_size if size == "auto" else size)
    if experiment.compute.cache != "off":
        written += sum(3 * size * size * images for size in sizes)
    return written


def outside_problems(experiment: Experiment) -> tuple[SettingProblem, ...]:
    """Return what is wrong with settings that are right in themselves: unknown networks, missing weights or devices."""
    problems: list[SettingProblem] = []
    networks: list[str] = []
    for name in experiment.model.networks:
        try:
            info = find_network(name)
        except AimicError as problem:
            problems.append(SettingProblem("model.networks", problem.sentence))
            continue
        networks.append(name)
        if experiment.model.image_size != "auto":
            try:
                info.check_size(experiment.model.image_size)
            except AimicError as problem:
                problems.append(SettingProblem("model.image_size", problem.sentence))
    compute = experiment.compute
    for key, check in (
        ("model.weights", lambda: check_weights(experiment.model.weights, networks)),
        ("compute.devices", lambda: find_slots(compute.devices, compute.workers, compute.threads)),
    ):
        try:
            check()
        except AimicError as problem:
            problems.append(SettingProblem(key, problem.sentence))
    return tuple(problems)


def measured_seconds(workspace: Workspace, experiment: Experiment, plan: Plan) -> float | None:
    """Return the longest the experiment can take, one trial after another, at the pace of earlier runs here.

    Returns:
        Seconds; None where a network was not yet trained on this machine at this image size.
    """
    paces: dict[tuple[str, int], list[float]] = {}
    for folder in workspace.runs()[:_RUNS_LOOKED_AT]:
        snapshot = RunFollower(folder).snapshot()
        if snapshot.status.host != socket.gethostname():
            continue
        size = _image_size_of(folder.experiment_file.read_bytes() if folder.experiment_file.is_file() else b"")
        for trial in snapshot.trials:
            seconds = [record.seconds for record in trial.epochs if math.isfinite(record.seconds)]
            if trial.start is None or trial.start.train <= 0 or not seconds:
                continue
            try:
                pixels = size or find_network(trial.key.network).input_size
            except AimicError:
                continue
            shown = trial.start.train + _VALIDATION_COST * trial.start.validation
            paces.setdefault((trial.key.network, pixels), []).append(median(seconds) / shown)
    total = 0.0
    split = experiment.split
    validation = plan.training_images * split.validation / (1 - split.validation)
    for name in experiment.model.networks:
        try:
            info = find_network(name)
        except AimicError:
            return None
        wanted = experiment.model.image_size
        pace = paces.get((info.name, info.input_size if wanted == "auto" else wanted))
        if not pace:
            return None
        total += median(pace) * (plan.training_images + _VALIDATION_COST * validation) * plan.epochs * plan.folds
    return total


def _image_size_of(toml: bytes) -> int | None:
    """Return the image size that a run's experiment fixes; None where each network has its own."""
    import tomli

    try:
        size = tomli.loads(toml.decode("utf-8"))["model"]["image_size"]
    except (ValueError, KeyError, TypeError):
        return None
    return size if isinstance(size, int) else None
