"""What `aimic robustness` keeps with a run, read without any tensor."""

from __future__ import annotations

from pathlib import Path
from typing import Any

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
