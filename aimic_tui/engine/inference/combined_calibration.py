"""How far the probabilities of models that answer together are to be believed. Needs no torch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.evaluation.model_calibration import read_model_calibration, reject_threshold
from aimic_tui.engine.inference.prediction_table import Trust

_POSSIBLE_ERRORS = (0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3)  # what may be asked for instead


def trust_in(models: Sequence[Path], *, as_trained: bool = False, max_error: float | None = None) -> Trust:
    """Return the temperatures of models, where all have one, and the threshold for a wanted share of errors.

    Args:
        models: model folders.
        as_trained: leave the probabilities as the networks give them.
        max_error: the largest share of errors among the images that are answered, 0 to 1; None for no threshold.

    Raises:
        InputProblem: `max_error` can't be promised; the sentence says what can.
    """
    found = [calibration for model in models if (calibration := read_model_calibration(model)) is not None]
    known = len(found) == len(models) and not as_trained
    temperatures = tuple(calibration.temperature for calibration in found) if known else ()
    if max_error is None:
        return Trust(temperatures)
    if not known:
        what = "without calibration there is no threshold" if as_trained else "it was trained without validation images"
        raise InputProblem(f"No share of errors can be promised for this model: {what}. Leave the wanted share out.")
    threshold = reject_threshold(found, max_error)
    if threshold is None:
        possible = next((rate for rate in _POSSIBLE_ERRORS if reject_threshold(found, rate) is not None), None)
        advice = f"Ask for {possible:g} or more" if possible else "More images, or a better network, can"
        raise InputProblem(
            f"The models' validation images are too few, or too often wrong, to promise at most "
            f"{100 * max_error:g} % of errors. {advice}."
        )
    return Trust(temperatures, threshold)
