"""The events of a run and of its trials, typed: what each `events.jsonl` of a run's folder holds, written and read.

An event is a JSON object on a line: `time`, `event` (its name), then its fields. Numbers that are not finite are
written as null and read as NaN. A reader passes over events and fields that it doesn't know, and over lines
without a field that matters; a field of another type has its default. So stories of any version can be read.

Only the standard library is imported: Home reads these.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import MISSING, dataclass, field, fields
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

from aimic_tui.engine.event_log import EventReader, append_event, to_time
from aimic_tui.engine.run_folder import RunFolder, TrialFolder


@dataclass(frozen=True)
class Event:
    """One event.

    Attributes:
        name: the name of its kind in the file.
        omits_unknown: fields that are None, NaN or empty are left out of the file.
        time: when it was written; None before.
    """

    name: ClassVar[str]
    omits_unknown: ClassVar[bool] = False
    time: datetime | None = field(default=None, kw_only=True, compare=False, repr=False)

    def to_fields(self) -> dict[str, Any]:
        """Return its fields, all but the time."""
        return {name: getattr(self, name) for name in field_names(type(self))}


class RunEvent(Event):
    """An event of a run, which its scheduler writes."""


class TrialEvent(Event):
    """An event of a trial, which its worker writes."""


# --- of a run --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class RunCreated(RunEvent):
    """The run's folder was made.

    Attributes:
        files: name -> digest of its own files (`runs/own_files.py`).
        table: digest of the table that its labels were read from; empty where folders gave them.
    """

    name = "run-created"
    omits_unknown = True
    files: Mapping[str, Any] | None = None
    table: str = ""


@dataclass(frozen=True)
class DataDecided(RunEvent):
    """Something was decided about the images before the split."""

    name = "data-decided"
    sentence: str


@dataclass(frozen=True)
class ImagesMoved(RunEvent):
    """Someone said where the run's images are now.

    Attributes:
        before, after: the folder that they were in, and that they are in.
        images: how many the run has.
        compared: of how many the digests were compared; they agreed, but for those that an `ImagesAccepted` names.
    """

    name = "images-moved"
    before: str
    after: str
    images: int = 0
    compared: int = 0


@dataclass(frozen=True)
class ImagesAccepted(RunEvent):
    """Someone let the run go on with other versions of images than it was made with.

    Attributes:
        changed: how many images have changed.
        images: how many the run has.
        first: the names of the first ones.
    """

    name = "images-accepted"
    changed: int
    images: int = 0
    first: tuple[str, ...] = ()


@dataclass(frozen=True)
class FilesAccepted(RunEvent):
    """Someone let the run go on although its own files were changed by hand: name -> digest that counts from now on."""

    name = "files-accepted"
    files: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class RunStarted(RunEvent):
    """A scheduler began with the run."""

    name = "run-started"
    pid: int = 0
    host: str = ""


@dataclass(frozen=True)
class RunResumed(RunEvent):
    """A scheduler went on with the run."""

    name = "run-resumed"
    pid: int = 0
    host: str = ""


@dataclass(frozen=True)
class RunWarning(RunEvent):
    """A warning; `about` is what it is about, where someone looks for it."""

    name = "warning"
    omits_unknown = True
    sentence: str
    about: str = ""


@dataclass(frozen=True)
class TrialAssigned(RunEvent):
    """A worker got a trial; `attempt` counts from 1 in each start of the run."""

    name = "trial-assigned"
    trial: str
    device: str = "?"
    attempt: int = 1


@dataclass(frozen=True)
class TrialEnded(RunEvent):
    """A trial is finished; `test` has the figures of its test part."""

    name = "trial-finished"
    trial: str
    test: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class WorkerDied(RunEvent):
    """A worker process died with a trial.

    Attributes:
        code: its exit code, negative for the signal that ended it.
        sentence: how it died, in a few words.
    """

    name = "worker-died"
    trial: str
    code: int = 0
    attempt: int = 1
    sentence: str = ""


@dataclass(frozen=True)
class TrialFailed(RunEvent):
    """An attempt at a trial failed.

    Attributes:
        code, key: of the error (`engine/errors.py`).
        given_up: whether the trial isn't tried again in this start of the run.
    """

    name = "trial-failed"
    trial: str
    sentence: str = ""
    code: str = ""
    key: str = ""
    attempt: int = 1
    given_up: bool = True


@dataclass(frozen=True)
class RunStopping(RunEvent):
    """A stop was asked for."""

    name = "run-stopping"


@dataclass(frozen=True)
class RunStopped(RunEvent):
    """The run was stopped; it can be resumed."""

    name = "run-stopped"


@dataclass(frozen=True)
class RunFinished(RunEvent):
    """Every trial is finished."""

    name = "run-finished"


@dataclass(frozen=True)
class RunFailed(RunEvent):
    """Trials failed; `code` and `key` are those of the first one's error."""

    name = "run-failed"
    sentence: str = ""
    code: str = ""
    key: str = ""


# --- of a trial ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class TrialStarted(TrialEvent):
    """A worker began with a trial, or went on with it.

    Attributes:
        epoch: the one to begin with, from 1.
        train, validation, test: images.
        steps: an epoch.
        precision: the number format of the arithmetic.
    """

    name = "trial-started"
    device: str = ""
    epoch: int = 1
    resumed: bool = False
    train: int = 0
    validation: int = 0
    test: int = 0
    batch_size: int = 0
    steps: int = 0
    parameters: int = 0
    precision: str = ""


@dataclass(frozen=True)
class InitialWeights(TrialEvent):
    """What a trial's network began with (`models/weights.py: WeightsReport` has the fields' meaning)."""

    name = "weights"
    sentence: str = ""
    source: str = ""
    loaded: int = 0
    total: int = 0
    loaded_parameters: int = 0
    parameters: int = 0
    replaced: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()
    origin: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class EpochRecord(TrialEvent):
    """One epoch of a trial; NaN where a figure is undefined or unknown.

    Losses are those that are minimised, in nats, with the trial's class weights and label smoothing.

    Attributes:
        epochs: the most that the trial can take.
        learning_rate: of the last step, before the factors of earlier layers.
        train_loss, train_accuracy: over the augmented images as the network learned from them, while it learned; of
            mixed images the class that most of each is of counts as right.
        seconds: of training and validation together.
        best: this epoch was the best so far.
        best_epoch: the best one so far.
        monitor: the value that chooses the best epoch.
    """

    name = "epoch"
    epoch: int
    epochs: int = 0
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
class EpochProgress(TrialEvent):
    """Where a running trial is within its epoch.

    Attributes:
        phase: "cache" (decoding images), "train", "validate" or "test".
        batch, batches: done and in all, in this phase.
        waiting: share of the time spent waiting for images, 0 to 1.
    """

    name = "progress"
    phase: str
    epoch: int
    batch: int
    batches: int
    images_per_second: float = math.nan
    waiting: float = math.nan

    @property
    def share(self) -> float:
        """How much of the phase is done, 0 to 1."""
        return min(1.0, self.batch / self.batches) if self.batches > 0 else 0.0


@dataclass(frozen=True)
class SystemUse(TrialEvent):
    """What a trial's worker and its machine used since the event before; NaN where unknown, as without a GPU.

    Attributes:
        cpu: share of the machine's processors in use, 0 to 1.
        memory_used, memory: of the machine, bytes.
        process_cpu: processors that the worker kept busy.
        process_memory, process_peak: its resident memory now and at most, bytes.
        gpu: share of the time in which its GPUs computed, 0 to 1.
        gpu_memory_used, gpu_memory: bytes.
        temperature: degrees Celsius.
        power: watts.
        energy: joules that the trial took so far, earlier attempts included.
    """

    name = "system"
    omits_unknown = True
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
class TrialWarning(TrialEvent):
    """A warning."""

    name = "warning"
    sentence: str


@dataclass(frozen=True)
class TrialError(TrialEvent):
    """What ended an attempt; `code` and `key` are those of the error (`engine/errors.py`)."""

    name = "error"
    sentence: str
    code: str = ""
    key: str = ""


@dataclass(frozen=True)
class TrialFinished(TrialEvent):
    """The best epoch's network was tested.

    Attributes:
        epochs: how many it took.
        stopped_early: whether patience ended it.
        seconds: of all epochs and the test.
        test: the figures of the test part; NaN where one is undefined.
        memory_peak: the worker's, bytes.
        gpu_memory_peak: of its GPUs, bytes.
        energy: joules, as in `SystemUse`.
    """

    name = "trial-finished"
    omits_unknown = True
    best_epoch: int = 0
    epochs: int = 0
    stopped_early: bool = False
    seconds: float = math.nan
    test: Mapping[str, float] = field(default_factory=dict)
    memory_peak: float = math.nan
    gpu_memory_peak: float = math.nan
    energy: float = math.nan


@dataclass(frozen=True)
class TrialStopped(TrialEvent):
    """The trial gave way to a stop; `epoch` is the last one that was finished."""

    name = "trial-stopped"
    epoch: int = 0


_RUN_EVENTS: Mapping[str, type[RunEvent]] = {
    kind.name: kind
    for kind in (
        RunCreated,
        DataDecided,
        ImagesMoved,
        ImagesAccepted,
        FilesAccepted,
        RunStarted,
        RunResumed,
        RunWarning,
        TrialAssigned,
        TrialEnded,
        WorkerDied,
        TrialFailed,
        RunStopping,
        RunStopped,
        RunFinished,
        RunFailed,
    )
}
_TRIAL_EVENTS: Mapping[str, type[TrialEvent]] = {
    kind.name: kind
    for kind in (
        TrialStarted,
        InitialWeights,
        EpochRecord,
        EpochProgress,
        SystemUse,
        TrialWarning,
        TrialError,
        TrialFinished,
        TrialStopped,
    )
}

# --- writing and reading ---------------------------------------------------------------------------------------------

Kind = TypeVar("Kind", bound=Event)
_FieldReaders = tuple[tuple[str, Callable[[Any], Any], bool], ...]
_field_readers: dict[type[Event], _FieldReaders] = {}  # by kind, made when it is first read


class EventStream(Generic[Kind]):
    """What is new in an event file, typed.

    Args:
        path: the file; it may not be there yet.
        kinds: the events that are known, by name.
        latest_only: names of events of which only the last new one matters; the others are not decoded.
    """

    def __init__(self, path: Path, kinds: Mapping[str, type[Kind]], latest_only: Collection[str] = ()) -> None:
        self._kinds = kinds
        self._reader = EventReader(path, latest_only)

    @property
    def restarted(self) -> bool:
        """Whether the last call of `new` found the file replaced, and read it from its beginning."""
        return self._reader.restarted

    def new(self) -> list[Kind]:
        """Return the events since the last call, oldest first."""
        found = []
        for record in self._reader.new():
            kind = self._kinds.get(record["event"])
            if kind is not None and (event := from_fields(kind, record)) is not None:
                found.append(event)
        return found


def run_events(folder: RunFolder) -> EventStream[RunEvent]:
    """Return the reader of a run's events."""
    return EventStream(folder.events_file, _RUN_EVENTS)


def trial_events(folder: TrialFolder) -> EventStream[TrialEvent]:
    """Return the reader of a trial's events; of those that came in one go it has the last progress and system use."""
    return EventStream(folder.events_file, _TRIAL_EVENTS, latest_only=(EpochProgress.name, SystemUse.name))


def append_to_run(folder: RunFolder, event: RunEvent) -> None:
    """Append an event to a run's story.

    Raises:
        OSError: the disk is full or the folder is gone.
    """
    _append(folder.events_file, event)


def append_to_trial(folder: TrialFolder, event: TrialEvent) -> None:
    """Append an event to a trial's story.

    Raises:
        OSError: the disk is full or the folder is gone.
    """
    _append(folder.events_file, event)


def _append(path: Path, event: Event) -> None:
    values = event.to_fields()
    if event.omits_unknown:
        values = {name: value for name, value in values.items() if not _unknown(value)}
    append_event(path, event.name, **values)


def _unknown(value: object) -> bool:
    return value is None or value == "" or (isinstance(value, float) and math.isnan(value))


def from_fields(kind: type[Kind], values: Mapping[str, Any]) -> Kind | None:
    """Make an event from fields as a file has them; None where one is missing that matters."""
    read: dict[str, Any] = {}
    for name, convert, required in _readers(kind):
        value = convert(values.get(name))
        if value is not None:
            read[name] = value
        elif required:
            return None
    return kind(**read, time=to_time(values.get("time")))


def field_names(kind: type[Event]) -> tuple[str, ...]:
    """Return the names of a kind's fields, in order."""
    return tuple(item.name for item in fields(kind) if item.name != "time")


def _readers(kind: type[Event]) -> _FieldReaders:
    """Return each field's name, its converter (None for a value of another type), and whether it is required."""
    if kind in _field_readers:
        return _field_readers[kind]
    required = {item.name for item in fields(kind) if item.default is MISSING and item.default_factory is MISSING}
    types = {item.name: str(item.type) for item in fields(kind)}
    _field_readers[kind] = tuple((name, _CONVERTERS[types[name]], name in required) for name in field_names(kind))
    return _field_readers[kind]


_LARGEST = 2.0**53  # of a whole number that a float tells from its neighbours


def _to_float(value: Any) -> float | None:
    return float(value) if isinstance(value, (int, float)) else None


def _to_int(value: Any) -> int | None:
    return int(value) if isinstance(value, (int, float)) and abs(value) < _LARGEST else None


def _to_bool(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def _to_text(value: Any) -> str | None:
    return None if value is None else str(value)


def _to_texts(value: Any) -> tuple[str, ...] | None:
    return tuple(str(item) for item in value) if isinstance(value, (list, tuple)) else None


def _to_figures(value: Any) -> dict[str, float] | None:
    if not isinstance(value, Mapping):
        return None
    figures = {str(name): _to_float(figure) for name, figure in value.items()}
    return {name: math.nan if figure is None else figure for name, figure in figures.items()}


def _to_mapping(value: Any) -> dict[str, Any] | None:
    return {str(name): item for name, item in value.items()} if isinstance(value, Mapping) else None


_CONVERTERS: Mapping[str, Callable[[Any], Any]] = {
    "float": _to_float,
    "int": _to_int,
    "bool": _to_bool,
    "str": _to_text,
    "tuple[str, ...]": _to_texts,
    "Mapping[str, float]": _to_figures,
    "Mapping[str, Any] | None": _to_mapping,
}
