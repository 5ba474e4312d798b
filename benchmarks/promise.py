"""What a promise is: something the program says that can turn out wrong, tried on many simulated studies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Promise:
    """One promise under one kind of study.

    Attributes:
        name: short, such as "max-error 5 %, 150 images".
        says: the promise in one sentence.
        allowed: the share of studies in which it may be broken, 0 to 1.
        study: study number -> whether the promise was broken; None where the program said nothing that could be
            (no threshold, too few groups). Must be picklable: studies run in processes of their own.
    """

    name: str
    says: str
    allowed: float
    study: Callable[[int], bool | None]
