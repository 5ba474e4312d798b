"""`aimic plan`: what an experiment amounts to, before it is started."""

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
    from aimic_tui.engine.runs.prepare.plan import Prospect


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
    """Say what `aimic train` would do: images, folds, trials, steps, time, disk, and what is worth a second thought.

    No image is opened, and nothing is started. What stands in the way is said all at once, with exit code 3.
    """
    from aimic_tui.engine.runs.prepare.plan import Prospect, look_ahead
    from aimic_tui.engine.workspace_folder import Workspace

    made = experiment_from("plan", experiment, data, overrides, preset)
    found = look_ahead(made, Workspace(workspace), Prospect(), {})
    problem = found.as_error()
    if as_json:
        print_answer(found.to_json(), problem)
    else:
        _print(found)
    if problem is not None:
        raise problem


def _print(found: Prospect) -> None:
    if found.plan is not None and found.division is not None:
        free = f", {bytes_text(found.plan.free_bytes)} are free" if found.plan.free_bytes is not None else ""
        click.echo(images_line(found.facts))
        click.echo("".join(trials_line(found.plan, found.division)))
        click.echo(costs_line(found.plan, found.time) + free)
    for item in found.advice:
        click.echo(f"{sign('attention')} {printable(item.sentence)}")
