"""How a prediction or an evaluation stands, on the headline's line."""

from __future__ import annotations

from textual.content import Content

from aimic_tui.engine.formatting.numbers import rate
from aimic_tui.engine.formatting.times import duration
from aimic_tui.engine.progress import Progress
from aimic_tui.engine.text import plural
from aimic_tui.widgets.bars import progress_bar
from aimic_tui.wording.progress import phase_words
from aimic_tui.wording.signs import SIGNS
from aimic_tui.workspace.model_job import State

_STATE_WORDS = {"finished": "done", "stopped": "stopped", "failed": "failed"}
_STATE_STYLES = {"finished": "$success", "stopped": "$warning", "failed": "$error"}
_BAR = 10  # columns


def progress_line(state: State, progress: Progress | None, done: int = 0) -> Content:
    """Write a bar, images done, images a second and the time left; or how it ended.

    Args:
        state: of the job.
        progress: its latest report; None where there is none.
        done: images, where more is known of them than the report says.
    """
    images = progress if progress is not None and progress.phase in ("load", "predict") else None
    total = int(images.total) if images is not None and images.total else None
    done = done or (int(images.done) if images is not None else 0)
    if state != "running":
        return _ended(state, done, total)
    if images is None and progress is not None:
        return _phase(progress)
    if not total or not done:
        return Content.styled(f"{SIGNS['running']} {phase_words('load')}", "$text-muted")
    speed = images.per_second if images is not None else None
    return Content.assemble(
        progress_bar(done / total, _BAR),
        f" {done:,} of {total:,}",
        (f"   {rate(speed)}", "$text-muted"),
        _time_left(images),
    )


def _ended(state: State, done: int, total: int | None) -> Content:
    word = f"{SIGNS[state]} {_STATE_WORDS[state]}", _STATE_STYLES[state]
    if total and state != "finished":
        return Content.assemble(word, f"   {done:,} of {total:,}")
    return Content.assemble(word, f"   {plural(done, 'image')}" if done else "")


def _phase(progress: Progress) -> Content:
    doing = Content.styled(f"{SIGNS['running']} {phase_words(progress.phase)}", "$text-muted")
    if not progress.total or progress.seconds_left is None:
        return doing
    return Content.assemble(doing, "  ", progress_bar(progress.done / progress.total, _BAR), _time_left(progress))


def _time_left(progress: Progress | None) -> tuple[str, str]:
    left = progress.seconds_left if progress is not None else None
    return (f"   {duration(left)} left" if left is not None else "", "$text-muted")
