"""A figure with its confidence limits: what every part of an evaluation passes on. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from aimic_tui.engine.typed_values import mapping, one_of, optional_number

FEWEST_GROUPS = 10
FEWEST_GROUPS_OF_A_CLASS = 5
FEWEST_EFFECTIVE_GROUPS = 3.0  # equal ones that unequal groups must be worth, overall and of a class
DOMINANT_SHARE = 0.25  # of the images: a group with as many is named beside the intervals

NoInterval = Literal[
    "few groups",
    "unequal groups",
    "few groups of a class",
    "unequal groups of a class",
    "nothing varies",
]
"""Why a figure that has a value has no interval.

Too few groups; enough of them, but so unequal that they are worth too few (their effective number); the same of a
class's groups, or of those outside it; nothing varies, since there is no error among the images.
"""


@dataclass(frozen=True)
class Interval:
    """A figure and its limits.

    Attributes:
        value: None where it is not defined.
        low, high: None where no limits can be given.
        missing: why there are none, where that is known.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    missing: NoInterval | None = field(default=None, compare=False, kw_only=True)


def interval_from_json(value: Mapping[str, Any]) -> Interval:
    """Read a figure with its limits; files of version 0.1 don't say why there are none.

    Raises:
        ValueError, TypeError, LookupError, AttributeError: it is no such object.
    """
    found, low, high = (optional_number(value[key]) for key in ("value", "low", "high"))
    missing = value.get("missing")
    return Interval(found, low, high, missing=None if missing is None else one_of(missing, get_args(NoInterval)))


def intervals_from_json(value: Mapping[str, Any]) -> dict[str, Interval]:
    """Read figures by name; raises what `interval_from_json` does."""
    return mapping(value, interval_from_json)
