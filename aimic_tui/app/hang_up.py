"""Leaving when the terminal is gone: a window that was closed, a connection that broke."""

from __future__ import annotations

import os
import select
import signal
import threading


def leave_with_terminal(terminal: int) -> None:
    """End this process as soon as its terminal is gone, as the signal for that does.

    The kernel sends SIGHUP to the leader of the terminal's session only. A leader that waits for its children (`make`,
    a script) doesn't pass it on, and the app would run on alone, taking a whole processor to read from a terminal that
    is gone.

    Args:
        terminal: its file descriptor; nothing is watched where it is not a terminal.
    """
    if os.isatty(terminal):
        threading.Thread(target=_watch, args=(terminal,), name="terminal", daemon=True).start()


def _watch(terminal: int) -> None:
    poll = select.poll()
    poll.register(terminal, 0)  # the end of a terminal is reported without being asked for
    for _, event in poll.poll():
        if event & (select.POLLHUP | select.POLLERR):
            os.kill(os.getpid(), signal.SIGHUP)
