"""What a study amounts to before it is started: images, trials done and to do, and how long they can take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from aimic_tui.engine.errors import AimicError
from aimic_tui.engine.inference.timings import NetworkTiming, read_timings
from aimic_tui.engine.machine.devices import gpus
from aimic_tui.engine.models.weights_folder import check_weights
from aimic_tui.engine.runs.prepare.duration import Setup, estimate
from aimic_tui.engine.runs.prepare.forecast import divide, forecast, look_at_data
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


def _of_cell(planned: PlannedCell, workspace: Workspace, measured: Mapping[Setup, float]) -> CellPreview:
    cell = planned.cell
    facts = look_at_data(cell.experiment.data)
    if facts.data_set is None:
        return CellPreview(cell, problem=facts.problem.sentence if facts.problem else "", outdated=planned.outdated)
    division = divide(cell.experiment, facts.data_set, workspace)
    if division.problem is not None:
        return CellPreview(
            cell, classes=len(facts.classes), problem=division.problem.sentence, outdated=planned.outdated
        )
    done, problem = 0, ""
    for run, networks in planned.runs:
        status = read_status(run)
        done += sum(trial.state == "finished" and trial.network in networks for trial in status.trials)
    if planned.missing:
        try:
            check_weights(cell.experiment.model.weights, list(planned.missing))
        except AimicError as found:
            problem = found.sentence
    plan = forecast(cell.experiment, division, len(facts.classes), workspace.root)
    left = plan.trials - done
    whole = estimate(workspace, cell.experiment, plan, {})
    source = whole.source if whole else ""
    if whole is None and (whole := estimate(workspace, cell.experiment, plan, measured)):
        source = "aimic benchmark, roughly"
    seconds = None if whole is None else whole.seconds * left / max(1, plan.trials)
    return CellPreview(
        cell, division.used, len(facts.classes), done, plan.trials, seconds, source, problem, planned.outdated
    )


def _measured(timings: Mapping[str, Mapping[str, NetworkTiming]]) -> dict[Setup, float]:
    """Return images a second that would be trained, by how many were classified."""
    names = {gpu.name for gpu in gpus()}
    found: dict[Setup, float] = {}
    for device, networks in timings.items():
        kind = "cuda" if device in names else "cpu"
        for timing in networks.values():
            pace = timing.limit_images_per_second / _PASSES
            found[Setup(timing.network, timing.image_size, "all", kind)] = pace
    return found
