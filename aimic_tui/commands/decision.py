"""What `aimic results --decision CLASS` prints: from which probabilities on it pays to act by a network."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from aimic_tui.engine.errors import InputProblem, UsageProblem
from aimic_tui.engine.run_folder import RunFolder
from aimic_tui.engine.text import printable
from aimic_tui.wording import numbers, signs
from aimic_tui.wording.text_tables import aligned

if TYPE_CHECKING:
    from aimic_tui.engine.evaluation.decision import Decision
    from aimic_tui.engine.evaluation.run_results import RunResults


def print_decisions(folder: RunFolder, found: RunResults, case: str, wanted: str | None, *, as_json: bool) -> None:
    """Print the decision curve of a class, network by network.

    Args:
        found: its results.
        case: the class.
        wanted: the network; None for all.

    Raises:
        UsageProblem: the run has no such class.
        InputProblem: no such network is tested, or its predictions can't be read.
    """
    from aimic_tui.engine.evaluation.decision import decision_of
    from aimic_tui.engine.evaluation.tested_run import read_tested

    if case not in found.classes:
        named = printable(", ".join(found.classes))
        raise UsageProblem(f"{printable(folder.name)} has no class {printable(case)}; it has {named}.")
    run = read_tested(folder.path)
    networks = [network for network in run.networks if wanted in (None, network.name)]
    if not networks:
        named = printable(", ".join(network.name for network in run.networks))
        whose = "No network" if wanted is None else printable(wanted)
        raise InputProblem(f"{whose} of {printable(folder.name)} is tested yet. Tested: {named or 'none'}.")
    confidence, positive = found.confidence, found.classes.index(case)
    answers = {}
    for network in networks:
        decision = decision_of(folder.path, run, network, positive=positive, confidence=confidence)
        answers[network.name] = _as_json(decision)
        if not as_json:
            for line in _lines(network.name, case, decision, confidence):
                click.echo(signs.as_shown(line))
    if as_json:
        click.echo(json.dumps({"run": folder.name, "case": case, "confidence": confidence, "networks": answers}))


def _as_json(found: Decision) -> dict[str, Any] | None:
    """Return a decision curve as JSON, net benefits an image; None where there is none."""
    from aimic_tui.engine.evaluation.decision import THRESHOLDS

    curve = found.curve
    if curve is None:
        return None
    names = ("network", "low", "high", "everyone", "gain", "gain_low", "gain_high")
    lines = {name: None if (line := getattr(curve, name)) is None else line.tolist() for name in names}
    return {"calibrated": found.calibrated, "share": curve.share, "thresholds": THRESHOLDS.tolist(), **lines}


def _lines(network: str, case: str, found: Decision, confidence: float) -> Iterator[str]:
    """Write a network's decision curve as plain text."""
    from aimic_tui.engine.evaluation.decision import THRESHOLDS
    from aimic_tui.wording import decision as decision_words

    curve = found.curve
    yield f"{printable(network)}: acting where {printable(case)} is probable"
    if curve is None or not 0 < curve.share < 1:
        yield f"  No image of {printable(case)}, or none of another class, was tested: no curve."
        return
    yield f"  Against acting on every image, or on none: {decision_words.verdict(curve)}."
    yield f"  {decision_words.method_words(found, confidence)}"
    rows = [["act from", "1 missed =", "by the network", "on all", "gain over both"]]
    for place in decision_words.shown_places():
        threshold = float(THRESHOLDS[place])
        of = decision_words.benefit(curve.network, curve.low, curve.high, place)
        gain = decision_words.benefit(curve.gain, curve.gain_low, curve.gain_high, place)
        rows.append(
            [
                numbers.percent(threshold),
                decision_words.weight(threshold),
                numbers.interval_text(of.value, of.low, of.high, 1),
                numbers.number(decision_words.PER * float(curve.everyone[place]), 1),
                numbers.interval_text(gain.value, gain.low, gain.high, 1),
            ]
        )
    yield from aligned(rows, indent=2)
