"""How a run and its trials stand, as `status.json` says it and the run's lock confirms it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal, get_args

from aimic_tui.engine.bounded_files import DamagedFile, read_json
from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.event_log import to_time
from aimic_tui.engine.files import is_locked, write_json
from aimic_tui.engine.run_folder import RunFolder, TrialKey
from aimic_tui.engine.sign_of_life import life_elsewhere
from aimic_tui.engine.system_errors import has_room
from aimic_tui.engine.text import one_line, printable
from aimic_tui.engine.typed_values import MALFORMED, items, one_of, text, whole

State = Literal["queued", "running", "stopping", "stopped", "finished", "failed", "interrupted"]
TrialState = Literal["queued", "running", "finished", "failed", "stopped"]
_VERSION = 1  # of the file; files that version 0.1 of the program wrote have none


@dataclass(frozen=True)
class TrialStatus:
    """The status of one trial.

    Attributes:
        attempts: how often a worker has taken it in this start of the run.
        device: where it runs or ran last ("cpu", "cuda:0"), "" before.
        reason: the sentence about why it failed, "" otherwise.
        code, setting: of the error behind the reason (`engine/errors.py`): its kind and the setting that would mend it.
        inner: the inner fold, from 1; 0 where the fold itself is trained and tested.
    """

    network: str
    fold: int
    seed: int
    state: TrialState = "queued"
    attempts: int = 0
    device: str = ""
    reason: str = ""
    inner: int = 0
    code: str = ""
    setting: str = ""

    @classmethod
    def queued(cls, key: TrialKey) -> TrialStatus:
        """Return the status of a trial that waits for its turn."""
        return cls(key.network, key.fold, key.seed, inner=key.inner)

    @property
    def key(self) -> TrialKey:
        """Which trial this is."""
        return TrialKey(self.network, self.fold, self.seed, self.inner)


@dataclass(frozen=True)
class RunStatus:
    """The status of a run.

    Attributes:
        run: its name, which is its folder's.
        created, started, ended: times with their zone; None where that has not happened (`started` is the last start).
        trials: in the order in which they are taken.
        pid, host: of the scheduler that wrote the status last.
        reason: a sentence about why the state is what it is, "" where there is nothing to say.
        protocol: "honest" or "aimic-2022".
        networks: in the experiment's order.
        folds: how many the split has, over all repeats.
        epochs: the most that a trial can take.
        data: the data set's absolute path.
        monitor: the figure that chooses the best epoch, such as "macro_f1".
    """

    run: str
    state: State
    created: datetime | None = None
    started: datetime | None = None
    ended: datetime | None = None
    trials: tuple[TrialStatus, ...] = ()
    pid: int | None = None
    host: str = ""
    reason: str = ""
    protocol: str = "honest"
    networks: tuple[str, ...] = ()
    folds: int = 0
    epochs: int = 0
    data: str = ""
    monitor: str = "macro_f1"

    @property
    def alive(self) -> bool:
        """Whether a scheduler is at work on it."""
        return self.state in ("running", "stopping")

    @property
    def trials_done(self) -> int:
        """How many trials are finished."""
        return sum(trial.state == "finished" for trial in self.trials)


class UnreadableStatus(InputProblem):
    """A run whose status can't be read.

    Attributes:
        status: what stands for it in lists of runs: failed, with the reason.
    """

    def __init__(self, folder: RunFolder, why: str) -> None:
        file = folder.status_file
        super().__init__(
            f"{printable(str(file))} can't be read: {why}. Name another run, or restore the file from a copy."
        )
        self.status = RunStatus(run=folder.name, state="failed", reason=f"{file.name} can't be read: {why}.")


def write_status(folder: RunFolder, status: RunStatus) -> None:
    """Replace the run's status file.

    Raises:
        OSError: the disk is full or the folder is gone; the old file is then untouched.
    """
    record: dict[str, Any] = {"version": _VERSION, **vars(status)}
    for name in ("created", "started", "ended"):
        record[name] = record[name].isoformat(timespec="milliseconds") if record[name] else None
    record["trials"] = [vars(trial) for trial in status.trials]
    write_json(folder.status_file, record)


def read_status(folder: RunFolder) -> RunStatus:
    """Read a run's status; one that is recorded as running while nothing holds its lock is interrupted.

    Raises:
        InputProblem: there is no status to read.
    """
    return confirmed(folder, read_recorded(folder))


def status_of(folder: RunFolder) -> RunStatus:
    """Return a run's status, for lists of runs: where it can't be read, a failed one that says so."""
    try:
        return read_status(folder)
    except UnreadableStatus as problem:
        return problem.status


def read_recorded(folder: RunFolder) -> RunStatus:
    """Read the status file as it is, without asking the lock.

    Raises:
        UnreadableStatus: there is no status to read.
    """
    try:
        record = read_json(folder.status_file)
        if record.get("version", _VERSION) == _VERSION:
            return _from_record(folder, record)
        why = "a later version of aimic wrote it"
    except OSError as error:
        why = error.strerror or str(error)
    except DamagedFile as error:
        why = f"it is damaged: {error.reason}"
    except MALFORMED as error:
        why = f"it is damaged: {error if isinstance(error, ValueError) else 'a value is missing or of another kind'}"
    raise UnreadableStatus(folder, one_line(why))


def confirmed(folder: RunFolder, status: RunStatus) -> RunStatus:
    """Return the status with its state corrected by the run's lock: a dead scheduler's run is interrupted."""
    if not status.alive or is_locked(folder.lock_file):
        return status
    # The scheduler writes its last state before it lets the lock go: look again, it may just have ended.
    try:
        status = read_recorded(folder)
    except InputProblem:
        return status
    if not status.alive or is_locked(folder.lock_file) or life_elsewhere(folder.lock_file):
        return status
    trials = tuple(replace(trial, state="stopped") if trial.state == "running" else trial for trial in status.trials)
    reason = "The machine or the process died; the last checkpoints are kept."
    if not has_room(folder.path):  # perhaps the cause, which could not be written down
        reason += f" The disk of {printable(str(folder.path))} is full: make space there first."
    return replace(status, state="interrupted", trials=trials, reason=status.reason or reason)


def _from_record(folder: RunFolder, record: Mapping[str, Any]) -> RunStatus:
    pid = record.get("pid")
    return RunStatus(
        run=folder.name,
        state=one_of(record["state"], get_args(State)),
        created=to_time(record.get("created")),
        started=to_time(record.get("started")),
        ended=to_time(record.get("ended")),
        trials=items(record.get("trials", ()), _trial_from_record),
        pid=pid if type(pid) is int and pid > 0 else None,
        host=text(record.get("host", "")),
        reason=text(record.get("reason", "")),
        protocol=text(record.get("protocol", "honest")),
        networks=items(record.get("networks", ()), text),
        folds=whole(record.get("folds", 0)),
        epochs=whole(record.get("epochs", 0)),
        data=text(record.get("data", "")),
        monitor=text(record.get("monitor", "macro_f1")),
    )


def _trial_from_record(record: Mapping[str, Any]) -> TrialStatus:
    trial = TrialStatus(
        network=text(record["network"]),
        fold=whole(record["fold"], 1),
        seed=whole(record.get("seed", 0), high=2**32),
        state=one_of(record["state"], get_args(TrialState)),
        attempts=whole(record.get("attempts", 0)),
        device=text(record.get("device", "")),
        reason=text(record.get("reason", "")),
        inner=whole(record.get("inner", 0)),
        code=text(record.get("code", "")),
        setting=text(record.get("setting", "")),
    )
    _ = trial.key  # its folder's name is made of it
    return trial
