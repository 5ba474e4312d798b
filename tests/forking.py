"""Real processes for tests, forked instead of started anew: see `tests/nursery.py`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import types
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from aimic_tui.engine.runs import detached

_NURSERY = Path(__file__).with_name("nursery.py")


class Nursery:
    """A process that forks what the program would start."""

    def __init__(self, process: subprocess.Popen[str], environment: Mapping[str, str]) -> None:
        self._process = process
        self._environment = environment

    @contextmanager
    def starting(self) -> Iterator[None]:
        """Have schedulers that this process starts, and all that they start, forked by the nursery."""
        stand_in = types.SimpleNamespace(Popen=self._popen, DEVNULL=subprocess.DEVNULL)
        before = detached.subprocess
        detached.subprocess = stand_in  # type: ignore[assignment]
        try:
            yield
        finally:
            detached.subprocess = before

    def ask(self, question: Mapping[str, Any]) -> dict[str, Any]:
        """Ask the nursery something; `nursery.py` has what."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer

    def _popen(
        self,
        command: Sequence[str],
        *,
        stdin: int,
        stdout: IO[bytes],
        stderr: IO[bytes],
        start_new_session: bool,
        cwd: Path,
        env: Mapping[str, str],
    ) -> _Forked:
        assert stdin == subprocess.DEVNULL and stdout is stderr and start_new_session
        environment = {**env, **self._environment}
        asked = {"spawn": list(command), "log": stdout.name, "cwd": str(cwd), "environment": environment}
        return _Forked(self, self.ask(asked)["pid"])


class _Forked:
    """What the program does with a process that it started and leaves to itself."""

    def __init__(self, nursery: Nursery, pid: int) -> None:
        self._nursery = nursery
        self.pid = pid

    def poll(self) -> int | None:
        code: int | None = self._nursery.ask({"poll": self.pid})["code"]
        return code


@contextmanager
def open_nursery(**environment: str) -> Iterator[Nursery]:
    """Open a nursery; what it forks has these variables besides those of whoever starts it."""
    environment = {"OMP_NUM_THREADS": "1", **environment}
    process = subprocess.Popen(
        [sys.executable, str(_NURSERY)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment, "PYTHONPATH": str(_NURSERY.parents[1])},
    )
    try:
        yield Nursery(process, environment)
    finally:
        process.kill()
        process.communicate()
