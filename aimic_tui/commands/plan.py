"""`aimic plan`: what a run of an experiment would be, before it is started."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from aimic_tui.commands.answers import print_answer
from aimic_tui.commands.experiment_options import WithSettings, experiment_from, experiment_options
from aimic_tui.engine.text import bytes_text, printable
from aimic_tui.wording.plan import costs_line, images_line, trials_line
from aimic_tui.wording.signs import sign

if TYPE_CHECKING:
    from aimic_tui.engine.runs.prepare.plan import RunPlan


@click.command(cls=WithSettings)
@experiment_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of lines.")
@click.pass_obj
def plan(
    workspace: Path,
    *,
    experiment: Path | None,
    data: str | None,
    overrides: tuple[str, ...],
    preset: str | None,
    as_json: bool,
) -> None:
    """Show what `aimic train` would do: images, folds, trials, steps, time, disk space, and suggestions.

    No image is opened and nothing is started. All problems are listed at once, with exit code 3.
    """
    from aimic_tui.engine.runs.prepare.plan import make_plan
    from aimic_tui.engine.workspace_folder import Workspace

    made = experiment_from("plan", experiment, data, overrides, preset)
    found = make_plan(made, Workspace(workspace))
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
    for item in found.suggestions:
        click.echo(f"{sign('attention')} {printable(item.sentence)}")
