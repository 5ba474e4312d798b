"""Values of a JSON or TOML file as the types that they should be, where pydantic would take too long to load.

Each function returns the value where it is of its type and raises a `ValueError` that says what stands there instead.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from aimic_tui.engine.text import one_line

Item = TypeVar("Item")
_LARGEST = sys.float_info.max

MALFORMED = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError)
"""What reading values of another shape than expected raises: no number, no such key, not a list, too large."""


def reason_in_words(error: Exception) -> str:
    """Say what an error of `MALFORMED`, or one of the file's system, found wrong, in a line without a full stop."""
    if isinstance(error, KeyError) and error.args:
        return one_line(f"{error.args[0]} is missing")
    known = isinstance(error, (ValueError, OSError))  # the others speak of Python
    return one_line(str(error)) if known else "a value is missing or of another kind"


def number(value: object) -> float:
    """Return a finite number; true and false are none."""
    if isinstance(value, (int, float)) and not isinstance(value, bool) and -_LARGEST <= value <= _LARGEST:
        return float(value)
    raise _other(value, "a number")


def optional_number(value: object) -> float | None:
    """Return a finite number, or None."""
    return None if value is None else number(value)


def whole(value: object, low: int = 0, high: int = 2**31 - 1) -> int:
    """Return a whole number within limits, both included."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
        return value
    raise _other(value, f"a whole number from {low} to {high}")


def text(value: object) -> str:
    """Return a text."""
    if isinstance(value, str):
        return value
    raise _other(value, "a text")


def file_path(value: object) -> Path:
    """Return a path that a file can have."""
    found = text(value)
    if not found or "\0" in found:
        raise _other(value, "a path")
    return Path(found)


def flag(value: object) -> bool:
    """Return true or false."""
    if isinstance(value, bool):
        return value
    raise _other(value, "true or false")


def one_of(value: object, choices: Iterable[Item]) -> Item:
    """Return that of the choices which equals the value."""
    known = tuple(choices)
    for choice in known:
        if type(choice) is type(value) and choice == value:
            return choice
    raise _other(value, f"one of {', '.join(map(str, known))}")


def items(value: object, of: Callable[[Any], Item]) -> tuple[Item, ...]:
    """Return a list as a tuple of what `of` makes of each item."""
    if isinstance(value, (list, tuple)):
        return tuple(map(of, value))
    raise _other(value, "a list")


def mapping(value: object, of: Callable[[Any], Item]) -> dict[str, Item]:
    """Return an object as a dict of what `of` makes of each value."""
    if isinstance(value, Mapping):
        return {text(key): of(each) for key, each in value.items()}
    raise _other(value, "an object")


def _other(value: object, wanted: str) -> ValueError:
    return ValueError(f"{one_line(repr(value), 60)} stands where {wanted} should")
