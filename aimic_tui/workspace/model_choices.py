"""Which trained models there are to predict with: those of the workspace's runs, together or one by one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from aimic_tui.engine.errors import AimicError
from aimic_tui.engine.models.model_folder import find_models, read_model_card, validation_value
from aimic_tui.engine.run_folder import RunFolder, TrialFolder, TrialKey, run_title
from aimic_tui.engine.runs.status import read_recorded
from aimic_tui.engine.workspace_folder import Workspace


@dataclass(frozen=True)
class ModelChoice:
    """Something that `aimic predict` takes as its MODEL.

    Attributes:
        run: the name of the run it is from; empty for a model from elsewhere.
        network: its name.
        target: a run's, a trial's or a model's folder.
        folds: the models that predict together.
        value: the mean of the validation figure that chose the epochs, more is better; NaN where unknown.
        monitor: that figure's name.
        classes: in the order of the outputs.
        fold: what stands for a single model of several (`fold 2`); empty for all of them.
        created: when the run was made.
    """

    run: str
    network: str
    target: Path
    folds: int
    value: float
    monitor: str
    classes: tuple[str, ...]
    fold: str = ""
    created: datetime | None = None

    @property
    def identity(self) -> tuple[Path, str, str]:
        """What tells it from every other."""
        return (self.target, self.network, self.fold)

    @property
    def label(self) -> str:
        """It in a few words, for the headline of a prediction."""
        whose = f"{run_title(self.run)} / " if self.run else ""
        return whose + self.network + (f", {self.fold}" if self.fold else self._together)

    @property
    def network_option(self) -> str:
        """What commands get as `--network`; empty where the model is of one network anyway."""
        return self.network if RunFolder(self.target).trials_folder.is_dir() else ""

    @property
    def _together(self) -> str:
        return f", {self.folds} models together" if self.folds > 1 else ""


def list_models(workspace: Workspace) -> tuple[ModelChoice, ...]:
    """Return the models of every run that has some, newest run first, each followed by its folds one by one."""
    return tuple(choice for run in workspace.runs() for choice in _models_of(run))


def model_at(path: Path, network: str = "") -> ModelChoice:
    """Return the model that a path leads to: a run's, a trial's or a model's folder.

    Args:
        network: whose models to take from a run; empty for the best by validation.

    Raises:
        InputProblem: there is none.
    """
    models = find_models(path, network or None)
    run = path.name if RunFolder(path).trials_folder.is_dir() else ""
    return _choice(run, path, models)


def _models_of(run: RunFolder) -> list[ModelChoice]:
    try:
        status = read_recorded(run)
    except AimicError:
        return []
    choices = []
    for network in status.networks:
        try:
            models = find_models(run.path, network)
            together = _choice(run.name, run.path, models, status.created)
        except (AimicError, OSError):  # not trained yet, or damaged
            continue
        choices.append(together)
        if len(models) > 1:
            trials = [TrialFolder(model.parent) for model in models]
            choices += [
                _choice(run.name, trial.path, [model], status.created, _fold_label(trial.key))
                for trial, model in zip(trials, models, strict=True)
            ]
    return choices


def _fold_label(key: TrialKey) -> str:
    return f"fold {key.fold}" + (f", seed {key.seed}" if key.seed else "")


def _choice(
    run: str, target: Path, models: Sequence[Path], created: datetime | None = None, fold: str = ""
) -> ModelChoice:
    card = read_model_card(models[0])
    values = [value for value in map(validation_value, models) if value is not None]
    return ModelChoice(
        run=run,
        network=card.network,
        target=target,
        folds=len(models),
        value=sum(values) / len(values) if values else math.nan,
        monitor=card.provenance.monitor,
        classes=card.classes,
        fold=fold,
        created=created,
    )
