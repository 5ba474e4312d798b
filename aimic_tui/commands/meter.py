"""How far a prediction-like command is, on stderr: a line rewritten on a terminal, one every ten seconds in a pipe."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

import click

from aimic_tui import wording
from aimic_tui.engine.text import printable

if TYPE_CHECKING:
    from aimic_tui.engine.inference.predict import PredictionProgress


class ImageMeter:
    """Shows images done, images a second and the time left; `title` says of what."""

    def __init__(self, title: str = "") -> None:
        self._title = f"{printable(title)}: " if title else ""
        self._live = sys.stderr.isatty()
        self._last = time.monotonic() if not self._live else 0.0
        self._open = False

    def show(self, now: PredictionProgress) -> None:
        """Say how far it is, not too often."""
        if now.phase != "predict":
            return
        moment = time.monotonic()
        if moment - self._last < (0.2 if self._live else 10.0) and not (self._live and now.done == now.total):
            return
        self._last = moment
        rate, left = wording.rate(now.images_per_second), wording.duration(now.seconds_left)
        text = f"{self._title}{now.done:,} of {now.total:,} images, {rate}, {left} left"
        click.echo(f"\r{text}\x1b[K" if self._live else text, nl=not self._live, err=True)
        self._open = self._live

    def end(self) -> None:
        """Leave the rewritten line."""
        if self._open:
            click.echo("\r\x1b[K", nl=False, err=True)
            self._open = False
