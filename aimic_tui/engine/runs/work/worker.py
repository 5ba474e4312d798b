"""The process that trains: `python -m aimic_tui.engine.runs.work.worker RUN_FOLDER --device cpu --threads 2`.

It takes trials from its stdin and reports on each on what was its stdout, a line each (messages.py). Whatever else it
or its libraries print goes to stderr, which is the worker's log. One process trains many trials, so torch is imported
once.

It exits at the next step when a stop is requested (a file in the run's folder, SIGTERM, SIGINT, SIGHUP) and when its
parent has died: nobody would read its reports.
"""

from __future__ import annotations

import argparse
import gc
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import IO, TYPE_CHECKING

from aimic_tui.engine.data.image_notes import missing_folder
from aimic_tui.engine.data.reading.read_image import UnreadableImage
from aimic_tui.engine.errors import AimicError, ErrorRecord
from aimic_tui.engine.files import FileLock
from aimic_tui.engine.machine.processor import settle_processor
from aimic_tui.engine.run_events import EpochProgress, TrialError, TrialEvent, TrialFinished, append_to_trial
from aimic_tui.engine.run_folder import RunFolder, TrialFolder, TrialKey
from aimic_tui.engine.runs.work.messages import ReportedState, TrialReport, read_assignment, report_line
from aimic_tui.engine.runs.work.rank_processes import RankSettings, other_ranks
from aimic_tui.engine.runs.work.stop_signal import StopSignal
from aimic_tui.engine.runs.work.system_watch import SystemWatch, recorded_energy, visible_gpus
from aimic_tui.engine.runs.work.trial_tasks import task_loader
from aimic_tui.engine.text import one_line
from aimic_tui.engine.waiting import pause

if TYPE_CHECKING:
    from aimic_tui.engine.training.task import TrialTask

_LOCK_PATIENCE = 60.0  # seconds for an orphan to notice that its parent has died and to leave


class Worker:
    """Trains the trials of one run that it is handed.

    Args:
        run: the run's folder.
        device: "cpu", "cuda:0"...
        stop: what ends its work.
        ranks: the processes that train a trial together, where it is not this one alone.
    """

    def __init__(self, run: RunFolder, device: str, stop: StopSignal, ranks: RankSettings | None = None) -> None:
        self._run = run
        self._device = device
        self._ranks = ranks
        self._stop = stop
        self._load: Callable[[TrialKey], TrialTask] | None = None

    def train(self, key: TrialKey) -> TrialReport:
        """Train one trial; return the report on it."""
        folder = self._run.trial(key)
        report = TrialReport(key.name, "failed")
        lock = FileLock(folder.lock_file)
        try:
            folder.path.mkdir(parents=True, exist_ok=True)
            if not self._locked(lock):
                if self._stop.requested():
                    return replace(report, state="stopped")
                raise AimicError(
                    f"Another worker process still trains {key.name}. End it, then `aimic resume` the run."
                )
            _remove_partial_files(folder)
            report = replace(report, state=self._train(key))
        except Exception as error:  # whatever happens to one trial, the others go on
            traceback.print_exc()
            record = _record_of(error)
            report = replace(report, error=record)
            with suppress(OSError):
                append_to_trial(folder, TrialError(record.sentence, record.code, record.key))
        finally:
            lock.release()
        _free_memory()
        return report

    def _locked(self, lock: FileLock) -> bool:
        """Take the trial's lock; wait for an orphan that holds it."""
        until = time.monotonic() + _LOCK_PATIENCE
        while not lock.acquire():
            if time.monotonic() > until or self._stop.requested():
                return False
            pause(0.1)
        return True

    def _train(self, key: TrialKey) -> ReportedState:
        from aimic_tui.engine.training.trial import train_trial

        if self._load is None:
            self._load = task_loader(self._run, self._device)
        task = self._load(key)
        folder = self._run.trial(key)

        def append(event: TrialEvent) -> None:
            append_to_trial(folder, event)

        with SystemWatch(append, visible_gpus(), recorded_energy(folder)) as watch:

            def emit(event: TrialEvent) -> None:
                if isinstance(event, EpochProgress):
                    with suppress(OSError):  # no epoch is worth losing for it: the disk may be back before it ends
                        append(event)
                else:
                    append(watch.with_totals(event) if isinstance(event, TrialFinished) else event)

            with other_ranks(self._run, key, self._ranks) as ranks:
                return train_trial(replace(task, ranks=ranks), emit=emit, should_stop=self._stop.requested).state


def _record_of(error: Exception) -> ErrorRecord:
    """Describe an error of a trial, with what to do about it."""
    record = ErrorRecord.of(error)
    if isinstance(error, UnreadableImage) and (gone := missing_folder(error.path)) is not None:
        sentence = (
            f"The folder {one_line(str(gone))} is not there, and with it the images. If it was moved, "
            "`aimic resume RUN --data FOLDER` says where it is now; if its drive or server is away, connect it and "
            "resume the run."
        )
        return replace(record, sentence=sentence)
    if isinstance(error, AimicError):
        return record
    if record.code in ("storage", "disk-full"):
        return replace(
            record, sentence=f"{one_line(record.sentence)} `aimic resume` continues from the last checkpoint."
        )
    if record.code == "memory":
        sentence = "Memory ran out. Choose a smaller model.image_size, training.batch_size or network."
        return replace(record, sentence=sentence)
    return replace(
        record,
        sentence=f"The trial failed because of a fault in the program ({one_line(record.sentence)}); the worker's log "
        "in the run's folder has the details.",
    )


def _remove_partial_files(folder: TrialFolder) -> None:
    """Remove what a worker that was killed left half written; the trial's lock is held, so nobody writes it now."""
    for parent in (folder.path, folder.model_folder):
        for partial in parent.glob(".*.part"):
            with suppress(OSError):
                partial.unlink()


def _free_memory() -> None:
    gc.collect()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        torch.cuda.empty_cache()


def main(arguments: Sequence[str]) -> int:
    """Be a worker until stdin is closed; return the exit code."""
    parser = argparse.ArgumentParser(prog="worker")
    parser.add_argument("run", type=Path)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--ranks", type=int, default=1)
    options = parser.parse_args(arguments)
    run = RunFolder(options.run.absolute())
    stop = StopSignal(run.stop_file, os.getppid())
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, stop.on_signal)
    # What the libraries print must not be taken for a report.
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as reports:
        os.dup2(2, 1)
        if options.threads:
            os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), str(options.threads)))
        settle_processor()
        ranks = RankSettings(options.ranks, options.device, options.threads) if options.ranks > 1 else None
        return _serve(Worker(run, options.device, stop, ranks), stop, reports, options.threads)


def _serve(worker: Worker, stop: StopSignal, reports: IO[str], threads: int) -> int:
    import torch

    if threads:
        torch.set_num_threads(threads)
    for line in sys.stdin:
        stop.busy = True
        report = worker.train(read_assignment(line))
        try:
            reports.write(report_line(report))
            reports.flush()
        except BrokenPipeError:  # the scheduler died; the run's files have all that is to be known
            return 0
        if stop.requested():
            return 0
        stop.busy = False
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
