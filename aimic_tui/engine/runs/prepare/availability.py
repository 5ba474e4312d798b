"""Whether what an experiment asks for is there: networks, weights, devices. All at once, for a form."""

from __future__ import annotations

from collections.abc import Callable

from aimic_tui.engine.data.reading.input_rule import rule_from_settings
from aimic_tui.engine.errors import AimicError, SettingProblem
from aimic_tui.engine.experiment import Experiment
from aimic_tui.engine.machine.devices import find_slots
from aimic_tui.engine.machine.limits import require_limits
from aimic_tui.engine.models.catalogue import find_network
from aimic_tui.engine.models.weights_folder import check_weights
from aimic_tui.engine.runs.prepare.pretraining import named_weights
from aimic_tui.engine.workspace_folder import Workspace


def availability_problems(experiment: Experiment, workspace: Workspace) -> tuple[SettingProblem, ...]:
    """Return what valid settings ask for that isn't here: unknown networks, missing weights or devices.

    Args:
        workspace: whose runs `model.weights` may name.
    """
    problems: list[SettingProblem] = []
    try:
        rule_from_settings(experiment.data)
    except AimicError as problem:
        problems.append(SettingProblem(problem.key or "data.intensity", problem.sentence))
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
    asked = (compute.devices, compute.workers, compute.threads, compute.ranks)
    checks: dict[str, Callable[[], object]] = {
        "model.weights": lambda: check_weights(named_weights(experiment.model.weights, workspace), networks),
        "compute.devices": lambda: require_limits(find_slots(*asked)),
    }
    for key, check in checks.items():
        try:
            check()
        except AimicError as problem:
            problems.append(SettingProblem(problem.key or key, problem.sentence))
    return tuple(problems)
