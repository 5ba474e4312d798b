"""`aimic train`: create a run and follow it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from aimic_tui.commands.answers import print_answer
from aimic_tui.commands.experiment_options import WithSettings, experiment_from, experiment_options
from aimic_tui.commands.following import Follower, require_finished
from aimic_tui.commands.progress import ProgressMeter, shows_progress
from aimic_tui.engine.errors import AimicError
from aimic_tui.engine.run_folder import RunFolder
from aimic_tui.engine.runs.control import start_scheduler
from aimic_tui.engine.runs.prepare.creation import create_run, creation_warnings
from aimic_tui.engine.runs.status import read_status
from aimic_tui.engine.text import printable
from aimic_tui.engine.workspace_folder import Workspace


@click.command(cls=WithSettings)
@experiment_options
@click.option("--name", help="The name of the run.")
@click.option("--detach", is_flag=True, help="Don't wait: print the run's folder and exit.")
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as one JSON object.")
@click.pass_context
@shows_progress
def train(
    context: click.Context,
    *,
    experiment: Path | None,
    data: str | None,
    overrides: tuple[str, ...],
    preset: str | None,
    name: str | None,
    detach: bool,
    as_json: bool,
    meter: ProgressMeter,
) -> None:
    """Train networks, cross-validated, on a data set.

    EXPERIMENT is a TOML file or an earlier run's folder; without it, --data and the defaults say what to train. With
    --detach, or when the terminal is lost, the run continues; Ctrl-C stops it.
    """
    resolved = experiment_from("train", experiment, data, overrides, preset)
    if name is not None:
        resolved = resolved.with_values({"name": name})
    folder = create_run(resolved, Workspace(context.obj), sys.argv, meter.report)
    meter.clear()
    if detach:  # otherwise they are among the events that are shown
        for sentence in creation_warnings(folder):
            click.echo(f"! {printable(sentence)}", err=True)
    start_scheduler(folder)
    follow_run(folder, meter, detach=detach, as_json=as_json)


def follow_run(folder: RunFolder, meter: ProgressMeter, *, detach: bool, as_json: bool, from_now: bool = False) -> None:
    """Follow a started run to its end, or detach at once, and print its folder on stdout.

    Raises:
        AimicError: not every trial finished.
        Interrupted: by Ctrl-C.
    """
    problem: AimicError | None = None
    if not detach:
        try:
            status = Follower(folder, meter, stop_on_interrupt=True).follow(from_now=from_now)
            require_finished(folder, status)
        except AimicError as error:
            problem = error
    if as_json:
        print_answer(_answer(folder), problem)
    else:
        click.echo(printable(str(folder.path)))
    if problem is not None:
        raise problem


def _answer(folder: RunFolder) -> dict[str, Any]:
    status = read_status(folder)
    return {
        "run": folder.name,
        "path": str(folder.path),
        "state": status.state,
        "trials_done": status.trials_done,
        "trials_total": len(status.trials),
        "reason": status.reason,
    }
