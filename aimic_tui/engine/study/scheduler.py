"""The process that carries out a study: `python -m aimic_tui.engine.study.scheduler STUDY_FOLDER WORKSPACE`.

It goes from cell to cell, creates the runs that are missing, resumes those that are not finished, and waits for each
before it starts the next: every run has the machine for itself, and its own scheduler. Everything it knows is in
files, so that after a stop, or after its death, the same study continues where it was.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from aimic_tui.engine.errors import AimicError, InputProblem
from aimic_tui.engine.files import FileLock
from aimic_tui.engine.run_folder import RunFolder
from aimic_tui.engine.runs.control import request_stop, resume, start_scheduler
from aimic_tui.engine.runs.prepare.creation import create_run
from aimic_tui.engine.runs.status import read_status
from aimic_tui.engine.sign_of_life import signs_of_life
from aimic_tui.engine.study.study_events import StudyEvent, append_study_event
from aimic_tui.engine.study.study_file import Cell, read_study
from aimic_tui.engine.study.study_folder import CellRuns, StudyFolder, StudyRun, runs_of_cell
from aimic_tui.engine.text import one_line, plural
from aimic_tui.engine.waiting import pause
from aimic_tui.engine.workspace_folder import Workspace

_POLL_INTERVAL = 0.5  # seconds


class _Stopped(Exception):
    """A stop of the study was requested, or somebody stopped its current run."""


class StudyScheduler:
    """Carries out a study.

    Args:
        folder: the study's; its study.toml says what to do.
        workspace: where the runs are.
    """

    def __init__(self, folder: StudyFolder, workspace: Workspace) -> None:
        self._folder = folder
        self._workspace = workspace
        self._signalled = False
        self._problems: list[str] = []

    def on_signal(self, *_: object) -> None:
        """Take a signal as a request to stop."""
        self._signalled = True

    def run(self) -> bool:
        """Carry the study out; return whether every run is finished."""
        study = read_study(self._folder.study_file)
        self._report(StudyEvent("study-started", cells=len(study.cells)))
        try:
            for cell in study.cells:
                self._run_cell(cell)
        except _Stopped:
            self._report(StudyEvent("study-stopped"))
            return False
        if self._problems:
            sentence = f"{plural(len(self._problems), 'problem')}, the first: {self._problems[0]}"
            self._report(StudyEvent("study-failed", sentence=sentence))
            return False
        self._report(StudyEvent("study-finished"))
        return True

    def _run_cell(self, cell: Cell) -> None:
        """Finish a cell's runs; a problem with one cell is reported, and the others go on."""
        try:
            existing = runs_of_cell(self._workspace, self._folder.runs(), cell)
            for run, _ in existing.runs:
                self._finish_run(cell, run)
            if existing.missing:
                self._stop_if_requested(None)
                self._finish_run(cell, self._create_run(existing))
        except AimicError as problem:
            self._report_problem(cell, problem.sentence)
        except OSError as error:
            self._report_problem(cell, f"{error.strerror or error}.")

    def _create_run(self, existing: CellRuns) -> RunFolder:
        cell = existing.cell
        experiment = cell.experiment.with_values({"model.networks": list(existing.missing)})
        self._report(StudyEvent("looking-at-images", data=cell.data.name, protocol=cell.protocol))
        run = create_run(experiment, self._workspace, ["aimic", "study", self._folder.name])
        self._folder.add_run(StudyRun(cell.data.name, cell.protocol, cell.digest, existing.missing, run.name))
        return run

    def _finish_run(self, cell: Cell, run: RunFolder) -> None:
        status = read_status(run)
        if status.state == "finished":
            return
        if status.state == "queued":
            start_scheduler(run)
        elif not status.alive:
            resume(run)
        self._report(StudyEvent("run-started", data=cell.data.name, protocol=cell.protocol, run=run.name))
        while (status := read_status(run)).alive:
            self._stop_if_requested(run)
            pause(_POLL_INTERVAL)
        self._report(StudyEvent("run-over", run=run.name, state=status.state, sentence=status.reason))
        if status.state == "stopped":
            raise _Stopped
        if status.state != "finished":
            self._report_problem(cell, f"The run {run.name} is {status.state}: {status.reason}")

    def _stop_if_requested(self, run: RunFolder | None) -> None:
        """Leave where a stop is requested, after the current run, if any, has stopped."""
        if not self._signalled and not self._folder.stop_file.exists():
            return
        if run is not None:
            with suppress(InputProblem):  # it has just ended by itself
                request_stop(run)
            while read_status(run).alive:
                pause(_POLL_INTERVAL)
        raise _Stopped

    def _report_problem(self, cell: Cell, sentence: str) -> None:
        self._problems.append(f"{cell.title}: {sentence}")
        self._report(
            StudyEvent("trouble", data=cell.data.name, protocol=cell.protocol, sentence=one_line(sentence, 1000))
        )

    def _report(self, event: StudyEvent) -> None:
        with suppress(OSError):  # a full disk: the runs' schedulers wait for room by themselves
            append_study_event(self._folder.events_file, event)


def main(arguments: Sequence[str]) -> int:
    """Be the scheduler of the study whose folder and workspace are named; return the exit code."""
    folder, workspace = StudyFolder(Path(arguments[0]).absolute()), Workspace(Path(arguments[1]))
    lock = FileLock(folder.lock_file)
    if not lock.acquire():
        print("another process is at work on this study", file=sys.stderr)  # noqa: T201
        return 1
    scheduler = StudyScheduler(folder, workspace)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, scheduler.on_signal)
    folder.stop_file.unlink(missing_ok=True)
    try:
        with signs_of_life(folder.lock_file):
            return 0 if scheduler.run() else 1
    except AimicError as error:
        append_study_event(folder.events_file, StudyEvent("study-failed", sentence=error.sentence))
        return error.exit_code
    finally:
        folder.stop_file.unlink(missing_ok=True)
        lock.release()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
