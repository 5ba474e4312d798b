"""The names and paths of a run."""

from __future__ import annotations

import pytest

from aimic_tui.engine.run_folder import run_title, slug


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("20261122-190512-wbc-subtypes", "wbc-subtypes"),
        ("20261122-190512-a", "a"),
        ("wbc-subtypes-second-try", "wbc-subtypes-second-try"),  # a renamed folder
        ("2026-11-22-wbc", "2026-11-22-wbc"),
        ("1-2-3", "1-2-3"),
        ("20261122-190512-", "20261122-190512-"),
    ],
)
def test_the_title_of_a_run_is_its_name_without_the_time_in_front(name: str, expected: str) -> None:
    assert run_title(name) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("wbc subtypes", "wbc-subtypes"),
        ("../../etc/passwd", "etc-passwd"),
        ("a\x1b[31mb", "a-31mb"),
        ("Köln 3.5_x", "K-ln-3.5_x"),
        ("ø", "run"),
        ("x" * 200, "x" * 60),
    ],
)
def test_a_slug_is_a_safe_name_for_a_file(name: str, expected: str) -> None:
    assert slug(name, "run") == expected
