"""Following a run to its end, as `train`, `resume`, `study` and `watch --plain` do."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from types import FrameType

from aimic_tui.commands.progress import ProgressMeter
from aimic_tui.engine.errors import AimicError, InputProblem, Interrupted
from aimic_tui.engine.files import is_locked
from aimic_tui.engine.formatting import numbers
from aimic_tui.engine.progress import Progress
from aimic_tui.engine.proposed_command import run_command
from aimic_tui.engine.run_folder import RunFolder
from aimic_tui.engine.runs.control import request_stop
from aimic_tui.engine.runs.follow.log_lines import LogLine
from aimic_tui.engine.runs.follow.snapshot import RunFollower, RunSnapshot, TrialSnapshot
from aimic_tui.engine.runs.status import RunStatus
from aimic_tui.engine.text import plural, printable
from aimic_tui.engine.waiting import pause
from aimic_tui.wording import signs

_POLL_INTERVAL = 0.5  # seconds
OVER = ("finished", "failed", "stopped", "interrupted")
# Worth a line in the scroll-back; everything else is in the progress bar.
_SHOWN_BESIDE_A_BAR = ("trial-finished", "trial-failed", "worker-died", "warning", "error", "run-stopping")
_LEFT_OUT_BESIDE_PROGRESS = ("epoch", "weights", "trial-assigned", "run-created")


class Follower:
    """Shows a run until it is over.

    Args:
        folder: the run.
        meter: shows the progress of the run, and rare events as lines; None prints all events on stdout instead.
        stop_on_interrupt: whether Ctrl-C stops the run (it was started here) or only ends the following.
    """

    def __init__(self, folder: RunFolder, meter: ProgressMeter | None, *, stop_on_interrupt: bool) -> None:
        self._folder = folder
        self._meter = meter
        self._stop_on_interrupt = stop_on_interrupt
        self._interrupts = 0
        self._seen: LogLine | None = None

    def follow(self, *, from_now: bool = False) -> RunStatus:
        """Follow the run to its end and return its status.

        Args:
            from_now: leave out earlier events.

        Raises:
            Interrupted: by Ctrl-C; the sentence says what happens to the run.
        """
        before = signal.signal(signal.SIGINT, self._on_interrupt)
        try:
            return self._follow(from_now)
        finally:
            signal.signal(signal.SIGINT, before)
            if self._meter is not None:
                self._meter.clear()

    def _on_interrupt(self, number: int, frame: FrameType | None) -> None:
        self._interrupts += 1

    def _follow(self, from_now: bool) -> RunStatus:
        follower = RunFollower(self._folder)
        stop_requested = False
        if from_now:
            log = follower.snapshot().log
            self._seen = log[-1] if log else None
        while True:
            snapshot = follower.snapshot()
            self._show(snapshot)
            status = snapshot.status
            if status.state in OVER:
                if stop_requested and status.state != "finished":
                    raise Interrupted(f"{_status_text(status)} {run_command('resume', self._folder)} continues it.")
                self._wait_for_report(status)
                return status
            if status.state == "queued":
                raise InputProblem(
                    f"The run {printable(self._folder.name)} was created but not started. "
                    f"{run_command('resume', self._folder)} starts it."
                )
            if self._interrupts and not stop_requested:
                stop_requested = True
                self._request_stop()
            elif self._interrupts > 1:
                watch, resume = run_command("watch", self._folder), run_command("resume", self._folder)
                raise Interrupted(
                    "Not waiting any longer; the run stops at its next step. "
                    f"{watch} follows it, {resume} continues it."
                )
            pause(_POLL_INTERVAL)

    def _wait_for_report(self, status: RunStatus) -> None:
        """A finished run holds its lock until its report is written."""
        if status.state != "finished" or not is_locked(self._folder.lock_file):
            return
        self._print("writing the report; press Ctrl-C to leave without waiting")
        before = self._interrupts
        while self._interrupts == before and is_locked(self._folder.lock_file):
            pause(_POLL_INTERVAL)

    def _request_stop(self) -> None:
        if not self._stop_on_interrupt:
            raise Interrupted(f"The run continues; {run_command('stop', self._folder)} stops it.")
        try:
            request_stop(self._folder)
        except InputProblem:
            return  # it has just ended by itself
        self._print(
            "stopping: the trials under way keep their checkpoints. Press Ctrl-C again to leave without waiting."
        )

    # --- what is shown ----------------------------------------------------------------------------------------------

    def _show(self, snapshot: RunSnapshot) -> None:
        for line in self._new_lines(snapshot.log):
            if self._is_worth_a_line(line):
                self._print(_log_text(line))
        if self._meter is not None and snapshot.status.alive:
            self._meter.report(_progress_of(snapshot))

    def _new_lines(self, log: Sequence[LogLine]) -> Sequence[LogLine]:
        start = 0
        if self._seen is not None:
            start = next((index + 1 for index in range(len(log) - 1, -1, -1) if log[index] is self._seen), 0)
        if log:
            self._seen = log[-1]
        return log[start:]

    def _is_worth_a_line(self, line: LogLine) -> bool:
        if self._meter is None:
            return True
        if self._meter.on_terminal:
            return line.event in _SHOWN_BESIDE_A_BAR
        return line.event not in _LEFT_OUT_BESIDE_PROGRESS

    def _print(self, text: str) -> None:
        if self._meter is not None:
            self._meter.message(text)
        else:
            print(signs.as_shown(text), flush=True)  # noqa: T201


def _log_text(line: LogLine) -> str:
    where = f"{line.trial}: " if line.trial else ""
    return f"{line.time.astimezone():%H:%M:%S} {where}{line.text}"


def _progress_of(snapshot: RunSnapshot) -> Progress:
    status = snapshot.status
    parts = [f"{status.trials_done}/{len(status.trials)} trials"]
    running = [trial for trial in snapshot.trials if trial.status.state == "running"]
    if running:
        parts.append(_where(running[0], snapshot.epochs_total) + (f" +{len(running) - 1}" if len(running) > 1 else ""))
    if snapshot.images_per_second > 0:
        parts.append(numbers.rate(snapshot.images_per_second))
    if status.state == "stopping":
        parts.append("stopping")
    elif status.reason:
        parts.append(status.reason)
    return Progress("train", snapshot.fraction, 1.0, ", ".join(parts), seconds_left=snapshot.seconds_left)


def _where(trial: TrialSnapshot, epochs: int) -> str:
    name = trial.key.name
    progress = trial.progress
    if progress is None:
        return f"{name} {'loading the network' if not trial.epochs else f'epoch {len(trial.epochs)}/{epochs}'}"
    activity = {"cache": "reading images", "validate": "validating", "test": "testing"}.get(progress.phase, "batch")
    at = f"{activity} {progress.batch}/{progress.batches}"
    return f"{name} {at}" if progress.phase == "cache" else f"{name} epoch {progress.epoch}/{epochs} {at}"


def require_finished(folder: RunFolder, status: RunStatus) -> None:
    """Do nothing if the run is finished.

    Raises:
        AimicError: it is not (exit code 1); the sentence says why and what can be done.
    """
    if status.state == "finished":
        return
    raise AimicError(f"{_status_text(status)} {run_command('resume', folder)} continues it.")


def _status_text(status: RunStatus) -> str:
    done = f"{status.trials_done} of {plural(len(status.trials), 'trial')} finished"
    reason = f": {printable(status.reason)}" if status.reason else "."
    return f"The run {printable(status.run)} is {status.state}, {done}{reason}"
