"""The process that has a run's trials trained: `python -m aimic_tui.engine.runs.work.scheduler FOLDER`.

It holds the run's lock for its life and gives each device one worker. A worker that dies is replaced and its trial
taken again from its checkpoint; one that fails three times in a row (retries.py) is given up, with the reason, and the
others go on. A disk that vanished is waited for. A stop is requested by a file in the run's folder or by a signal.
All its state is in the run's files, so that after its death a new scheduler continues from there.
"""

from __future__ import annotations

import os
import selectors
import signal
import socket
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from aimic_tui.engine.bounded_files import read_json
from aimic_tui.engine.data.image_notes import read_notes
from aimic_tui.engine.errors import AimicError, ErrorRecord
from aimic_tui.engine.event_log import now
from aimic_tui.engine.files import FileLock, touch_unlinked, write_json
from aimic_tui.engine.machine.devices import Slot, find_slots
from aimic_tui.engine.python_process import python_command
from aimic_tui.engine.run_events import (
    RunFailed,
    RunFinished,
    RunResumed,
    RunStarted,
    RunStopped,
    RunStopping,
    RunWarning,
    TrialAssigned,
    TrialEnded,
    TrialFailed,
    TrialFinished,
    WorkerDied,
    append_to_run,
    trial_events,
)
from aimic_tui.engine.run_folder import RunFolder, TrialKey
from aimic_tui.engine.runs.prepare.environment import resolve_threads
from aimic_tui.engine.runs.status import RunStatus, State, TrialStatus, read_recorded
from aimic_tui.engine.runs.work.journal import Disks, Journal, log_problem
from aimic_tui.engine.runs.work.messages import TrialReport
from aimic_tui.engine.runs.work.report_at_end import leave_baselines, leave_report
from aimic_tui.engine.runs.work.retries import ATTEMPTS, Retries
from aimic_tui.engine.runs.work.worker_process import WorkerProcess
from aimic_tui.engine.sign_of_life import signs_of_life
from aimic_tui.engine.system_errors import is_process_limit, signal_words
from aimic_tui.engine.text import one_line

_TICK = 0.5  # seconds between looks at the stop file
_STOP_PATIENCE = 120.0  # seconds that a worker has for its step and its checkpoint
_LEAVE_PATIENCE = 20.0  # seconds that an idle worker has to leave
_DISK_PATIENCE = 1800.0  # seconds that a disk may be gone


class Scheduler:
    """Runs a run's trials until all have ended or a stop is requested.

    Args:
        folder: the run's; its status says which trials there are.
        slots: where workers may be.
        worker_command: starts a worker on this run.
        evaluate: called after each finished trial; may fail without harm.
        warning: a sentence for the run's events, "" where there is none.
    """

    def __init__(
        self,
        folder: RunFolder,
        slots: Sequence[Slot],
        worker_command: Sequence[str],
        evaluate: Callable[[], object],
        warning: str = "",
    ) -> None:
        self._folder = folder
        self._slots = slots
        self._worker_command = worker_command
        self._evaluate = evaluate
        self._warning = warning
        self._workers: dict[int, WorkerProcess] = {}
        self._selector = selectors.DefaultSelector()
        recorded = read_recorded(folder)
        trials = tuple(
            trial if trial.state == "finished" else TrialStatus.queued(trial.key) for trial in recorded.trials
        )
        self._resumed = recorded.started is not None
        self._journal = Journal(folder, recorded)
        self._disks = Disks(
            folder, str(read_notes(folder.manifest_file).place_of(Path(recorded.data))) if recorded.data else ""
        )
        self._missing = ""
        self._retries = Retries(folder)
        self._status = replace(
            recorded,
            state="running",
            started=now(),
            ended=None,
            pid=os.getpid(),
            host=socket.gethostname(),
            reason="",
            trials=trials,
        )
        self._queue = deque(trial.key for trial in trials if trial.state == "queued")
        self._deaths_in_a_row = 0
        self._stop_requested: float | None = None
        self._signals = 0
        self._results_due = any(trial.state == "finished" for trial in trials)

    def on_signal(self, *_: object) -> None:
        """Take a signal for a request to stop; a second one means at once."""
        self._signals += 1

    def run(self) -> RunStatus:
        """Train all trials; return the run's status at the end."""
        begun = RunResumed if self._resumed else RunStarted
        self._journal.append(begun(os.getpid(), self._status.host))
        if self._warning:
            self._journal.append(RunWarning(self._warning))
        self._journal.save(self._status)
        try:
            while True:
                self._check_disks()
                self._check_stop()
                self._assign_trials()
                self._journal.save(self._status)
                if not any(worker.trial for worker in self._workers.values()) and self._nothing_left():
                    break
                self._read_reports()
        finally:
            for worker in self._workers.values():
                worker.close_input()
            for worker in self._workers.values():
                worker.end(_LEAVE_PATIENCE)
        if self._results_due:
            self._make_results()
        self._finish_run()
        return self._status

    # --- what happens to trials -------------------------------------------------------------------------------------

    @property
    def _stopping(self) -> bool:
        return self._stop_requested is not None

    def _nothing_left(self) -> bool:
        return self._stopping or not (self._queue or self._missing)

    def _assign_trials(self) -> None:
        if self._missing and not self._stopping:
            return
        for slot in self._slots:
            worker = self._workers.get(slot.number)
            if worker is not None and worker.trial is not None:
                continue
            if self._stopping or not self._queue:
                if worker is not None:
                    self._release(worker)  # an idle worker gives its device's memory back
                continue
            if worker is None:
                try:
                    worker = self._start_worker(slot)
                except OSError as error:
                    record = ErrorRecord.of(error)
                    sentence = f"No worker process can be started: {one_line(record.sentence)}"
                    self._give_up_on_all(replace(record, sentence=sentence))
                    return
            key = self._queue.popleft()
            attempt = self._trial(key).attempts + 1
            self._update(key, state="running", attempts=attempt, device=slot.device, reason="", code="", setting="")
            self._retries.assigned(key)
            self._journal.append(TrialAssigned(key.name, slot.device, attempt))
            worker.assign(key)

    def _start_worker(self, slot: Slot) -> WorkerProcess:
        command = [*self._worker_command, str(self._folder.path)]
        worker = WorkerProcess(slot, command, self._folder.worker_log(slot.number))
        self._workers[slot.number] = worker
        self._selector.register(worker.output, selectors.EVENT_READ, worker)
        return worker

    def _release(self, worker: WorkerProcess) -> None:
        self._selector.unregister(worker.output)
        del self._workers[worker.slot.number]
        worker.end(_LEAVE_PATIENCE)

    def _read_reports(self) -> None:
        self._selector.select(_TICK)
        for worker in list(self._workers.values()):
            code = worker.exit_code()  # before its last reports are read, so that none is missed
            for report in worker.reports():
                self._handle_report(worker, report)
            if code is not None and self._workers.get(worker.slot.number) is worker:
                self._handle_exit(worker, code)

    def _handle_report(self, worker: WorkerProcess, report: TrialReport) -> None:
        key = worker.trial
        if key is None or key.name != report.trial:
            return
        worker.trial = None
        self._deaths_in_a_row = 0
        if report.state == "finished":
            self._update(key, state="finished")
            self._journal.append(TrialEnded(key.name, self._test_figures(key)))
            self._assign_trials()  # the device works on while the figures are made
            self._journal.save(self._status)
            self._make_results()
        elif report.state == "stopped":
            self._update(key, state="stopped")
            if not self._stopping:  # someone ended the worker, not the run: it leaves, and the next one gets the trial
                self._queue.appendleft(key)
                self._release(worker)
        else:
            error = report.error or ErrorRecord("The trial failed.", retry=True)
            self._fail(key, error)
            if error.retry:
                self._release(worker)  # what failed may have left memory behind: the next one gets a new process

    def _handle_exit(self, worker: WorkerProcess, code: int) -> None:
        key = worker.trial
        self._release(worker)
        if key is None:
            return
        how = _death(code)
        self._journal.append(WorkerDied(key.name, code, self._trial(key).attempts, how))
        if self._stopping:
            self._update(key, state="stopped")
            return
        last_line = worker.last_log_line() if code > 0 else ""
        sentence = f"The worker process {how}{f': {last_line}' if last_line else ''}. Its log is {worker.log.name}."
        error = ErrorRecord(sentence, retry=True, code="worker-died")
        self._fail(key, error)
        self._deaths_in_a_row = 0 if self._missing or self._retries.began(key) else self._deaths_in_a_row + 1
        if self._deaths_in_a_row >= ATTEMPTS:
            self._give_up_on_all(error)

    def _fail(self, key: TrialKey, error: ErrorRecord) -> None:
        self._check_disks()
        if self._missing:  # no failure of the trial's own
            log_problem(f"{key.name}: {error.sentence}")
            self._take_back(key, error)
            return
        given_up = not error.retry or self._retries.count_failure(key) >= ATTEMPTS
        attempt = self._trial(key).attempts
        self._journal.append(TrialFailed(key.name, error.sentence, error.code, error.key, attempt, given_up))
        if given_up:
            self._update(key, state="failed", reason=error.sentence, code=error.code, setting=error.key)
        else:
            self._take_back(key, error)
        if error.code == "disk-full":  # every other trial would fail by it too; they stay queued for the resume
            self._queue.clear()

    def _take_back(self, key: TrialKey, error: ErrorRecord) -> None:
        """Put a trial back in front of the queue; in a run that is stopping, leave it to the next start."""
        if self._stopping:
            self._update(key, state="stopped", reason=error.sentence, code=error.code, setting=error.key)
        else:
            self._update(key, state="queued", reason=error.sentence, code=error.code, setting=error.key)
            self._queue.appendleft(key)

    def _give_up_on_all(self, error: ErrorRecord) -> None:
        """Fail what is queued: no worker lives long enough to begin a trial here."""
        while self._queue:
            key = self._queue.popleft()
            self._update(key, state="failed", reason=error.sentence, code=error.code, setting=error.key)

    def _check_disks(self) -> None:
        """Check that the disks are there; while one is not, wait, and in the end leave the run to be resumed."""
        before, waited = self._missing, self._disks.missed_for
        self._missing = self._disks.missing()
        if self._missing and not before:
            log_problem(f"{self._missing}: waiting")
        elif before and not self._missing:
            sentence = f"For {waited:.0f} s {before}; the run goes on from the last checkpoints."
            self._journal.append(RunWarning(sentence))
        if self._missing and not self._stopping and (self._disks.removed() or waited > _DISK_PATIENCE):
            log_problem(f"{self._missing}: leaving; `aimic resume` goes on when it is back")
            self._stop_requested = time.monotonic()
            for worker in self._workers.values():
                worker.ask_to_stop()

    def _check_stop(self) -> None:
        if not self._stopping and (self._signals or self._stop_file_exists()):
            self._stop_requested = time.monotonic()
            try:
                if self._signals:
                    touch_unlinked(self._folder.stop_file)  # the workers look for it
            except OSError:
                for worker in self._workers.values():
                    worker.ask_to_stop()
            self._journal.append(RunStopping())
            self._status = replace(self._status, state="stopping")
        if self._stop_requested is None:
            return
        if self._signals > 1 or time.monotonic() - self._stop_requested > _STOP_PATIENCE:
            for worker in list(self._workers.values()):
                key = worker.trial
                self._selector.unregister(worker.output)
                del self._workers[worker.slot.number]
                worker.end(0.0)
                if key is not None:
                    self._update(key, state="stopped")

    def _stop_file_exists(self) -> bool:
        try:
            return self._folder.stop_file.exists()
        except OSError:  # a network mount that is gone asks for nothing
            return False

    # --- what is written --------------------------------------------------------------------------------------------

    def _finish_run(self) -> None:
        trials = self._status.trials
        failed = [trial for trial in trials if trial.state == "failed"]
        state: State = "finished"
        reason = ""
        if failed:
            state = "failed"
            count = f"{len(failed)} of {len(trials)} trials failed" if len(trials) > 1 else "The trial failed"
            reason = f"{count}: {failed[0].reason}"
        elif any(trial.state != "finished" for trial in trials):
            state = "stopped"
        trials = tuple(
            replace(trial, state="stopped") if trial.state in ("running", "queued") and trial.attempts else trial
            for trial in trials
        )
        with suppress(OSError):
            self._folder.stop_file.unlink(missing_ok=True)
        # The results were computed while the run was still running, and they record its state.
        with suppress(OSError, ValueError):
            results = read_json(self._folder.results_file)
            write_json(self._folder.results_file, {**results, "state": state})
        if failed:
            self._journal.append(RunFailed(reason, failed[0].code, failed[0].setting))
        else:
            self._journal.append(RunFinished() if state == "finished" else RunStopped())
        self._status = replace(self._status, state=state, ended=now(), trials=trials, reason=reason)
        self._journal.save(self._status)
        self._journal.close()

    def _trial(self, key: TrialKey) -> TrialStatus:
        return next(trial for trial in self._status.trials if trial.key == key)

    def _update(self, key: TrialKey, **changes: Any) -> None:
        trials = tuple(replace(trial, **changes) if trial.key == key else trial for trial in self._status.trials)
        self._status = replace(self._status, trials=trials)

    def _make_results(self) -> None:
        self._results_due = False
        try:
            self._evaluate()
        except Exception as error:  # figures can be made again at any time; the trials must go on
            sentence = error.sentence if isinstance(error, AimicError) else f"{type(error).__name__}: {error}"
            self._journal.append(RunWarning(f"The figures could not be computed: {one_line(sentence)}"))

    def _test_figures(self, key: TrialKey) -> Mapping[str, float]:
        events = trial_events(self._folder.trial(key)).new()
        return next((event.test for event in reversed(events) if isinstance(event, TrialFinished)), {})


def _death(code: int) -> str:
    return f"left with exit code {code}" if code >= 0 else f"was ended by {signal_words(-code)}"


def main(arguments: Sequence[str]) -> int:
    """Be the scheduler of the run whose folder is named; return the exit code."""
    folder = RunFolder(Path(arguments[0]).absolute())
    lock = FileLock(folder.lock_file)
    if not lock.acquire():
        log_problem("another scheduler is at work on this run")
        return 1
    from aimic_tui.engine.evaluation.build_results import write_results
    from aimic_tui.engine.experiment import Experiment

    compute = Experiment.of_run(folder.experiment_file).compute
    found = find_slots(compute.devices, compute.workers, compute.threads, compute.ranks)
    slots, warning = resolve_threads(folder, found, compute.threads)
    scheduler = Scheduler(
        folder,
        slots,
        python_command("aimic_tui.engine.runs.work.worker"),
        lambda: write_results(folder.path),
        warning,
    )
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, scheduler.on_signal)
    with signs_of_life(folder.lock_file):
        status = scheduler.run()
    if status.state != "finished":
        lock.release()  # it may be resumed at once; a finished run is over when its report is there
    if status.state in ("finished", "failed"):
        for leave in (leave_baselines, leave_report):  # the report shows the baselines
            if problem := leave(folder):
                with suppress(OSError):
                    append_to_run(folder, RunWarning(problem))
    lock.release()
    return 0 if status.state == "finished" else 1


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except AimicError as error:
        log_problem(error.sentence)
        sys.exit(error.exit_code)
    except (OSError, RuntimeError) as error:
        if not isinstance(error, OSError) and not is_process_limit(error):
            raise
        log_problem(ErrorRecord.of(error).sentence)
        sys.exit(1)
