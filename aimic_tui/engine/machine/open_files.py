"""How many files a process may have open: as many as its user may allow it."""

from __future__ import annotations

import resource
from contextlib import suppress

_WANTED = 65_536  # far more than ever needed


def allow_open_files() -> None:
    """Raise the limit on open files, for this process and what it starts, as far as the user may, to 65,536 at most."""
    with suppress(OSError, ValueError):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = _WANTED if hard == resource.RLIM_INFINITY else min(hard, _WANTED)
        if soft != resource.RLIM_INFINITY and soft < wanted:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
