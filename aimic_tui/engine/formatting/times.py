"""How long something took and when it happened, for a table, a screen and a page alike."""

from __future__ import annotations

import math
from datetime import datetime, timezone

from aimic_tui.engine.text import NOTHING

_YEARS = range(1900, 9000)


def duration(seconds: float | None) -> str:
    """Write a length of time with its two largest units: `45 s`, `3 min`, `1 h 12 min`, `2 d 4 h`."""
    if seconds is None or not math.isfinite(seconds) or seconds < 0:
        return NOTHING
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 24 * 60:
        return f"{minutes // 60} h {minutes % 60} min"
    hours = round(seconds / 3600)
    return f"{hours // 24} d {hours % 24} h"


def ago(time: datetime | str | float | None, now: datetime | None = None) -> str:
    """Write when something happened, as one would say it: `just now`, `12 min ago`, `yesterday 17:40`, `3 Nov 17:40`.

    `time` is a moment with a zone, its ISO form, or seconds since 1970; the answer is in local time.
    """
    moment = moment_of(time)
    if moment is None:
        return NOTHING
    local = moment.astimezone()
    now = (now or datetime.now(timezone.utc)).astimezone()
    seconds = (now - local).total_seconds()
    if -60 < seconds < 60:
        return "just now"
    if 0 < seconds < 3600:
        return f"{int(seconds // 60)} min ago"
    return _day(local, now)


def _day(local: datetime, now: datetime) -> str:
    clock = f"{local:%H:%M}"
    days = (now.date() - local.date()).days
    if 0 <= days <= 1:
        return f"{'yesterday' if days else 'today'} {clock}"
    if 1 < days < 7:
        return f"{local:%A} {clock}"
    return f"{local.day} {local:%b} {clock}" if local.year == now.year else f"{local.day} {local:%b %Y}"


def moment_of(time: datetime | str | float | None) -> datetime | None:
    """Return a moment with its zone, from its ISO form or from seconds since 1970.

    None where it is neither, or lies so far off (before 1900, after 8999) that no local time can be given.
    """
    try:
        if isinstance(time, str):
            time = datetime.fromisoformat(time.replace("Z", "+00:00"))
        elif isinstance(time, (int, float)):
            time = datetime.fromtimestamp(time, timezone.utc)
    except (ValueError, OverflowError, OSError):
        return None
    if time is None or time.year not in _YEARS:
        return None
    return time if time.tzinfo else time.replace(tzinfo=timezone.utc)
