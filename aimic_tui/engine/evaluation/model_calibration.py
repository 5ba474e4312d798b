"""The calibration of one model, stored beside it: calibration.json in its folder.

It holds the temperature that its trial's validation images gave it, and the errors of the run's networks among the
surest test images, threshold by threshold (`rejection.ErrorsByThreshold`): from these follows the threshold for any
maximum error rate. They are those of all folds' networks together, since only test images chose nothing, and each is
tested by one fold's network. The file travels with the model and names no image. It counts only beside the weights that
it was made for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from aimic_tui.engine.bounded_files import read_json
from aimic_tui.engine.data.data_set import Part
from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.evaluation.calibration import calibrated, known_validation
from aimic_tui.engine.evaluation.label_shift import Recalibration, recalibration
from aimic_tui.engine.evaluation.metrics import Floats
from aimic_tui.engine.evaluation.predictions import read_predictions
from aimic_tui.engine.evaluation.rejection import ErrorsByThreshold, errors_by_threshold
from aimic_tui.engine.evaluation.run_predictions import (
    read_run_predictions,
    read_validation,
    read_validation_predictions,
)
from aimic_tui.engine.evaluation.temperature import fit_temperature, scaled
from aimic_tui.engine.files import write_json
from aimic_tui.engine.run_folder import RunFolder, TrialFolder
from aimic_tui.engine.typed_values import MALFORMED, items, number, text

FILE = "calibration.json"
_FORMAT = 2
_COLUMNS = ("thresholds", "images", "errors", "expected", "effective")
_RECALIBRATION = ("value", "covariance", "prior")
OPTIMISTIC = "it followed the protocol published in 2022, in which test images choose the epochs"
NOT_VALIDATED = "it was trained without validation images"
OF_AN_EARLIER_VERSION = (
    "an earlier version saved its calibration, by validation images that had chosen its epoch. Run `aimic results RUN "
    "--again` for the run that it comes from, and copy the model again"
)
NO_RUN = "the test predictions of its run are not there. Use the model in its run's folder"


@dataclass(frozen=True, eq=False)
class ModelCalibration:
    """How one model's probabilities can be used.

    Attributes:
        temperature: what its logits are divided by.
        prior: float [c], what undoes the class weights of its training; None where nothing is undone.
        recalibration: class by class, for estimating class shares; None where its run was not there to make it.
        errors: of its run's networks of its kind, on test images; None where `problem` says why there are none.
        problem: why no error rate can be promised, to follow a colon; empty where one may be.
    """

    temperature: float
    errors: ErrorsByThreshold | None
    problem: str = ""
    prior: Floats | None = None
    recalibration: Recalibration | None = None


class RunCalibrations:
    """The calibrations of a run's models, from its stored predictions.

    Args:
        run: its folder.

    Raises:
        InputProblem: a file of the run is missing or damaged.
    """

    def __init__(self, run: Path) -> None:
        self._run = run
        self._tested = read_run_predictions(run)
        self._errors: dict[str, tuple[ErrorsByThreshold | None, str]] = {}

    def of(self, trial: TrialFolder) -> ModelCalibration | None:
        """Return the calibration of a trial's model; None where it left no predictions of validation images."""
        known = known_validation(read_validation(self._run, self._tested, trial.key))
        if known is None:
            return None
        network = trial.key.network
        if network not in self._errors:
            self._errors[network] = self._errors_of(network)
        fitted = fit_temperature(*known)
        labels, probabilities, groups, _ = known
        training = self._tested.data.labels[self._tested.split.indices(trial.key.fold, Part.TRAIN)]
        counts = np.maximum(np.bincount(training, minlength=probabilities.shape[1]), 0.5)
        refined = recalibration(
            labels, scaled(probabilities, fitted.value, fitted.prior), groups, counts / counts.sum()
        )
        return ModelCalibration(fitted.value, *self._errors[network], prior=fitted.prior, recalibration=refined)

    def _errors_of(self, network: str) -> tuple[ErrorsByThreshold | None, str]:
        """Return the errors of a network's test predictions, calibrated, or why they promise nothing."""
        if self._tested.protocol != "honest":
            return None, OPTIMISTIC
        for predictions in self._tested.networks:
            if predictions.name == network:
                validations = read_validation_predictions(self._run, self._tested, predictions)
                table = calibrated(predictions, validations)
                if table is not None:
                    predicted = predictions.probabilities.argmax(axis=2)
                    return errors_by_threshold(predictions.labels, table, predictions.groups, predicted), ""
        return None, NOT_VALIDATED


def write_model_calibrations(run: Path) -> None:
    """Write calibration.json beside each model of a run whose trial left predictions of validation images.

    What is there already for the same weights, and newer than all predictions of its network, is left as it is.

    Raises:
        InputProblem: a file of the run is missing or damaged.
        OSError: the run's folder can't be written.
    """
    stale = [trial for trial in RunFolder(run).trials() if not trial.key.inner and not _is_current(trial)]
    if not stale:
        return
    calibrations = RunCalibrations(run)
    for trial in stale:
        found, digest = calibrations.of(trial), _digest(trial.model_folder)
        if found is not None and digest:
            write_json(trial.model_folder / FILE, {"format": _FORMAT, "weights": digest, **_to_json(found)})


def read_model_calibrations(models: Sequence[Path], *, with_errors: bool) -> list[ModelCalibration | None]:
    """Return the calibration of the model in each folder: as stored, else from the predictions of its run.

    None where neither is there, or what is there belongs to other weights or can't be read.

    Args:
        with_errors: whether `errors` are needed, of which an earlier version stored none: its model is then calibrated
            anew from the run. Without, its temperature stays, so that predictions go on as they began.
    """
    runs: dict[Path, RunCalibrations | None] = {}
    return [_read(model, runs, with_errors=with_errors) for model in models]


def _read(model: Path, runs: dict[Path, RunCalibrations | None], *, with_errors: bool) -> ModelCalibration | None:
    stored: Mapping[str, Any] = {}
    try:
        found = read_json(model / FILE)
        if found["weights"] == _digest(model):
            stored = found
            if stored["format"] == _FORMAT:
                return _from_json(stored)
            if not with_errors:
                return ModelCalibration(_temperature(stored), None, OF_AN_EARLIER_VERSION)
    except (OSError, *MALFORMED):
        pass  # then as from a run of an earlier version
    # In a trial that is going on, predictions may be of another epoch than the model.
    if model.name == "model" and TrialFolder(model.parent).predictions_file.is_file():
        trial = TrialFolder.of(model)
        run = None if trial is None else _run_of(trial, runs)
        return _from_trial_alone(model.parent) if trial is None or run is None else run.of(trial)
    try:
        return ModelCalibration(_temperature(stored), None, OF_AN_EARLIER_VERSION)
    except MALFORMED:
        return None


def _run_of(trial: TrialFolder, runs: dict[Path, RunCalibrations | None]) -> RunCalibrations | None:
    """Return a run's calibrations, read once; None where only the trial's folder is there."""
    run = trial.run.path
    if run not in runs:
        try:
            runs[run] = RunCalibrations(run)
        except InputProblem:
            runs[run] = None
    return runs[run]


def _from_trial_alone(folder: Path) -> ModelCalibration | None:
    """Calibrate by a trial's folder that was taken out of its run, in which groups aren't known: each image is one."""
    try:
        found = read_predictions(TrialFolder(folder).validation_file)
    except InputProblem:
        return None
    known = (found.labels >= 0) & ~np.isnan(found.probabilities).any(axis=1)
    if not known.any():
        return None
    images = np.arange(int(known.sum()), dtype=np.int32)
    fitted = fit_temperature(found.labels[known], found.probabilities[known], images)
    return ModelCalibration(fitted.value, None, NO_RUN)


def _to_json(found: ModelCalibration) -> dict[str, Any]:
    errors = found.errors
    return {
        "temperature": found.temperature,
        "prior": None if found.prior is None else found.prior.tolist(),
        "recalibration": None
        if found.recalibration is None
        else {name: getattr(found.recalibration, name).tolist() for name in _RECALIBRATION},
        "problem": found.problem,
        "errors": None
        if errors is None
        else {"groups": errors.groups, **{name: getattr(errors, name).tolist() for name in _COLUMNS}},
    }


def _from_json(stored: Mapping[str, Any]) -> ModelCalibration:
    """Read what `_to_json` made.

    Raises:
        MALFORMED: it isn't that.
    """
    errors, table = None, stored["errors"]
    if table is not None:
        columns = {name: np.array(items(table[name], number), dtype=np.float64) for name in _COLUMNS}
        if len({column.shape for column in columns.values()}) != 1 or not len(table["thresholds"]):
            raise ValueError("columns of unequal length")
        errors = ErrorsByThreshold(**columns, groups=number(table["groups"]))
    prior = stored.get("prior")
    ratio = None if prior is None else np.array(items(prior, number), dtype=np.float64)
    if ratio is not None and not (ratio > 0).all():
        raise ValueError("no class shares")
    refined = stored.get("recalibration")
    return ModelCalibration(
        _temperature(stored),
        errors,
        text(stored["problem"]),
        ratio,
        None if refined is None else Recalibration(**{name: _finite_array(refined[name]) for name in _RECALIBRATION}),
    )


def _temperature(stored: Mapping[str, Any]) -> float:
    found = number(stored["temperature"])
    if not 1e-3 < found < 1e3:
        raise ValueError("no temperature")
    return found


def _finite_array(values: object) -> Floats:
    found = np.array(values, dtype=np.float64)
    if not np.isfinite(found).all():
        raise ValueError("a value is missing")
    return found


def _is_current(trial: TrialFolder) -> bool:
    """Whether nothing is to be done: there is nothing to calibrate by, or the file is newer than all of it."""
    file = trial.model_folder / FILE
    if not (trial.predictions_file.is_file() and trial.validation_file.is_file()):
        return True
    try:
        made = file.stat().st_mtime_ns
        stored = read_json(file)
        of_network = [each for each in trial.run.trials() if each.key.network == trial.key.network]
        tables = [table for each in of_network for table in (each.predictions_file, each.validation_file)]
        newer = all(table.stat().st_mtime_ns <= made for table in tables if table.exists())
        return newer and stored["format"] == _FORMAT and stored["weights"] == _digest(trial.model_folder)
    except (OSError, *MALFORMED):
        return False


def _digest(model: Path) -> str:
    """The SHA-256 of the weights as model.json says it; empty where there is no model."""
    try:
        return str(read_json(model / "model.json")["weights"]["sha256"])
    except (OSError, *MALFORMED):
        return ""
