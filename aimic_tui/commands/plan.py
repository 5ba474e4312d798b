"""`aimic plan`: what a run of an experiment would be, before it is started."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from aimic_tui.commands.answers import print_answer
from aimic_tui.commands.experiment_options import WithSettings, experiment_from, experiment_options
from aimic_tui.commands.finite_range import FiniteRange
from aimic_tui.engine.evaluation.foreseen_intervals import EXPECTED, ICC
from aimic_tui.engine.text import bytes_text, printable
from aimic_tui.wording.plan import costs_line, images_line, trials_line
from aimic_tui.wording.sample_size import forecast_lines
from aimic_tui.wording.signs import as_shown, sign

if TYPE_CHECKING:
    from aimic_tui.engine.runs.prepare.plan import RunPlan


@click.command(cls=WithSettings)
@experiment_options
@click.option(
    "--width",
    type=FiniteRange(0.001, 0.5, max_open=True),
    help="Say how many groups give intervals of this half width, such as 0.03.",
)
@click.option(
    "--expect",
    type=FiniteRange(0.5, 0.999, min_open=True),
    default=EXPECTED,
    show_default=True,
    help="The level of each figure for which intervals are foreseen.",
)
@click.option(
    "--icc",
    type=FiniteRange(0, 1),
    default=ICC,
    show_default=True,
    help="Assumed correlation, between images of one group, of being classified correctly.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of lines.")
@click.pass_obj
def plan(
    workspace: Path,
    *,
    experiment: Path | None,
    data: str | None,
    overrides: tuple[str, ...],
    preset: str | None,
    width: float | None,
    expect: float,
    icc: float,
    as_json: bool,
) -> None:
    """Show what `aimic train` would do: images, folds, trials, steps, time, disk space, and suggestions.

    And how wide the intervals will be: in the way of Riley et al. 2024, for groups and several classes.

    No image is opened and nothing is started. All problems are listed at once, with exit code 3.
    """
    from aimic_tui.engine.runs.prepare.interval_forecast import forecast_intervals
    from aimic_tui.engine.runs.prepare.plan import make_plan
    from aimic_tui.engine.workspace_folder import Workspace

    made = experiment_from("plan", experiment, data, overrides, preset)
    found = make_plan(made, Workspace(workspace))
    if found.intervals is not None and found.split is not None and found.data.data_set is not None:
        foreseen = forecast_intervals(made, found.data.data_set, found.split, expect=expect, icc=icc, width=width)
        found = replace(found, intervals=foreseen)
    problem = found.as_error()
    if as_json:
        from aimic_tui.engine.runs.prepare.plan_answer import PlanAnswer

        print_answer(PlanAnswer.of(found).model_dump(mode="json"), problem)
    else:
        _print(found)
    if problem is not None:
        raise problem


def _print(found: RunPlan) -> None:
    if found.forecast is not None and found.split is not None:
        free = found.forecast.free_bytes
        click.echo(images_line(found.data))
        click.echo("".join(trials_line(found.forecast, found.split)))
        click.echo(
            costs_line(found.forecast, found.duration) + (f", {bytes_text(free)} free" if free is not None else "")
        )
    if found.intervals is not None:
        for line in forecast_lines(found.intervals):
            click.echo(as_shown(line))
    for item in found.suggestions:
        click.echo(f"{sign('attention')} {printable(item.sentence)}")
