"""Commands that try the first trial of an experiment that is not saved yet."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from aimic_tui.engine.errors import AimicError, ErrorRecord
from aimic_tui.engine.experiment import Experiment
from aimic_tui.engine.files import write_atomically
from aimic_tui.engine.litter import temporary_folder
from aimic_tui.engine.progress import ReportProgress
from aimic_tui.workspace.followed_command import follow_command


class CommandRefused(AimicError):
    """A command that the app started gave an error."""

    def __init__(self, error: ErrorRecord) -> None:
        super().__init__(error.sentence, key=error.key, retry=error.retry, code=error.code, problems=error.problems)


async def run_trial_command(
    workspace: Path,
    experiment: Experiment,
    command: str,
    *options: str,
    report: ReportProgress,
    on_event: Callable[[dict[str, Any]], None] = lambda _: None,
) -> str:
    """Run `aimic COMMAND EXPERIMENT --json` to its end; where the awaiting task is cancelled, end it.

    Args:
        workspace: the folder of the app's workspace.
        command: its name; `options` follow the experiment.
        report: called with its progress.
        on_event: called with each of its other events.

    Returns:
        The command's answer, a JSON object.

    Raises:
        CommandRefused: the command gave an error.
        OSError: the process could not be started.
    """
    with temporary_folder(f"aimic-{command}-") as folder:
        file = Path(folder) / "experiment.toml"
        await asyncio.to_thread(write_atomically, file, experiment.to_toml())
        arguments = (str(file), *options, "--json")
        answer = await follow_command(workspace, command, *arguments, report=report, on_event=on_event)
    if answer.error is not None:
        raise CommandRefused(answer.error)
    return answer.text
