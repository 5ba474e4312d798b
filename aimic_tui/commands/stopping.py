"""Ctrl-C and a request to end, seen between two steps of the work, so that it is left in order."""

from __future__ import annotations

import signal
from types import FrameType


class StopRequest:
    """Notes the first such request from now on; a second one ends the program at once."""

    def __init__(self) -> None:
        self._asked = False
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._ask)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        if self._asked:
            raise KeyboardInterrupt
        self._asked = True

    def asked(self) -> bool:
        """Tell whether to stop."""
        return self._asked
