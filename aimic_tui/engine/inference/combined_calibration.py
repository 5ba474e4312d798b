"""How the probabilities of models whose answers are averaged are calibrated. Needs no torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.evaluation.model_calibration import read_model_calibration, reject_threshold

_POSSIBLE_ERRORS = (0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3)  # what may be asked for instead


@dataclass(frozen=True)
class CombinedCalibration:
    """How the probabilities of a table's rows are calibrated.

    Attributes:
        temperatures: one a model, for its logits; none where the probabilities stay as they are.
        threshold: the probability below which an image is left for review; None where all images are answered.
    """

    temperatures: tuple[float, ...] = ()
    threshold: float | None = None


def combine_calibrations(
    models: Sequence[Path], *, as_trained: bool = False, max_error: float | None = None
) -> CombinedCalibration:
    """Return the temperatures of models, where all have one, and the threshold for an accepted error rate.

    Args:
        models: model folders.
        as_trained: leave the probabilities as the networks give them.
        max_error: the largest error rate among the images that are answered, 0 to 1; None answers all.

    Raises:
        InputProblem: `max_error` can't be guaranteed; the sentence says what can.
    """
    found = [calibration for model in models if (calibration := read_model_calibration(model)) is not None]
    known = len(found) == len(models) and not as_trained
    temperatures = tuple(calibration.temperature for calibration in found) if known else ()
    if max_error is None:
        return CombinedCalibration(temperatures)
    if not known:
        what = "without calibration there is no threshold" if as_trained else "it was trained without validation images"
        raise InputProblem(f"No error rate can be guaranteed for this model: {what}. Leave the maximum error rate out.")
    threshold = reject_threshold(found, max_error)
    if threshold is None:
        possible = next((rate for rate in _POSSIBLE_ERRORS if reject_threshold(found, rate) is not None), None)
        advice = f"Choose {100 * possible:g} % or more" if possible else "Train with more images or a better network"
        raise InputProblem(
            f"An error rate of at most {100 * max_error:g} % can't be guaranteed: the validation images "
            f"are too few, or too many of them are misclassified. {advice}."
        )
    return CombinedCalibration(temperatures, threshold)
