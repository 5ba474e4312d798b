"""benchmark.json: how fast networks run on this machine's devices, stored to compare accuracy with cost.

A workspace has one; it holds the latest measurement of each network for each device. Importing this is cheap.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from statistics import median
from typing import Any

from aimic_tui.engine.bounded_files import read_json
from aimic_tui.engine.files import write_json
from aimic_tui.engine.typed_values import MALFORMED, items, number, text, whole

FILE = "benchmark.json"
_FORMAT = 1


@dataclass(frozen=True)
class NetworkTiming:
    """One network on one device.

    Attributes:
        image_size: pixels a side of its input.
        one: seconds from one file to its class, for each repetition.
        hundred: seconds from `images` files to their classes, for each repetition.
        images: number of files in `hundred`: 100, as published.
        load: seconds to load the model onto its device.
        limit_images_per_second: of the network alone, on images that are on the device already.
        when: the moment of the measurement, ISO 8601.
    """

    network: str
    image_size: int
    one: tuple[float, ...]
    hundred: tuple[float, ...]
    images: int
    load: float
    limit_images_per_second: float
    when: str

    @property
    def seconds_1(self) -> float:
        """Median of `one`."""
        return median(self.one)

    @property
    def seconds_100(self) -> float:
        """Median of `hundred`."""
        return median(self.hundred)

    @property
    def images_per_second(self) -> float:
        """With many files at once, decoding included."""
        return self.images / self.seconds_100

    @property
    def ratio(self) -> float:
        """How many times longer the many files take than one."""
        return self.seconds_100 / self.seconds_1

    def to_json(self) -> dict[str, Any]:
        """Return plain values, the derived ones included."""
        return {
            "seconds_1": self.seconds_1,
            "seconds_100": self.seconds_100,
            "ratio": self.ratio,
            "images_per_second": self.images_per_second,
            "limit_images_per_second": self.limit_images_per_second,
            "spread_1": [min(self.one), max(self.one)],
            "spread_100": [min(self.hundred), max(self.hundred)],
            "repetitions": len(self.one),
            "load_seconds": self.load,
            **{field.name: getattr(self, field.name) for field in fields(self) if field.name != "network"},
        }

    @classmethod
    def from_json(cls, network: str, record: Mapping[str, Any]) -> NetworkTiming:
        """Undo `to_json`.

        Raises:
            MALFORMED: it is not such a record.
        """
        return cls(
            network=network,
            image_size=whole(record["image_size"]),
            one=_seconds(record["one"]),
            hundred=_seconds(record["hundred"]),
            images=whole(record["images"]),
            load=number(record["load"]),
            limit_images_per_second=number(record["limit_images_per_second"]),
            when=text(record["when"]),
        )


def _seconds(values: Sequence[Any]) -> tuple[float, ...]:
    found = items(values, number)
    if not found or min(found) <= 0:
        raise ValueError("no times")
    return found


def read_timings(workspace: Path) -> dict[str, dict[str, NetworkTiming]]:
    """Return what was measured in a workspace: device -> network -> timing; what can't be read is left out."""
    try:
        devices = read_json(workspace / FILE)["devices"].items()
    except (OSError, *MALFORMED):
        return {}
    found: dict[str, dict[str, NetworkTiming]] = {}
    for device, networks in devices:
        for network, record in networks.items() if isinstance(networks, dict) else ():
            try:
                found.setdefault(device, {})[network] = NetworkTiming.from_json(network, record)
            except MALFORMED:
                continue
    return found


def write_timings(workspace: Path, device: str, timings: Sequence[NetworkTiming]) -> Path:
    """Store measurements in a workspace; they replace earlier ones of the same device and networks.

    Raises:
        OSError: the workspace can't be written.
    """
    known = read_timings(workspace)
    known.setdefault(device, {}).update({timing.network: timing for timing in timings})
    workspace.mkdir(parents=True, exist_ok=True)
    path = workspace / FILE
    devices = {
        name: {network: timing.to_json() for network, timing in networks.items()} for name, networks in known.items()
    }
    write_json(path, {"format": _FORMAT, "devices": devices})
    return path
