"""Starting what outlives whoever starts it: the scheduler of a run, and that of a study."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import aimic_tui
from aimic_tui.engine.bounded_files import read_end
from aimic_tui.engine.errors import AimicError
from aimic_tui.engine.files import open_log
from aimic_tui.engine.python_process import python_command, python_environment
from aimic_tui.engine.system_errors import has_room, signal_words
from aimic_tui.engine.text import one_line, printable
from aimic_tui.engine.user_folders import expanded
from aimic_tui.engine.waiting import pause

_START_PATIENCE = 60.0  # seconds until the process must have taken its work; it needs less than one
_PACKAGE_PARENT = Path(aimic_tui.__file__).resolve().parent.parent


@dataclass(frozen=True)
class Work:
    """What a process is started for.

    Attributes:
        title: as sentences name it, its name not escaped: "run 20261122-cells".
        module: of this program, run with `arguments`.
        log: takes what the process says outside its events.
    """

    title: str
    module: str
    arguments: Sequence[str]
    log: Path


def start_detached(work: Work, taken: Callable[[subprocess.Popen[bytes]], bool]) -> int:
    """Start a process in a session of its own; return its number once it has taken its work.

    Args:
        taken: tells whether the process has; called repeatedly.

    Raises:
        AimicError: the process did not live long enough to take it.
    """
    environment = dict(os.environ)
    for name in ("AIMIC_WEIGHTS", "AIMIC_WORKSPACE"):
        if environment.get(name):
            environment[name] = str(expanded(environment[name]).absolute())
    with open_log(work.log) as log:
        process = subprocess.Popen(
            python_command(work.module, *work.arguments),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            cwd=_PACKAGE_PARENT,  # not the user's folder, which may be moved or unmounted
            env=python_environment(environment),
        )
    deadline = time.monotonic() + _START_PATIENCE
    while time.monotonic() < deadline:
        if taken(process):
            return process.pid
        if process.poll() is not None:
            break
        pause(0.05)
    words = read_end(work.log).strip().splitlines()
    reason = one_line(words[-1]).rstrip(".") if words else _silent_end(process.poll(), work.log.parent)
    details = f" {printable(str(work.log))} has the details." if words else ""
    raise AimicError(f"The {printable(work.title)} could not be started: {reason}.{details}")


def _silent_end(code: int | None, folder: Path) -> str:
    """Return why a process ended that could not say so itself: where the disk is full, its log is empty, too."""
    if not has_room(folder):
        return f"the disk of {printable(str(folder))} is full; make space there"
    if code is None:
        return f"its process did not begin within {_START_PATIENCE:.0f} s. The machine may be very busy"
    if code < 0:
        return f"its process was ended by {signal_words(-code)}"
    return f"its process left with exit code {code} and without a message"
