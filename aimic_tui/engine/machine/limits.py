"""What the system lets a user or a container take, beside processors and memory, and whether a run fits into it.

Limits are read where they bind: of the user (`ulimit`), and of the container (cgroup). What a run needs of them was
measured, and is asked for with room to spare.
"""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.machine.devices import Slot
from aimic_tui.engine.machine.quotas import cgroup_folders
from aimic_tui.engine.text import bytes_text, plural

_FILES = 40  # open files of a process that trains, and for each of its threads
_FILES_A_THREAD = 2
_SCHEDULER = 4  # processes and threads beside the workers: the scheduler's, those of a report
_BESIDE = 6  # of a worker, beside its processor threads and as many that decode images
_ADDRESSES = 5_000_000_000  # bytes of a worker on the processor; PyTorch alone takes 3 GB
_ADDRESSES_GPU = 40_000_000_000  # with a GPU, whose memory is mapped, too
_LARGEST_FILE = 200_000_000  # bytes of the checkpoint of a usual network
_SHARED_MEMORY = 256 << 20  # bytes of /dev/shm through which GPUs of a trial exchange gradients
_SHARED = Path("/dev/shm")


@dataclass(frozen=True)
class Limits:
    """What may be taken; None where there is no limit, or none that can be read.

    Attributes:
        open_files: by one process.
        processes: processes and threads that may still be started.
        addresses: bytes of address space of one process (`ulimit -v`).
        file_bytes: of one file (`ulimit -f`).
        shared_memory: bytes that are free in /dev/shm.
    """

    open_files: int | None = None
    processes: int | None = None
    addresses: int | None = None
    file_bytes: int | None = None
    shared_memory: int | None = None


def read_limits() -> Limits:
    """Read the limits of this process."""
    shared = None
    with suppress(OSError):
        facts = os.statvfs(_SHARED)
        shared = facts.f_bavail * facts.f_frsize
    return Limits(
        open_files=_soft(resource.RLIMIT_NOFILE),
        processes=_startable(),
        addresses=_soft(resource.RLIMIT_AS),
        file_bytes=_soft(resource.RLIMIT_FSIZE),
        shared_memory=shared,
    )


def shortages(limits: Limits, slots: Sequence[Slot]) -> Iterator[str]:
    """Say which limits are too small for a run on these slots, and what helps; nothing where it fits.

    Args:
        slots: its workers.
    """
    threads = max(slot.threads for slot in slots)
    ranks = sum(slot.ranks for slot in slots)
    files = _FILES + _FILES_A_THREAD * threads
    processes = _SCHEDULER + ranks * (2 * threads + _BESIDE)
    on_gpu = any(slot.device != "cpu" for slot in slots)
    addresses = _ADDRESSES_GPU if on_gpu else _ADDRESSES
    if limits.open_files is not None and limits.open_files < files:
        yield (
            f"A process may have only {plural(limits.open_files, 'file')} open here, and one that trains needs about "
            f"{files}. Raise the limit (`ulimit -n {_FILES * 10}`), or have it raised."
        )
    if limits.processes is not None and limits.processes < processes:
        yield (
            f"Only {plural(limits.processes, 'process', 'processes')} or threads more may be started here, and this "
            f"run needs about {processes}. Set compute.workers or compute.threads to less, end other programs, or have "
            "the limit raised (`ulimit -u`, or the container's pids.max)."
        )
    if limits.addresses is not None and limits.addresses < addresses:
        yield (
            f"A process may have only {bytes_text(limits.addresses)} of address space here (`ulimit -v`), and training "
            f"needs about {bytes_text(addresses)}, most of it never used. Set `ulimit -v unlimited`, and limit memory "
            "by a container or a job instead."
        )
    if limits.file_bytes is not None and limits.file_bytes < _LARGEST_FILE:
        yield (
            f"A file may have only {bytes_text(limits.file_bytes)} here (`ulimit -f`), and the checkpoint of a usual "
            f"network takes {bytes_text(_LARGEST_FILE)}. Raise the limit."
        )
    shared = any(slot.ranks > 1 for slot in slots) and on_gpu
    if shared and limits.shared_memory is not None and limits.shared_memory < _SHARED_MEMORY:
        yield (
            f"{_SHARED} has only {bytes_text(limits.shared_memory)} free, through which the GPUs of a trial exchange "
            "gradients. Start the container with more (`--shm-size=1g`), or set compute.data_parallel = off."
        )


def require_limits(slots: Sequence[Slot]) -> None:
    """Do nothing if this system's limits leave room for a run on these slots.

    Raises:
        InputProblem: one does not, for `compute.workers`.
    """
    if sentences := list(shortages(read_limits(), slots)):
        raise InputProblem("\n".join(sentences), key="compute.workers")


def _soft(kind: int) -> int | None:
    soft, _ = resource.getrlimit(kind)
    return None if soft == resource.RLIM_INFINITY else soft


def _startable() -> int | None:
    """Return how many more processes and threads may be started, by the tightest of the limits."""
    left = []
    for folder in cgroup_folders("pids"):
        with suppress(OSError, ValueError):  # no limit is the word `max`
            left.append(int((folder / "pids.max").read_text()) - int((folder / "pids.current").read_text()))
    limit = _soft(resource.RLIMIT_NPROC)
    if limit is not None and os.geteuid() != 0:  # the system does not count root's
        left.append(limit - _threads_of_user())
    return max(0, min(left)) if left else None


def _threads_of_user() -> int:
    import psutil

    count = 0
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.uids().real == os.getuid():
                count += process.num_threads()
    return count
