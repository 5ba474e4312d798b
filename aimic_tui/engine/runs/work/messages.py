"""What a scheduler and its workers write to each other: one JSON object a line.

The scheduler hands out a trial by its key, `{"network", "fold", "seed", "inner"}`. The worker answers with a report
when it lets go of the trial, `{"trial", "state", "error"}`, where `error` is an `ErrorRecord`, or null.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Literal, get_args

from aimic_tui.engine.errors import ErrorRecord
from aimic_tui.engine.run_folder import TrialKey

ReportedState = Literal["finished", "stopped", "failed"]


@dataclass(frozen=True)
class TrialReport:
    """How a worker's work on a trial ended.

    Attributes:
        trial: the trial's name.
        error: why it failed; None unless it did.
    """

    trial: str
    state: ReportedState
    error: ErrorRecord | None = None


def assignment_line(key: TrialKey) -> bytes:
    """Return the line that hands out a trial."""
    return (json.dumps(asdict(key)) + "\n").encode()


def read_assignment(line: str) -> TrialKey:
    """Read what `assignment_line` wrote."""
    return TrialKey(**json.loads(line))


def report_line(report: TrialReport) -> str:
    """Return the line that reports on a trial."""
    return json.dumps(asdict(report)) + "\n"


def read_report(line: bytes) -> TrialReport | None:
    """Read what `report_line` wrote; None for anything else that came through the pipe."""
    try:
        record = json.loads(line)
        if record["state"] not in get_args(ReportedState):
            return None
        error = record.get("error")
        return TrialReport(str(record["trial"]), record["state"], ErrorRecord.read(error) if error else None)
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
