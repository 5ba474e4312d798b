"""What runs beneath a process, and whether it still does."""

from __future__ import annotations

from pathlib import Path


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
