"""A model's work that outlives the app: its files, its process, and how it stands.

Predictions and evaluations are such jobs. Each has a folder in the workspace: request.json (what was requested, and
which process does it), events.jsonl (its progress and how it ended), log.txt (what it printed), and what it makes.
"""

from __future__ import annotations

import os
import signal
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Literal

from aimic_tui.engine.bounded_files import DamagedFile, read_end, read_json
from aimic_tui.engine.data.reading.input_rule import AS_STORED, InputRule
from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.event_log import to_time
from aimic_tui.engine.files import write_json
from aimic_tui.engine.models.model_folder import find_models, read_model_card
from aimic_tui.engine.text import one_line
from aimic_tui.engine.typed_values import file_path, number, text, whole
from aimic_tui.workspace.command_events import Ending, command_end
from aimic_tui.workspace.processes import Outcome

State = Literal["running"] | Ending
ProcessId = tuple[int, float]
"""A process's number, and when it began: a number may be used again."""

_REQUEST = "request.json"


@dataclass(frozen=True, kw_only=True)
class ModelJob(ABC):
    """What a model was asked to do with images.

    Attributes:
        folder: where its files are.
        label: the model in a few words.
        model: what the command gets as MODEL.
        network: as its option; empty where the model is of one network anyway.
        created: when it was requested, ISO.
        process: that does it.
    """

    folder: Path
    label: str
    model: Path
    network: str
    created: str
    process: ProcessId | None = None

    @property
    def age(self) -> tuple[datetime, str]:
        """What sorts jobs by the moment they were requested in; their folders' names hold the local time."""
        return to_time(self.created) or datetime.min.replace(tzinfo=timezone.utc), self.folder.name

    @property
    def events_file(self) -> Path:
        """Its progress."""
        return self.folder / "events.jsonl"

    @property
    def log_file(self) -> Path:
        """What its process printed."""
        return self.folder / "log.txt"

    @property
    def state(self) -> State:
        """How it stands: by its process, else by what that wrote of its end, else by the files it left behind."""
        if self._alive():
            return "running"
        end = command_end(self.events_file)
        if end is not None and not (end.ending == "finished" and self.state_by_files != "finished"):
            return end.ending
        return self.state_by_files

    @property
    @abstractmethod
    def state_by_files(self) -> Ending:
        """How it ended, by its files alone: its process was killed, or is of version 0.1, which wrote no such event."""

    @property
    def problem(self) -> str:
        """Why it failed, in a sentence."""
        end = command_end(self.events_file)
        if end is not None and end.error is not None:
            return one_line(end.error.sentence)
        try:
            return Outcome(1, "", read_end(self.log_file)).sentence
        except (OSError, DamagedFile):
            return "Its process ended without a reason."

    @property
    def rule(self) -> InputRule:
        """Which stored values its model sees in which colour; as they are stored where the model is gone."""
        with suppress(InputProblem, OSError):
            return read_model_card(find_models(self.model, self.network or None)[0]).preprocessing.rule
        return AS_STORED

    def stop(self) -> None:
        """Ask its process to end, if it is still there."""
        if self.process is not None and self._alive():
            with suppress(ProcessLookupError):
                os.kill(self.process[0], signal.SIGTERM)

    def _alive(self) -> bool:
        """Tell whether its process still works: the one with its number and time that writes its events.

        Number and time alone prove nothing: they stand in a file that others may write.
        """
        import psutil

        if self.process is None or self.process[0] <= 0:
            return False
        try:
            found = psutil.Process(self.process[0])
            if abs(found.create_time() - self.process[1]) >= 2 or found.status() == psutil.STATUS_ZOMBIE:
                return False
            command = found.cmdline()
        except (psutil.Error, OverflowError):
            return False
        written = [Path(word.removeprefix("--events=")) for word in command if word.endswith(self.events_file.name)]
        return any(file.absolute() == self.events_file.absolute() for file in written)

    def write_request(self) -> None:
        """Store what was requested.

        Raises:
            OSError: its folder can't be written.
        """
        record = {name: str(value) if isinstance(value, Path) else value for name, value in asdict(self).items()}
        del record["folder"]
        write_json(self.folder / _REQUEST, {"version": 1, **record})


def read_request(folder: Path) -> tuple[Mapping[str, Any], dict[str, Any]]:
    """Read what was requested: all of it, and what every `ModelJob` has, as its arguments.

    Raises:
        OSError, MALFORMED: there is none, or it can't be read.
    """
    record = read_json(folder / _REQUEST)
    process = record["process"]
    return record, {
        "folder": folder,
        "label": text(record["label"]),
        "model": file_path(record["model"]),
        "network": text(record["network"]),
        "created": text(record["created"]),
        "process": None if process is None else (whole(process[0], 1), number(process[1])),
    }


def unreadable_requests(jobs: Path, read: Callable[[Path], ModelJob]) -> tuple[str, ...]:
    """Return a sentence on each job whose request can't be read, by the names of their folders.

    Args:
        jobs: the folder of the jobs' folders.
        read: a job from its folder; raises InputProblem.
    """
    sentences = []
    for request in sorted(jobs.glob(f"*/{_REQUEST}")):
        try:
            read(request.parent)
        except InputProblem as problem:
            sentences.append(problem.sentence)
    return tuple(sentences)


def identity_of(process: subprocess.Popen[bytes]) -> ProcessId:
    """Return what tells a process from every other."""
    import psutil

    try:
        return process.pid, psutil.Process(process.pid).create_time()
    except psutil.Error:  # it is gone already; its log says why
        return process.pid, 0.0
