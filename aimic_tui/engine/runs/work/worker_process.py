"""The scheduler's end of a worker: its process, the trials it is handed, its reports.

The worker reads a line a trial from its stdin and leaves when that is closed; it writes a line a trial to its stdout
(messages.py). Whatever else it or its libraries print goes to a log file.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from aimic_tui.engine.files import open_log
from aimic_tui.engine.machine.devices import Slot, worker_environment
from aimic_tui.engine.python_process import python_environment
from aimic_tui.engine.run_folder import TrialKey
from aimic_tui.engine.runs.work.messages import TrialReport, assignment_line, read_report
from aimic_tui.engine.text import one_line
from aimic_tui.engine.waiting import pause

_END_PATIENCE = 5.0  # seconds that a worker has to leave by a signal
_LOOK = 0.02  # seconds between two looks whether it has left
_TAIL = 4096  # bytes of the log's end that are searched for its last line


class WorkerProcess:
    """One worker, from its start to its end.

    Args:
        slot: its device and threads.
        command: what to start; `--device cpu|cuda:0`, `--threads N` and `--ranks N` follow.
        log: gets what it prints.
    """

    def __init__(self, slot: Slot, command: Sequence[str], log: Path) -> None:
        self.slot = slot
        self.trial: TrialKey | None = None
        self.log = log
        # It sees its own GPUs only, and the first of them is then the first one that it sees.
        device = "cpu" if slot.device == "cpu" else "cuda:0"
        with open_log(log) as output:
            self._log_start = output.tell()
            self._process = subprocess.Popen(
                [*command, "--device", device, "--threads", str(slot.threads), "--ranks", str(slot.ranks)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=output,
                env=python_environment(worker_environment(slot, os.environ)),
            )
        os.set_blocking(self.output.fileno(), False)
        self._unfinished = b""

    @property
    def output(self) -> IO[bytes]:
        """The pipe to wait on."""
        assert self._process.stdout is not None
        return self._process.stdout

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    def assign(self, trial: TrialKey) -> None:
        """Hand it a trial. A worker that is already dead is handled as one that died with the trial."""
        self.trial = trial
        try:
            assert self._process.stdin is not None
            self._process.stdin.write(assignment_line(trial))
            self._process.stdin.flush()
        except (BrokenPipeError, ValueError):
            pass

    def reports(self) -> list[TrialReport]:
        """Return its reports since the last call, without waiting."""
        while chunk := self._read():
            self._unfinished += chunk
        *lines, self._unfinished = self._unfinished.split(b"\n")
        return [report for line in lines if (report := read_report(line))]

    def _read(self) -> bytes:
        try:
            return os.read(self.output.fileno(), 1 << 16)
        except (BlockingIOError, ValueError):
            return b""

    def exit_code(self) -> int | None:
        """Return its exit code (negative: the signal that ended it), None while it lives."""
        return self._process.poll()

    def last_log_line(self) -> str:
        """Return the last line that this process wrote to its log, "" where there is none."""
        try:
            with self.log.open("rb") as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(max(self._log_start, size - _TAIL))
                lines = file.read().decode("utf-8", "replace").split("\n")
        except OSError:
            return ""
        return next((one_line(line) for line in reversed(lines) if line.strip()), "")

    def ask_to_stop(self) -> None:
        """Ask it to let go of its trial at the next step, where the run's folder can't hold a stop file."""
        self._process.terminate()

    def close_input(self) -> None:
        """Close its input: there is no more to do."""
        try:
            if self._process.stdin is not None:
                self._process.stdin.close()
        except BrokenPipeError:
            pass

    def end(self, patience: float) -> None:
        """Wait `patience` seconds for it to leave by itself, then end it."""
        self.close_input()
        for ask, seconds in ((self._process.terminate, patience), (self._process.kill, _END_PATIENCE)):
            until = time.monotonic() + seconds
            while self._process.poll() is None and time.monotonic() < until:
                pause(_LOOK)
            if self._process.poll() is None:
                ask()
        self._process.wait()
        self.output.close()
