"""What a run ran on, written down beside it: versions, devices, host, command line. Imports nothing heavy."""

from __future__ import annotations

import os
import platform
import socket
import subprocess
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import aimic_tui
from aimic_tui.engine.runs.devices import gpus
from aimic_tui.engine.runs.events import now
from aimic_tui.engine.runs.limits import available_processors

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
        "devices": [{"device": f"cuda:{gpu.number}", "name": gpu.name, "memory": gpu.memory} for gpu in gpus()],
        "driver": _driver_version(),
        "command_line": list(command_line),
        "working_folder": os.getcwd(),  # noqa: PTH109 - may be gone, and Path.cwd() says no more
    }


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


def _driver_version() -> str | None:
    try:
        import pynvml

        pynvml.nvmlInit()
    except (ImportError, OSError):
        return None
    except pynvml.NVMLError:
        return None
    try:
        return str(pynvml.nvmlSystemGetDriverVersion())
    except pynvml.NVMLError:
        return None
    finally:
        pynvml.nvmlShutdown()
