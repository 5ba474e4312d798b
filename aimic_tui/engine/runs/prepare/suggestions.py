"""What to think about before a run is started: settings that don't help each other, parts too small to choose by.

None of it stops a run. What does is checked where it belongs, and `availability.py` gathers that for a form.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from aimic_tui.engine.data.data_set import Part
from aimic_tui.engine.data.note import NoteKind
from aimic_tui.engine.evaluation.foreseen_intervals import SampleSize
from aimic_tui.engine.evaluation.metric_titles import TITLES
from aimic_tui.engine.experiment import Experiment, Optimizer
from aimic_tui.engine.formatting.times import duration
from aimic_tui.engine.runs.prepare.data_summary import DataSummary
from aimic_tui.engine.runs.prepare.duration import DurationEstimate
from aimic_tui.engine.runs.prepare.run_forecast import RunForecast
from aimic_tui.engine.runs.prepare.split_forecast import SplitForecast
from aimic_tui.engine.text import bytes_text, plural, printable

_FEW_STEPS = 300  # of a trial: pre-trained networks have then hardly moved
_FEW_STEPS_ANEW = 3000  # from random weights
# Below and above these a rate is rarely meant; of the other optimisers nobody knows.
_USUAL_RATES: dict[Optimizer, tuple[float, float]] = {
    "adamw": (1e-6, 1e-2),
    "adam": (1e-6, 1e-2),
    "adamax": (1e-6, 2e-2),
    "rmsprop": (1e-6, 1e-2),
    "sgd": (1e-5, 1.0),
}


@dataclass(frozen=True)
class Suggestion:
    """One setting that is worth another look, and why."""

    key: str
    sentence: str


def suggestions_for(
    experiment: Experiment,
    data: DataSummary,
    split: SplitForecast,
    forecast: RunForecast,
    estimate: DurationEstimate | None = None,
    *,
    intervals: SampleSize | None = None,
) -> list[Suggestion]:
    """Return what is worth another look, the gravest first."""
    return [
        *_on_disk_space(experiment, forecast),
        *_on_names(data),
        *_on_given_parts(experiment, data),
        *([Suggestion("split.validation", split.too_few_to_choose)] if split.too_few_to_choose else []),
        *_on_seeds(experiment, forecast, estimate),
        *(_on_intervals(intervals) if intervals is not None else ()),
        *_on_training(experiment, data, forecast),
        *_on_combinations(experiment),
        *(Suggestion("split.method", sentence) for sentence in split.warnings),
    ]


def _on_disk_space(experiment: Experiment, forecast: RunForecast) -> Iterator[Suggestion]:
    needed = forecast.run_bytes + forecast.cache_bytes
    if forecast.free_bytes is not None and needed > forecast.free_bytes:
        yield Suggestion(
            "compute.cache",
            f"The run needs about {bytes_text(needed)}, but only {bytes_text(forecast.free_bytes)} are free on the "
            "workspace's disk. Free some space, or choose another workspace.",
        )


_SETTINGS_OF_NOTES: dict[NoteKind, str] = {
    "layout": "data.layout",
    "dividing-folders": "data.group",
    "look-alike-classes": "data.classes",
    "doubtful-classes": "data.classes",
    "missing-labels": "data.classes",
    "look-alike-groups": "data.group",
    "joined-groups": "data.group",
    "missing-groups": "data.group",
    "names-without-match": "data.pattern",
}


def _on_names(data: DataSummary) -> Iterator[Suggestion]:
    """Pass on what the names of folders, images, classes and groups left open."""
    for note in data.data_set.notes if data.data_set is not None else ():
        yield Suggestion(_SETTINGS_OF_NOTES.get(note.kind, "data.path"), note.sentence)


def _on_given_parts(experiment: Experiment, data: DataSummary) -> Iterator[Suggestion]:
    """Say that a table's or an archive's own test images are not kept apart; of folders their layout says it."""
    found = data.data_set
    if found is None or found.parts is None or any(note.kind == "layout" for note in found.notes):
        return
    train, test = (int((found.parts == part).sum()) for part in (Part.TRAIN, Part.TEST))
    if train and test and experiment.split.method != "predefined":
        yield Suggestion(
            "split.method",
            f"The data set has parts of its own ({train:,} training and {test:,} test images), which are not used. "
            "split.method = predefined uses them.",
        )


def _on_seeds(experiment: Experiment, forecast: RunForecast, estimate: DurationEstimate | None) -> Iterator[Suggestion]:
    """Say what seeds of a comparison cost, or what it lacks with a single one."""
    networks, repeats = len(experiment.model.networks), experiment.split.repeats
    if networks < 2 or repeats > 1:
        return
    seeds, tested = experiment.seeds, networks * forecast.folds
    if seeds == 1:
        yield Suggestion(
            "training.seeds",
            f"With one seed a comparison only tells these trained networks apart: another training may turn it round. "
            f"training.seeds = 3 makes {forecast.trials + 2 * tested} trials instead of {forecast.trials}"
            f"{_longer(estimate, 1, (forecast.trials + 2 * tested) / forecast.trials)}.",
        )
    elif experiment.training.seeds == "auto":
        fewer = forecast.trials - (seeds - 1) * tested
        yield Suggestion(
            "training.seeds",
            f"{seeds} seeds, since networks are compared: {forecast.trials} trials instead of {fewer}"
            f"{_longer(estimate, fewer / forecast.trials, 1)}. With training.seeds = 1 the comparison only tells these "
            "trained networks apart.",
        )


def _longer(estimate: DurationEstimate | None, less: float, more: float) -> str:
    """Say that something takes `more` times the estimate in place of `less` times; "" without an estimate."""
    if estimate is None:
        return ""
    return f", at most {duration(more * estimate.seconds)} instead of {duration(less * estimate.seconds)}"


def _on_intervals(intervals: SampleSize) -> Iterator[Suggestion]:
    """Warn of figures that can't have an interval, before anything is trained for them."""
    for metric, whose in (("accuracy", "No figure"), ("macro_f1", f"Neither {TITLES['macro_f1']} nor AUROC")):
        if reason := intervals.figure(metric).reason:
            yield Suggestion("data.group", f"{whose} will have an interval: {printable(reason)}.")
            return


def _on_training(experiment: Experiment, data: DataSummary, forecast: RunForecast) -> Iterator[Suggestion]:
    training = experiment.training
    batch = training.batch_size if isinstance(training.batch_size, int) else None
    if batch is not None and batch > forecast.train:
        yield Suggestion(
            "training.batch_size",
            f"training.batch_size = {batch} is more than the {forecast.train} training images of a fold, so an epoch "
            "is a single step. Choose a smaller batch.",
        )
    steps = training.epochs * forecast.train / (batch or 16)
    least = _FEW_STEPS_ANEW if experiment.model.weights == "none" else _FEW_STEPS
    if experiment.model.trainable != "head" and steps < least and (batch is None or batch <= forecast.train):
        origin = "training from random weights" if experiment.model.weights == "none" else "fine-tuning"
        yield Suggestion(
            "training.epochs",
            f"{plural(training.epochs, 'epoch')} make about {steps:,.0f} steps per trial; {origin} usually needs about "
            f"{least:,}. Raise training.epochs: training stops early once it no longer improves.",
        )
    low, high = _USUAL_RATES.get(training.optimizer, (0.0, float("inf")))
    rate = training.learning_rate
    if not low <= rate <= high and experiment.model.trainable != "head":
        what = "high: training may diverge" if rate > high else "low: the network will hardly learn anything"
        yield Suggestion(
            "training.learning_rate",
            f"training.learning_rate = {rate:g} is unusually {what}. A range test (t at this field, or `aimic "
            f"learning-rate`) shows which rate suits {training.optimizer}.",
        )
    if experiment.data.balance == "none" and data.classes:
        most, fewest = max(data.classes.values()), min(data.classes.values())
        if most > 5 * fewest:
            yield Suggestion(
                "data.balance",
                f"The largest class has {most / fewest:.0f} times as many images as the smallest, which "
                "data.balance = none leaves at a disadvantage. Set it to weighted-loss or oversample.",
            )


def _on_combinations(experiment: Experiment) -> Iterator[Suggestion]:
    training, model, augmentation = experiment.training, experiment.model, experiment.augmentation
    if model.trainable != "all" and model.weights == "none":
        yield Suggestion(
            "model.trainable",
            f"model.trainable = {model.trainable} with model.weights = none freezes random layers. Use pre-trained "
            "weights, or set model.trainable = all.",
        )
    varied = augmentation.preset not in ("none", "cells") or augmentation.mixup or augmentation.cutmix
    if model.trainable == "head" and varied:  # the default preset was not asked for
        yield Suggestion(
            "augmentation.preset",
            "Augmentation has no effect with model.trainable = head: the frozen network's features are computed once, "
            "from the original images.",
        )
    if training.warmup >= training.epochs > 1 and training.schedule != "one-cycle":
        yield Suggestion(
            "training.warmup",
            f"training.warmup = {training.warmup:g} is as long as the whole training ({training.epochs} epochs). It is "
            "cut to a fifth of it.",
        )
    if training.schedule == "plateau" and training.decay_every >= training.patience:
        yield Suggestion(
            "training.decay_every",
            f"The learning rate never falls: it would after {plural(training.decay_every, 'epoch')} without "
            f"improvement, but training stops after {training.patience}. Set training.decay_every below "
            "training.patience.",
        )
    if training.schedule == "step" and training.decay_every >= training.epochs:
        yield Suggestion(
            "training.decay_every",
            f"With training.decay_every = {training.decay_every} the learning rate never falls in {training.epochs} "
            "epochs. Set it lower.",
        )
    if experiment.data.balance == "undersample" and experiment.split.protocol == "honest":
        yield Suggestion(
            "data.balance",
            "data.balance = undersample discards images of the larger classes, test images too. weighted-loss keeps "
            "all of them.",
        )
