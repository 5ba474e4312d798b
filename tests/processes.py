"""What runs beneath a process, and whether it still does."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil


def children_of(process: int | None) -> list[int]:
    """Return the processes that a process started."""
    return [int(pid) for pid in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


def is_there(process: int | None) -> bool:
    """Tell whether a process has not ended; one that is only not waited for has."""
    try:
        stat = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


@contextmanager
def working_on(events: Path) -> Iterator[tuple[int, float]]:
    """Run a process that looks as if it did a job whose events it writes; give its number and when it began."""
    command = [sys.executable, "-c", "input()", "--events", str(events)]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        try:
            yield process.pid, psutil.Process(process.pid).create_time()
        finally:
            process.kill()
