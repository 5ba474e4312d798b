"""A command in a process of its own, followed to its end by what waits for its answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aimic_tui.engine.errors import ErrorRecord
from aimic_tui.engine.litter import temporary_folder
from aimic_tui.engine.progress import ReportProgress, no_report
from aimic_tui.workspace.command_events import CommandEvents
from aimic_tui.workspace.processes import Outcome, command_line, start_command

_LOOK_EVERY = 0.3  # seconds


@dataclass(frozen=True)
class Answer:
    """What a followed command answered.

    Attributes:
        text: what it wrote on stdout.
        error: what went wrong; None where it left with exit code 0.
    """

    text: str
    error: ErrorRecord | None = None


async def follow_command(
    workspace: Path,
    command: str,
    *arguments: str,
    report: ReportProgress = no_report,
    on_event: Callable[[dict[str, Any]], None] = lambda _: None,
) -> Answer:
    """Run a command that has `--events` to its end without blocking the app; cancelled, the process is ended.

    Args:
        workspace: the command's.
        command: its name.
        arguments: what follows it.
        report: hears a few times a second how far it is.
        on_event: hears the command's other events, each once and in order.

    Raises:
        OSError: the process could not be started.
    """
    with temporary_folder(f"aimic-{command}-") as folder:
        stdout, stderr, file = (Path(folder) / name for name in ("answer", "log.txt", "events.jsonl"))
        line = command_line(workspace, command, f"--events={file}", *arguments)
        process, events = start_command(line, stdout, stderr), CommandEvents(file)

        async def look() -> None:
            for event in await asyncio.to_thread(events.update):
                on_event(event)
            if events.progress is not None:
                report(events.progress)

        try:
            while process.poll() is None:
                await asyncio.sleep(_LOOK_EVERY)
                await look()
        finally:
            if process.poll() is None:
                process.terminate()
        await look()
        text, words = await asyncio.to_thread(lambda: [_read(path) for path in (stdout, stderr)])
    if process.returncode == 0:
        return Answer(text)
    error = events.end.error if events.end is not None else None
    return Answer(text, error or ErrorRecord(Outcome(process.returncode, "", words).sentence))


def _read(file: Path) -> str:
    return file.read_text("utf-8", "replace")
