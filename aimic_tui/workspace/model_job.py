"""A model's work that outlives the app: its files, its process, how it stands, in words.

Predictions and evaluations are such jobs. Each has a folder in the workspace: request.json (what was asked for, and
which process does it), events.jsonl (its progress), log.txt (what it said), and what it makes.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from aimic_tui.engine.data.reading.input_rule import AS_STORED, InputRule
from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.files import read_json, write_json
from aimic_tui.engine.models.model_folder import find_models, read_model_card
from aimic_tui.engine.text import one_line
from aimic_tui.workspace.processes import Outcome

State = Literal["running", "finished", "stopped", "failed"]
ProcessId = tuple[int, float]
"""A process's number, and when it began: a number may be used again."""

_REQUEST = "request.json"


@dataclass(frozen=True, kw_only=True)
class ModelJob:
    """What a model was asked to do with images.

    Attributes:
        folder: where its files are.
        label: the model in a few words.
        model: what the command gets as MODEL.
        network: as its option; empty where the model is of one network anyway.
        created: when it was asked for, ISO.
        process: that does it.
    """

    folder: Path
    label: str
    model: Path
    network: str
    created: str
    process: ProcessId | None = None

    @property
    def events_file(self) -> Path:
        """Its progress."""
        return self.folder / "events.jsonl"

    @property
    def log_file(self) -> Path:
        """What its process said."""
        return self.folder / "log.txt"

    @property
    def problem(self) -> str:
        """Why it failed, in a sentence."""
        return last_words(self.log_file) or Outcome(1, "", log_text(self.log_file)).sentence

    @property
    def rule(self) -> InputRule:
        """Which stored values its model sees in which colour; as they are stored where the model is gone."""
        with suppress(InputProblem, OSError):
            return read_model_card(find_models(self.model, self.network or None)[0]).preprocessing.rule
        return AS_STORED

    def stop(self) -> None:
        """Ask its process to end, if it is still there."""
        if self.process is not None and is_alive(self.process):
            with suppress(ProcessLookupError):
                os.kill(self.process[0], signal.SIGTERM)

    def write_request(self) -> None:
        """Keep what was asked for.

        Raises:
            OSError: its folder can't be written.
        """
        record = {name: str(value) if isinstance(value, Path) else value for name, value in asdict(self).items()}
        del record["folder"]
        write_json(self.folder / _REQUEST, record)


def read_request(folder: Path) -> tuple[Mapping[str, Any], dict[str, Any]]:
    """Read what was asked for: all of it, and what every `ModelJob` has, as its arguments.

    Raises:
        OSError, ValueError, KeyError, TypeError, IndexError: there is none, or it can't be read.
    """
    record = read_json(folder / _REQUEST)
    process = record["process"]
    return record, {
        "folder": folder,
        "label": str(record["label"]),
        "model": Path(record["model"]),
        "network": str(record["network"]),
        "created": str(record["created"]),
        "process": None if process is None else (int(process[0]), float(process[1])),
    }


def identity_of(process: subprocess.Popen[bytes]) -> ProcessId:
    """Return what tells a process from every other."""
    import psutil

    try:
        return process.pid, psutil.Process(process.pid).create_time()
    except psutil.Error:  # it is gone already; its log says why
        return process.pid, 0.0


def is_alive(process: ProcessId | None) -> bool:
    """Tell whether a process still works."""
    import psutil

    if process is None:
        return False
    try:
        found = psutil.Process(process[0])
        return bool(abs(found.create_time() - process[1]) < 2 and found.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def log_text(log: Path) -> str:
    """Return what a command said; nothing where it left no log."""
    try:
        return log.read_text("utf-8", "replace")
    except OSError:
        return ""


def last_words(log: Path) -> str:
    """Return the sentence that a command ended with; empty where it said none."""
    lines = [line for line in log_text(log).splitlines() if line.startswith("aimic: ")]
    return one_line(lines[-1].removeprefix("aimic: ")) if lines else ""
