"""What `aimic results --decision CLASS` prints: at which thresholds acting on a network's probabilities pays."""

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
from aimic_tui.wording import signs
from aimic_tui.wording.text_tables import aligned

if TYPE_CHECKING:
    from aimic_tui.engine.evaluation.decision import Decision
    from aimic_tui.engine.evaluation.run_results import RunResults


def print_decisions(folder: RunFolder, found: RunResults, positive: str, name: str | None, *, as_json: bool) -> None:
    """Print the decision curve of a class, network by network.

    Args:
        found: the run's results.
        positive: the class that asks for action, as somebody wrote it.
        name: of the network; None for all.

    Raises:
        UsageProblem: the run has no such class.
        InputProblem: no such network is tested, or its predictions can't be read.
    """
    from aimic_tui.engine.evaluation.decision import decision_of

    positive = named_class(positive, found.classes, printable(folder.name))
    run, networks = tested_networks(folder, name)
    confidence, code = found.confidence, found.classes.index(positive)
    answers = {}
    for network in networks:
        decision = decision_of(folder.path, run, network, positive=code, confidence=confidence)
        answers[network.name] = _as_json(decision)
        if not as_json:
            for line in _lines(network.name, positive, decision, confidence):
                click.echo(signs.as_shown(line))
    if as_json:
        print_answer({"run": folder.name, "case": positive, "confidence": confidence, "networks": answers})


def _as_json(found: Decision) -> dict[str, Any] | None:
    """Return a decision curve as JSON, net benefits an image; None where there is none."""
    from aimic_tui.engine.evaluation.decision import THRESHOLDS, threshold_ranges

    curve = found.curve
    if curve is None:
        return None
    names = ("network", "low", "high", "everyone", "gain", "gain_low", "gain_high")
    lines = {name: None if (line := getattr(curve, name)) is None else line.tolist() for name in names}
    shown = None if curve.shown_useful is None else threshold_ranges(curve.shown_useful)
    return {
        "calibrated": found.calibrated,
        "share": curve.share,
        "thresholds": THRESHOLDS.tolist(),
        "bands": "simultaneous",
        "useful": threshold_ranges(curve.useful),
        "shown_useful": shown,
        **lines,
    }


def _lines(network: str, positive: str, found: Decision, confidence: float) -> Iterator[str]:
    """Write a network's decision curve as plain text."""
    from aimic_tui.engine.evaluation.decision import THRESHOLDS
    from aimic_tui.wording import decision as decision_words

    curve = found.curve
    yield f"{printable(network)}, positive class {printable(positive)}"
    if curve is None or not 0 < curve.share < 1:
        yield f"  No test image of {printable(positive)}, or none of another class: no curve."
        return
    yield f"  {decision_words.verdict(curve)}"
    yield f"  {decision_words.benefit_note(found)}"
    yield f"  Limits: bands over the whole range of thresholds with {numbers.percent(confidence, None)} confidence."
    rows = [["threshold", "1 missed =", "by the network", "on all", "gain over both"]]
    for index in decision_words.shown_thresholds():
        threshold = float(THRESHOLDS[index])
        of = decision_words.benefit(curve.network, curve.low, curve.high, index)
        gain = decision_words.benefit(curve.gain, curve.gain_low, curve.gain_high, index)
        rows.append(
            [
                numbers.percent(threshold),
                decision_words.weight(threshold),
                numbers.interval_text(of.value, of.low, of.high, 1),
                numbers.number(decision_words.PER * float(curve.everyone[index]), 1),
                numbers.interval_text(gain.value, gain.low, gain.high, 1),
            ]
        )
    yield from aligned(rows, indent=2)
