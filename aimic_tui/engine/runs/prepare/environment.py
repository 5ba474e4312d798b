"""What a run ran on, written down beside it: versions, devices, host, command line. Imports nothing heavy."""

from __future__ import annotations

import os
import platform
import socket
import subprocess
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import Any

import aimic_tui
from aimic_tui.engine.bounded_files import read_json
from aimic_tui.engine.event_log import now
from aimic_tui.engine.files import write_json
from aimic_tui.engine.machine.devices import Slot
from aimic_tui.engine.machine.gpus import driver_version, usable_gpus
from aimic_tui.engine.machine.quotas import available_processors
from aimic_tui.engine.run_folder import RunFolder
from aimic_tui.engine.typed_values import MALFORMED, items, mapping, text, whole

_PACKAGES = ("torch", "torchvision", "timm", "numpy", "pillow", "scikit-learn", "safetensors", "tifffile", "textual")
_PACKAGE_PARENT = Path(aimic_tui.__file__).resolve().parent.parent


def describe_environment(command_line: Sequence[str]) -> dict[str, Any]:
    """Return what `environment.json` holds."""
    return {
        "created": now().isoformat(timespec="seconds"),
        "aimic": aimic_tui.__version__,
        "git_commit": _git_commit(),
        "python": platform.python_version(),
        "versions": {name: version for name in _PACKAGES if (version := _version(name))},
        "system": platform.platform(),
        "host": socket.gethostname(),
        "processors": available_processors(),
        "devices": [{"device": f"cuda:{gpu.number}", "name": gpu.name, "memory": gpu.memory} for gpu in usable_gpus()],
        "driver": driver_version(),
        "command_line": list(command_line),
        "working_folder": os.getcwd(),  # noqa: PTH109 - may be gone, and Path.cwd() says no more
    }


def read_environment(folder: RunFolder) -> dict[str, Any]:
    """Return what a run's `environment.json` says; without what can't be read, or is of another type than it should be.

    It says on what the run was computed, and nothing is computed from it, so that a damaged one takes no report down.
    """
    try:
        stored = read_json(folder.environment_file)
    except (OSError, ValueError):
        return {}
    found = {}
    for key, value in stored.items():
        with suppress(*MALFORMED):
            found[key] = _TYPES[key](value) if key in _TYPES and value is not None else value
    return found


def _device(value: Any) -> dict[str, Any] | str:
    return {**value, "name": text(value["name"])} if isinstance(value, dict) else text(value)


_TYPES: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(("created", "aimic", "git_commit", "python", "system", "host", "driver", "working_folder"), text),
    **dict.fromkeys(("processors", "threads"), whole),
    "versions": lambda value: mapping(value, text),
    "devices": lambda value: list(items(value, _device)),
    "command_line": lambda value: list(items(value, text)),
}


def resolve_threads(folder: RunFolder, slots: Sequence[Slot], requested: int) -> tuple[tuple[Slot, ...], str]:
    """Keep the processor threads of a run's workers what they were at its first start, unless they are set.

    On a processor the number of threads affects the last digits of every sum, and after many steps more than those. So
    a run that continues with another number of workers, or on another machine, keeps its own number, which is stored
    in `environment.json` as `threads`.

    Args:
        requested: `compute.threads`, 0 where it is left open.

    Returns:
        The slots with their threads, and a sentence where these differ from the first start's or are more than there
        are processors, else "".
    """
    if not slots or slots[0].device != "cpu":
        return tuple(slots), ""
    environment = read_environment(folder)
    known = environment.get("threads")
    if not isinstance(known, int) or known < 1:
        with suppress(OSError):
            write_json(folder.environment_file, {**environment, "threads": slots[0].threads})
        return tuple(slots), ""
    if requested and requested != known:
        return tuple(slots), (
            f"The run started with {known} processor threads per worker and continues with {requested}, as "
            "compute.threads says. Its results may differ from those of an uninterrupted run."
        )
    there = available_processors()
    sentence = ""
    if known * len(slots) > there and known != slots[0].threads:
        sentence = (
            f"The run keeps the {known} processor threads per worker that it started with. With {there} processors "
            "here it is slower than it could be; another compute.threads would change the last digits of its results."
        )
    return tuple(replace(slot, threads=known) for slot in slots), sentence


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _git_commit() -> str | None:
    """Return the commit that the program was run from, None where it was not run from a checkout."""
    if not (_PACKAGE_PARENT / ".git").exists():
        return None
    try:
        found = subprocess.run(
            ["git", "-C", str(_PACKAGE_PARENT), "rev-parse", "HEAD"],
            capture_output=True,
            text=True,
            timeout=5,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return found.stdout.strip() or None
