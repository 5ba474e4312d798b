"""The lines above the grid of trials: how the run stands, and what is wrong with it."""

from __future__ import annotations

from textual.content import Content

from aimic_tui.engine.formatting.numbers import interval_text
from aimic_tui.engine.formatting.times import duration
from aimic_tui.engine.run_folder import run_title
from aimic_tui.engine.runs.follow.snapshot import RunSnapshot, TrialSnapshot
from aimic_tui.engine.text import plural, printable
from aimic_tui.widgets.bars import progress_bar
from aimic_tui.wording.signs import SIGNS

_STATE_STYLES = {"running": "$primary", "stopping": "$primary", "failed": "$error", "finished": "$success"}


def run_lines(snapshot: RunSnapshot, trial: TrialSnapshot | None, width: int, *, wide: bool) -> Content:
    """Say how a run stands: its state, how far it is, its metric so far, and what is wrong.

    Args:
        snapshot: the run.
        trial: the trial that is shown.
        width: columns that there are.
        wide: whether there is room for everything.
    """
    lines = [_state_line(snapshot, trial, width, wide=wide)]
    if snapshot.status.protocol != "honest":
        optimistic = "as published in 2022, the test images also choose the epoch; expect less on new images"
        lines.append(Content.styled(f"! optimistic: {optimistic}", "$warning"))
    if reason := _reason(snapshot, trial):
        lines.append(reason)
    return Content("\n").join(lines)


def _state_line(snapshot: RunSnapshot, trial: TrialSnapshot | None, width: int, *, wide: bool) -> Content:
    status = snapshot.status
    words = [f"{status.trials_done}/{len(status.trials)} trials"]
    if status.state != "running":
        words.insert(0, status.state)
    if snapshot.seconds_left is not None:
        words.append(f"{duration(snapshot.seconds_left)} left")
    if trial is not None and (found := snapshot.macro_f1.get(trial.key.network)):
        network = f"{printable(trial.key.network)} " if len(status.networks) > 1 else ""
        so_far = "" if status.state == "finished" else " so far"
        figure = f"{network}macro F1{so_far} {interval_text(found.value, found.low, found.high)}"
        if wide or len(" · ".join(words)) + len(figure) < width - 40:
            words.append(figure)
    failed = sum(one.status.state == "failed" for one in snapshot.trials)
    return Content.assemble(
        (f"{SIGNS[status.state]} ", _STATE_STYLES.get(status.state, "$warning")),
        (printable(run_title(status.run)), "bold"),
        "  ",
        progress_bar(snapshot.fraction, max(8, min(24, width - 76)), "$primary"),
        "  ",
        " · ".join(words),
        (f" · ✗ {plural(failed, 'trial')} failed", "$error") if failed else "",
    )


def _reason(snapshot: RunSnapshot, trial: TrialSnapshot | None) -> Content | None:
    status = snapshot.status
    if trial is not None and trial.status.reason:
        return Content.styled(f"✗ {printable(trial.key.name)}: {printable(trial.status.reason)}", "$error")
    if status.reason:
        return Content.styled(printable(status.reason), "$error" if status.state == "failed" else "$warning")
    if status.state in ("stopped", "interrupted"):
        return Content.styled("r resumes from the last checkpoints.", "$warning")
    return None
