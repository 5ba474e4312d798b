"""What work leaves that is killed: found at the next start of the same work, and removed where its maker is dead.

A maker holds a lock in its folder, or on its file, as long as it lives. What is not locked is litter, but only after a
while: another host may not see the lock, and a maker that has just begun may not have it yet.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from aimic_tui.engine.files import FileLock, is_locked

IN_USE = "lock"  # in a folder: held by its maker
_SETTLED = 600.0  # seconds without a change after which what nobody holds is litter


@contextmanager
def temporary_folder(prefix: str) -> Iterator[Path]:
    """Make a folder among the system's temporary files while the context lasts; those of dead makers go before.

    Args:
        prefix: of its name, for one kind of work: "aimic-audit-".
    """
    with suppress(OSError):
        remove_dead(Path(tempfile.gettempdir()), prefix)
    with tempfile.TemporaryDirectory(prefix=prefix, ignore_cleanup_errors=True) as name:
        lock = FileLock(Path(name) / IN_USE)
        with suppress(OSError):  # without locks its age alone tells
            lock.acquire()
        try:
            yield Path(name)
        finally:
            lock.release()


def remove_dead(parent: Path, prefix: str) -> None:
    """Remove this user's folders in `parent` whose names begin with `prefix` and whose makers are dead.

    Raises:
        OSError: `parent` can't be listed.
    """
    with os.scandir(parent) as entries:
        found = [entry for entry in entries if entry.name.startswith(prefix)]
    for entry in found:
        with suppress(OSError):
            facts = entry.stat(follow_symlinks=False)
            old = time.time() - facts.st_mtime > _SETTLED
            own_folder = entry.is_dir(follow_symlinks=False) and facts.st_uid == os.geteuid()
            if old and own_folder and not is_locked(Path(entry.path) / IN_USE):
                shutil.rmtree(entry.path, ignore_errors=True)
