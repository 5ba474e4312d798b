"""What `aimic plan --json` answers: a plan as a typed model with a version."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from aimic_tui.engine.evaluation.foreseen_intervals import SampleSize
from aimic_tui.engine.runs.prepare.plan import RunPlan


class SettingNote(BaseModel):
    """A sentence on a setting."""

    model_config = ConfigDict(frozen=True)

    key: str
    sentence: str


class IntervalAnswer(BaseModel):
    """An interval to be expected; see `evaluation.foreseen_intervals.ForecastInterval`.

    Attributes:
        metric: accuracy, balanced_accuracy, macro_f1, auroc, or recall: the sensitivity of the class `of`.
        low, high, half_width: null where there will be none; `reason` says why.
        groups_needed: for the wanted width, of these with images of the smallest class; null where none is wanted or
            no number of groups is enough.
    """

    model_config = ConfigDict(frozen=True)

    metric: str
    of: str
    low: float | None
    high: float | None
    half_width: float | None
    reason: str
    groups_needed: int | None
    class_groups_needed: int | None


class IntervalsAnswer(BaseModel):
    """Which intervals the tested images allow, and what is assumed; see `evaluation.foreseen_intervals.SampleSize`."""

    model_config = ConfigDict(frozen=True)

    images: int
    groups: int
    smallest_class: str
    smallest_images: int
    smallest_groups: int
    expect: float
    icc: float
    confidence: float
    width: float | None
    figures: tuple[IntervalAnswer, ...]

    @classmethod
    def of(cls, found: SampleSize) -> IntervalsAnswer:
        """Describe a forecast."""
        figures = tuple(IntervalAnswer(half_width=figure.half_width, **vars(figure)) for figure in found.figures)
        names = [name for name in cls.model_fields if name != "figures"]
        return cls(figures=figures, **{name: getattr(found, name) for name in names})


class PlanAnswer(BaseModel):
    """A plan for programs; what can't be known is null.

    Attributes:
        group_rule: where the groups come from: a column, a pattern or none.
        networks, folds, seeds, trials, epochs: how many; of epochs the most a trial may take.
        train, validation, test: images of each trial, about.
        steps: of all trials at most; null also where the batch size is left to the device.
        run_bytes, cache_bytes: what is written, about; free_bytes: what the workspace's disk has left.
        seconds: how long the run can take; seconds_by: what was measured, in words that follow "by".
        intervals: how wide they will be.
        problems: what stands in the way of a start.
        advice: what is worth another look.
    """

    model_config = ConfigDict(frozen=True)

    version: Literal[1] = 1
    images: int
    classes: dict[str, int]
    groups: int
    group_rule: str
    networks: int | None = None
    folds: int | None = None
    seeds: int | None = None
    trials: int | None = None
    train: int | None = None
    validation: int | None = None
    test: int | None = None
    epochs: int | None = None
    steps: int | None = None
    run_bytes: int | None = None
    cache_bytes: int | None = None
    free_bytes: int | None = None
    seconds: float | None = None
    seconds_by: str | None = None
    intervals: IntervalsAnswer | None = None
    problems: tuple[SettingNote, ...] = ()
    advice: tuple[SettingNote, ...] = ()

    @classmethod
    def of(cls, plan: RunPlan) -> PlanAnswer:
        """Describe a plan."""
        test = plan.split.test if plan.split else ()
        return cls(
            images=plan.data.images,
            classes=dict(plan.data.classes),
            groups=plan.data.groups,
            group_rule=plan.data.group_rule,
            **(vars(plan.forecast) if plan.forecast else {}),
            test=round(sum(test) / len(test)) if test else None,
            seconds=plan.duration.seconds if plan.duration else None,
            seconds_by=plan.duration.source if plan.duration else None,
            intervals=IntervalsAnswer.of(plan.intervals) if plan.intervals else None,
            problems=tuple(SettingNote(key=item.key, sentence=item.sentence) for item in plan.problems),
            advice=tuple(SettingNote(key=item.key, sentence=item.sentence) for item in plan.suggestions),
        )
