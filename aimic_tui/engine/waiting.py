"""Waiting for a while, also where the clock can't be right.

`time.sleep` and the timeouts of `threading` name the moment at which to wake, and the system refuses a moment before
its own beginning: with a clock at 1970 they fail, or don't wait at all. `select` is told how long.
"""

from __future__ import annotations

import select
import threading
import time

_LOOK = 0.1  # seconds between two looks at an event


def pause(seconds: float) -> None:
    """Do nothing for so many seconds."""
    select.select([], [], [], max(0.0, seconds))


def happened(event: threading.Event, seconds: float) -> bool:
    """Wait for an event, at most so many seconds; return whether it happened."""
    until = time.monotonic() + seconds
    while not event.is_set() and (left := until - time.monotonic()) > 0:
        pause(min(left, _LOOK))
    return event.is_set()
