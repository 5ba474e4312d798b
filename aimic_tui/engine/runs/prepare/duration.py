"""How long an experiment can take, by what was measured on this machine: earlier runs, or a range test a moment ago."""

from __future__ import annotations

import math
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median

from aimic_tui.engine.errors import AimicError
from aimic_tui.engine.experiment import Experiment, ModelSettings, Trainable
from aimic_tui.engine.machine.devices import Slot, find_slots
from aimic_tui.engine.models.catalogue import find_network
from aimic_tui.engine.run_folder import RunFolder
from aimic_tui.engine.runs.follow.snapshot import RunFollower
from aimic_tui.engine.runs.prepare.run_forecast import RunForecast
from aimic_tui.engine.workspace_folder import Workspace

_RUNS_LOOKED_AT = 30  # the newest ones tell how fast a network is here
_VALIDATION_COST = 1 / 3  # of a validation image, beside a training image: no backward pass


@dataclass(frozen=True)
class SpeedConditions:
    """What the speed depends on: the network, its images' size, which layers learn, the kind of device."""

    network: str
    image_size: int
    trainable: Trainable
    device: str

    @classmethod
    def of(cls, network: str, model: ModelSettings, device: str) -> SpeedConditions:
        """Return the conditions of a network that is trained with these settings on `device` ("cpu", "cuda:1").

        Raises:
            UsageProblem: there is no such network.
        """
        info = find_network(network)
        pixels = info.input_size if model.image_size == "auto" else model.image_size
        return cls(info.name, pixels, model.trainable, device.partition(":")[0])


@dataclass(frozen=True)
class DurationEstimate:
    """The longest that an experiment can take.

    Attributes:
        seconds: until its last trial ends; patience may end it sooner.
        source: what was measured, in words that follow "by".
    """

    seconds: float
    source: str


def estimate_duration(
    workspace: Workspace, experiment: Experiment, forecast: RunForecast, tested: Mapping[SpeedConditions, float]
) -> DurationEstimate | None:
    """Return how long an experiment can take at the pace of what was measured here.

    Args:
        forecast: of the experiment.
        tested: images a second that range tests of this session trained, by what they were of.

    Returns:
        None where some network was not timed on this machine at this image size, on this kind of device.
    """
    slots = _slots(experiment)
    if not slots:
        return None
    seconds_per_image = _seconds_per_image(workspace)
    shown = forecast.train + _VALIDATION_COST * forecast.validation
    total, sources = 0.0, set[str]()
    for name in experiment.model.networks:
        try:
            conditions = SpeedConditions.of(name, experiment.model, slots[0].device)
        except AimicError:
            return None
        if measured := seconds_per_image.get(conditions):
            pace, source = median(measured), "earlier runs here"
        elif conditions in tested:
            pace, source = 1 / tested[conditions], "the range test"
        else:
            return None
        sources.add(source)
        total += pace * shown * forecast.epochs * forecast.trials / forecast.networks
    # Workers on one processor share its threads, so that side by side is as long as one after another.
    at_once = 1 if slots[0].device == "cpu" else min(len(slots), forecast.trials)
    return DurationEstimate(total / at_once, " and ".join(sorted(sources)))


def _slots(experiment: Experiment) -> tuple[Slot, ...]:
    compute = experiment.compute
    try:
        return find_slots(compute.devices, compute.workers, compute.threads)
    except AimicError:
        return ()


def _seconds_per_image(workspace: Workspace) -> dict[SpeedConditions, list[float]]:
    """Return the seconds a training image took in each trial of the newest runs of this machine."""
    seconds_per_image: dict[SpeedConditions, list[float]] = {}
    for folder in workspace.runs()[:_RUNS_LOOKED_AT]:
        snapshot = RunFollower(folder).snapshot()
        if snapshot.status.host != socket.gethostname():
            continue
        model = _model_settings(folder)
        if model is None:
            continue
        for trial in snapshot.trials:
            seconds = [record.seconds for record in trial.epochs if math.isfinite(record.seconds)]
            if trial.start is None or trial.start.train <= 0 or not seconds:
                continue
            try:
                conditions = SpeedConditions.of(trial.key.network, model, trial.start.device)
            except AimicError:
                continue
            shown = trial.start.train + _VALIDATION_COST * trial.start.validation
            seconds_per_image.setdefault(conditions, []).append(median(seconds) / shown)
    return seconds_per_image


def _model_settings(folder: RunFolder) -> ModelSettings | None:
    """Return how a run's networks are built, None where that can't be read."""
    try:
        return Experiment.from_file(folder.experiment_file).model
    except AimicError:
        return None
