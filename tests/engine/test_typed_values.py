"""Values of a file are of the type that was asked for, or the error says what stands there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from aimic_tui.engine.typed_values import (
    file_path,
    flag,
    items,
    mapping,
    number,
    one_of,
    optional_number,
    text,
    whole,
)


def test_values_of_their_type_are_returned() -> None:
    assert number(3) == 3.0 and isinstance(number(3), float)
    assert optional_number(None) is None and optional_number(0.5) == 0.5
    assert whole(7) == 7 and whole(7.0) == 7 and whole(-1, low=-1) == -1
    assert text("a") == "a" and flag(False) is False
    assert items([1, 2], whole) == (1, 2)
    assert mapping({"a": 1}, number) == {"a": 1.0}
    assert one_of("b", ("a", "b")) == "b"
    assert file_path("a/b") == Path("a/b")


@pytest.mark.parametrize(
    ("read", "value"),
    [
        (number, True),
        (number, "1"),
        (number, None),
        (number, float("nan")),
        (number, float("inf")),
        (number, 10**400),
        (optional_number, "1"),
        (whole, -1),
        (whole, 2**31),
        (whole, 1.5),
        (whole, True),
        (whole, float("inf")),
        (text, 3),
        (text, None),
        (flag, 1),
        (file_path, "a\0b"),
        (file_path, ""),
        (lambda value: items(value, whole), "12"),
        (lambda value: items(value, whole), [1, "2"]),
        (lambda value: mapping(value, whole), [("a", 1)]),
        (lambda value: mapping(value, whole), {"a": None}),
        (lambda value: one_of(value, ("a", "b")), ["a"]),
        (lambda value: one_of(value, (1, 2)), True),
    ],
)
def test_another_type_is_said(read: Callable[[object], object], value: object) -> None:
    with pytest.raises(ValueError, match="stands where"):
        read(value)


def test_a_long_or_hostile_value_is_said_on_one_short_line() -> None:
    with pytest.raises(ValueError, match="stands where a number should") as problem:
        number("\x1b[2J\n" * 1000)
    assert len(str(problem.value)) < 120 and "\x1b" not in str(problem.value)
