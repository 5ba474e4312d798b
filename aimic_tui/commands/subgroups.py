"""What `aimic results --by COLUMN` prints: how the networks do in subgroups of the images."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from aimic_tui.commands.answers import print_answer
from aimic_tui.commands.progress import ProgressMeter
from aimic_tui.commands.tested_networks import tested_networks
from aimic_tui.engine.formatting import numbers
from aimic_tui.engine.run_folder import RunFolder
from aimic_tui.engine.text import printable
from aimic_tui.wording import signs
from aimic_tui.wording.text_tables import aligned

if TYPE_CHECKING:
    from aimic_tui.engine.evaluation.column_subgroups import ColumnSubgroups
    from aimic_tui.engine.evaluation.subgroups import GroupFigures


def print_subgroups(
    folder: RunFolder, wanted: str, table: Path | None, name: str | None, meter: ProgressMeter, *, as_json: bool
) -> None:
    """Print the figures of a run's networks by a column of its manifest, or of each of its groups.

    Args:
        wanted: a column, `COLUMN:40,60` for bands of its numbers, or "group" for the run's own groups.
        table: a file with the column; None takes the run's manifest.
        name: of the network; None for all.

    Raises:
        UsageProblem: the bands can't be read.
        InputProblem: no such network is tested, the column can't be found or makes no subgroups.
    """
    from aimic_tui.engine.evaluation.run_subgroups import read_run_columns, run_subgroups
    from aimic_tui.engine.evaluation.subgroups import group_figures

    run, networks = tested_networks(folder, name)
    confidence = float(run.experiment.get("evaluation", {}).get("confidence", 0.95))
    answers: dict[str, Any] = {}
    lines: list[str] = []
    if wanted == "group" and table is None:
        for network in networks:
            groups = group_figures(network, confidence=confidence)
            named_groups = {run.data.group_names[one.group]: one for one in groups}
            answers[network.name] = [
                {"name": group, **{key: value for key, value in asdict(one).items() if key != "group"}}
                for group, one in named_groups.items()
            ]
            lines += _group_lines(network.name, named_groups)
    else:
        columns = read_run_columns(run, table)
        for network in networks:
            found = run_subgroups(run, network, columns, wanted, meter.report)
            answers[network.name] = asdict(found)
            lines += _lines(found)
    meter.clear()
    if as_json:
        print_answer({"run": folder.name, "by": wanted, "confidence": confidence, "networks": answers})
        return
    for line in lines:
        click.echo(signs.as_shown(line))


def _lines(found: ColumnSubgroups) -> Iterator[str]:
    """Write a network's subgroups as plain text."""
    from aimic_tui.engine.evaluation import subgroup_words
    from aimic_tui.engine.evaluation.column_subgroups import METRICS
    from aimic_tui.engine.evaluation.metric_titles import TITLES

    yield f"{printable(found.network)}: {subgroup_words.verdict(found, METRICS[0], numbers.number)}"
    for remark in subgroup_words.remarks(found):
        yield f"  {remark}"
    for metric in METRICS:
        yield ""
        rows = [[printable(found.column), "images", "groups", TITLES[metric], "minus the others", "p adjusted"]]
        for one in found.subgroups:
            figure, difference = one.figures[metric], one.differences[metric]
            rows.append(
                [
                    f"{'!' if difference.shown else ' '} {printable(one.name)}",
                    f"{one.images:,}",
                    f"{one.groups:,}",
                    numbers.interval_text(figure.value, figure.low, figure.high),
                    numbers.interval_text(difference.interval.value, difference.interval.low, difference.interval.high),
                    numbers.p_value(difference.p),
                ]
            )
        yield from aligned(rows, indent=2)
    yield ""
    yield f"  {subgroup_words.METHOD}"


def _group_lines(network: str, groups: Mapping[str, GroupFigures]) -> Iterator[str]:
    """Write the figures of a run's groups as plain text, the worst first."""
    from aimic_tui.wording.groups import LIMIT, verdict

    yield f"{printable(network)}: {verdict(list(groups.values()))}"
    if not groups:
        return
    rows = [["group", "images", "wrong", "accuracy", "limit", "p adjusted"]]
    for name, one in groups.items():
        rows.append(
            [
                f"{'!' if one.worse else ' '} {printable(name)}",
                f"{one.images:,}",
                f"{one.wrong:g}",
                numbers.interval_text(one.accuracy.value, one.accuracy.low, one.accuracy.high),
                numbers.number(one.limit),
                numbers.p_value(one.p),
            ]
        )
    yield from aligned(rows, indent=2)
    yield f"  {LIMIT}"
