"""How long an experiment can take, by what was measured on this machine: earlier runs, or a range test a moment ago."""

from __future__ import annotations

import math
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any

from aimic_tui.engine.errors import AimicError
from aimic_tui.engine.experiment import Experiment
from aimic_tui.engine.machine.devices import Slot, find_slots
from aimic_tui.engine.models.catalogue import find_network
from aimic_tui.engine.run_folder import RunFolder
from aimic_tui.engine.runs.follow.snapshot import RunFollower
from aimic_tui.engine.runs.prepare.forecast import Forecast
from aimic_tui.engine.workspace_folder import Workspace

_RUNS_LOOKED_AT = 30  # the newest ones tell how fast a network is here
_VALIDATION_COST = 1 / 3  # of a validation image, beside a training image: no backward pass


@dataclass(frozen=True)
class Setup:
    """What decides about the speed: the network, its images' size, what of it learns, on what kind of device."""

    network: str
    image_size: int
    trainable: str
    device: str


@dataclass(frozen=True)
class Estimate:
    """The longest that an experiment can take.

    Attributes:
        seconds: until its last trial ends; patience may end it sooner.
        source: what was measured, in words that follow "by".
    """

    seconds: float
    source: str


def estimate(
    workspace: Workspace, experiment: Experiment, plan: Forecast, tested: Mapping[Setup, float]
) -> Estimate | None:
    """Return how long an experiment can take at the pace of what was measured here.

    Args:
        plan: of the experiment.
        tested: images a second that range tests of this session trained, by what they were of.

    Returns:
        None where some network was not timed on this machine at this image size, on this kind of device.
    """
    slots = _slots(experiment)
    if not slots:
        return None
    device = slots[0].device.partition(":")[0]
    paces = _paces(workspace)
    shown = plan.train + _VALIDATION_COST * plan.validation
    total, sources = 0.0, set[str]()
    for name in experiment.model.networks:
        try:
            info = find_network(name)
        except AimicError:
            return None
        size = experiment.model.image_size
        setup = Setup(info.name, info.input_size if size == "auto" else size, experiment.model.trainable, device)
        if measured := paces.get(setup):
            pace, source = median(measured), "earlier runs here"
        elif setup in tested:
            pace, source = 1 / tested[setup], "the range test"
        else:
            return None
        sources.add(source)
        total += pace * shown * plan.epochs * plan.trials / plan.networks
    # Workers on one processor share its threads, so that side by side is as long as one after another.
    at_once = 1 if device == "cpu" else min(len(slots), plan.trials)
    return Estimate(total / at_once, " and ".join(sorted(sources)))


def _slots(experiment: Experiment) -> tuple[Slot, ...]:
    compute = experiment.compute
    try:
        return find_slots(compute.devices, compute.workers, compute.threads)
    except AimicError:
        return ()


def _paces(workspace: Workspace) -> dict[Setup, list[float]]:
    """Return the seconds a training image took in each trial of the newest runs of this machine."""
    paces: dict[Setup, list[float]] = {}
    for folder in workspace.runs()[:_RUNS_LOOKED_AT]:
        snapshot = RunFollower(folder).snapshot()
        if snapshot.status.host != socket.gethostname():
            continue
        settings = _model_settings(folder)
        for trial in snapshot.trials:
            seconds = [record.seconds for record in trial.epochs if math.isfinite(record.seconds)]
            if trial.start is None or trial.start.train <= 0 or not seconds:
                continue
            try:
                size = settings.get("image_size", "auto")
                pixels = size if isinstance(size, int) else find_network(trial.key.network).input_size
            except AimicError:
                continue
            device = trial.start.device.partition(":")[0]
            setup = Setup(trial.key.network, pixels, str(settings.get("trainable", "all")), device)
            shown = trial.start.train + _VALIDATION_COST * trial.start.validation
            paces.setdefault(setup, []).append(median(seconds) / shown)
    return paces


def _model_settings(folder: RunFolder) -> dict[str, Any]:
    import tomli

    try:
        found = tomli.loads(folder.experiment_file.read_text("utf-8"))["model"]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return found if isinstance(found, dict) else {}
