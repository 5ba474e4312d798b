"""The lines under the charts of Run: where the selected trial is now."""

from __future__ import annotations

import math

from textual.content import Content

from aimic_tui.engine.formatting.numbers import number, percent, rate
from aimic_tui.engine.runs.follow.snapshot import RunSnapshot, TrialSnapshot
from aimic_tui.engine.text import plural, printable
from aimic_tui.screens.run.system_use import system_line
from aimic_tui.widgets.bars import progress_bar

_PHASES = {"cache": "decoding images", "train": "training", "validate": "validating", "test": "testing"}


def trial_lines(snapshot: RunSnapshot, trial: TrialSnapshot | None, *, tall: bool) -> Content:
    """Say where a trial is and how its last epoch went, in two lines.

    Where there is room for it (`tall`), the last warning and what its worker uses follow.
    """
    if trial is None:
        return Content("")
    inner = f" inner {trial.key.inner}" if trial.key.inner else ""
    name = Content.assemble((printable(trial.key.network), "bold"), f" fold {trial.key.fold}{inner}")
    if trial.key.seed:
        name += Content(f" seed {trial.key.seed}")
    progress = trial.progress
    most = trial.epochs[-1].epochs if trial.epochs else snapshot.epochs_total
    if progress is not None:
        in_epoch = progress.phase in ("train", "validate")
        epoch = f"  epoch {progress.epoch} of at most {most}" if in_epoch else ""
        waiting = f"  waiting for data {percent(progress.waiting)}" if math.isfinite(progress.waiting) else ""
        speed = f"  {rate(progress.images_per_second)}" if progress.images_per_second > 0 else ""
        if in_epoch and progress.epoch <= len(trial.epochs):  # a short epoch is over before its end is reported
            where = Content.assemble(name, f"{epoch}  done {speed}{waiting}")
        else:
            where = Content.assemble(
                name,
                f"{epoch}  {_PHASES.get(progress.phase, printable(progress.phase))} ",
                progress_bar(progress.share, 10, "$primary"),
                f" {progress.batch}/{progress.batches}{speed}{waiting}",
            )
    elif trial.status.state == "finished":
        test = trial.test
        where = Content.assemble(
            name,
            f"  finished after {plural(len(trial.epochs), 'epoch')}, best {trial.best_epoch}; test "
            f"macro F1 {number(test.get('macro_f1'))}, accuracy {number(test.get('accuracy'))}",
        )
    else:
        running = "finishing" if trial.test else "starting"
        words = {"queued": "waiting for its turn", "running": running}.get(trial.status.state, trial.status.state)
        where = Content.assemble(name, f"  {words}")
    lines = [where, _last_epoch(trial)]
    warning = Content.styled(f"! {printable(trial.warnings[-1])}", "$warning") if trial.warnings else Content("")
    if tall:
        lines += [warning, Content.styled(system_line(trial.system), "$text-muted")]
        lines = [line for line in lines if line]
    elif warning and not trial.epochs:
        lines[1] = warning
    elif warning:
        lines[1] = Content.styled(f"! {plural(len(trial.warnings), 'warning')}: l  ", "$warning") + lines[1]
    return Content("\n").join(lines)


def _last_epoch(trial: TrialSnapshot) -> Content:
    if not trial.epochs:
        return Content("")
    last = trial.epochs[-1]
    text = (
        f"epoch {last.epoch}: loss train {number(last.train_loss)}, validation {number(last.validation_loss)}; "
        f"macro F1 {number(last.validation_macro_f1)}"
    )
    return Content.styled(f"{text} (best {number(trial.best_value)} at {trial.best_epoch})", "$text-muted")
