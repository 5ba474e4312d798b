"""What a study amounts to before it is started: images, trials done and to do, and how long they can take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from aimic_tui.engine.errors import AimicError
from aimic_tui.engine.inference.timings import NetworkTiming, read_timings
from aimic_tui.engine.machine.devices import gpus
from aimic_tui.engine.models.weights_folder import check_weights
from aimic_tui.engine.runs.prepare.data_summary import summarize_data
from aimic_tui.engine.runs.prepare.duration import SpeedConditions, estimate_duration
from aimic_tui.engine.runs.prepare.run_forecast import forecast_run
from aimic_tui.engine.runs.prepare.split_forecast import forecast_split
from aimic_tui.engine.runs.status import read_status
from aimic_tui.engine.study.study_file import Cell, Study
from aimic_tui.engine.study.study_folder import PlannedCell, StudyFolder, plan_cell
from aimic_tui.engine.workspace_folder import Workspace

_PASSES = 3.0  # a training image takes about as long as three that are only classified


@dataclass(frozen=True)
class CellPreview:
    """One cell.

    Attributes:
        images: that some fold uses; classes: how many. 0 where the data can't be used.
        trials_done, trials: in all its networks and folds; `trials` is 0 where that can't be known.
        seconds: of the trials to do, at most; None where nothing was measured here.
        source: what was measured, "" where nothing was.
        problem: the sentence about why the cell can't be run as it stands, "" where it can.
        outdated: runs that were made with other settings and don't count any more.
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


def preview(study: Study, folder: StudyFolder, workspace: Workspace) -> list[CellPreview]:
    """Look at every cell; nothing is written and no image is opened.

    Raises:
        InputProblem: the study's list of runs is damaged.
    """
    known = folder.runs()
    measured = _measured(read_timings(workspace.root))
    return [_of_cell(plan_cell(workspace, known, cell), workspace, measured) for cell in study.cells]


def _of_cell(planned: PlannedCell, workspace: Workspace, measured: Mapping[SpeedConditions, float]) -> CellPreview:
    cell = planned.cell
    data = summarize_data(cell.experiment.data)
    if data.data_set is None:
        return CellPreview(cell, problem=data.problem.sentence if data.problem else "", outdated=planned.outdated)
    split = forecast_split(cell.experiment, data.data_set, workspace)
    if split.problem is not None:
        return CellPreview(cell, classes=len(data.classes), problem=split.problem.sentence, outdated=planned.outdated)
    done, problem = 0, ""
    for run, networks in planned.runs:
        status = read_status(run)
        done += sum(trial.state == "finished" and trial.network in networks for trial in status.trials)
    if planned.missing:
        try:
            check_weights(cell.experiment.model.weights, list(planned.missing))
        except AimicError as found:
            problem = found.sentence
    forecast = forecast_run(cell.experiment, split, len(data.classes), workspace.root)
    left = forecast.trials - done
    whole = estimate_duration(workspace, cell.experiment, forecast, {})
    source = whole.source if whole else ""
    if whole is None and (whole := estimate_duration(workspace, cell.experiment, forecast, measured)):
        source = "aimic benchmark, roughly"
    seconds = None if whole is None else whole.seconds * left / max(1, forecast.trials)
    return CellPreview(
        cell, split.used, len(data.classes), done, forecast.trials, seconds, source, problem, planned.outdated
    )


def _measured(timings: Mapping[str, Mapping[str, NetworkTiming]]) -> dict[SpeedConditions, float]:
    """Return images a second that would be trained, by how many were classified."""
    names = {gpu.name for gpu in gpus()}
    found: dict[SpeedConditions, float] = {}
    for device, networks in timings.items():
        kind = "cuda" if device in names else "cpu"
        for timing in networks.values():
            pace = timing.limit_images_per_second / _PASSES
            found[SpeedConditions(timing.network, timing.image_size, "all", kind)] = pace
    return found
