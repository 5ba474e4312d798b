"""How far a piece of work is: what the engine reports, commands show and event files hold."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol, cast, get_args

Phase = Literal[
    "find", "read", "compare", "load", "predict", "resample", "step", "train", "measure", "download", "draw", "write"
]
"""What is being done. `wording.progress` says in which unit each phase counts."""


@dataclass(frozen=True)
class Progress:
    """How far one phase of the work is.

    Attributes:
        phase: what is being done.
        done: how much of it, what an interrupted earlier call did included.
        total: of how much; None while that is unknown.
        detail: what it is at, in a few words that change as it goes on; may hold names from outside.
        per_second: the speed; None while it is unknown.
        seconds_left: to the end of the phase, or of the work where the reporter knows that; None while it is unknown.
    """

    phase: Phase
    done: float
    total: float | None = None
    detail: str = ""
    per_second: float | None = None
    seconds_left: float | None = None

    @property
    def complete(self) -> bool:
        """Whether the phase is at its end."""
        return self.total is not None and self.done >= self.total

    def to_json(self) -> dict[str, Any]:
        """Return it as the fields of a `progress` event."""
        fields: dict[str, Any] = {"phase": self.phase, "done": self.done, "total": self.total}
        fields |= {"per_second": self.per_second, "seconds_left": self.seconds_left}
        return {**fields, "detail": self.detail} if self.detail else fields

    @classmethod
    def read(cls, event: Mapping[str, Any]) -> Progress | None:
        """Read an event; None where it tells of no progress."""
        fields = _fields_of(event)
        done = _number(fields.get("done"))
        if fields.get("phase") not in get_args(Phase) or done is None:
            return None
        return cls(
            cast("Phase", fields["phase"]),
            done,
            _number(fields.get("total")),
            str(fields.get("detail") or ""),
            _number(fields.get("per_second")),
            _number(fields.get("seconds_left")),
        )


def _fields_of(event: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the fields of a `progress` event; those that version 0.1 named or split otherwise by today's names."""
    kind = event["event"]
    if kind == "progress":
        return {"phase": "predict", "per_second": event.get("images_per_second"), **event}
    if kind == "loading":
        return {"phase": "load", "done": 0, "total": event.get("total")}
    if kind == "judging":
        left = event.get("seconds_left")
        return {"phase": "resample", "done": event.get("resamples", 0), "total": event.get("of"), "seconds_left": left}
    return {}


def _number(value: object) -> float | None:
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value) else None


class ReportProgress(Protocol):
    """Takes reports of progress; called often, so it decides itself which of them it shows."""

    def __call__(self, progress: Progress, /) -> None:
        """Take one report."""


def no_report(progress: Progress, /) -> None:
    """Take a report and show nothing."""


class Pace:
    """Adds speed and time left to reports that lack them, as the clock says since their phase began.

    A phase begins with its first report, or anew with one that counts less than the one before: the work goes on with
    another file or network.

    Args:
        clock: seconds that only ever rise.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._first: tuple[float, Progress] | None = None
        self._latest: Progress | None = None

    def timed(self, progress: Progress) -> Progress:
        """Return the report with speed and time left; a training's as it is, whose first epoch says little of it."""
        if progress.phase == "train":
            return progress
        now = self._clock()
        if self._first is None or self._latest is None or not _same_phase(self._latest, progress):
            self._first = now, progress
        self._latest = progress
        began, first = self._first
        seconds, done = now - began, progress.done - first.done
        if seconds <= 0 or done <= 0:
            return progress
        speed = done / seconds if progress.per_second is None else progress.per_second
        left = progress.seconds_left
        if left is None and progress.total is not None and speed > 0:
            left = max(0.0, (progress.total - progress.done) / speed)
        return replace(progress, per_second=speed, seconds_left=left)


def _same_phase(earlier: Progress, later: Progress) -> bool:
    return earlier.phase == later.phase and earlier.done <= later.done
