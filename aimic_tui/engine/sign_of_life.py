"""Whether a process on another host is at work, where a lock holds only on the host that took it.

Some mounts that several hosts share (NFS with local locks, Lustre with `localflock`, FUSE) let every host take the same
lock. So whoever holds the lock of a run or a study for long also writes into its lock file who it is, again and again:
the host's name, and the number that its system drew at its start. A host with the same number shares our locks, and the
lock alone is the truth; a file of another host that was renewed lately means that someone there is at work.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from aimic_tui.engine.bounded_files import DamagedFile, open_regular
from aimic_tui.engine.files import open_unlinked
from aimic_tui.engine.waiting import happened

RECENT = 180.0  # seconds; clocks of hosts differ, and network mounts show a file's time late
_EVERY = 10.0  # seconds
_BOOT = Path("/proc/sys/kernel/random/boot_id")
_LONGEST = 400  # bytes of what is read


@dataclass(frozen=True)
class LifeElsewhere:
    """A process on another host that gave a sign of life.

    Attributes:
        host: its name.
        seconds: how long ago, by this host's clock.
    """

    host: str
    seconds: float


@contextmanager
def signs_of_life(lock_file: Path) -> Iterator[None]:
    """Give signs of life in a lock file that this process holds, while the context lasts."""
    over = threading.Event()
    sign = f"{socket.gethostname()} {_system_number()}\n".encode()

    def give() -> None:
        while True:
            with suppress(OSError):  # a full disk, or one that is gone for a while
                _write(lock_file, sign)
            if happened(over, _EVERY):
                return

    thread = threading.Thread(target=give, name="sign of life", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        with suppress(OSError):
            _write(lock_file, b"")


def life_elsewhere(lock_file: Path) -> LifeElsewhere | None:
    """Return who is at work on another host, as far as its signs of life tell; None where nobody is."""
    try:
        with open_regular(lock_file) as file:
            words = file.read(_LONGEST).decode("utf-8", "replace").split()
            seconds = time.time() - os.fstat(file.fileno()).st_mtime
    except (OSError, DamagedFile):  # none, or a pipe in its place
        return None
    if len(words) != 2 or words[0] == socket.gethostname() or words[1] == _system_number():
        return None
    return LifeElsewhere(words[0], max(0.0, seconds)) if abs(seconds) < RECENT else None


def _write(lock_file: Path, content: bytes) -> None:
    handle = open_unlinked(lock_file, os.O_WRONLY)
    try:
        os.pwrite(handle, content, 0)  # the same bytes again: the file's time is what changes
        os.ftruncate(handle, len(content))
    finally:
        os.close(handle)


def _system_number() -> str:
    """Return the number that this system drew when it started; the same in all of its containers."""
    try:
        return _BOOT.read_text("ascii").strip() or "-"
    except (OSError, ValueError):  # not Linux: hosts differ by their names alone
        return f"unknown-{socket.gethostname()}"
