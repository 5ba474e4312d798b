"""What `aimic compare --json` prints, read back: the tests of every two networks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.evaluation.interval import Interval


@dataclass(frozen=True)
class ComparedPair:
    """Two networks on the same test images.

    Attributes:
        difference: of the figure, a - b, with its interval for these trained networks.
        p, p_mcnemar, p_folds: of the paired randomisation test, McNemar's test and the corrected t-test over folds,
            each adjusted for all pairs (Holm); None where there is none.
        recipe: the difference of the recipes; None where one of them is trained once only.
        p_recipe: of the recipes being equal, adjusted for all pairs.
        verdict: what they say, in words.
    """

    a: str
    b: str
    difference: Interval
    p: float | None
    p_mcnemar: float | None
    p_folds: float | None
    recipe: Interval | None
    p_recipe: float | None
    verdict: str


@dataclass(frozen=True)
class PairedComparison:
    """Every two networks, compared by one figure.

    Attributes:
        margin: the largest difference of no importance.
        notes: sentences on what to keep in mind.
    """

    pairs: tuple[ComparedPair, ...]
    margin: float
    notes: tuple[str, ...]


def comparison_from_json(value: object) -> PairedComparison:
    """Read what `aimic compare --json` prints.

    Raises:
        InputProblem: it is something else.
    """
    try:
        return PairedComparison(
            tuple(map(_pair, value["pairs"])),  # type: ignore[index]
            float(value["margin"]),  # type: ignore[index]
            tuple(map(str, value["notes"])),  # type: ignore[index]
        )
    except (KeyError, TypeError, ValueError):
        raise InputProblem("The output of aimic compare is not a comparison of networks.") from None


def _pair(value: Mapping[str, Any]) -> ComparedPair:
    return ComparedPair(
        a=str(value["a"]),
        b=str(value["b"]),
        difference=Interval(value["difference"], value["low"], value["high"]),
        p=value["p_adjusted"],
        p_mcnemar=value["mcnemar"]["p_adjusted"],
        p_folds=value["corrected_t"]["p_adjusted"],
        recipe=(
            Interval(value["recipe_difference"], value["recipe_low"], value["recipe_high"])
            if value["estimand"] == "recipe"
            else None
        ),
        p_recipe=value["recipe_p_adjusted"],
        verdict=str(value["verdict"]),
    )
