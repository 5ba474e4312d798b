"""How far a prediction-like command is: on stderr, a line rewritten on a terminal or one every ten seconds in a pipe,
and in a file of events for whoever follows it.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from aimic_tui.engine.event_log import append_event
from aimic_tui.engine.text import printable
from aimic_tui.wording import numbers, times

if TYPE_CHECKING:
    from aimic_tui.engine.inference.predict import PredictionProgress

_EVENT_EVERY = 0.5  # seconds


class ImageMeter:
    """Shows images done, images a second and the time left; `title` says of what, `events` is the file, if any."""

    def __init__(self, title: str = "", events: Path | None = None) -> None:
        self._title = f"{printable(title)}: " if title else ""
        self._events = events
        self._live = sys.stderr.isatty()
        self._last = time.monotonic() if not self._live else 0.0
        self._last_event = 0.0
        self._open = False

    def event(self, name: str, **fields: Any) -> None:
        """Append an event to the file, where there is one."""
        if self._events:
            append_event(self._events, name, **fields)

    def say(self, words: str, event: str, **fields: Any) -> None:
        """Say what comes now, in a line of its own and as an event."""
        self.end()
        click.echo(printable(words), err=True)
        self.event(event, **fields)

    def show(self, now: PredictionProgress) -> None:
        """Say how far it is, not too often."""
        if now.phase == "load":
            return
        if now.phase == "judge" and not now.done:
            self.say("making the figures", "judging")
            return
        moment, last = time.monotonic(), now.done == now.total
        if self._events and (moment - self._last_event >= _EVENT_EVERY or last):
            self._last_event = moment
            figures = {"resamples": now.done, "of": now.total}
            images = {"done": now.done, "total": now.total, "images_per_second": now.images_per_second}
            name, fields = ("judging", figures) if now.phase == "judge" else ("progress", images)
            self.event(name, **fields, seconds_left=now.seconds_left)
        if moment - self._last < (0.2 if self._live else 10.0) and not (self._live and last):
            return
        self._last = moment
        rate, left = numbers.rate(now.images_per_second), times.duration(now.seconds_left)
        unit = "resamples" if now.phase == "judge" else f"images, {rate}"
        text = f"{self._title}{now.done:,} of {now.total:,} {unit}, {left} left"
        click.echo(f"\r{text}\x1b[K" if self._live else text, nl=not self._live, err=True)
        self._open = self._live

    def end(self) -> None:
        """Leave the rewritten line."""
        if self._open:
            click.echo("\r\x1b[K", nl=False, err=True)
            self._open = False
