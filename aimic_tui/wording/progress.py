"""How far a piece of work is, in words, for commands and screens alike."""

from __future__ import annotations

from aimic_tui.engine.formatting.numbers import percent, rate
from aimic_tui.engine.formatting.times import duration
from aimic_tui.engine.progress import Phase, Progress
from aimic_tui.engine.text import bytes_text, one_line, plural

# What is being done, and what is counted; phases that count nothing a person knows show their share.
_WORDS: dict[Phase, tuple[str, str]] = {
    "find": ("looking for images", "image"),
    "read": ("reading images", "image"),
    "compare": ("comparing images", "pair"),
    "load": ("loading the network", ""),
    "predict": ("classifying images", "image"),
    "resample": ("making figures", ""),
    "step": ("training", "step"),
    "train": ("training", ""),
    "measure": ("measuring", ""),
    "download": ("downloading", "byte"),
    "draw": ("drawing images", "image"),
    "write": ("writing the report", "section"),
}


def phase_words(phase: Phase) -> str:
    """Return what is being done: `reading images`."""
    return _WORDS[phase][0]


def progress_figures(progress: Progress) -> str:
    """Write how far it is: `1,200 of 5,000 images, 35 images/s, 2 min left`; empty where nothing can be said."""
    parts = [progress_amount(progress), _speed(progress)]
    if progress.seconds_left is not None and not progress.complete:
        parts.append(f"{duration(progress.seconds_left)} left")
    parts.append(one_line(progress.detail, 120))  # last: the end is what a narrow terminal cuts off
    return ", ".join(part for part in parts if part)


def progress_amount(progress: Progress) -> str:
    """Write how much is done: `1,200 of 5,000 images`; a share where nothing is counted."""
    unit = _WORDS[progress.phase][1]
    done, total = progress.done, progress.total
    if unit == "byte":
        return bytes_text(done) if total is None else f"{bytes_text(done)} of {bytes_text(total)}"
    if not unit:
        return percent(done / total) if total and (done or progress.phase != "load") else ""
    return plural(int(done), unit) if total is None else f"{int(done):,} of {plural(int(total), unit)}"


def _speed(progress: Progress) -> str:
    unit, speed = _WORDS[progress.phase][1], progress.per_second
    if speed is None or unit not in ("image", "byte"):
        return ""
    return f"{bytes_text(speed)}/s" if unit == "byte" else rate(speed)
