"""`aimic jobs`: the predictions and evaluations that were started in the app."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import click

from aimic_tui.engine.event_log import EventReader, to_time
from aimic_tui.engine.formatting import times
from aimic_tui.engine.progress import Progress
from aimic_tui.engine.text import NOTHING, one_line, printable
from aimic_tui.engine.workspace_folder import Workspace
from aimic_tui.wording import signs
from aimic_tui.wording.text_tables import left_aligned
from aimic_tui.workspace.evaluation_job import list_evaluations, unreadable_evaluations
from aimic_tui.workspace.model_job import ModelJob, State
from aimic_tui.workspace.prediction_job import list_predictions, unreadable_predictions


@dataclass(frozen=True)
class _Row:
    """A job as it is listed.

    Attributes:
        images: the images, or the labelled data set, as they were named.
        progress: through the images; None where it did not get to them.
        reason: why it failed; empty in any other state.
    """

    kind: Literal["prediction", "evaluation"]
    job: ModelJob
    images: str
    state: State
    progress: Progress | None
    reason: str


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print the jobs as one JSON object.")
@click.pass_context
def jobs(context: click.Context, as_json: bool) -> None:
    """All predictions and evaluations that were started in the app, newest first."""
    workspace = Workspace(context.obj)
    found, unreadable = _list_jobs(workspace), [*unreadable_predictions(workspace), *unreadable_evaluations(workspace)]
    if as_json:
        click.echo(json.dumps({"jobs": [_record(row) for row in found], "unreadable": unreadable}))
        return
    for sentence in unreadable:
        click.echo(sentence, err=True)
    if not found and not unreadable:
        root = printable(str(workspace.root))
        click.echo(f"No predictions or evaluations in {root} yet. Predict, in the app, starts one.", err=True)
        return
    if not found:
        return
    rows = [_cells(row, workspace) for row in found]
    for line in left_aligned([("", "kind", "images", "model", "state", "done", "when", "folder", ""), *rows]):
        click.echo(signs.as_shown(line))


def _list_jobs(workspace: Workspace) -> list[_Row]:
    rows = [_row("prediction", job, str(job.images), job.state) for job in list_predictions(workspace)]
    rows += [_row("evaluation", each.job, each.job.data, each.state) for each in list_evaluations(workspace)]
    return sorted(rows, key=lambda row: row.job.age, reverse=True)


def _row(kind: Literal["prediction", "evaluation"], job: ModelJob, images: str, state: State) -> _Row:
    reason = job.problem if state == "failed" else ""
    return _Row(kind, job, images, state, _progress_of(job), reason)


def _progress_of(job: ModelJob) -> Progress | None:
    """Return how many of its images a job has predicted: after them an evaluation reports its resampling."""
    reports = (Progress.read(event) for event in reversed(EventReader(job.events_file).new()))
    return next((report for report in reports if report and report.phase in ("load", "predict")), None)


def _record(row: _Row) -> dict[str, Any]:
    progress = row.progress
    return {
        "job": row.job.folder.name,
        "path": str(row.job.folder),
        "kind": row.kind,
        "data": row.images,
        "model": str(row.job.model),
        "label": row.job.label,
        "network": row.job.network,
        "state": row.state,
        "created": row.job.created,
        "images_done": 0 if progress is None else int(progress.done),
        "images_total": None if progress is None or progress.total is None else int(progress.total),
        "reason": row.reason,
    }


def _cells(row: _Row, workspace: Workspace) -> tuple[str, ...]:
    folder = row.job.folder
    return (
        signs.sign(row.state),
        row.kind,
        one_line(Path(row.images).name or row.images, 40),
        one_line(row.job.label, 60),
        row.state,
        NOTHING if row.progress is None else f"{row.progress.done:.0f}/{row.progress.total or 0:.0f}",
        times.ago(to_time(row.job.created)),
        printable(str(folder.relative_to(workspace.root))),
        row.reason,
    )
