"""The run that a model's folder lies in: which images its fold was trained, validated and tested on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aimic_tui.engine.data.data_set import DataSet, Part
from aimic_tui.engine.data.manifest import read_manifest
from aimic_tui.engine.data.splitting.split import read_split
from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.experiment import read_run_experiment
from aimic_tui.engine.run_folder import RunFolder, TrialFolder
from aimic_tui.engine.text import printable


@dataclass(frozen=True, eq=False)
class Origin:
    """Where a model comes from; the parts are int64 indices into the data set.

    Attributes:
        validation: empty in the published protocol, where the test part chose the epoch.
    """

    run: Path
    fold: int
    data_set: DataSet
    train: NDArray[np.int64]
    validation: NDArray[np.int64]
    test: NDArray[np.int64]
    protocol: str

    @property
    def manifest(self) -> Path:
        """The run's manifest.csv."""
        return RunFolder(self.run).manifest_file


def find_origin(folder: Path) -> Origin:
    """Return the origin of the model in `folder`, which is RUN/trials/NETWORK/fold-K/model.

    Raises:
        InputProblem: the folder lies in no run, or the run's files can't be read.
    """
    trial = TrialFolder.of(folder.resolve())
    if trial is None or trial.key.inner or not trial.run.split_file.is_file():
        raise InputProblem(
            f"{printable(str(folder))} is not in a run's folder, so its training and test images are unknown."
        )
    run, fold = trial.run, trial.key.fold
    data_set = read_manifest(run.manifest_file)
    split = read_split(run.split_file, data_set.images)
    if fold > split.folds:
        raise InputProblem(f"{printable(str(run.path))} has {split.folds} folds, but a model of fold {fold}.")
    protocol = str(read_run_experiment(run.experiment_file).get("split", {}).get("protocol", "honest"))
    train, validation, test = (
        split.indices(fold, part).astype(np.int64) for part in (Part.TRAIN, Part.VALIDATION, Part.TEST)
    )
    return Origin(run.path, fold, data_set, train, validation, test, protocol)
