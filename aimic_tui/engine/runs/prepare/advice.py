"""What to think about before a run is started: settings that don't help each other, parts too small to choose by.

None of it stops a run. What does, is checked where it belongs, and `problems_outside` gathers that for a form.
"""

from __future__ import annotations

from collections.abc import Iterator

from aimic_tui.engine.data.reading.input_rule import rule_of
from aimic_tui.engine.errors import AimicError, SettingProblem
from aimic_tui.engine.experiment import Experiment
from aimic_tui.engine.machine.devices import find_slots
from aimic_tui.engine.models.catalogue import find_network
from aimic_tui.engine.models.weights_folder import check_weights
from aimic_tui.engine.runs.prepare.forecast import DataFacts, Division, Forecast
from aimic_tui.engine.runs.prepare.pretraining import named_weights
from aimic_tui.engine.text import bytes_text
from aimic_tui.engine.workspace_folder import Workspace

_FEW_STEPS = 300  # of a trial: pre-trained networks have then hardly moved
_FEW_STEPS_ANEW = 3000  # from random weights
_USUAL_RATES = {  # below and above which a rate is rarely meant, by optimiser; elsewhere nobody knows
    "adamw": (1e-6, 1e-2),
    "adam": (1e-6, 1e-2),
    "adamax": (1e-6, 2e-2),
    "rmsprop": (1e-6, 1e-2),
    "sgd": (1e-5, 1.0),
}


def advice_on(experiment: Experiment, facts: DataFacts, division: Division, plan: Forecast) -> list[SettingProblem]:
    """Return what is worth a second thought, the gravest first, each with the setting that it is about."""
    return [
        *_on_room(experiment, plan),
        *([SettingProblem("split.validation", division.few_choose)] if division.few_choose else []),
        *_on_training(experiment, facts, plan),
        *_on_combinations(experiment),
        *(SettingProblem("split.method", sentence) for sentence in division.warnings),
    ]


def _on_room(experiment: Experiment, plan: Forecast) -> Iterator[SettingProblem]:
    needed = plan.run_bytes + plan.cache_bytes
    if plan.free_bytes is not None and needed > plan.free_bytes:
        yield SettingProblem(
            "compute.cache",
            f"The run writes about {bytes_text(needed)}, and {bytes_text(plan.free_bytes)} are free where it is "
            "kept. Make room, or put the workspace elsewhere.",
        )


def _on_training(experiment: Experiment, facts: DataFacts, plan: Forecast) -> Iterator[SettingProblem]:
    training = experiment.training
    batch = training.batch_size if isinstance(training.batch_size, int) else None
    if batch is not None and batch > plan.train:
        yield SettingProblem(
            "training.batch_size",
            f"training.batch_size = {batch} is more than the {plan.train} training images of a fold: an epoch is one "
            "step. Choose a smaller one.",
        )
    steps = training.epochs * plan.train / (batch or 16)
    least = _FEW_STEPS_ANEW if experiment.model.weights == "none" else _FEW_STEPS
    if experiment.model.trainable != "head" and steps < least and (batch is None or batch <= plan.train):
        origin = "from random weights " if experiment.model.weights == "none" else ""
        yield SettingProblem(
            "training.epochs",
            f"{training.epochs} epochs are about {steps:,.0f} steps a trial; training {origin}wants some {least:,}. "
            "Raise training.epochs: patience stops it when nothing is gained any more.",
        )
    low, high = _USUAL_RATES.get(training.optimizer, (0.0, float("inf")))
    rate = training.learning_rate
    if not low <= rate <= high and experiment.model.trainable != "head":
        what = "high: the training may diverge" if rate > high else "low: hardly anything will be learned"
        yield SettingProblem(
            "training.learning_rate",
            f"training.learning_rate = {rate:g} is {what} with {training.optimizer}. A range test (t there, or "
            "`aimic learning-rate`) shows what suits.",
        )
    if experiment.data.balance == "none" and facts.classes:
        most, fewest = max(facts.classes.values()), min(facts.classes.values())
        if most > 5 * fewest:
            yield SettingProblem(
                "data.balance",
                f"The largest class has {most / fewest:.0f} times the images of the smallest, and data.balance = none: "
                "the small one will be neglected. weighted-loss or oversample helps.",
            )


def _on_combinations(experiment: Experiment) -> Iterator[SettingProblem]:
    training, model, augmentation = experiment.training, experiment.model, experiment.augmentation
    if model.trainable != "all" and model.weights == "none":
        yield SettingProblem(
            "model.trainable",
            f"model.trainable = {model.trainable} with model.weights = none freezes random layers. Take pre-trained "
            "weights, or set model.trainable=all.",
        )
    varied = augmentation.preset not in ("none", "cells") or augmentation.mixup or augmentation.cutmix
    if model.trainable == "head" and varied:  # the default preset was not asked for
        yield SettingProblem(
            "augmentation.preset",
            "With model.trainable = head the frozen network's features are computed once, of images as they are: "
            "augmentation has no effect.",
        )
    if training.warmup >= training.epochs > 1 and training.schedule != "one-cycle":
        yield SettingProblem(
            "training.warmup",
            f"training.warmup = {training.warmup:g} epochs of {training.epochs}: at most a fifth of the training warms "
            "up.",
        )
    if training.schedule == "plateau" and training.decay_every >= training.patience:
        yield SettingProblem(
            "training.decay_every",
            f"The rate falls after {training.decay_every} epochs without gain, and the training stops after "
            f"{training.patience}: it never falls. Set training.decay_every below training.patience.",
        )
    if training.schedule == "step" and training.decay_every >= training.epochs:
        yield SettingProblem(
            "training.decay_every",
            f"With training.decay_every = {training.decay_every} the rate never falls in {training.epochs} epochs.",
        )
    if experiment.data.balance == "undersample" and experiment.split.protocol == "honest":
        yield SettingProblem(
            "data.balance",
            "data.balance = undersample throws images of the larger classes away, from the test too. weighted-loss "
            "uses them all.",
        )


def problems_outside(experiment: Experiment, workspace: Workspace) -> tuple[SettingProblem, ...]:
    """Return what is wrong with settings that are right in themselves: unknown networks, missing weights or devices.

    Args:
        workspace: whose runs `model.weights` may name.
    """
    problems: list[SettingProblem] = []
    try:
        rule_of(experiment.data)
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
    for key, check in (
        ("model.weights", lambda: check_weights(named_weights(experiment.model.weights, workspace), networks)),
        ("compute.devices", lambda: find_slots(compute.devices, compute.workers, compute.threads, compute.ranks)),
    ):
        try:
            check()
        except AimicError as problem:
            problems.append(SettingProblem(problem.key or key, problem.sentence))
    return tuple(problems)
