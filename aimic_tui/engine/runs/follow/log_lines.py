"""Events told as lines of a log: what a person reads on the Run screen and in `aimic watch --plain`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Literal

from aimic_tui.engine.event_log import to_time
from aimic_tui.engine.run_folder import TrialKey
from aimic_tui.engine.text import one_line

Level = Literal["info", "warning", "error"]
_BEGINNING_OF_TIME = datetime(1970, 1, 1, tzinfo=timezone.utc)


@dataclass(frozen=True)
class LogLine:
    """One line of the log, already free of control characters (but not to be parsed as markup).

    Attributes:
        trial: the trial's name, "" where the line is the run's own.
        event: the name of the event that it tells.
    """

    time: datetime
    trial: str
    text: str
    level: Level = "info"
    event: str = ""


def run_line(event: Mapping[str, Any]) -> LogLine | None:
    """Tell an event of a run, or return None where it says nothing to a person."""
    kind = event["event"]
    trial = str(event.get("trial", ""))
    sentence = str(event.get("sentence", ""))
    level: Level = "info"
    if kind == "trial-assigned":
        attempt = event.get("attempt", 1)
        text = f"taken on {event.get('device', '?')}" + (f", attempt {attempt}" if attempt != 1 else "")
    elif kind == "trial-failed":
        text, level = f"failed: {sentence}", "error"
        if not event.get("given_up", True):
            text, level = f"failed and is tried again: {sentence}", "warning"
    elif kind == "worker-died":
        text, level = f"the worker process died ({sentence or event.get('code')})", "warning"
    elif kind == "warning":
        text, level = sentence, "warning"
    elif kind in _RUN_WORDS:
        text = _RUN_WORDS[kind] + (f": {sentence}" if sentence else "")
        level = "error" if kind == "run-failed" else "info"
    else:
        return None  # a trial's finish is told by its own story
    return LogLine(to_time(event.get("time")) or _BEGINNING_OF_TIME, one_line(trial), one_line(text), level, kind)


_RUN_WORDS = {
    "run-created": "run created",
    "data-decided": "images",
    "run-started": "run started",
    "run-resumed": "run resumed",
    "run-stopping": "stopping",
    "run-stopped": "run stopped",
    "run-finished": "run finished",
    "run-failed": "run failed",
}


def trial_line(event: Mapping[str, Any], key: TrialKey) -> LogLine | None:
    """Tell an event of a trial, or return None where it says nothing to a person."""
    kind = event["event"]
    sentence = str(event.get("sentence", ""))
    level: Level = "info"
    if kind == "trial-started":
        first = f"goes on with epoch {event.get('epoch')}" if event.get("resumed") else "started"
        text = (
            f"{first}: {event.get('train')} images train, {event.get('validation')} validate, "
            f"{event.get('test')} test, {event.get('batch_size')} a step, {event.get('precision')}"
        )
    elif kind == "epoch":
        text = (
            f"epoch {event.get('epoch')}: loss {_short(event.get('train_loss'))}, validation "
            f"{_short(event.get('validation_loss'))}, macro F1 {_short(event.get('validation_macro_f1'))}"
        )
        text += " (best)" if event.get("best") else f" (best at {event.get('best_epoch')})"
    elif kind == "trial-finished":
        test = event.get("test") or {}
        early = ", stopped early" if event.get("stopped_early") else ""
        text = (
            f"finished after {event.get('epochs')} epochs{early}, best {event.get('best_epoch')}; test accuracy "
            f"{_short(test.get('accuracy'))}, macro F1 {_short(test.get('macro_f1'))}"
        )
    elif kind == "trial-stopped":
        text = f"stopped in epoch {event.get('epoch')}"
    elif kind == "weights":
        text = sentence
    elif kind in ("warning", "error"):
        text, level = sentence, kind
    else:
        return None
    return LogLine(to_time(event.get("time")) or _BEGINNING_OF_TIME, one_line(key.name), one_line(text), level, kind)


def _short(value: object) -> str:
    return f"{value:.3f}" if isinstance(value, (int, float)) else "not finite"
