"""`aimic compare`: which networks differ, and how sure that is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import click

from aimic_tui import wording
from aimic_tui.commands.results import aligned
from aimic_tui.engine.evaluation.comparison import Comparison, Pair, compare_runs
from aimic_tui.engine.evaluation.metrics import ALL_METRICS
from aimic_tui.engine.evaluation.titles import TITLES
from aimic_tui.engine.runs.workspace import Workspace
from aimic_tui.engine.text import printable


@click.command()
@click.argument("runs", nargs=-1, required=True, metavar="RUN [RUN...]")
@click.option(
    "--metric", type=click.Choice(ALL_METRICS), default="macro_f1", show_default=True, help="The figure to compare by."
)
@click.option("--json", "as_json", is_flag=True, help="Print the comparison as one JSON object.")
@click.pass_context
def compare(context: click.Context, runs: tuple[str, ...], metric: str, as_json: bool) -> None:
    """Compare the networks of RUNs that test the same images: differences, intervals, tests.

    RUN is a run's folder, its name, a unique beginning of it, or latest.
    """
    workspace = Workspace(context.obj)
    folders = [workspace.find_run(run).path for run in runs]
    found = compare_runs(folders, metric)
    if as_json:
        click.echo(json.dumps(to_json(found)))
        return
    for line in comparison_lines(found):
        click.echo(wording.to_ascii(line) if wording.ascii_only() else line)


def to_json(found: Comparison) -> dict[str, Any]:
    """Return the comparison as DESIGN.md lays it out, with further keys."""
    return {
        "metric": found.metric,
        "networks": list(found.networks),
        "values": found.networks,
        "pairs": [
            {
                "a": pair.a,
                "b": pair.b,
                "difference": pair.difference.value,
                "low": pair.difference.low,
                "high": pair.difference.high,
                "p": pair.p,
                "p_adjusted": pair.p_adjusted,
                "better": pair.better,
                "verdict": pair.verdict,
                "images": pair.images,
                "groups": pair.groups,
                "mcnemar": {**asdict(pair.mcnemar), "p_adjusted": pair.mcnemar_adjusted},
                "corrected_t": {**asdict(pair.corrected_t), "p_adjusted": pair.t_adjusted},
            }
            for pair in found.pairs
        ],
        "confidence": found.confidence,
        "method": found.method,
        "notes": list(found.notes),
    }


def comparison_lines(found: Comparison) -> Iterator[str]:
    """Write a comparison as plain text."""
    title = TITLES[found.metric]
    yield from aligned(
        [["network", title], *([printable(name), wording.number(value)] for name, value in found.networks.items())]
    )
    yield ""
    rows = [["difference", title, "p", "adjusted", "McNemar adj.", "over folds adj.", "verdict"]]
    rows += [_row(pair) for pair in found.pairs]
    yield from aligned(rows)
    yield ""
    yield found.method
    yield from found.notes


def _row(pair: Pair) -> list[str]:
    difference = pair.difference
    return [
        f"{printable(pair.a)} - {printable(pair.b)}",
        wording.interval_text(difference.value, difference.low, difference.high),
        _p(pair.p),
        _p(pair.p_adjusted),
        _p(pair.mcnemar_adjusted),
        _p(pair.t_adjusted),
        printable(pair.verdict),
    ]


def _p(value: float | None) -> str:
    return "<0.001" if value is not None and value < 0.001 else wording.number(value)
