"""The calibration of one model by its trial's validation images, stored beside the model.

calibration.json in a model's folder holds the temperature of `calibration.fit_temperature` and, for every validation
image, the calibrated probability of its predicted class and whether that class is right; images go by a digest of
their names. It travels with the model, so that a prediction anywhere has calibrated probabilities, and a threshold for
leaving images to a person that no test image had a say in. It counts only beside the weights that it was made for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.evaluation.calibration import choose_threshold, fit_temperature, scaled
from aimic_tui.engine.evaluation.metrics import Floats
from aimic_tui.engine.evaluation.predictions import read_predictions
from aimic_tui.engine.files import digest_of_bytes, read_json, write_json
from aimic_tui.engine.run_folder import RunFolder

FILE = "calibration.json"
_FORMAT = 1


@dataclass(frozen=True, eq=False)
class ModelCalibration:
    """One model on its `n` validation images.

    Attributes:
        temperature: what its logits are divided by.
        images: names' digests, unique.
        confidence: float [n], the calibrated probability of the predicted class.
        right: bool [n], whether that class is the image's.
    """

    temperature: float
    images: tuple[str, ...]
    confidence: Floats
    right: NDArray[np.bool_]


def write_model_calibrations(run: Path) -> None:
    """Write calibration.json beside each model of a run whose trial left predictions of validation images.

    What is there already for the same weights and not older than these predictions is left as it is.

    Raises:
        OSError: the run's folder can't be written.
    """
    for trial in RunFolder(run).trials():
        table, model = trial.validation_file, trial.model_folder
        tested = trial.predictions_file.is_file() and table.is_file()
        if tested and not _is_current(model / FILE, table, _digest(model)):
            calibration = _from_validation(table)
            digest = _digest(model)
            if calibration is not None and digest:
                write_json(
                    model / FILE,
                    {
                        "format": _FORMAT,
                        "weights": digest,
                        "temperature": calibration.temperature,
                        "images": list(calibration.images),
                        "sureness": [round(float(value), 6) for value in calibration.confidence],
                        "right": [int(value) for value in calibration.right],
                    },
                )


def read_model_calibration(model: Path) -> ModelCalibration | None:
    """Return the calibration of the model in a folder: as kept, else from the validation predictions of its trial.

    None where neither is there, or what is there belongs to other weights or can't be read.
    """
    try:
        kept: dict[str, Any] = read_json(model / FILE)
        if kept["format"] == _FORMAT and kept["weights"] == _digest(model):
            found = ModelCalibration(
                float(kept["temperature"]),
                tuple(map(str, kept["images"])),
                np.array(kept["sureness"], dtype=np.float64),
                np.array(kept["right"], dtype=bool),
            )
            if found.temperature > 0 and len(found.images) == len(found.confidence) == len(found.right):
                return found
    except (OSError, ValueError, KeyError, TypeError):
        pass  # then as from a run of an earlier version
    trial = model.parent
    if model.name != "model" or not (trial / "predictions.csv").is_file():
        return None  # in a trial that is going on, the predictions may be of another epoch than the model
    return _from_validation(trial / "validation.csv")


def reject_threshold(calibrations: Sequence[ModelCalibration], max_error: float) -> float | None:
    """Return below which calibrated probability an image is left to a person, so that few of the others are wrong.

    The validation images of all models choose it together, each image with weight one however many models have it,
    by the rule of `calibration.choose_threshold`. The mean of several models is less sure than each of them and more
    often right, so for it the threshold leaves rather too much to the person than too little.

    Args:
        calibrations: of the models that answer together.
        max_error: the largest share of errors among the images that are answered, 0 to 1.

    Returns:
        None where the validation images are too few, or too often wrong, to promise it.
    """
    images = [image for one in calibrations for image in one.images]
    _, place, times = np.unique(np.array(images, dtype=str), return_inverse=True, return_counts=True)
    return choose_threshold(
        np.concatenate([np.zeros(0), *(one.confidence for one in calibrations)]),
        np.concatenate([np.zeros(0, bool), *(one.right for one in calibrations)]),
        max_error,
        weights=1 / times[place],
    )


def _from_validation(table: Path) -> ModelCalibration | None:
    try:
        found = read_predictions(table)
    except InputProblem:
        return None
    known = (found.labels >= 0) & ~np.isnan(found.probabilities).any(axis=1)
    if not known.any():
        return None
    labels, probabilities = found.labels[known], found.probabilities[known]
    temperature = fit_temperature(labels, probabilities)
    return ModelCalibration(
        temperature,
        tuple(
            digest_of_bytes(name.encode("utf-8", "surrogateescape"))[:16]
            for name, there in zip(found.images, known, strict=True)
            if there
        ),
        scaled(probabilities, temperature).max(axis=1),
        probabilities.argmax(axis=1) == labels,
    )


def _is_current(file: Path, table: Path, digest: str) -> bool:
    try:
        newer = file.stat().st_mtime_ns >= table.stat().st_mtime_ns
        return newer and read_json(file)["weights"] == digest
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _digest(model: Path) -> str:
    """The SHA-256 of the weights as model.json says it; empty where there is no model."""
    try:
        return str(read_json(model / "model.json")["weights"]["sha256"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""
