"""What the machine, or the container that this process is in, lets it use: processors and memory."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup")
_OWN_GROUPS = Path("/proc/self/cgroup")


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
    for folder in cgroup_folders("memory"):
        for limit_name, used_name in (("memory.max", "memory.current"), ("memory.limit_in_bytes", "")):
            try:
                limit = int((folder / limit_name).read_text())
            except (OSError, ValueError):
                continue
            if limit < total:
                total = limit
                if used_name:
                    used = min(limit, _cgroup_used(folder / used_name))
    return total, min(used, total)


def cgroup_folders(controller: str) -> list[Path]:
    """Return the folders of this process's control groups, from its own to the outermost; their limits all bind.

    Where a job has no view of its own (Slurm), its limits are those of a group below the root.

    Args:
        controller: such as "pids", for systems that give each a tree of its own (cgroup v1).
    """
    groups = [(_CGROUP, ""), (_CGROUP / controller, "")]
    with contextlib.suppress(OSError, ValueError):
        for line in _OWN_GROUPS.read_text("utf-8", "surrogateescape").splitlines():
            _, controllers, path = line.split(":", 2)
            if not controllers or controller in controllers.split(","):
                groups.append((_CGROUP / controllers, path.strip("/")))
    folders: dict[Path, None] = {}
    for root, path in groups:
        own = root / path
        folders.update(dict.fromkeys([own, *own.parents][: len(Path(path).parts) + 1]))
    return list(folders)


def _cgroup_used(path: Path) -> int:
    used = int(path.read_text())
    with contextlib.suppress(OSError, ValueError):
        # Files that the kernel keeps in memory go when the memory is needed.
        for line in (path.parent / "memory.stat").read_text().splitlines():
            name, _, value = line.partition(" ")
            if name == "inactive_file":
                used -= int(value)
    return max(0, used)
