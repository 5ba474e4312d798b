"""All that can be known of an experiment before it is started, for Set-up and for `aimic plan`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aimic_tui.engine.data.listing.marks import marks_file, marks_stamp
from aimic_tui.engine.errors import InputProblem, SettingProblem
from aimic_tui.engine.experiment import Experiment
from aimic_tui.engine.runs.prepare.advice import advice_on, problems_outside
from aimic_tui.engine.runs.prepare.duration import Estimate, Setup, estimate
from aimic_tui.engine.runs.prepare.forecast import DataFacts, Division, Forecast, divide, forecast, look_at_data
from aimic_tui.engine.workspace_folder import Workspace

_LOOKS = {"balance", "intensity", "percentiles", "window", "channels", "plane", "fit"}  # not which images there are


@dataclass(frozen=True)
class Prospect:
    """What there is to say of one experiment.

    Attributes:
        data_key, split_key: what the facts and the division were found for; they are kept while that stays.
        plan: None where the data or the split can't be used.
        problems: key -> sentence, of what stands in the way of a start.
        advice: what is worth a second thought.
        time: None where nothing was measured.
    """

    data_key: tuple[Any, ...] = ()
    facts: DataFacts = field(default_factory=lambda: DataFacts({}))
    split_key: tuple[Any, ...] = ()
    division: Division | None = None
    plan: Forecast | None = None
    problems: Mapping[str, str] = field(default_factory=dict)
    advice: tuple[SettingProblem, ...] = ()
    time: Estimate | None = None

    def as_error(self) -> InputProblem | None:
        """Return what stands in the way of a start as an error to raise, None where nothing does."""
        if not self.problems:
            return None
        problems = [SettingProblem(key, sentence) for key, sentence in self.problems.items()]
        return InputProblem("\n".join(self.problems.values()), problems=problems)

    def to_json(self) -> dict[str, Any]:
        """Return plain values, for `aimic plan --json`."""
        plan = vars(self.plan) if self.plan else {}
        division = self.division or Division()
        return {
            "images": self.facts.images,
            "classes": dict(self.facts.classes),
            "groups": self.facts.groups,
            "group_rule": self.facts.rule,
            **plan,
            "test": round(sum(division.test) / len(division.test)) if division.test else None,
            "seconds": self.time.seconds if self.time else None,
            "seconds_by": self.time.source if self.time else None,
            "problems": [{"key": key, "sentence": sentence} for key, sentence in self.problems.items()],
            "advice": [{"key": item.key, "sentence": item.sentence} for item in self.advice],
        }


def look_ahead(
    experiment: Experiment, workspace: Workspace, before: Prospect, tested: Mapping[Setup, float]
) -> Prospect:
    """Look at the names of the data, the split, the weights, the devices and what was measured; open no image.

    Args:
        before: what was found last: what still holds of it is kept.
        tested: images a second of range tests, for the time.
    """
    data = experiment.data
    # What decides which images there are; not how they are read.
    data_key = (
        marks_stamp(marks_file(data.path, data.marks)),
        *(str(getattr(data, name)) for name in type(data).model_fields if name not in _LOOKS),
    )
    facts = before.facts if before.data_key == data_key and before.facts.images else DataFacts({})
    if data.path and not facts.images:
        facts = look_at_data(data)
    split_key = (data_key, experiment.split, data.balance, experiment.seed, id(facts.data_set))
    division = before.division if before.split_key == split_key else None
    if division is None and facts.data_set is not None:
        division = divide(experiment, facts.data_set, workspace)
    problems = {problem.key: problem.sentence for problem in reversed(problems_outside(experiment, workspace))}
    if facts.problem:
        problems[facts.problem.key] = facts.problem.sentence
    plan, time = None, None
    advice: tuple[SettingProblem, ...] = ()
    if division is not None and division.problem is not None:
        problems[division.problem.key] = division.problem.sentence
    elif division is not None:
        plan = forecast(experiment, division, len(facts.classes), workspace.root)
        advice = tuple(advice_on(experiment, facts, division, plan))
        time = estimate(workspace, experiment, plan, tested) if "model.networks" not in problems else None
    return Prospect(data_key, facts, split_key, division, plan, problems, advice, time)
