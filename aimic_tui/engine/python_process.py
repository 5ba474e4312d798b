"""How another process of this program is started: never with code from the folder that someone happens to stand in.

`python -m` puts the current folder first on the path of modules, and `python -c` does too, so that a data folder with a
`torch.py` in it would have that file run. `-P` prevents it from Python 3.11 on; a start by file does for every version.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

_LAUNCHER = Path(__file__).with_name("run_module.py")


def python_command(module: str, *arguments: str) -> list[str]:
    """Return what to start for `python -m MODULE ARGUMENTS...`, without the current folder on the path of modules.

    Text and names of files are UTF-8 in the new process, whatever the locale.
    """
    return [sys.executable, "-X", "utf8", str(_LAUNCHER), module, *arguments]


def python_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables for a process of `python_command`: those given, without what leads to the current folder.

    An empty or relative entry of PYTHONPATH would; so would what libraries start by `python -c` (multiprocessing), for
    which PYTHONSAFEPATH is set.
    """
    safe = {**environment, "PYTHONSAFEPATH": "1"}
    entries = [entry for entry in safe.pop("PYTHONPATH", "").split(os.pathsep) if os.path.isabs(entry)]  # noqa: PTH117
    if entries:
        safe["PYTHONPATH"] = os.pathsep.join(entries)
    return safe


def leave_current_folder() -> None:
    """Take the current folder off this process's path of modules, for a program started by `python -m`."""
    first, *others = sys.path
    try:
        here = os.getcwd()  # noqa: PTH109 - as Python itself wrote it there
    except OSError:  # it was deleted
        here = ""
    given = getattr(sys.flags, "safe_path", False) or first != here
    kept = [entry for entry in ([first] if given else []) + others if os.path.isabs(entry)]  # noqa: PTH117
    package_parent = str(Path(__file__).resolve().parent.parent.parent)
    if package_parent not in kept:
        kept.append(package_parent)  # a checkout that is not installed
    sys.path[:] = kept
    os.environ["PYTHONSAFEPATH"] = "1"
