"""`aimic runs`, `watch`, `stop` and `resume`."""

from __future__ import annotations

import json
import math
import time
from pathlib import Path
from typing import Any

import click

from aimic_tui.commands.following import Follower, require_finished
from aimic_tui.commands.progress import ProgressMeter, shows_progress
from aimic_tui.commands.train import follow_run
from aimic_tui.engine.errors import AimicError
from aimic_tui.engine.evaluation.results_file import read_pooled_figure
from aimic_tui.engine.formatting import numbers, times
from aimic_tui.engine.proposed_command import proposed_command, run_command
from aimic_tui.engine.run_folder import RunFolder
from aimic_tui.engine.runs.control import request_stop, tell_where_images_are
from aimic_tui.engine.runs.control import resume as resume_run
from aimic_tui.engine.runs.status import RunStatus, read_status, status_of
from aimic_tui.engine.text import NOTHING, one_line, plural, printable
from aimic_tui.engine.user_folders import expanded
from aimic_tui.engine.waiting import pause
from aimic_tui.engine.workspace_folder import Workspace
from aimic_tui.wording import signs
from aimic_tui.wording.text_tables import left_aligned

_STOP_TIMEOUT = 180.0  # seconds; longer than a scheduler waits before it kills a worker that hangs


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print the runs as one JSON object.")
@click.pass_context
def runs(context: click.Context, as_json: bool) -> None:
    """All runs with their states, newest first."""
    workspace = Workspace(context.obj)
    found = [(folder, status_of(folder)) for folder in workspace.runs()]
    if as_json:
        click.echo(json.dumps({"runs": [_record(folder, status) for folder, status in found]}))
        return
    if not found:
        start = proposed_command("train", workspace=workspace.root)
        click.echo(f"No runs in {printable(str(workspace.root))} yet. {start} starts one.", err=True)
        return
    rows = [_row(folder, status) for folder, status in found]
    for line in left_aligned([("", "run", "state", "trials", "networks", "macro F1", "when", ""), *rows]):
        click.echo(line)


def _record(folder: RunFolder, status: RunStatus) -> dict[str, Any]:
    return {
        "run": folder.name,
        "path": str(folder.path),
        "state": status.state,
        "trials_done": status.trials_done,
        "trials_total": len(status.trials),
        "trials_failed": sum(trial.state == "failed" for trial in status.trials),
        "networks": list(status.networks),
        "folds": status.folds,
        "protocol": status.protocol,
        "data": status.data,
        "created": status.created.isoformat() if status.created else None,
        "started": status.started.isoformat() if status.started else None,
        "ended": status.ended.isoformat() if status.ended else None,
        "reason": status.reason,
    }


def _row(folder: RunFolder, status: RunStatus) -> tuple[str, ...]:
    networks = status.networks[0] if len(status.networks) == 1 else plural(len(status.networks), "network")
    return (
        signs.sign(status.state),
        printable(folder.name),
        status.state,
        f"{status.trials_done}/{len(status.trials)}",
        f"{printable(networks)} x {status.folds}",
        _best_macro_f1(folder) + (" optimistic" if status.protocol != "honest" else ""),
        times.ago(status.ended or status.started or status.created),
        one_line(status.reason, 80),
    )


def _best_macro_f1(folder: RunFolder) -> str:
    """Write the pooled macro F1, with its interval, of the network that has the highest."""
    figures = (read_pooled_figure(folder.results_file, "macro_f1") or {}).values()
    best = max(figures, key=lambda figure: -math.inf if figure.value is None else figure.value, default=None)
    return NOTHING if best is None else numbers.interval_text(best.value, best.low, best.high)


@click.command()
@click.argument("run")
@click.option("--plain", is_flag=True, help="Print lines until the run is over, for pipes and screen readers.")
@click.pass_context
def watch(context: click.Context, run: str, plain: bool) -> None:
    """Follow RUN in the app, or as plain lines."""
    workspace = Workspace(context.obj)
    folder = workspace.find_run(run)
    read_status(folder)  # where it can't be read there is nothing to follow
    if plain:
        status = Follower(folder, None, stop_on_interrupt=False).follow()
        return require_finished(folder, status)
    from aimic_tui.commands.open_app import open_app

    options = context.parent.params if context.parent else {}
    open_app(
        context.obj,
        run=folder.path,
        slow_link=bool(options.get("slow_link")),
        read_only=bool(options.get("read_only")),
    )
    return None


@click.command()
@click.argument("run")
@click.option("--no-wait", is_flag=True, help="Don't wait until it has stopped.")
@click.pass_context
def stop(context: click.Context, run: str, no_wait: bool) -> None:
    """Stop RUN, or a study by its name; finished trials and checkpoints are kept."""
    from aimic_tui.engine.study.control import find_running_study, stop_study

    workspace = Workspace(context.obj)
    running = find_running_study(workspace, run)
    if running is not None:
        stop_study(running)
        click.echo(f"The study {printable(running.name)} stops together with its current run.", err=True)
        deadline = time.monotonic() + _STOP_TIMEOUT
        while running.alive and not no_wait and time.monotonic() < deadline:
            pause(0.2)
        return
    folder = workspace.find_run(run)
    request_stop(folder)
    name = printable(folder.name)
    if no_wait:
        click.echo(f"The run {name} stops at its next step.", err=True)
        return
    click.echo(f"Waiting for the run {name} to stop.", err=True)
    deadline = time.monotonic() + _STOP_TIMEOUT
    while (status := read_status(folder)).alive:
        if time.monotonic() > deadline:
            raise AimicError(f"The run {name} was requested to stop but is still {status.state}. Its host may be down.")
        pause(0.2)
    click.echo(f"The run {name} is {status.state}. {run_command('resume', folder)} continues it.", err=True)


@click.command()
@click.argument("run")
@click.option(
    "--data",
    "places",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Where the run's images are now, if they were moved; repeat for images that lay in several folders.",
)
@click.option("--accept-changed", is_flag=True, help="Continue with images or files that have changed since.")
@click.option("--detach", is_flag=True, help="Don't wait: print the run's folder and exit.")
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as one JSON object.")
@click.option("--take-over", is_flag=True, help="Also where another host seemed to be at work on it minutes ago.")
@click.pass_context
@shows_progress
def resume(
    context: click.Context,
    *,
    run: str,
    places: tuple[Path, ...],
    accept_changed: bool,
    detach: bool,
    as_json: bool,
    take_over: bool,
    meter: ProgressMeter,
) -> None:
    """Continue RUN, which was stopped, interrupted or failed, from its last checkpoints.

    The digests of its images are compared first: of all where that takes seconds, else of some. With --data a finished
    run is told where its images are, for reports, reviews and robustness.
    """
    from aimic_tui.engine.runs.same_data import Told

    folder = Workspace(context.obj).find_run(run)
    told = Told(tuple(expanded(place) for place in places), accept_changed)
    finished = bool(places) and read_status(folder).state == "finished"
    if finished:
        said = tell_where_images_are(folder, told, meter.report)
    else:
        said = resume_run(folder, told, meter.report, take_over=take_over)
    meter.clear()
    for sentence in said:
        click.echo(sentence, err=True)
    follow_run(folder, meter, detach=detach or finished, as_json=as_json, from_now=True)
