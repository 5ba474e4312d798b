"""How a run would divide its images, by their names alone: which of them show the same picture is not known yet."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from aimic_tui.engine.data.data_set import DataSet, Part
from aimic_tui.engine.data.splitting.split import Split
from aimic_tui.engine.data.splitting.validation_size import validation_size_warning
from aimic_tui.engine.errors import AimicError, SettingProblem
from aimic_tui.engine.experiment import Experiment
from aimic_tui.engine.runs.prepare.images_and_split import list_for_split, split_images
from aimic_tui.engine.workspace_folder import Workspace

_PARTS = (Part.TRAIN, Part.VALIDATION, Part.TEST)


@dataclass(frozen=True)
class SplitForecast:
    """The parts of each fold.

    Attributes:
        train, validation, test: images of each fold.
        too_few_to_choose: the sentence about a fold with too few images to choose the epoch by; "" where none has.
        used: images that some fold uses.
        warnings: sentences on what the split can't give.
        problem: what makes it impossible, None where it can be made.
        split: the split itself; None where there is a problem.
    """

    train: tuple[int, ...] = ()
    validation: tuple[int, ...] = ()
    test: tuple[int, ...] = ()
    too_few_to_choose: str = ""
    used: int = 0
    warnings: tuple[str, ...] = ()
    problem: SettingProblem | None = None
    split: Split | None = field(default=None, compare=False, repr=False)

    @property
    def folds(self) -> int:
        """Over all repeats."""
        return len(self.train)


def forecast_split(experiment: Experiment, data_set: DataSet, workspace: Workspace) -> SplitForecast:
    """Divide a data set as a run would, as far as names tell; what is wrong comes back as a problem."""
    try:
        data_set, given = list_for_split(experiment, data_set, workspace)
        _, split = split_images(experiment, data_set, given)
    except AimicError as problem:
        return SplitForecast(problem=SettingProblem(problem.key or "split.method", problem.sentence))
    train, validation, test = (tuple(int((fold == part).sum()) for fold in split.parts) for part in _PARTS)
    return SplitForecast(
        train=train,
        validation=validation,
        test=test,
        too_few_to_choose=_too_few_to_choose(experiment, data_set, split),
        used=int((split.parts != Part.UNUSED).any(axis=0).sum()),
        warnings=split.warnings,
        split=split,
    )


def _too_few_to_choose(experiment: Experiment, data_set: DataSet, split: Split) -> str:
    """Return what is said of the fold with the fewest images of some class among those that choose its epoch."""
    honest = experiment.split.protocol == "honest"
    part = Part.VALIDATION if honest else Part.TEST
    chosen = [data_set.labels[column == part] for column in split.parts]
    fewest = min(chosen, key=lambda labels: int(np.bincount(labels, minlength=len(data_set.classes)).min()))
    return validation_size_warning(fewest, data_set.classes, experiment, validation=honest) or ""
