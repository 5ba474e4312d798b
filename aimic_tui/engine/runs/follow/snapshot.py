"""A run as a screen or a line on a terminal shows it: one immutable picture, renewed by reading only what is new."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from typing import Any, Literal

from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.evaluation.interval import Interval
from aimic_tui.engine.evaluation.results_file import read_pooled_figure
from aimic_tui.engine.event_log import EventReader, to_time
from aimic_tui.engine.files import stamp_of
from aimic_tui.engine.run_folder import RunFolder, TrialKey
from aimic_tui.engine.runs.follow.log_lines import LogLine, run_line, trial_line
from aimic_tui.engine.runs.follow.time_left import TrialTiming, fraction_done, seconds_left
from aimic_tui.engine.runs.status import RunStatus, TrialStatus, confirmed, read_recorded

_LOG_LINES = 1000
_WARNINGS = 20  # kept of a trial


@dataclass(frozen=True)
class EpochRecord:
    """One epoch of a trial. A figure that is not there or not finite is NaN; losses are in nats."""

    epoch: int
    epochs: int
    learning_rate: float = math.nan
    train_loss: float = math.nan
    train_accuracy: float = math.nan
    validation_loss: float = math.nan
    validation_accuracy: float = math.nan
    validation_macro_precision: float = math.nan
    validation_macro_recall: float = math.nan
    validation_macro_f1: float = math.nan
    validation_balanced_accuracy: float = math.nan
    seconds: float = math.nan
    best: bool = False
    best_epoch: int = 0
    monitor: float = math.nan


@dataclass(frozen=True)
class Progress:
    """Where a running trial is within its epoch.

    Attributes:
        phase: "cache" (decoding images), "train", "validate" or "test".
        batch, batches: done and in all, in this phase.
        waiting: share of the time spent waiting for images, 0 to 1.
        time: when this was said.
    """

    phase: str
    epoch: int
    batch: int
    batches: int
    images_per_second: float = math.nan
    waiting: float = math.nan
    time: datetime | None = None

    @property
    def share(self) -> float:
        """How much of the phase is done, 0 to 1."""
        return min(1.0, self.batch / self.batches) if self.batches > 0 else 0.0


@dataclass(frozen=True)
class SystemUse:
    """What a trial's worker used when it was looked at last (system.py); NaN where nothing is known, as without a GPU.

    Attributes:
        cpu: share of the machine's processors in use, 0 to 1.
        memory_used, memory: of the machine, bytes.
        process_cpu: processors that the worker kept busy.
        process_memory, process_peak: its resident memory now and at most, bytes.
        gpu: share of the time in which its GPUs computed, 0 to 1.
        gpu_memory_used, gpu_memory: bytes.
        temperature: degrees Celsius.
        power: watts.
        energy: joules that the trial took so far.
    """

    cpu: float = math.nan
    memory_used: float = math.nan
    memory: float = math.nan
    process_cpu: float = math.nan
    process_memory: float = math.nan
    process_peak: float = math.nan
    gpu: float = math.nan
    gpu_memory_used: float = math.nan
    gpu_memory: float = math.nan
    temperature: float = math.nan
    power: float = math.nan
    energy: float = math.nan


@dataclass(frozen=True)
class TrialStart:
    """What a trial said of itself when it started last: counts of images, device, arithmetic."""

    device: str = ""
    resumed: bool = False
    train: int = 0
    validation: int = 0
    test: int = 0
    batch_size: int = 0
    steps: int = 0
    parameters: int = 0
    precision: str = ""


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
        start: what it said when it started, None before.
        system: what its worker used when it was looked at last, None before.
    """

    key: TrialKey
    status: TrialStatus
    epochs: tuple[EpochRecord, ...] = ()
    progress: Progress | None = None
    best_epoch: int = 0
    best_value: float = math.nan
    test: Mapping[str, float] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    start: TrialStart | None = None
    system: SystemUse | None = None


@dataclass(frozen=True)
class RunSnapshot:
    """One run at one moment.

    Attributes:
        trials: in the order in which they are taken.
        log: the last lines of the run's and its trials' stories, oldest first.
        seconds_left: estimate until the run ends, None where there is nothing to go by or nothing is going on.
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
        self._events = EventReader(folder.events_file)
        self._trials: dict[TrialKey, _TrialFollower] = {}
        self._log: deque[LogLine] = deque(maxlen=_LOG_LINES)
        self._recorded: RunStatus | None = None
        self._macro_f1: Mapping[str, Interval] = {}
        self._seen: dict[str, tuple[int, int, int]] = {}

    def snapshot(self) -> RunSnapshot:
        """Return how the run stands now."""
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
            except InputProblem as problem:
                if self._recorded is None:
                    return RunStatus(run=self.folder.name, state="failed", reason=problem.sentence)
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
        self._reader = EventReader(run.trial(key).events_file, latest_only=("progress", "system"))
        self._clear()

    def _clear(self) -> None:
        self._epochs: dict[int, EpochRecord] = {}
        self._progress: Progress | None = None
        self._test: dict[str, float] = {}
        self._warnings: deque[str] = deque(maxlen=_WARNINGS)
        self._best_epoch = 0
        self._start: TrialStart | None = None
        self._system: SystemUse | None = None
        self._made: TrialSnapshot | None = None

    def read(self) -> list[LogLine]:
        events = self._reader.new()
        if self._reader.restarted:
            self._clear()
        lines = []
        for event in events:
            self._made = None
            try:
                self._take(event)
            except (TypeError, ValueError, KeyError, AttributeError):
                continue  # a field that is not what it should be: the line is passed over like one that is cut short
            if line := trial_line(event, self._key):
                lines.append(line)
        return lines

    def _take(self, event: Mapping[str, Any]) -> None:
        kind = event["event"]
        if kind == "trial-started":
            self._start = _record(TrialStart, event)
            # A trial taken up again from its checkpoint may have told epochs that it now does again.
            first = int(event.get("epoch") or 1)
            self._epochs = {epoch: record for epoch, record in self._epochs.items() if epoch < first}
            self._best_epoch = max((epoch for epoch, record in self._epochs.items() if record.best), default=0)
            self._progress, self._test = None, {}
        elif kind == "progress":
            self._progress = _record(Progress, {**event, "time": to_time(event.get("time"))})
        elif kind == "system":
            self._system = _record(SystemUse, event)
        elif kind == "epoch":
            record = _record(EpochRecord, event)
            self._epochs.pop(record.epoch, None)
            self._epochs[record.epoch] = record
            self._best_epoch = record.best_epoch or (record.epoch if record.best else self._best_epoch)
        elif kind == "warning":
            self._warnings.append(str(event["sentence"]))
        elif kind == "trial-finished":
            self._best_epoch = int(event.get("best_epoch") or self._best_epoch)
            self._test = {str(name): _number(value) for name, value in dict(event.get("test") or {}).items()}
            self._progress = None
        elif kind == "trial-stopped":
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


def _number(value: object) -> float:
    return float(value) if isinstance(value, (int, float)) else math.nan


def _record(kind: type[Any], event: Mapping[str, Any]) -> Any:
    """Make a record from an event's fields; what is missing or no number takes the record's default."""
    values: dict[str, Any] = {}
    for item in fields(kind):
        value = event.get(item.name)
        if item.type == "float" and isinstance(value, (int, float)):
            values[item.name] = float(value)
        elif item.type == "int" and isinstance(value, (int, float)):
            values[item.name] = int(value)
        elif (item.type == "bool" and value is not None) or (item.type == "str" and value is not None):
            values[item.name] = bool(value) if item.type == "bool" else str(value)
        elif item.name == "time":
            values[item.name] = value
    return kind(**values)
