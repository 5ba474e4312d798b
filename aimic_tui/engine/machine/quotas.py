"""What the machine, or the container that this process is in, lets it use: processors and memory."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup")


def available_processors() -> int:
    """Return how many processors this process may keep busy: its affinity, and its container's quota."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with contextlib.suppress(OSError, ValueError):
        quota, period = (_CGROUP / "cpu.max").read_text(encoding="ascii").split()
        if quota != "max":
            count = min(count, max(1, round(int(quota) / int(period))))
    return count


def memory_bytes() -> tuple[int, int]:
    """Return the memory there is and the memory that is used, in bytes, as the tightest limit has it."""
    import psutil

    memory = psutil.virtual_memory()
    total, used = int(memory.total), int(memory.total - memory.available)
    for limit_name, used_name in (("memory.max", "memory.current"), ("memory/memory.limit_in_bytes", "")):
        try:
            limit = int((_CGROUP / limit_name).read_text())
        except (OSError, ValueError):
            continue
        if limit < total:
            total = limit
            if used_name:
                used = min(limit, _cgroup_used(_CGROUP / used_name))
    return total, min(used, total)


def _cgroup_used(path: Path) -> int:
    used = int(path.read_text())
    with contextlib.suppress(OSError, ValueError):
        # Files that the kernel keeps in memory go when the memory is needed.
        for line in (path.parent / "memory.stat").read_text().splitlines():
            name, _, value = line.partition(" ")
            if name == "inactive_file":
                used -= int(value)
    return max(0, used)
