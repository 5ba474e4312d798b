"""Which network when resources are short: merit against what it costs, and which networks no other one beats in both.

A network is on the front where no other is at least as good and at most as costly, and better in one of the two. That
looks at figures alone: whether two neighbours differ at all is what the comparison says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Cost:
    """One thing that a network costs.

    Attributes:
        title: what it is, with its unit: "parameters, millions".
        source: where the figures come from, as a sentence.
        values: network -> cost, lower is better; networks of unknown cost are left out.
        timed: it was measured on a device of this workspace.
    """

    title: str
    source: str
    values: Mapping[str, float]
    timed: bool = False


def front(merits: Mapping[str, float | None], cost: Cost, *, lower_is_better: bool = False) -> tuple[str, ...]:
    """Return the networks that no other one beats, the cheapest first.

    Args:
        merits: network -> figure; those without a figure or a cost are not on the front.
    """
    known = {
        name: (-value if lower_is_better else value, cost.values[name])
        for name, value in merits.items()
        if value is not None and name in cost.values
    }
    kept = [
        name
        for name, (merit, price) in known.items()
        if not any(
            other >= merit and paid <= price and (other > merit or paid < price)
            for rival, (other, paid) in known.items()
            if rival != name
        )
    ]
    return tuple(sorted(kept, key=lambda name: (known[name][1], name)))


def worth_noting(merits: Mapping[str, float | None], costs: Sequence[Cost]) -> list[Cost]:
    """Return the costs that are known of at least two of the networks."""
    return [cost for cost in costs if sum(merits.get(name) is not None for name in cost.values) >= 2]
