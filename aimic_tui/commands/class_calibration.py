"""What `aimic results --calibration CLASS` prints: how a class's probabilities agree with its share of the images."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from aimic_tui.commands.answers import print_answer
from aimic_tui.commands.tested_networks import tested_networks
from aimic_tui.engine.data.listing.class_names import named_class
from aimic_tui.engine.formatting import numbers
from aimic_tui.engine.run_folder import RunFolder
from aimic_tui.engine.text import printable
from aimic_tui.wording import class_calibration as words
from aimic_tui.wording import signs
from aimic_tui.wording.text_tables import aligned

if TYPE_CHECKING:
    from aimic_tui.engine.evaluation.class_calibration import CalibrationCurve, ClassCalibrationCurves
    from aimic_tui.engine.evaluation.run_results import RunResults

_SHOWN = 9  # points of a smoothed curve that the table lists


def print_class_calibration(
    folder: RunFolder, found: RunResults, positive: str, name: str | None, *, as_json: bool
) -> None:
    """Print slope, intercept and calibration curve of a class, network by network.

    Args:
        found: the run's results.
        positive: the class, as somebody wrote it.
        name: of the network; None for all.

    Raises:
        UsageProblem: the run has no such class.
        InputProblem: no such network is tested, or its predictions can't be read.
    """
    from aimic_tui.engine.evaluation.class_calibration import class_curves_of

    positive = named_class(positive, found.classes, printable(folder.name))
    run, networks = tested_networks(folder, name)
    confidence, code = found.confidence, found.classes.index(positive)
    answers = {}
    for network in networks:
        curves = class_curves_of(folder.path, run, network, positive=code, confidence=confidence)
        answers[network.name] = _as_json(curves)
        if not as_json:
            for line in _lines(network.name, positive, curves, confidence):
                click.echo(signs.as_shown(line))
    if as_json:
        print_answer({"run": folder.name, "class": positive, "confidence": confidence, "networks": answers})


def _as_json(found: ClassCalibrationCurves) -> dict[str, Any]:
    def curve(of: CalibrationCurve | None) -> dict[str, Any] | None:
        if of is None:
            return None
        lines = {name: getattr(of, name) for name in ("stated", "observed", "low", "high")}
        bins = [{"stated": stated, "observed": share, "images": images} for stated, share, images in of.bins]
        return {name: None if line is None else line.tolist() for name, line in lines.items()} | {"bins": bins}

    def figure(name: str) -> dict[str, float | None]:
        of = getattr(found.figures, name)
        return {"value": of.value, "low": of.low, "high": of.high}

    figures = {name: figure(name) for name in ("slope_before", "intercept_before", "slope_after", "intercept_after")}
    return {**figures, "before": curve(found.before), "after": curve(found.after)}


def _lines(network: str, positive: str, found: ClassCalibrationCurves, confidence: float) -> Iterator[str]:
    figures = found.figures
    yield f"{printable(network)}, class {printable(positive)} against the rest"
    rows = [
        ["", "as trained", "calibrated"],
        ["slope", words.figure_text(figures.slope_before), words.figure_text(figures.slope_after)],
        ["intercept", words.figure_text(figures.intercept_before), words.figure_text(figures.intercept_after)],
    ]
    yield from aligned(rows, indent=2)
    shown = found.after or found.before
    kind = "calibrated" if found.after is not None else "as trained"
    yield f"  {kind.capitalize()}: {words.class_verdict(figures, calibrated=found.after is not None)}"
    yield f"  {words.METHOD}"
    if shown is None:
        return
    level = numbers.percent(confidence, None)
    yield f"  Curve, {kind}: smoothed, with its band over the whole range with {level} confidence; equal parts beside."
    rows = [["stated, %", "observed, %"]]
    points = len(shown.stated)
    for place in range(0, points, max(1, (points - 1) // (_SHOWN - 1))):
        low, high = (None if line is None else float(line[place]) for line in (shown.low, shown.high))
        observed = numbers.interval_text(float(shown.observed[place]), low, high, 1, scale=numbers.PER_CENT)
        rows.append([numbers.number(numbers.PER_CENT * float(shown.stated[place]), 1), observed])
    yield from aligned(rows, indent=2)
    rows = [["images", "stated on average, %", "of the class, %"]]
    rows += [
        [f"{images:,}", *(numbers.number(numbers.PER_CENT * share, 1) for share in (stated, observed))]
        for stated, observed, images in shown.bins
    ]
    yield from aligned(rows, indent=2)
