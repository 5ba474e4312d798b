"""The process that walks through a study: `python -m aimic_tui.engine.study.walker STUDY_FOLDER WORKSPACE`.

It goes from cell to cell, makes the runs that are missing, takes up those that are not finished, and waits for each
before the next: every run has the machine for itself, and its own scheduler. All that it knows is in files, so that
after its death, or a stop, the same study goes on where it was.
"""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from aimic_tui.engine.errors import AimicError, InputProblem
from aimic_tui.engine.event_log import append_event
from aimic_tui.engine.files import FileLock
from aimic_tui.engine.run_folder import RunFolder
from aimic_tui.engine.runs.control import request_stop, resume, start_scheduler
from aimic_tui.engine.runs.prepare.creation import create_run
from aimic_tui.engine.runs.status import read_status
from aimic_tui.engine.study.study_file import Cell, read_study
from aimic_tui.engine.study.study_folder import PlannedCell, RunOfStudy, StudyFolder, plan_cell
from aimic_tui.engine.text import one_line
from aimic_tui.engine.workspace_folder import Workspace

_LOOK_EVERY = 0.5  # seconds


class _Stopped(Exception):
    """The study was asked to stop, or a person stopped the run that was on."""


class Walker:
    """Carries a study out.

    Args:
        folder: the study's; its study.toml says what to do.
        workspace: where the runs are.
    """

    def __init__(self, folder: StudyFolder, workspace: Workspace) -> None:
        self._folder = folder
        self._workspace = workspace
        self._signalled = False
        self._troubles: list[str] = []

    def on_signal(self, *_: object) -> None:
        """Take a signal for a wish to stop."""
        self._signalled = True

    def run(self) -> bool:
        """Walk through the study; return whether every run is finished."""
        study = read_study(self._folder.study_file)
        self._tell("study-started", cells=len(study.cells))
        try:
            for cell in study.cells:
                self._cell(cell)
        except _Stopped:
            self._tell("study-stopped")
            return False
        if self._troubles:
            self._tell("study-failed", sentence=f"{len(self._troubles)} trouble(s), the first: {self._troubles[0]}")
            return False
        self._tell("study-finished")
        return True

    def _cell(self, cell: Cell) -> None:
        """Finish a cell's runs; what is wrong with one cell is told, and the others go on."""
        try:
            planned = plan_cell(self._workspace, self._folder.runs(), cell)
            for run, _ in planned.runs:
                self._finish(cell, run)
            if planned.missing:
                self._notice_stop(None)
                self._finish(cell, self._made(planned))
        except AimicError as problem:
            self._trouble(cell, problem.sentence)
        except OSError as error:
            self._trouble(cell, f"{error.strerror or error}.")

    def _made(self, planned: PlannedCell) -> RunFolder:
        cell = planned.cell
        experiment = cell.experiment.with_values({"model.networks": list(planned.missing)})
        self._tell("looking-at-images", data=cell.data.name, protocol=cell.protocol)
        run = create_run(experiment, self._workspace, ["aimic", "study", self._folder.name])
        self._folder.remember(RunOfStudy(cell.data.name, cell.protocol, cell.digest, planned.missing, run.name))
        return run

    def _finish(self, cell: Cell, run: RunFolder) -> None:
        status = read_status(run)
        if status.state == "finished":
            return
        if status.state == "queued":
            start_scheduler(run)
        elif not status.alive:
            resume(run)
        self._tell("run-started", data=cell.data.name, protocol=cell.protocol, run=run.name)
        while (status := read_status(run)).alive:
            self._notice_stop(run)
            time.sleep(_LOOK_EVERY)
        self._tell("run-over", run=run.name, state=status.state, sentence=status.reason)
        if status.state == "stopped":
            raise _Stopped
        if status.state != "finished":
            self._trouble(cell, f"The run {run.name} is {status.state}: {status.reason}")

    def _notice_stop(self, run: RunFolder | None) -> None:
        """Leave where a stop is asked for, after the run that is on has stopped."""
        if not self._signalled and not self._folder.stop_file.exists():
            return
        if run is not None:
            with suppress(InputProblem):  # it has just ended by itself
                request_stop(run)
            while read_status(run).alive:
                time.sleep(_LOOK_EVERY)
        raise _Stopped

    def _trouble(self, cell: Cell, sentence: str) -> None:
        self._troubles.append(f"{cell.title}: {sentence}")
        self._tell("trouble", data=cell.data.name, protocol=cell.protocol, sentence=one_line(sentence, 1000))

    def _tell(self, event: str, **fields: Any) -> None:
        with suppress(OSError):  # a full disk: the runs' schedulers wait for room by themselves
            append_event(self._folder.events_file, event, **fields)


def main(arguments: Sequence[str]) -> int:
    """Be the walker of the study whose folder and workspace are named; return the exit code."""
    folder, workspace = StudyFolder(Path(arguments[0]).absolute()), Workspace(Path(arguments[1]))
    lock = FileLock(folder.lock_file)
    if not lock.acquire():
        print("another process is at work on this study", file=sys.stderr)  # noqa: T201
        return 1
    walker = Walker(folder, workspace)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, walker.on_signal)
    folder.stop_file.unlink(missing_ok=True)
    try:
        return 0 if walker.run() else 1
    except AimicError as error:
        append_event(folder.events_file, "study-failed", sentence=error.sentence)
        return error.exit_code
    finally:
        folder.stop_file.unlink(missing_ok=True)
        lock.release()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
