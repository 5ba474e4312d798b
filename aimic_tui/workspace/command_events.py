"""What a command that was started with `--events` tells of itself: how far it is, and how it ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from aimic_tui.engine.errors import ErrorRecord
from aimic_tui.engine.event_log import EventReader, last_event
from aimic_tui.engine.progress import Progress

Ending = Literal["finished", "stopped", "failed"]


@dataclass(frozen=True)
class CommandEnd:
    """How a command ended.

    Attributes:
        ending: done, stopped because someone asked for it, or failed.
        error: what it gave as the reason; None where it is done.
    """

    ending: Ending
    error: ErrorRecord | None = None

    @classmethod
    def of(cls, event: Mapping[str, Any] | None) -> CommandEnd | None:
        """Read a command's last event; None where it still works, or died before it could write how it ended."""
        if event is None or event["event"] not in ("finished", "error"):
            return None
        if event["event"] == "finished":
            return cls("finished")
        error = ErrorRecord.read(event)
        return cls("stopped" if error.code == "interrupted" else "failed", error)


def command_end(events: Path) -> CommandEnd | None:
    """Return how the command that writes this file ended; None where the file does not say it."""
    return CommandEnd.of(last_event(events))


class CommandEvents:
    """Follows a command's events.

    Attributes:
        progress: its latest report; None before the first.
        end: how it ended; None while the file does not say it.
    """

    def __init__(self, events: Path) -> None:
        self.progress: Progress | None = None
        self.end: CommandEnd | None = None
        self._reader = EventReader(events, latest_only=("progress",))

    def update(self) -> list[dict[str, Any]]:
        """Read what is new, and return those of the events that are the command's own."""
        own = []
        for event in self._reader.new():
            self.end = CommandEnd.of(event)
            progress = Progress.read(event)
            self.progress = progress or self.progress
            if progress is None:
                own.append(event)
        return own
