"""What a study amounts to before it is started: images, trials done and to do, and how long they can take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aimic_tui.engine.errors import AimicError
from aimic_tui.engine.inference.timings import NetworkTiming, read_timings
from aimic_tui.engine.machine.gpus import usable_gpus
from aimic_tui.engine.models.weights_folder import check_weights
from aimic_tui.engine.runs.prepare.data_summary import summarize_data
from aimic_tui.engine.runs.prepare.duration import SpeedConditions, estimate_duration
from aimic_tui.engine.runs.prepare.run_forecast import forecast_run
from aimic_tui.engine.runs.prepare.split_forecast import forecast_split
from aimic_tui.engine.runs.status import read_status
from aimic_tui.engine.study.study_file import Cell, Study
from aimic_tui.engine.study.study_folder import CellRuns, StudyFolder, runs_of_cell
from aimic_tui.engine.workspace_folder import Workspace

_JSON_VERSION = 1
_PASSES = 3.0  # a training image takes about as long as three that are only classified


@dataclass(frozen=True)
class CellPlan:
    """What one cell amounts to.

    Attributes:
        images: that some fold uses, 0 where the data can't be used.
        classes: how many, 0 where the data can't be read.
        trials_done, trials: over all its networks and folds; `trials` is 0 where that can't be known.
        seconds: that the remaining trials take at most; None where nothing was measured here.
        source: what was measured, "" where nothing was.
        problem: the sentence about why the cell can't be run as it stands, "" where it can.
        outdated: runs that were created with other settings and no longer count.
    """

    cell: Cell
    images: int = 0
    classes: int = 0
    trials_done: int = 0
    trials: int = 0
    seconds: float | None = None
    source: str = ""
    problem: str = ""
    outdated: tuple[str, ...] = ()


def plan_study(study: Study, folder: StudyFolder, workspace: Workspace) -> list[CellPlan]:
    """Work out every cell; nothing is written and no image is opened.

    Raises:
        InputProblem: the study's list of runs is damaged.
    """
    known = folder.runs()
    measured = _measured(read_timings(workspace.root))
    return [_plan_cell(runs_of_cell(workspace, known, cell), workspace, measured) for cell in study.cells]


def plan_to_json(study: Study, cells: Sequence[CellPlan]) -> dict[str, Any]:
    """Return a study's plan as `aimic study --dry-run --json` prints it."""
    return {"version": _JSON_VERSION, "study": study.name, "cells": [_cell_to_json(cell) for cell in cells]}


def _cell_to_json(plan: CellPlan) -> dict[str, Any]:
    return {
        "data_set": plan.cell.data.name,
        "protocol": plan.cell.protocol,
        "images": plan.images,
        "classes": plan.classes,
        "trials_done": plan.trials_done,
        "trials": plan.trials,
        "seconds": plan.seconds,
        "source": plan.source,
        "problem": plan.problem,
        "outdated": list(plan.outdated),
    }


def _plan_cell(existing: CellRuns, workspace: Workspace, measured: Mapping[SpeedConditions, float]) -> CellPlan:
    cell, outdated = existing.cell, existing.outdated
    data = summarize_data(cell.experiment.data)
    if data.data_set is None:
        return CellPlan(cell, problem=data.problem.sentence if data.problem else "", outdated=outdated)
    split = forecast_split(cell.experiment, data.data_set, workspace)
    if split.problem is not None:
        return CellPlan(cell, classes=len(data.classes), problem=split.problem.sentence, outdated=outdated)
    done, problem = 0, ""
    for run, networks in existing.runs:
        status = read_status(run)
        done += sum(trial.state == "finished" and trial.network in networks for trial in status.trials)
    if existing.missing:
        try:
            check_weights(cell.experiment.model.weights, list(existing.missing))
        except AimicError as found:
            problem = found.sentence
    forecast = forecast_run(cell.experiment, split, len(data.classes), workspace.root)
    left = forecast.trials - done
    whole = estimate_duration(workspace, cell.experiment, forecast, {})
    source = whole.source if whole else ""
    if whole is None and (whole := estimate_duration(workspace, cell.experiment, forecast, measured)):
        source = "aimic benchmark, roughly"
    seconds = None if whole is None else whole.seconds * left / max(1, forecast.trials)
    return CellPlan(cell, split.used, len(data.classes), done, forecast.trials, seconds, source, problem, outdated)


def _measured(timings: Mapping[str, Mapping[str, NetworkTiming]]) -> dict[SpeedConditions, float]:
    """Return images a second that would be trained, by how many were classified."""
    names = {gpu.name for gpu in usable_gpus()}
    found: dict[SpeedConditions, float] = {}
    for device, networks in timings.items():
        kind = "cuda" if device in names else "cpu"
        for timing in networks.values():
            pace = timing.limit_images_per_second / _PASSES
            found[SpeedConditions(timing.network, timing.image_size, "all", kind)] = pace
    return found
