"""Room in memory for large images that several threads decode at once: whoever finds none waits for the others.

Cells' images are small, and sixteen threads decode sixteen of them. Sixteen slides of 100 million pixels would take
more memory than most machines have. What an image needs is known from its header, before it is decoded; small ones
never wait.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from aimic_tui.engine.machine.quotas import memory_bytes

_SMALL = 8_000_000  # bytes decoded; less doesn't count
_TIMES = 3  # of an image's decoded bytes: what it takes until it is a network's input (measured: 1.9 to 3.1)


class MemoryRoom:
    """What several threads may take together.

    Args:
        total: bytes; None for half of what is free when the first large image comes.
    """

    def __init__(self, total: int | None = None) -> None:
        self._total = total
        self._used = 0
        self._changed = threading.Condition()
        self._thread = threading.local()

    @contextmanager
    def returned(self) -> Iterator[None]:
        """Give back at the end of the context what this thread took in it; outside of one nothing counts."""
        if self._held is not None:
            yield
            return
        self._thread.held = 0
        try:
            yield
        finally:
            if self._held:
                with self._changed:
                    self._used -= self._held
                    self._changed.notify_all()
            self._thread.held = None

    def take(self, decoded: int) -> None:
        """Wait until there is room for an image of so many bytes, decoded; the only one always has room.

        A thread that holds room already does not wait for more, or two could wait for each other.
        """
        held = self._held
        if held is None or decoded < _SMALL:
            return
        needed = _TIMES * decoded
        with self._changed:
            if self._total is None:
                there, used = memory_bytes()
                self._total = (there - used) // 2
            total = self._total
            if not held:
                self._changed.wait_for(lambda: not self._used or self._used + needed <= total)
            self._used += needed
        self._thread.held = held + needed

    @property
    def _held(self) -> int | None:
        held: int | None = getattr(self._thread, "held", None)
        return held


ROOM = MemoryRoom()
"""That of this process."""
