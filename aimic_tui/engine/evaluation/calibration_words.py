"""What temperatures and thresholds are worth, in words and in one place: for commands, the app and reports."""

from __future__ import annotations

from collections.abc import Iterator

from aimic_tui.engine.evaluation.run_results import Calibration, Temperature
from aimic_tui.engine.formatting.numbers import percent, range_text
from aimic_tui.engine.text import plural

CONFIDENCE = 0.9
"""Of a maximum error rate: the share of models, at least, for which it holds."""

ACROSS_FOLDS = "Answered and errors: each fold by the threshold of the other folds' test images."
NO_PROMISE = "Test images chose the epochs, so they can't show that an error rate holds: there is no threshold."
FEW_GROUPS = "Too few groups were tested to rule out that errors hit whole groups at once."
ONE_PART = "There is one test part: it chooses the threshold, and no other images are left to evaluate it."


def temperature_lines(found: Calibration) -> Iterator[str]:
    """Say which temperatures were fitted, how many stay at 1, and which can't be told."""
    temperatures = found.temperatures
    values = range_text(temperature.value for temperature in temperatures)
    kept = sum(temperature.value == 1 for temperature in temperatures)
    yield f"Temperatures {values}, fitted on validation images" + (
        f"; {kept} of {len(temperatures)} stay 1, where held-out validation images gain nothing." if kept else "."
    )
    undone = sum(temperature.weights_undone for temperature in temperatures)
    if undone:
        of_all = undone == len(temperatures)
        some = "" if of_all else f" (in {undone} of {len(temperatures)}; elsewhere it gains nothing)"
        yield (
            f"Class weights of the training are undone{some}: probabilities are for the data's class shares. "
            "Predicted classes stay as trained, so another class can be more probable."
        )
    bounds = [temperature for temperature in temperatures if temperature.at_bound]
    if bounds:
        yield (
            f"! {_named(bounds)}: the fit runs to its bound, as the validation images are all classified correctly, or "
            "no better than by chance. Only the shrinkage towards 1 limits it."
        )


def _named(temperatures: list[Temperature]) -> str:
    folds = sorted({temperature.fold for temperature in temperatures})
    return f"{'Fold' if len(folds) == 1 else 'Folds'} {', '.join(map(str, folds))}"


def rejection_lines(found: Calibration) -> Iterator[str]:
    """Say what the table of maximum error rates shows, and what it promises."""
    if not found.rejections:
        yield NO_PROMISE
        return
    yield f"Thresholds hold with {percent(CONFIDENCE)} confidence, for images like these; – : none does."
    assuming = [row.max_error for row in found.rejections if row.rests_on_groups and row.threshold is not None]
    if assuming:
        yield f"For {percent(max(assuming), None)} or less: {FEW_GROUPS[0].lower()}{FEW_GROUPS[1:]}"
    yield ONE_PART if found.rejections[0].answered.value is None else ACROSS_FOLDS


def promise(max_error: float, *, models: int, rests_on_groups: bool) -> str:
    """Say what a threshold promises of a prediction by some models of a run."""
    sentences = [
        f"With {percent(CONFIDENCE)} confidence at most {percent(max_error, None)} of the answered images are wrong, "
        "if they are like the run's own.",
        f"This was tested on average over the run's networks, one at a time; the mean of {plural(models, 'model')} was "
        "not tested."
        if models > 1
        else "This was tested on average over the run's networks.",
    ]
    if rests_on_groups:
        sentences.append(FEW_GROUPS)
    return " ".join(sentences)
