"""What a process settles with the system's limits when it starts; light, since every command and the app do."""

from __future__ import annotations

import resource
import threading
from contextlib import suppress

from aimic_tui.engine.errors import AimicError
from aimic_tui.engine.system_errors import process_limit_sentence

_WANTED_FILES = 65_536  # open files; far more than ever needed


def allow_open_files() -> None:
    """Raise the limit on open files, for this process and what it starts, as far as the user may, to 65,536 at most."""
    with suppress(OSError, ValueError):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = _WANTED_FILES if hard == resource.RLIM_INFINITY else min(hard, _WANTED_FILES)
        if soft != resource.RLIM_INFINITY and soft < wanted:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def require_threads(count: int) -> None:
    """Do nothing if so many threads can run at once beside this one; they are tried.

    Raises:
        AimicError: the user or the container may not have so many.
    """
    over = threading.Event()
    threads = [threading.Thread(target=over.wait, daemon=True) for _ in range(count)]
    try:
        for thread in threads:
            thread.start()
    except RuntimeError:  # Python's error for it
        raise AimicError(process_limit_sentence()) from None
    finally:
        over.set()
        for thread in threads:
            if thread.ident is not None:
                thread.join()
