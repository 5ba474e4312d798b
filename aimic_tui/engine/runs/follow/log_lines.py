"""Events as lines of a log: what a person reads on the Run screen and in `aimic watch --plain`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Literal

from aimic_tui.engine.run_events import (
    DataDecided,
    EpochRecord,
    Event,
    FilesAccepted,
    ImagesAccepted,
    InitialWeights,
    RunCreated,
    RunEvent,
    RunFailed,
    RunFinished,
    RunResumed,
    RunStarted,
    RunStopped,
    RunStopping,
    RunWarning,
    TrialAssigned,
    TrialError,
    TrialEvent,
    TrialFailed,
    TrialFinished,
    TrialStarted,
    TrialStopped,
    TrialWarning,
    WorkerDied,
)
from aimic_tui.engine.run_folder import TrialKey
from aimic_tui.engine.runs.data_story import data_sentence
from aimic_tui.engine.text import one_line, plural

Level = Literal["info", "warning", "error"]
_EPOCH_ZERO = datetime(1970, 1, 1, tzinfo=timezone.utc)


@dataclass(frozen=True)
class LogLine:
    """One line of the log, already free of control characters (but not to be parsed as markup).

    Attributes:
        trial: the trial's name, "" where the line is the run's own.
        event: the name of the event that it is about.
    """

    time: datetime
    trial: str
    text: str
    level: Level = "info"
    event: str = ""


def run_line(event: RunEvent) -> LogLine | None:
    """Return the line about an event of a run, None where it says nothing to a person."""
    trial, level = "", _RUN_LEVELS.get(type(event), "info")
    if isinstance(event, TrialAssigned):
        trial, text = (
            event.trial,
            f"assigned to {event.device}" + (f", attempt {event.attempt}" if event.attempt > 1 else ""),
        )
    elif isinstance(event, TrialFailed):
        trial, text = event.trial, f"failed: {event.sentence}"
        if not event.given_up:
            text, level = f"failed, will be retried: {event.sentence}", "warning"
    elif isinstance(event, WorkerDied):
        trial, text = event.trial, f"the worker process died ({event.sentence or event.code})"
    elif isinstance(event, RunWarning):
        text = event.sentence
    elif isinstance(event, DataDecided):
        text = f"images: {event.sentence}"
    elif (sentence := data_sentence(event)) is not None:
        text = sentence
    elif isinstance(event, RunFailed):
        text = "run failed" + (f": {event.sentence}" if event.sentence else "")
    elif type(event) in _RUN_TEXTS:
        text = _RUN_TEXTS[type(event)]
    else:
        return None  # the end of a trial is in its own events
    return _line(event, trial, text, level)


_RUN_LEVELS: dict[type[RunEvent], Level] = {
    TrialFailed: "error",
    RunFailed: "error",
    WorkerDied: "warning",
    RunWarning: "warning",
    ImagesAccepted: "warning",
    FilesAccepted: "warning",
}
_RUN_TEXTS: dict[type[RunEvent], str] = {
    RunCreated: "run created",
    RunStarted: "run started",
    RunResumed: "run resumed",
    RunStopping: "stopping",
    RunStopped: "run stopped",
    RunFinished: "run finished",
}


def trial_line(event: TrialEvent, key: TrialKey) -> LogLine | None:
    """Return the line about an event of a trial, None where it says nothing to a person."""
    text = _trial_text(event)
    if text is None:
        return None
    level: Level = "warning" if isinstance(event, TrialWarning) else "info"
    return _line(event, key.name, text, "error" if isinstance(event, TrialError) else level)


def _trial_text(event: TrialEvent) -> str | None:
    if isinstance(event, TrialStarted):
        first = f"continues with epoch {event.epoch}" if event.resumed else "started"
        return (
            f"{first}: {event.train} images train, {event.validation} validate, {event.test} test, "
            f"{event.batch_size} a step, {event.precision}"
        )
    if isinstance(event, EpochRecord):
        best = " (best)" if event.best else f" (best at {event.best_epoch})"
        return (
            f"epoch {event.epoch}: loss {_short(event.train_loss)}, validation {_short(event.validation_loss)}, "
            f"macro F1 {_short(event.validation_macro_f1)}{best}"
        )
    if isinstance(event, TrialFinished):
        early = ", stopped early" if event.stopped_early else ""
        return (
            f"finished after {plural(event.epochs, 'epoch')}{early}, best {event.best_epoch}; test accuracy "
            f"{_short(event.test.get('accuracy', math.nan))}, macro F1 {_short(event.test.get('macro_f1', math.nan))}"
        )
    if isinstance(event, TrialStopped):
        return f"stopped in epoch {event.epoch}"
    if isinstance(event, (InitialWeights, TrialWarning, TrialError)):
        return event.sentence
    return None


def _line(event: Event, trial: str, text: str, level: Level = "info") -> LogLine:
    return LogLine(event.time or _EPOCH_ZERO, one_line(trial), one_line(text), level, event.name)


def _short(value: float) -> str:
    return "not finite" if math.isnan(value) else f"{value:.3f}"
