"""A run as a screen or a line on a terminal shows it: one immutable picture, renewed by reading only what is new."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from aimic_tui.engine.evaluation.interval import Interval
from aimic_tui.engine.evaluation.results_file import read_pooled_figure
from aimic_tui.engine.files import stamp_of
from aimic_tui.engine.run_events import (
    EpochProgress,
    EpochRecord,
    SystemUse,
    TrialEvent,
    TrialFinished,
    TrialStarted,
    TrialStopped,
    TrialWarning,
    run_events,
    trial_events,
)
from aimic_tui.engine.run_folder import RunFolder, TrialKey
from aimic_tui.engine.runs.follow.log_lines import LogLine, run_line, trial_line
from aimic_tui.engine.runs.follow.time_left import TrialTiming, fraction_done, seconds_left
from aimic_tui.engine.runs.status import RunStatus, TrialStatus, UnreadableStatus, confirmed, read_recorded

_LOG_LINES = 1000
_WARNINGS = 20  # of a trial, the latest ones


@dataclass(frozen=True)
class TrialSnapshot:
    """One trial.

    Attributes:
        epochs: one record an epoch, in order.
        progress: None unless the trial is running.
        best_epoch: 0 before the first epoch.
        best_value: the monitored figure at the best epoch, NaN before.
        test: metric -> value on the test part, empty before the trial is finished.
        warnings: the last ones.
        start: its `started` event, None before.
        system: what its worker used when it was looked at last, None before.
    """

    key: TrialKey
    status: TrialStatus
    epochs: tuple[EpochRecord, ...] = ()
    progress: EpochProgress | None = None
    best_epoch: int = 0
    best_value: float = math.nan
    test: Mapping[str, float] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    start: TrialStarted | None = None
    system: SystemUse | None = None


@dataclass(frozen=True)
class RunSnapshot:
    """One run at one moment.

    Attributes:
        trials: in the order in which they are taken.
        log: the last lines of the run's and its trials' stories, oldest first.
        seconds_left: estimate until the run ends, None where there are no measurements or nothing is running.
        images_per_second: of all running trials together, 0 where none says.
        macro_f1: network -> the macro F1 of all its test images; without those that have none yet.
        fraction: how much of the whole run's work is done, 0 to 1.
        epochs_total: the most epochs that one trial can take.
    """

    status: RunStatus
    trials: tuple[TrialSnapshot, ...]
    log: tuple[LogLine, ...]
    seconds_left: float | None
    images_per_second: float
    macro_f1: Mapping[str, Interval]
    fraction: float
    epochs_total: int


class RunFollower:
    """Follows a run's files; each `snapshot()` reads only what is new. It never fails on what it finds.

    A follower is cheap to ask (a few `stat` calls while nothing changes) but is not to be shared between threads.
    """

    def __init__(self, folder: RunFolder) -> None:
        self.folder = folder
        self._events = run_events(folder)
        self._trials: dict[TrialKey, _TrialFollower] = {}
        self._log: deque[LogLine] = deque(maxlen=_LOG_LINES)
        self._recorded: RunStatus | None = None
        self._macro_f1: Mapping[str, Interval] = {}
        self._seen: dict[str, tuple[int, int, int]] = {}

    def snapshot(self) -> RunSnapshot:
        """Return the current state of the run."""
        status = self._read_status()
        if self._changed("results", self.folder.results_file):
            self._macro_f1 = read_pooled_figure(self.folder.results_file, "macro_f1") or {}
        lines = [line for event in self._events.new() if (line := run_line(event))]
        trials = []
        for trial in status.trials:
            follower = self._trials.get(trial.key)
            if follower is None:
                follower = self._trials[trial.key] = _TrialFollower(self.folder, trial.key)
            lines += follower.read()
            trials.append(follower.snapshot(trial))
        lines.sort(key=lambda line: line.time)
        self._log.extend(lines)
        timings = [_timing(trial) for trial in trials]
        running = [trial.progress for trial in trials if trial.progress is not None]
        rates = [progress.images_per_second for progress in running if math.isfinite(progress.images_per_second)]
        return RunSnapshot(
            status=status,
            trials=tuple(trials),
            log=tuple(self._log),
            seconds_left=seconds_left(timings, status.epochs) if status.alive else None,
            images_per_second=sum(rates),
            macro_f1=self._macro_f1,
            fraction=fraction_done(timings, status.epochs),
            epochs_total=status.epochs,
        )

    def _read_status(self) -> RunStatus:
        if self._changed("status", self.folder.status_file) or self._recorded is None:
            try:
                self._recorded = read_recorded(self.folder)
            except UnreadableStatus as problem:
                if self._recorded is None:
                    return problem.status
        return confirmed(self.folder, self._recorded)

    def _changed(self, name: str, path: Any) -> bool:
        mark = stamp_of(path)
        if self._seen.get(name) == mark:
            return False
        self._seen[name] = mark
        return True


class _TrialFollower:
    """What was read of one trial so far."""

    def __init__(self, run: RunFolder, key: TrialKey) -> None:
        self._key = key
        self._reader = trial_events(run.trial(key))
        self._clear()

    def _clear(self) -> None:
        self._epochs: dict[int, EpochRecord] = {}
        self._progress: EpochProgress | None = None
        self._test: Mapping[str, float] = {}
        self._warnings: deque[str] = deque(maxlen=_WARNINGS)
        self._best_epoch = 0
        self._start: TrialStarted | None = None
        self._system: SystemUse | None = None
        self._made: TrialSnapshot | None = None

    def read(self) -> list[LogLine]:
        events = self._reader.new()
        if self._reader.restarted:
            self._clear()
        lines = []
        for event in events:
            self._made = None
            self._take(event)
            if line := trial_line(event, self._key):
                lines.append(line)
        return lines

    def _take(self, event: TrialEvent) -> None:
        if isinstance(event, TrialStarted):
            self._start = event
            # A trial taken up again from its checkpoint may have written epochs that it now does again.
            self._epochs = {epoch: record for epoch, record in self._epochs.items() if epoch < event.epoch}
            self._best_epoch = max((epoch for epoch, record in self._epochs.items() if record.best), default=0)
            self._progress, self._test = None, {}
        elif isinstance(event, EpochProgress):
            self._progress = event
        elif isinstance(event, SystemUse):
            self._system = event
        elif isinstance(event, EpochRecord):
            self._epochs.pop(event.epoch, None)
            self._epochs[event.epoch] = event
            self._best_epoch = event.best_epoch or (event.epoch if event.best else self._best_epoch)
        elif isinstance(event, TrialWarning):
            self._warnings.append(event.sentence)
        elif isinstance(event, TrialFinished):
            self._best_epoch = event.best_epoch or self._best_epoch
            self._test, self._progress = event.test, None
        elif isinstance(event, TrialStopped):
            self._progress = None

    def snapshot(self, status: TrialStatus) -> TrialSnapshot:
        if self._made is None:
            best = self._epochs.get(self._best_epoch)
            self._made = TrialSnapshot(
                key=self._key,
                status=status,
                epochs=tuple(self._epochs[epoch] for epoch in sorted(self._epochs)),
                progress=self._progress if status.state == "running" else None,
                best_epoch=self._best_epoch,
                best_value=best.monitor if best else math.nan,
                test=dict(self._test),
                warnings=tuple(self._warnings),
                start=self._start,
                system=self._system,
            )
        elif self._made.status != status:
            progress = self._progress if status.state == "running" else None
            self._made = replace(self._made, status=status, progress=progress)
        return self._made


def _timing(trial: TrialSnapshot) -> TrialTiming:
    seconds = [record.seconds for record in trial.epochs if math.isfinite(record.seconds)]
    state: Literal["queued", "running", "over"] = "queued"
    if trial.status.state in ("finished", "failed"):
        state = "over"
    elif trial.status.state == "running":
        state = "running"
    progress, start = trial.progress, trial.start
    within, expected = 0.0, math.nan
    if progress is not None and progress.epoch > len(trial.epochs) and progress.phase in ("train", "validate"):
        # The validation part is a tenth to a fifth of the images and needs no gradients.
        within = 0.95 * progress.share if progress.phase == "train" else 0.95 + 0.05 * progress.share
        if progress.phase == "train" and start is not None and progress.images_per_second > 0:
            expected = (start.train + start.validation / 3) / progress.images_per_second
    return TrialTiming(
        network=trial.key.network,
        state=state,
        finished=trial.status.state == "finished",
        epochs=len(trial.epochs),
        within=within,
        # The last epochs say best how fast it is now: the first one may have filled the cache.
        seconds_an_epoch=sum(seconds[-5:]) / len(seconds[-5:]) if seconds else expected,
    )
