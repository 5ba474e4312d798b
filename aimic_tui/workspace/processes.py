"""Heavy work as processes of their own: the command a user could type, followed from the app.

Nothing of torch or scikit-learn enters the app's process, and nothing here dies with the app's terminal.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from aimic_tui.engine.errors import ErrorRecord
from aimic_tui.engine.files import open_log
from aimic_tui.engine.python_process import python_command, python_environment
from aimic_tui.engine.text import one_line

PROGRAM = tuple(python_command("aimic_tui"))


@dataclass(frozen=True)
class Outcome:
    """How a command ended: its exit code and what it wrote."""

    code: int
    stdout: str
    stderr: str

    @property
    def error(self) -> ErrorRecord:
        """What went wrong, as a command that is called with `--json` answers it; else from what it wrote on stderr."""
        try:
            answer = json.loads(self.stdout.strip().splitlines()[-1])
            return ErrorRecord.read(answer["error"])
        except (ValueError, IndexError, KeyError, TypeError, AttributeError):
            return ErrorRecord(self.sentence)

    @property
    def sentence(self) -> str:
        """What the command complained of, as one printable line without the program's name in front."""
        lines = [line for line in self.stderr.splitlines() if line.startswith("aimic: ")]
        said = lines[-1].removeprefix("aimic: ") if lines else (self.stderr.strip().splitlines() or [""])[-1]
        return one_line(said) or f"The command ended with exit code {self.code} and no message."


def command_line(workspace: Path, *arguments: str) -> list[str]:
    """Return what to start for `aimic --workspace WORKSPACE ARGUMENTS...`."""
    return [*PROGRAM, "--workspace", str(workspace), *arguments]


async def run_command(arguments: Sequence[str], *, environment: dict[str, str] | None = None) -> Outcome:
    """Run a program to its end without blocking the app, and return what it wrote.

    When the awaiting task is cancelled (the user left the place), the program is ended too.

    Args:
        arguments: the program and its arguments, as from `command_line`.
        environment: variables on top of this process's own.
    """
    process = await asyncio.create_subprocess_exec(
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
        env=_environment(environment),
    )
    try:
        stdout, stderr = await process.communicate()
    except asyncio.CancelledError:
        if process.returncode is None:
            process.terminate()
        raise
    return Outcome(process.returncode or 0, stdout.decode("utf-8", "replace"), stderr.decode("utf-8", "replace"))


def start_command(
    arguments: Sequence[str], stdout: Path, stderr: Path, *, environment: dict[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """Start a program that may outlive the app: in a session of its own, writing to files, never to a pipe.

    Args:
        arguments: the program and its arguments, as from `command_line`.
        stdout: the file that takes its output; what it held is replaced.
        stderr: the file that takes its diagnostics; may be the same as `stdout`.
        environment: variables on top of this process's own.

    Returns:
        The process, to poll or to terminate.

    Raises:
        OSError: a file can't be written or the program can't be started.
    """
    with open_log(stdout, "wb") as output:
        errors: IO[Any] | int
        errors = subprocess.STDOUT if stderr == stdout else open_log(stderr, "wb")
        try:
            return subprocess.Popen(
                list(arguments),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=errors,
                start_new_session=True,
                env=_environment(environment),
            )
        finally:
            if not isinstance(errors, int):
                errors.close()


def _environment(extra: dict[str, str] | None) -> dict[str, str]:
    # The app's own switches must not colour or slow what it starts.
    own = {name: value for name, value in os.environ.items() if not name.startswith("TEXTUAL")}
    return python_environment({**own, "PYTHONUNBUFFERED": "1", **(extra or {})})
