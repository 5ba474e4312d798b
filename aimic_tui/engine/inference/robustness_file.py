"""What `aimic robustness` keeps with a run, read without any tensor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aimic_tui.engine.evaluation.interval import Interval
from aimic_tui.engine.files import read_json

FILE = "robustness.json"
FORMAT = 1


def read_robustness(run: Path) -> dict[str, Any]:
    """Return "networks" of a run's robustness.json, as `keep_robustness` lays it out; empty where there is none."""
    try:
        kept = read_json(run / FILE)
        networks = kept["networks"] if kept["format"] == FORMAT else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return networks if isinstance(networks, dict) else {}


@dataclass(frozen=True)
class DisturbedFigures:
    """A network's figures on images that are disturbed in one way.

    Attributes:
        kind: of `disturbances.Disturbance`, as are the next three.
        strength: 1 to 3.
        amount: what was done, in words and numbers.
        value: the amount itself.
        figures: figure -> what it is on the disturbed images.
        differences: figure -> disturbed minus undisturbed, paired.
    """

    kind: str
    strength: int
    amount: str
    value: float
    figures: Mapping[str, Interval]
    differences: Mapping[str, Interval]


@dataclass(frozen=True)
class NetworkRobustness:
    """What a network's figures lose when its test images are disturbed.

    Attributes:
        images, groups: that were disturbed.
        unreadable: images left out since they could not be read.
        clean: figure -> what it is on the undisturbed images.
        rows: one for each kind of disturbance and strength.
    """

    images: int
    groups: int
    unreadable: int
    clean: Mapping[str, Interval]
    rows: tuple[DisturbedFigures, ...]


def read_network_robustness(run: Path, network: str) -> NetworkRobustness | None:
    """Return what `aimic robustness` stored of one network of a run; None where it was not tested yet."""
    found = read_robustness(run).get(network)
    try:
        return _network_robustness(found) if found else None
    except (KeyError, TypeError, ValueError, AttributeError):  # damaged: it can be computed anew
        return None


def _network_robustness(found: Mapping[str, Any]) -> NetworkRobustness:
    return NetworkRobustness(
        images=int(found["images"]),
        groups=int(found["groups"]),
        unreadable=int(found.get("unreadable", 0)),
        clean=_intervals(found["clean"]),
        rows=tuple(
            DisturbedFigures(
                kind=str(row["kind"]),
                strength=int(row["strength"]),
                amount=str(row["amount"]),
                value=float(row["value"]),
                figures=_intervals(row["figures"]),
                differences=_intervals(row["differences"]),
            )
            for row in found["rows"]
        ),
    )


def _intervals(figures: Mapping[str, Mapping[str, float | None]]) -> dict[str, Interval]:
    return {name: Interval(figure["value"], figure["low"], figure["high"]) for name, figure in figures.items()}
