"""How the probabilities of models whose answers are averaged are calibrated. Needs no torch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.evaluation.label_shift import Recalibration, joined
from aimic_tui.engine.evaluation.metrics import Floats
from aimic_tui.engine.evaluation.model_calibration import NOT_VALIDATED, ModelCalibration, read_model_calibrations
from aimic_tui.engine.evaluation.prior_correction import corrected
from aimic_tui.engine.evaluation.rejection import (
    ErrorsByThreshold,
    choose_threshold,
    images_needed,
    rests_on_groups,
    smallest_rate,
)
from aimic_tui.engine.evaluation.temperature import scaled


@dataclass(frozen=True)
class CombinedCalibration:
    """How the probabilities of a table's rows are calibrated.

    Attributes:
        temperatures: one a model, for its logits; none where the probabilities stay as they are.
        recalibration: of the averaged probabilities class by class, to estimate class shares by; None where a model
            has none.
        priors: one a model, what undoes the class weights of its training, a ratio a class; None where nothing is.
        threshold: the probability below which an image is left for review; None where all images are answered.
        rests_on_groups: whether the threshold assumes that errors don't come as whole groups, with few groups tested.
    """

    temperatures: tuple[float, ...] = ()
    threshold: float | None = None
    rests_on_groups: bool = False
    priors: tuple[tuple[float, ...] | None, ...] = ()
    recalibration: Recalibration | None = None

    @property
    def weights_undone(self) -> bool:
        """Whether some model's class weights are undone."""
        return any(prior is not None for prior in self.priors)

    def scaled(self, members: Floats) -> Floats:
        """Return the models' probabilities, float [models, n, c], of logits divided by their temperatures."""
        if not self.temperatures:
            return members
        return np.stack([scaled(*each) for each in zip(members, self.temperatures, strict=True)])

    def for_data(self, members: Floats) -> Floats:
        """Return the models' probabilities, float [models, n, c], with class weights undone."""
        if not self.weights_undone:
            return members
        each = zip(members, self.priors, strict=True)
        return np.stack([corrected(table, None if prior is None else np.array(prior)) for table, prior in each])


def combine_calibrations(
    models: Sequence[Path], *, as_trained: bool = False, max_error: float | None = None
) -> CombinedCalibration:
    """Return the temperatures of models, where all have one, and the threshold for a maximum error rate.

    Models of one run have one threshold; of several, the highest is taken.

    Args:
        models: model folders.
        as_trained: leave the probabilities as the networks give them.
        max_error: the largest error rate among the images that are answered, 0 to 1; None answers all.

    Raises:
        InputProblem: `max_error` can't be promised; the sentence says what can.
    """
    stored = read_model_calibrations(models, with_errors=max_error is not None)
    found = [calibration for calibration in stored if calibration is not None]
    known = len(found) == len(models) and not as_trained
    temperatures = tuple(calibration.temperature for calibration in found) if known else ()
    priors = tuple(None if one.prior is None else tuple(one.prior.tolist()) for one in found) if known else ()
    refined = joined([one.recalibration for one in found]) if known else None
    if max_error is None:
        return CombinedCalibration(temperatures, priors=priors, recalibration=refined)
    if not known:
        raise _refusal("without calibration there is no threshold" if as_trained else NOT_VALIDATED)
    tested = [_errors_of(calibration) for calibration in found]
    thresholds = [threshold for errors in tested if (threshold := choose_threshold(errors, max_error)) is not None]
    if len(thresholds) < len(tested):
        raise _out_of_reach(tested, max_error)
    assumes = any(rests_on_groups(errors, max_error) for errors in tested)
    return CombinedCalibration(temperatures, max(thresholds), assumes, priors, refined)


def _errors_of(calibration: ModelCalibration) -> ErrorsByThreshold:
    if calibration.errors is None:
        raise _refusal(calibration.problem)
    return calibration.errors


def _refusal(why: str) -> InputProblem:
    return InputProblem(f"No error rate can be promised for this model: {why}. Leave the maximum error rate out.")


def _out_of_reach(tested: Sequence[ErrorsByThreshold], max_error: float) -> InputProblem:
    """Say what can be promised instead, or what it would take."""
    wanted = f"An error rate of at most {100 * max_error:g} % can't be promised"
    images = max(float(errors.images.max()) for errors in tested)
    independent, needed = min(float(errors.expected.max()) for errors in tested), images_needed(max_error)
    if independent < needed:
        alike = (
            f", which count as {independent:,.0f}, since images of a group are alike" if independent < images else ""
        )
        why = (
            f"that takes {math.ceil(needed * images / independent):,} test images or more, without an error among "
            f"{math.ceil(needed):,} independent ones; there are {images:,.0f}{alike}"
        )
    else:
        why = "too many of the surest test images are wrong"
    rates = [smallest_rate(errors) for errors in tested]
    reachable = [rate for rate in rates if rate is not None]
    advice = (
        f"Choose {100 * max(reachable):g} % or more"
        if len(reachable) == len(rates)
        else "Train with more images or a better network"
    )
    return InputProblem(f"{wanted}: {why}. {advice}.")
