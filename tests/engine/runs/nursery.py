"""Starts real schedulers and workers without importing torch anew for each: `python nursery.py`.

It loads everything once; a process is then a fork of it that runs the same `main` with the same arguments, pipes,
environment and session as the command would. All that is spared is the seconds of importing, which dozens of kills
would cost dozens of times over.

It takes a line each: `start FOLDER` or `resume FOLDER`, and answers `ok` or the sentence of what is wrong.
"""

from __future__ import annotations

import importlib
import os
import signal
import subprocess
import sys
import time
import types
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import timm  # noqa: F401
import torchvision  # noqa: F401

import aimic_tui.engine.evaluation.results
import aimic_tui.engine.runs.scheduler
import aimic_tui.engine.runs.worker
import aimic_tui.engine.training.trial  # noqa: F401
from aimic_tui.engine.errors import AimicError
from aimic_tui.engine.runs import control, worker_process
from aimic_tui.engine.runs.folder import RunFolder

HANDLED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Forked:
    """What `subprocess.Popen` is for `python -m MODULE ARGUMENTS`."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        stdin: int | None = None,
        stdout: int | IO[bytes] | None = None,
        stderr: IO[bytes] | None = None,
        env: Mapping[str, str],
        cwd: Path | None = None,
        start_new_session: bool = False,
    ) -> None:
        self.stdin: IO[bytes] | None = None
        self.stdout: IO[bytes] | None = None
        self._code: int | None = None
        theirs = {}
        if stdin == subprocess.PIPE:
            theirs[0], ours = os.pipe()
            self.stdin = os.fdopen(ours, "wb")
        else:
            theirs[0] = os.open(os.devnull, os.O_RDONLY)
        if stdout == subprocess.PIPE:
            ours, theirs[1] = os.pipe()
            self.stdout = os.fdopen(ours, "rb", 0)
        else:
            theirs[1] = os.dup(_number(stdout))
        theirs[2] = os.dup(_number(stderr))
        self.pid = os.fork()
        if self.pid == 0:
            with suppress(BaseException):
                os._exit(_be(command, theirs, env, cwd, start_new_session))
            os._exit(1)
        for handle in theirs.values():
            os.close(handle)

    def poll(self) -> int | None:
        if self._code is None:
            with suppress(ChildProcessError):
                pid, status = os.waitpid(self.pid, os.WNOHANG)
                if pid:
                    self._code = os.waitstatus_to_exitcode(status)
        return self._code

    def wait(self, timeout: float | None = None) -> int:
        until = time.monotonic() + (float("inf") if timeout is None else timeout)
        while (code := self.poll()) is None:
            if time.monotonic() > until:
                raise subprocess.TimeoutExpired("forked", timeout or 0.0)
            time.sleep(0.01)
        return code

    def terminate(self) -> None:
        os.kill(self.pid, signal.SIGTERM)

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)


def _number(file: int | IO[bytes] | None) -> int:
    assert file is not None and not isinstance(file, int)
    return file.fileno()


def _be(
    command: Sequence[str], handles: Mapping[int, int], env: Mapping[str, str], cwd: Path | None, new_session: bool
) -> int:
    """Become what the command would start."""
    if new_session:
        os.setsid()
    for number in HANDLED:
        signal.signal(number, signal.SIG_DFL)
    for number, handle in handles.items():
        os.dup2(handle, number)
    os.closerange(3, 1024)  # above all the lock's: it must not be inherited
    os.environ.clear()
    os.environ.update(env)
    if cwd is not None:
        os.chdir(cwd)
    sys.stdin, sys.stdout, sys.stderr = (
        open(number, mode, closefd=False)  # noqa: SIM115
        for number, mode in enumerate("rww")
    )
    module = importlib.import_module(command[2])
    try:
        return int(module.main(command[3:]))
    except SystemExit as exit_:
        return int(exit_.code or 0)
    except BaseException as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        return 1
    finally:
        sys.stderr.flush()


def main() -> None:
    names: dict[str, Any] = {"Popen": Forked}
    names |= {name: getattr(subprocess, name) for name in ("PIPE", "DEVNULL", "TimeoutExpired")}
    stand_in = types.SimpleNamespace(**names)
    control.subprocess = worker_process.subprocess = stand_in  # type: ignore[attr-defined]
    actions = {"start": control.start_scheduler, "resume": control.resume}
    for line in sys.stdin:
        action, _, folder = line.strip().partition(" ")
        try:
            actions[action](RunFolder(Path(folder)))
            answer = "ok"
        except AimicError as error:
            answer = error.sentence
        sys.stdout.write(answer + "\n")
        sys.stdout.flush()
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass


if __name__ == "__main__":
    main()
