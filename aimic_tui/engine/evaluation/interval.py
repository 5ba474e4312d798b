"""A figure with its confidence limits: what every part of an evaluation passes on. Imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Interval:
    """A figure and its limits; `value` is None where it is not defined, the limits where none can be given."""

    value: float | None
    low: float | None = None
    high: float | None = None
