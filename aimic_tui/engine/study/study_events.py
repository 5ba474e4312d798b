"""What a study reports while it goes on: written by its scheduler, read by whoever follows it.

The file is an `event_log`, one JSON object a line, without the fields that say nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, cast, get_args

from aimic_tui.engine.event_log import EventReader, append_event, to_time

Kind = Literal[
    "study-started",
    "looking-at-images",
    "run-started",
    "run-over",
    "trouble",
    "study-stopped",
    "study-failed",
    "study-finished",
]
_KINDS = frozenset(get_args(Kind))


@dataclass(frozen=True)
class StudyEvent:
    """One event; text is "" where it does not apply.

    Attributes:
        kind: what happened. "looking-at-images": a run's images are checked before it is created. "trouble": a cell
            could not be run, or its run failed; the others go on.
        time: when, None where the file does not say.
        cells: of the study that started, else 0.
        data, protocol: of the cell.
        run: the name of the run's folder.
        state: of the run that is over.
        sentence: what went wrong.
    """

    kind: Kind
    time: datetime | None = None
    cells: int = 0
    data: str = ""
    protocol: str = ""
    run: str = ""
    state: str = ""
    sentence: str = ""

    @property
    def cell(self) -> tuple[str, str]:
        """Data set and protocol."""
        return self.data, self.protocol


def append_study_event(path: Path, event: StudyEvent) -> None:
    """Append an event to a study's file, with the time of now.

    Raises:
        OSError: the disk is full or the folder is gone.
    """
    fields = {name: value for name, value in asdict(event).items() if name not in ("kind", "time") and value}
    append_event(path, event.kind, **fields)


class StudyEventReader:
    """Reads what is new in a study's event file, see `EventReader`."""

    def __init__(self, path: Path) -> None:
        self._reader = EventReader(path)

    def new(self) -> list[StudyEvent]:
        """Return the events since the last call, oldest first, without those of a kind that is not known here."""
        return [_event(record) for record in self._reader.new() if record["event"] in _KINDS]

    @property
    def restarted(self) -> bool:
        """Whether the file was replaced, so that the last `new` read it from its beginning."""
        return self._reader.restarted


def _event(record: Mapping[str, Any]) -> StudyEvent:
    cells = record.get("cells")
    texts = {name: str(record.get(name, "")) for name in ("data", "protocol", "run", "state", "sentence")}
    kind = cast("Kind", record["event"])
    return StudyEvent(kind, to_time(record.get("time")), cells if isinstance(cells, int) else 0, **texts)
