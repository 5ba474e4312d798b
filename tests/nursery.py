"""Starts what the program starts - schedulers and workers - without importing torch anew for each.

It loads everything once; a process is then a fork of it that runs the same `main` with the same arguments, pipes,
environment and session as the command would. All that is spared is the seconds of importing, which dozens of kills
would cost dozens of times over. `tests/forking.py` talks to it, an object of JSON a line:
`{"spawn": [COMMAND ...], "log": FILE, "cwd": FOLDER, "environment": {...}}` is answered with `{"pid": N}`, and
`{"poll": N}` with `{"code": C}`, null while the process lives.
"""

from __future__ import annotations

import importlib
import json
import os
import select
import signal
import subprocess
import sys
import time
import types
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

import timm  # noqa: F401
import torchvision  # noqa: F401

import aimic_tui.cli
import aimic_tui.commands.report
import aimic_tui.engine.evaluation.build_results
import aimic_tui.engine.runs.work.scheduler
import aimic_tui.engine.runs.work.worker
import aimic_tui.engine.study.scheduler
import aimic_tui.engine.training.trial
from aimic_tui.engine.runs import detached
from aimic_tui.engine.runs.work import report_at_end as closing
from aimic_tui.engine.runs.work import worker_process

HANDLED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Forked:
    """What `subprocess.Popen` is for a command of `python_command`."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        stdin: int | None = None,
        stdout: int | IO[bytes] | None = None,
        stderr: int | IO[bytes] | None = None,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        start_new_session: bool = False,
    ) -> None:
        self.stdin: IO[bytes] | None = None
        self.stdout: IO[bytes] | None = None
        self.stderr: IO[bytes] | None = None
        self._code: int | None = None
        theirs = {}
        if stdin == subprocess.PIPE:
            theirs[0], ours = os.pipe()
            self.stdin = os.fdopen(ours, "wb")
        else:
            theirs[0] = os.open(os.devnull, os.O_RDONLY)
        theirs[1], self.stdout = _outgoing(stdout)
        theirs[2], self.stderr = _outgoing(stderr)
        self.pid = os.fork()
        if self.pid == 0:
            with suppress(BaseException):
                os._exit(_be(command, theirs, os.environ.copy() if env is None else env, cwd, start_new_session))
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


def run(
    command: Sequence[str],
    *,
    stdin: int,
    stdout: int,
    stderr: int,
    env: Mapping[str, str],
    cwd: Path,
    timeout: float,
    check: bool,
) -> subprocess.CompletedProcess[bytes]:
    """Do what `subprocess.run` does as the run's end calls it."""
    assert not check
    process = Forked(command, stdin=stdin, stdout=stdout, stderr=stderr, env=env, cwd=cwd)
    assert process.stderr is not None
    said = process.stderr.read()
    return subprocess.CompletedProcess(command, process.wait(timeout), None, said)


def _outgoing(file: int | IO[bytes] | None) -> tuple[int, IO[bytes] | None]:
    """Return the end that the process writes to, and the one to read from where it is a pipe."""
    if file == subprocess.PIPE:
        ours, theirs = os.pipe()
        return theirs, os.fdopen(ours, "rb", 0)
    if file == subprocess.DEVNULL:
        return os.open(os.devnull, os.O_WRONLY), None
    assert file is not None and not isinstance(file, int)
    return os.dup(file.fileno()), None


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
    *_, launcher, name = command[:5]
    assert launcher.endswith("run_module.py"), "programs are started otherwise now"
    arguments = list(command[5:])
    module = aimic_tui.cli if name == "aimic_tui" else importlib.import_module(name)
    try:
        return int(module.main(arguments))
    except SystemExit as exit_:
        return int(exit_.code or 0)
    except BaseException as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        return 1
    finally:
        sys.stderr.flush()


def main() -> None:
    stand_in = types.SimpleNamespace(
        Popen=Forked,
        run=run,
        PIPE=subprocess.PIPE,
        DEVNULL=subprocess.DEVNULL,
        TimeoutExpired=subprocess.TimeoutExpired,
    )
    for starter in (detached, worker_process, closing):
        assert starter.subprocess is subprocess, "processes are started elsewhere now: nothing would be forked"
        starter.subprocess = stand_in  # type: ignore[assignment]
    children: dict[int, Forked] = {}
    while True:
        if not select.select([sys.stdin], [], [], 0.1)[0]:
            for child in children.values():
                child.poll()  # none stays a zombie
            continue
        line = sys.stdin.readline()
        if not line:
            return
        asked = json.loads(line)
        if "poll" in asked:
            answer = {"code": children[asked["poll"]].poll()}
        else:
            with Path(asked["log"]).open("ab") as log:
                child = Forked(
                    asked["spawn"],
                    stdout=log,
                    stderr=log,
                    env={**os.environ, **asked["environment"]},
                    cwd=Path(asked["cwd"]),
                    start_new_session=True,
                )
            children[child.pid] = child
            answer = {"pid": child.pid}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
