"""robustness.json of a run: what `aimic robustness` found, its types, and the one place that reads and writes it.

Needs no torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from aimic_tui.engine.bounded_files import read_json
from aimic_tui.engine.evaluation.interval import Interval, intervals_from_json
from aimic_tui.engine.files import write_json
from aimic_tui.engine.typed_values import MALFORMED, items, number, text, whole

FILE = "robustness.json"
FORMAT = 1
METHOD = (
    "The images as the network is shown them, disturbed; differences to the same images undisturbed, paired, with "
    "cluster bootstrap intervals over groups."
)
RESAMPLES = 1000


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
        models: of its folds.
        images, groups: that were disturbed.
        unreadable: images left out since they could not be read.
        clean: figure -> what it is on the undisturbed images.
        rows: one for each kind of disturbance and strength.
    """

    models: int
    images: int
    groups: int
    unreadable: int
    clean: Mapping[str, Interval]
    rows: tuple[DisturbedFigures, ...]


def write_network_robustness(run: Path, network: str, found: NetworkRobustness, when: str) -> Path:
    """Put a network's robustness into a run's robustness.json, beside that of other networks; return the file.

    Args:
        when: the moment of the measurement, ISO 8601.

    Raises:
        OSError: the run's folder can't be written.
    """
    networks = {**_networks(run), network: {"when": when, **robustness_to_json(found)}}
    write_json(run / FILE, {"format": FORMAT, "method": METHOD, "resamples": RESAMPLES, "networks": networks})
    return run / FILE


def read_network_robustness(run: Path, network: str) -> NetworkRobustness | None:
    """Return what `aimic robustness` stored of one network of a run; None where it was not tested yet."""
    found = _networks(run).get(network)
    try:
        return robustness_from_json(found) if found else None
    except MALFORMED:  # damaged: it can be computed anew
        return None


def _networks(run: Path) -> dict[str, Any]:
    try:
        stored = read_json(run / FILE)
        networks = stored["networks"] if stored["format"] == FORMAT else {}
    except (OSError, *MALFORMED):
        return {}
    return networks if isinstance(networks, dict) else {}


def robustness_to_json(found: NetworkRobustness) -> dict[str, Any]:
    """Return it as plain values."""
    return {
        "models": found.models,
        "images": found.images,
        "groups": found.groups,
        "unreadable": found.unreadable,
        "clean": intervals_to_json(found.clean),
        "rows": [
            {
                "kind": row.kind,
                "strength": row.strength,
                "amount": row.amount,
                "value": row.value,
                "figures": intervals_to_json(row.figures),
                "differences": intervals_to_json(row.differences),
            }
            for row in found.rows
        ],
    }


def robustness_from_json(record: Mapping[str, Any]) -> NetworkRobustness:
    """Undo `robustness_to_json`.

    Raises:
        MALFORMED: it is no such object.
    """
    return NetworkRobustness(
        models=whole(record.get("models", 1)),
        images=whole(record["images"]),
        groups=whole(record["groups"]),
        unreadable=whole(record.get("unreadable", 0)),
        clean=intervals_from_json(record["clean"]),
        rows=items(record["rows"], _row),
    )


def _row(row: Mapping[str, Any]) -> DisturbedFigures:
    return DisturbedFigures(
        kind=text(row["kind"]),
        strength=whole(row["strength"]),
        amount=text(row["amount"]),
        value=number(row["value"]),
        figures=intervals_from_json(row["figures"]),
        differences=intervals_from_json(row["differences"]),
    )


def intervals_to_json(figures: Mapping[str, Interval]) -> dict[str, dict[str, float | str | None]]:
    """Return figures with intervals as plain values."""
    return {name: asdict(figure) for name, figure in figures.items()}
