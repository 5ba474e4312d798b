"""A story in a file: one JSON object a line, only ever appended.

A writer appends a whole line in one write. A reader remembers how far it came, leaves an unfinished last line for
later and skips what it can't read, so it never fails on a file that is being written or was cut short. Nor does it
read without end: a line of more than a megabyte is none of ours, and of a file that is much longer than any of ours the
rest is left for the next call.
"""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import IO, Any

from aimic_tui.engine.bounded_files import DamagedFile, open_regular, parse_json
from aimic_tui.engine.files import append_line
from aimic_tui.engine.formatting.times import moment_of

_LONGEST = 1 << 16  # bytes that the last line of a file may have to be found
_LONGEST_LINE = 1 << 20
_BLOCK = 8 << 20  # bytes read at once
_BLOCKS = 32  # in one call: a trial that takes a month writes as much
_MOST_EVENTS = 200_000  # decoded in one call
_HEAD = 120  # the name of an event stands within so many bytes of its line's beginning


def now() -> datetime:
    """Return the time in whole milliseconds, as files hold it, with its zone (UTC)."""
    time = datetime.now(timezone.utc)
    return time.replace(microsecond=time.microsecond // 1000 * 1000)


def to_time(value: object) -> datetime | None:
    """Read a time that `append_event` wrote; None where it is none."""
    return moment_of(value) if isinstance(value, str) else None


def append_event(path: Path, event: str, *, follow_links: bool = False, **fields: Any) -> None:
    """Append one event with the time of now; numbers that are none (NaN, infinities) become null.

    Args:
        path: the file.
        event: its name.
        follow_links: for a file that the user named (`files.append_line`).
        fields: what it tells.

    Raises:
        OSError: the disk is full or the folder is gone.
    """
    line = {"time": now().isoformat(timespec="milliseconds"), "event": event, **_finite(fields)}
    append_line(path, json.dumps(line, allow_nan=False), follow_links=follow_links)


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return value


class EventReader:
    """Reads what is new in an event file.

    Args:
        path: the file; it may not be there yet.
        latest_only: events of which only the last one among the new ones matters. The others are passed over
            without being decoded: a long run's file is mostly `progress`.

    `restarted` tells, after `new()`, that the file became shorter (it was replaced) and was read from its beginning.
    """

    def __init__(self, path: Path, latest_only: Collection[str] = ()) -> None:
        self.path = path
        self.restarted = False
        self._offset = 0
        self._latest_only = [(f'"event": "{name}"'.encode(), name) for name in latest_only]

    def new(self) -> list[dict[str, Any]]:
        """Return the events since the last call, oldest first; each has at least an "event"."""
        self.restarted = False
        events: list[dict[str, Any]] = []
        try:
            size = self.path.stat().st_size
            if size == self._offset:
                return events
            if size < self._offset:
                self._offset, self.restarted = 0, True
            with open_regular(self.path) as file:
                for _ in range(_BLOCKS):
                    lines = self._next_lines(file)
                    events += self._decoded(lines)
                    if not lines or len(events) >= _MOST_EVENTS:
                        break
        except (OSError, DamagedFile):
            if self._offset:
                self._offset, self.restarted = 0, True
        return events

    def _decoded(self, lines: Sequence[bytes]) -> list[dict[str, Any]]:
        passed_over: set[str] = set()
        events: list[dict[str, Any]] = []
        for line in reversed(lines):
            name = next((name for mark, name in self._latest_only if mark in line[:_HEAD]), None)
            if name is not None and name in passed_over:
                continue
            event = _decode(line, self.path)
            if event is not None:
                events.append(event)
                if name is not None:
                    passed_over.add(name)
        events.reverse()
        return events

    def _next_lines(self, file: IO[bytes]) -> list[bytes]:
        """Return the next lines of a file, up to a block of them; what is not whole yet stays for later."""
        file.seek(self._offset)
        content = file.read(_BLOCK)
        end = content.rfind(b"\n") + 1
        if not end and len(content) == _BLOCK:
            end = len(content)  # a line without an end: its rest is no event either
        self._offset += end
        return content[:end].splitlines(keepends=True)


def last_event(path: Path) -> dict[str, Any] | None:
    """Return the last event of a file, without reading what is before it; None where there is none."""
    try:
        with open_regular(path) as file:
            file.seek(max(0, path.stat().st_size - _LONGEST))
            lines = file.read(_LONGEST).split(b"\n")[:-1]
    except (OSError, DamagedFile):
        return None
    return next((event for line in reversed(lines) if (event := _decode(line, path)) is not None), None)


def _decode(line: bytes, path: Path) -> dict[str, Any] | None:
    if len(line) > _LONGEST_LINE:
        return None
    try:
        event = parse_json(line, path)
    except DamagedFile:
        # A disk that was full cut a line short, and the next one was appended to what stood there.
        start = line.rfind(b'{"time": ')
        return _decode(line[start:], path) if start > 0 else None
    return event if isinstance(event, dict) and isinstance(event.get("event"), str) else None
