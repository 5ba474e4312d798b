"""The option `--prevalence CLASS=SHARE`: predictive values where a class is rarer or more frequent than here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import click

from aimic_tui.engine.data.listing.class_names import named_class
from aimic_tui.engine.errors import UsageProblem
from aimic_tui.engine.evaluation.interval import Interval
from aimic_tui.engine.evaluation.predictive_values import PredictiveValues, predictive_values
from aimic_tui.engine.evaluation.run_results import NetworkResults, RunResults
from aimic_tui.engine.formatting import numbers
from aimic_tui.engine.text import printable
from aimic_tui.wording.predictive_values import HOLDS, read_prevalence
from aimic_tui.wording.text_tables import aligned

Named = tuple[str, float]
"""A class and its prevalence."""

prevalence_option = click.option(
    "--prevalence",
    "prevalences",
    multiple=True,
    metavar="CLASS=SHARE",
    help="Also give PPV and NPV of the class at this prevalence, e.g. blast=0.02; repeat as needed.",
)


def split_prevalence(text: str) -> Named:
    """Read `CLASS=SHARE`; the name may contain further signs of equality.

    Raises:
        UsageProblem: there is no class or no prevalence in it.
    """
    name, sign, share = text.rpartition("=")
    if not sign or not name:
        raise UsageProblem(f"--prevalence {printable(text)} must be CLASS=SHARE, such as blast=0.02.")
    return name, read_prevalence(share)


def read_prevalences(texts: Sequence[str], found: RunResults) -> list[Named]:
    """Read the values of `--prevalence`.

    Raises:
        UsageProblem: one of them can't be read, or the run has no such class.
    """
    named = (split_prevalence(text) for text in texts)
    return [(named_class(name, found.classes, printable(found.run)), share) for name, share in named]


def values_at(network: NetworkResults, name: str, prevalence: float) -> PredictiveValues:
    """Return a class's predictive values at a prevalence."""
    of = network.classes[name]
    return predictive_values(of.figures["recall"], of.figures["specificity"], prevalence, of.rate_correlation)


def prevalence_lines(network: NetworkResults, named: Sequence[Named]) -> Iterator[str]:
    """Write a network's predictive values at the named prevalences as plain text."""
    rows = [["class", "prevalence", "PPV", "NPV"]]
    for name, prevalence in named:
        found = values_at(network, name, prevalence)
        rows.append([printable(name), numbers.percent(prevalence, None), _text(found.positive), _text(found.negative)])
    yield from aligned(rows, indent=2)
    yield f"  {HOLDS}"


def prevalences_to_json(network: NetworkResults, named: Sequence[Named]) -> list[dict[str, Any]]:
    """Return a network's predictive values at the named prevalences as plain values."""
    found = [(name, values_at(network, name, prevalence)) for name, prevalence in named]
    return [
        {"class": name, "prevalence": of.prevalence, "ppv": _as_json(of.positive), "npv": _as_json(of.negative)}
        for name, of in found
    ]


def _text(figure: Interval) -> str:
    return numbers.interval_text(figure.value, figure.low, figure.high)


def _as_json(figure: Interval) -> dict[str, float | None]:
    return {"value": figure.value, "low": figure.low, "high": figure.high}
