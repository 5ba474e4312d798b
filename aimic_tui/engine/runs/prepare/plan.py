"""All that can be known of an experiment before it is started, for Set-up and for `aimic plan`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from aimic_tui.engine.data.listing.marks import marks_file, marks_stamp
from aimic_tui.engine.errors import InputProblem, SettingProblem
from aimic_tui.engine.evaluation.foreseen_intervals import SampleSize
from aimic_tui.engine.experiment import DataSettings, Experiment
from aimic_tui.engine.runs.prepare.availability import availability_problems
from aimic_tui.engine.runs.prepare.data_summary import DataSummary, summarize_data
from aimic_tui.engine.runs.prepare.duration import DurationEstimate, SpeedConditions, estimate_duration
from aimic_tui.engine.runs.prepare.interval_forecast import forecast_intervals
from aimic_tui.engine.runs.prepare.run_forecast import RunForecast, forecast_run
from aimic_tui.engine.runs.prepare.split_forecast import SplitForecast, forecast_split
from aimic_tui.engine.runs.prepare.suggestions import Suggestion, suggestions_for
from aimic_tui.engine.workspace_folder import Workspace

# How images are read, not which there are.
_APPEARANCE = {"balance", "intensity", "percentiles", "window", "channels", "plane", "fit"}


@dataclass(frozen=True)
class RunPlan:
    """What a run of an experiment would be.

    Attributes:
        data: what the images' names show.
        split: how they would be divided; None where the data can't be used.
        forecast: how large the run will be; None where the data or the split can't be used.
        duration: how long it can take; None where nothing was measured.
        intervals: how wide intervals will be, under the usual assumptions; None where the data or the split can't be
            used.
        problems: what stands in the way of a start, at most one a setting.
        suggestions: what is worth another look.
        data_stamp, split_stamp: what `data` and `split` were found for; `make_plan` keeps them while that stays.
    """

    data: DataSummary = field(default_factory=DataSummary)
    split: SplitForecast | None = None
    forecast: RunForecast | None = None
    duration: DurationEstimate | None = None
    intervals: SampleSize | None = None
    problems: tuple[SettingProblem, ...] = ()
    suggestions: tuple[Suggestion, ...] = ()
    data_stamp: tuple[object, ...] = ()
    split_stamp: tuple[object, ...] = ()

    def as_error(self) -> InputProblem | None:
        """Return what stands in the way of a start as an error to raise, None where nothing does."""
        if not self.problems:
            return None
        return InputProblem("\n".join(problem.sentence for problem in self.problems), problems=self.problems)


def make_plan(
    experiment: Experiment,
    workspace: Workspace,
    before: RunPlan | None = None,
    tested: Mapping[SpeedConditions, float] | None = None,
) -> RunPlan:
    """Look at the names of the data, the split, the weights, the devices and what was measured; open no image.

    Args:
        before: an earlier plan: what still holds of it is kept.
        tested: images a second in range tests, for the duration.
    """
    before = before or RunPlan()
    data_stamp = _data_stamp(experiment.data)
    data = before.data if before.data_stamp == data_stamp and before.data.images else DataSummary()
    if experiment.data.path and not data.images:
        data = summarize_data(experiment.data)
    split_stamp = (data_stamp, experiment.split, experiment.data.balance, experiment.seed, id(data.data_set))
    split = before.split if before.split_stamp == split_stamp else None
    if split is None and data.data_set is not None:
        split = forecast_split(experiment, data.data_set, workspace)
    found = [data.problem, split.problem if split else None, *availability_problems(experiment, workspace)]
    problems: dict[str, SettingProblem] = {}
    for problem in found:
        if problem is not None:
            problems.setdefault(problem.key, problem)
    forecast, duration, intervals = None, None, None
    suggestions: tuple[Suggestion, ...] = ()
    if split is not None and split.problem is None and data.data_set is not None:
        forecast = forecast_run(experiment, split, len(data.classes), workspace.root)
        intervals = forecast_intervals(experiment, data.data_set, split)
        if "model.networks" not in problems:
            duration = estimate_duration(workspace, experiment, forecast, tested or {})
        suggestions = tuple(suggestions_for(experiment, data, split, forecast, duration, intervals=intervals))
    return RunPlan(
        data, split, forecast, duration, intervals, tuple(problems.values()), suggestions, data_stamp, split_stamp
    )


def _data_stamp(settings: DataSettings) -> tuple[object, ...]:
    """Return what decides which images there are."""
    names = [name for name in type(settings).model_fields if name not in _APPEARANCE]
    return (marks_stamp(marks_file(settings.path, settings.marks)), *(str(getattr(settings, name)) for name in names))
