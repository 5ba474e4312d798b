"""Which of several runs was started last, as their own records tell it.

Neither a folder's name nor the times of its files say that: a name holds the local time of whoever made the run, in
their time zone, people rename and copy folders, and a backup gives all files new times.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from aimic_tui.engine.bounded_files import open_regular, read_json
from aimic_tui.engine.event_log import to_time
from aimic_tui.engine.files import Stamp, stamp_of
from aimic_tui.engine.run_folder import RunFolder

_FIRST_LINE = 1 << 16  # bytes; the first event of a story has a hundred
_LONG_AGO = datetime.min.replace(tzinfo=timezone.utc)


@dataclass(frozen=True)
class _Record:
    """What a run's own files say: the moment it was made (None where they don't) and the name it was given."""

    made: datetime | None
    name: str


class RunOrder:
    """Sorts runs; remembers what it read, so that sorting again opens only the records that changed."""

    def __init__(self) -> None:
        self._known: dict[RunFolder, tuple[Stamp, _Record]] = {}

    def newest_first(self, runs: Iterable[RunFolder]) -> list[RunFolder]:
        """Return the runs, the one that was started last in front.

        A run is started once, when it is made; resuming it changes nothing. Of copies of one run, whose records agree,
        the folder that still has the run's own name comes first, then the others by their names. Runs whose record
        can't be read come last.
        """
        by_name = sorted(runs, key=lambda run: run.name, reverse=True)
        self._known = {run: self._read(run) for run in by_name}
        return sorted(by_name, key=self._age, reverse=True)

    def _age(self, run: RunFolder) -> tuple[datetime, bool]:
        record = self._known[run][1]
        return record.made or _LONG_AGO, record.name == run.name

    def _read(self, run: RunFolder) -> tuple[Stamp, _Record]:
        stamp = stamp_of(run.status_file)
        known = self._known.get(run)
        return known if known is not None and known[0] == stamp else (stamp, _read_record(run))


def _read_record(run: RunFolder) -> _Record:
    try:
        status = read_json(run.status_file)
    except (OSError, ValueError, RecursionError):
        status = None
    if not isinstance(status, Mapping):
        status = {}
    made = to_time(status.get("created")) or _first_event(run) or to_time(status.get("started"))
    return _Record(made, str(status.get("run", "")))


def _first_event(run: RunFolder) -> datetime | None:
    """Return the time of the first event of a run's story: where the status is damaged, it tells the same."""
    try:
        with open_regular(run.events_file) as file:
            event: Any = json.loads(file.readline(_FIRST_LINE))
    except (OSError, ValueError, RecursionError):
        return None
    return to_time(event.get("time")) if isinstance(event, Mapping) else None
