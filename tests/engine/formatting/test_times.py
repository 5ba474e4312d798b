"""How long something took and when it happened, in words."""

from __future__ import annotations

import math
from datetime import datetime, timedelta, timezone

import pytest

from aimic_tui.engine.formatting import times


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.04, "0.0 s"),
        (4.21, "4.2 s"),
        (59.4, "59 s"),
        (59.6, "1 min"),
        (200, "3 min"),
        (3599, "1 h 0 min"),
        (4320, "1 h 12 min"),
        (187200, "2 d 4 h"),
        (math.nan, "–"),
        (None, "–"),
        (-3, "–"),
    ],
)
def test_durations_have_their_two_largest_units(seconds: float | None, text: str) -> None:
    assert times.duration(seconds) == text


def test_times_read_as_one_would_say_them() -> None:
    now = datetime(2026, 11, 22, 12, 0).astimezone()
    assert times.ago(now - timedelta(seconds=20), now) == "just now"
    assert times.ago(now - timedelta(minutes=12), now) == "12 min ago"
    assert times.ago(now - timedelta(hours=3), now) == "today 09:00"
    assert times.ago(now - timedelta(days=1), now) == "yesterday 12:00"
    assert times.ago(now - timedelta(days=3), now).endswith("12:00")
    assert times.ago(datetime(2026, 3, 4, 5, 6).astimezone(), now) == "4 Mar 05:06"
    assert times.ago(datetime(2024, 3, 4, 5, 6).astimezone(), now) == "4 Mar 2024"
    assert times.ago(now.astimezone(timezone.utc).isoformat(), now) == "just now"
    assert times.ago("nonsense") == times.ago(None) == "–"


@pytest.mark.parametrize(
    "moment",
    [
        *("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "1066-10-14", "soon", ""),
        *(1e300, -1e300, float("nan"), float("inf"), 10**18),
    ],
)
def test_moments_that_no_calendar_here_has_are_none(moment: str | float) -> None:
    assert times.moment_of(moment) is None
    assert times.ago(moment) == "–"
