"""The progress of a long command: a bar on a terminal, a line now and then in a pipe, and events in a file.

A command takes all of it by `@shows_progress`: the option `--events`, and a `ProgressMeter` as its argument `meter`.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

import click

from aimic_tui.engine.event_log import append_event
from aimic_tui.engine.progress import Pace, Phase, Progress
from aimic_tui.engine.text import one_line, printable
from aimic_tui.wording.progress import phase_words, progress_figures
from aimic_tui.wording.signs import as_shown, ascii_only

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

_DRAW_EVERY = 0.2  # seconds between two drawings of the bar
_LINE_EVERY = 10.0  # seconds between two lines in a pipe
_EVENT_EVERY = 0.5  # seconds between two events
_BAR = 20  # columns

Command = TypeVar("Command", bound=Callable[..., Any])


def shows_progress(command: Command) -> Command:
    """Give a command the option `--events` and a meter, which also records there that the command is done."""

    @click.option(
        "--events", type=click.Path(path_type=Path), help="Append progress to this file, a JSON object a line."
    )
    @wraps(command)
    def with_meter(*arguments: Any, events: Path | None = None, **options: Any) -> Any:
        with ProgressMeter(events) as meter:
            return command(*arguments, meter=meter, **options)

    return with_meter  # type: ignore[return-value]  # click adds the option's argument


class ProgressMeter:
    """Shows on stderr how far a command is, and writes it to a file for whoever follows it.

    The events are `progress` (see `Progress.to_json`), `message` (what the command said) and, at its end, `finished`.
    A command may add its own, and `cli.py` adds `error` where it fails or is interrupted.

    Args:
        events: the file to append to, if any.
    """

    def __init__(self, events: Path | None = None) -> None:
        self._events = events
        self._title = ""
        self._answer: dict[str, Any] = {}
        self._pace = Pace()
        self._phase: Phase | None = None
        self._drawn, self._written = time.monotonic(), 0.0
        self._bar: Bar | None = None

    def __enter__(self) -> ProgressMeter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.clear()
        if error is None or (isinstance(error, click.exceptions.Exit) and error.exit_code == 0):
            self.event("finished", **self._answer)

    @property
    def on_terminal(self) -> bool:
        """Whether there is a bar, so that what comes and goes needs no line of its own."""
        return sys.stderr.isatty()

    def finish_with(self, **answer: Any) -> None:
        """Note what the event of the command's success says."""
        self._answer = answer

    def name(self, title: str) -> None:
        """Say in front of what follows which network or file it is about."""
        self._title = one_line(title, 60)

    def message(self, text: str) -> None:
        """Print a line that stays, above the bar where there is one."""
        self.clear()
        line = printable(text)
        click.echo(as_shown(line), err=True)
        self.event("message", text=text)

    def event(self, name: str, **fields: Any) -> None:
        """Append an event to the file, where there is one."""
        if self._events is not None:
            append_event(self._events, name, follow_links=True, **fields)

    def report(self, progress: Progress) -> None:
        """Take a report; it is shown where the last one shown is some time ago, or where it begins or ends a phase."""
        progress = self._pace.timed(progress)
        now, turning = time.monotonic(), progress.phase != self._phase or progress.complete
        self._phase = progress.phase
        if self._events is not None and (turning or now - self._written >= _EVENT_EVERY):
            self._written = now
            self.event("progress", **progress.to_json())
        if self.on_terminal:
            if turning or now - self._drawn >= _DRAW_EVERY:
                self._drawn = now
                self._draw(progress)
        elif now - self._drawn >= _LINE_EVERY:
            self._drawn = now
            click.echo(": ".join(part for part in (self._doing(), progress_figures(progress)) if part), err=True)

    def clear(self) -> None:
        """Take the bar off the terminal; the next report draws it again."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def _doing(self) -> str:
        doing = phase_words(self._phase) if self._phase else ""
        return f"{self._title}: {doing}" if self._title else doing

    def _draw(self, progress: Progress) -> None:
        words = self._doing(), progress_figures(progress)
        doing, figures = map(as_shown, words)
        if self._bar is None:
            self._bar = _new_bar()
            self._bar.add_task(doing, total=progress.total or None, completed=progress.done, figures=figures)  # type: ignore[arg-type]  # shares too
            self._bar.start()
            return
        task = self._bar.task_ids[0]
        self._bar.update(
            task, description=doing, total=progress.total or None, completed=progress.done, figures=figures
        )
        self._bar.refresh()


def _new_bar() -> Bar:
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as Bar
    from rich.table import Column

    class Terminal(Console):
        """Rich draws a bar of ASCII where the terminal's encoding is none of Unicode."""

        @property
        def encoding(self) -> str:
            return "ascii" if ascii_only() else super().encoding

    def text(pattern: str) -> TextColumn:  # names from outside are no markup
        return TextColumn(pattern, markup=False, table_column=Column(no_wrap=True, overflow="crop"))

    columns = text("{task.description}"), BarColumn(_BAR), text("{task.fields[figures]}")
    terminal = Terminal(stderr=True, highlight=False, markup=False, emoji=False)
    return Bar(*columns, console=terminal, transient=True, auto_refresh=False, redirect_stdout=False)
