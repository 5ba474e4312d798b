"""A plan in words, for Set-up and for `aimic plan`."""

from __future__ import annotations

from collections.abc import Sequence

from aimic_tui.engine.formatting.numbers import count_text
from aimic_tui.engine.formatting.times import duration
from aimic_tui.engine.runs.prepare.data_summary import DataSummary
from aimic_tui.engine.runs.prepare.duration import DurationEstimate
from aimic_tui.engine.runs.prepare.run_forecast import RunForecast
from aimic_tui.engine.runs.prepare.split_forecast import SplitForecast
from aimic_tui.engine.text import bytes_text, plural, printable


def images_line(data: DataSummary) -> str:
    """Say what images there are."""
    groups = f"{plural(data.groups, 'group')} ({data.group_rule})" if data.group_rule != "none" else "no groups"
    return printable(f"{plural(data.images, 'image')} · {plural(len(data.classes), 'class', 'classes')} · {groups}")


def trials_line(forecast: RunForecast, split: SplitForecast) -> tuple[str, str]:
    """Say how many trials there are, and on how many images and in how many steps each learns."""
    networks, folds = plural(forecast.networks, "network"), plural(forecast.folds, "fold")
    seeds = f" × {plural(forecast.seeds, 'seed')}" if forecast.seeds > 1 else ""
    product = forecast.trials == forecast.networks * forecast.folds * forecast.seeds
    trials = f"{networks} × {folds}{seeds} = " if product else f"{networks}, {folds}{seeds.replace(' ×', ',')}: "
    validated = f", {_mean(split.validation)} to validate" if any(split.validation) else ""
    steps = f", at most {count_text(forecast.steps)} steps" if forecast.steps is not None else ""
    return (
        trials + plural(forecast.trials, "trial"),
        f", about {_mean(split.train)} images to train{validated}, {_mean(split.test)} to test{steps}",
    )


def costs_line(forecast: RunForecast, estimate: DurationEstimate | None) -> str:
    """Say how long it takes at most, by what was measured, and what is written."""
    epochs = plural(forecast.epochs, "epoch")
    takes = "duration unknown: nothing similar ran here yet"
    if estimate is not None:
        takes = f"at most {duration(estimate.seconds)} in all, by {estimate.source}"
    cached = f" and caches {bytes_text(forecast.cache_bytes)}" if forecast.cache_bytes else ""
    return f"at most {epochs} per trial · {takes} · writes about {bytes_text(forecast.run_bytes)}{cached}"


def _mean(counts: Sequence[int]) -> str:
    return count_text(round(sum(counts) / len(counts)))
