"""What an experiment amounts to, in words: for Set-up and for `aimic plan`."""

from __future__ import annotations

from collections.abc import Sequence

from aimic_tui.engine.runs.prepare.duration import Estimate
from aimic_tui.engine.runs.prepare.forecast import DataFacts, Division, Forecast
from aimic_tui.engine.text import bytes_text, plural, printable
from aimic_tui.wording.numbers import count_text
from aimic_tui.wording.times import duration


def images_line(facts: DataFacts) -> str:
    """Say what images there are."""
    groups = f"{count_text(facts.groups)} groups ({facts.rule})" if facts.rule != "none" else "no groups"
    return printable(f"{plural(facts.images, 'image')} · {plural(len(facts.classes), 'class', 'classes')} · {groups}")


def trials_line(plan: Forecast, division: Division) -> tuple[str, str]:
    """Say how many trials there are, and on how many images and in how many steps each learns."""
    trials = f"{plural(plan.networks, 'network')} × {plural(plan.folds, 'fold')} = {plural(plan.trials, 'trial')}"
    if plan.trials != plan.networks * plan.folds:
        trials = f"{plural(plan.networks, 'network')}, {plural(plan.folds, 'fold')}: {plural(plan.trials, 'trial')}"
    validated = f", {_about(division.validation)} to validate" if any(division.validation) else ""
    steps = f", at most {count_text(plan.steps)} steps" if plan.steps is not None else ""
    return (
        trials,
        f", about {_about(division.train)} images to train{validated}, {_about(division.test)} to test{steps}",
    )


def costs_line(plan: Forecast, time: Estimate | None) -> str:
    """Say how long it takes at most, by what was measured, and what is written."""
    takes = f"at most {duration(time.seconds)} in all, by {time.source}" if time else "nothing like it ran here yet"
    cached = f" and caches {bytes_text(plan.cache_bytes)}" if plan.cache_bytes else ""
    return (
        f"at most {plural(plan.epochs, 'epoch')} a trial · {takes} · writes about {bytes_text(plan.run_bytes)}{cached}"
    )


def _about(counts: Sequence[int]) -> str:
    return count_text(round(sum(counts) / len(counts)))
