"""How figures, times and states read."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from aimic_tui.wording import numbers


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
    assert numbers.duration(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (9_960, "10 kB"),
        (999_999, "1.0 MB"),
        (41e9, "41 GB"),
        (2e15, "2000 TB"),
    ],
)
def test_bytes_have_two_or_three_figures(count: float, text: str) -> None:
    assert numbers.bytes_text(count) == text


def test_intervals_are_written_beside_their_figure() -> None:
    assert numbers.interval_text(0.934, 0.921, 0.946) == "0.934 [.921 .946]"
    assert numbers.interval_text(0.5, -0.02, 1.0) == "0.500 [-.020 1.000]"
    assert numbers.interval_text(0.934, None, None) == "0.934"
    assert numbers.interval_text(None, None, None) == "–"
    assert numbers.number(math.nan) == "–"
    assert numbers.interval_text(-0.0001, -0.0004, 0.0) == "0.000 [.000 .000]"


def test_times_read_as_one_would_say_them() -> None:
    now = datetime(2026, 11, 22, 12, 0).astimezone()
    assert numbers.ago(now - timedelta(seconds=20), now) == "just now"
    assert numbers.ago(now - timedelta(minutes=12), now) == "12 min ago"
    assert numbers.ago(now - timedelta(hours=3), now) == "today 09:00"
    assert numbers.ago(now - timedelta(days=1), now) == "yesterday 12:00"
    assert numbers.ago(now - timedelta(days=3), now).endswith("12:00")
    assert numbers.ago(datetime(2026, 3, 4, 5, 6).astimezone(), now) == "4 Mar 05:06"
    assert numbers.ago(datetime(2024, 3, 4, 5, 6).astimezone(), now) == "4 Mar 2024"
    assert numbers.ago(now.astimezone(timezone.utc).isoformat(), now) == "just now"
    assert numbers.ago("nonsense") == numbers.ago(None) == "–"


@given(st.floats(allow_nan=True), st.integers(0, 60))
def test_a_bar_has_exactly_its_width(share: float, width: int) -> None:
    assert cell_len(numbers.bar_text(share, width)) == width


def test_a_bar_shows_a_little_of_what_is_not_nothing() -> None:
    assert numbers.bar_text(0, 8).strip() == ""
    assert numbers.bar_text(0.0001, 8).strip() != ""
    assert numbers.bar_text(0.5, 8).rstrip() == "████"


@given(st.text())
def test_ascii_has_the_width_of_what_it_stands_for(text: str) -> None:
    assert numbers.to_ascii(text).isascii()
    if all(cell_len(char) == 1 for char in text):
        assert len(numbers.to_ascii(text)) == cell_len(text)


def test_every_sign_has_an_ascii_form_that_is_its_own() -> None:
    states = ("running", "finished", "attention", "failed", "queued", "stopped")
    assert len({numbers.ASCII_SIGNS[state] for state in states}) == len(states)
    for state, sign in numbers.SIGNS.items():
        assert numbers.to_ascii(sign) == numbers.ASCII_SIGNS[state]


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"LANG": "C.UTF-8"}, False),
        ({"LC_ALL": "de_DE.utf8"}, False),
        ({"LANG": "C.UTF-8", "LC_ALL": "C"}, True),
        ({}, True),
        ({"AIMIC_ASCII": "0"}, False),
        ({"LANG": "C.UTF-8", "AIMIC_ASCII": "1"}, True),
    ],
)
def test_the_locale_decides_between_signs_and_ascii(variables: dict[str, str], expected: bool) -> None:
    program = "from aimic_tui.wording.numbers import ascii_only; print(ascii_only())"
    environment = {"PATH": os.environ["PATH"], **variables}
    answer = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == str(expected)
