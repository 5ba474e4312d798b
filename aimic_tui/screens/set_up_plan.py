"""What Set-up finds when it looks around for one state of the form, and how it says it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from textual.content import Content

from aimic_tui.engine.data.marks import marks_file, marks_stamp
from aimic_tui.engine.experiment import Experiment
from aimic_tui.engine.runs.advice import advice_on, problems_outside
from aimic_tui.engine.runs.forecast import DataFacts, Division, Forecast, divide, forecast, look_at_data
from aimic_tui.engine.runs.pace import Estimate, Setup, estimate
from aimic_tui.engine.runs.workspace import Workspace
from aimic_tui.engine.setting import SettingProblem
from aimic_tui.engine.text import printable
from aimic_tui.wording import bytes_text, count_text, duration, plural


@dataclass(frozen=True)
class Found:
    """What there is to say of one state of the form.

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


def look_around(experiment: Experiment, workspace: Workspace, before: Found, tested: Mapping[Setup, float]) -> Found:
    """Look at the data, the split, the weights, the devices and what was measured; in a thread.

    Args:
        before: what was found last.
        tested: images a second of range tests, for the time.
    """
    data = experiment.data
    # What decides which images there are; not how they are read.
    data_key = (
        marks_stamp(marks_file(data.path, data.marks)),
        *(str(getattr(data, name)) for name in type(data).model_fields if name not in ("balance", "intensity", "fit")),
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
        problems["data.path"] = facts.problem
    plan, advice, time = None, (), None
    if division is not None and division.problem is not None:
        key, sentence = division.problem
        problems[key] = sentence
    elif division is not None:
        plan = forecast(experiment, division, len(facts.classes), workspace.root)
        advice = tuple(advice_on(experiment, facts, division, plan))
        time = estimate(workspace, experiment, plan, tested) if "model.networks" not in problems else None
    return Found(data_key, facts, split_key, division, plan, problems, advice, time)


def plan_lines(plan: Forecast, facts: DataFacts, division: Division, time: Estimate | None) -> list[Content]:
    """Say what an experiment amounts to."""
    groups = f"{count_text(facts.groups)} groups ({facts.rule})" if facts.rule != "none" else "no groups"
    images = f"{plural(facts.images, 'image')} · {plural(len(facts.classes), 'class', 'classes')} · {groups}"
    trials = f"{plural(plan.networks, 'network')} × {plural(plan.folds, 'fold')} = {plural(plan.trials, 'trial')}"
    if plan.trials != plan.networks * plan.folds:
        trials = f"{plural(plan.networks, 'network')}, {plural(plan.folds, 'fold')}: {plural(plan.trials, 'trial')}"
    validated = f", {_about(division.validation)} to validate" if any(division.validation) else ""
    parts = f", about {_about(division.train)} images to train{validated}, {_about(division.test)} to test"
    steps = f", at most {count_text(plan.steps)} steps" if plan.steps is not None else ""
    epochs = f"at most {plural(plan.epochs, 'epoch')} a trial"
    takes = (
        f" · at most {duration(time.seconds)} in all, by {time.source}"
        if time
        else " · how long is not known: nothing like it ran here yet"
    )
    cached = f" and caches {bytes_text(plan.cache_bytes)}" if plan.cache_bytes else ""
    return [
        Content(printable(images)),
        Content.assemble((trials, "bold"), parts + steps),
        Content(f"{epochs}{takes} · writes about {bytes_text(plan.run_bytes)}{cached}"),
    ]


def _about(counts: Sequence[int]) -> str:
    return count_text(round(sum(counts) / len(counts)))
