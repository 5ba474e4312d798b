"""What is kept of a run's baselines: record.json beside their tables of predictions, and its typed model."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from aimic_tui.engine.bounded_files import read_json
from aimic_tui.engine.evaluation.baseline import Absence, BaselineName
from aimic_tui.engine.files import write_json


class MissingBaseline(BaseModel):
    """Why a baseline could not be made."""

    model_config = ConfigDict(frozen=True)

    name: BaselineName
    reason: Absence
    sentence: str


class BaselineRecord(BaseModel):
    """What was made, written after all tables: while there is none, they are still being made.

    Attributes:
        made: baseline -> the network whose features it rests on, "" where it needs none.
        missing: those that could not be made.
    """

    model_config = ConfigDict(frozen=True)

    version: Literal[1] = 1
    made: dict[BaselineName, str] = {}
    missing: tuple[MissingBaseline, ...] = ()


def write_baseline_record(path: Path, record: BaselineRecord) -> None:
    """Write a record, atomically.

    Raises:
        OSError: the disk is full or the folder is not writable.
    """
    path.parent.mkdir(exist_ok=True)  # where no table could be made there is none yet
    write_json(path, record.model_dump(mode="json"))


def read_baseline_record(path: Path) -> BaselineRecord | None:
    """Read a record; None where there is none that can be read."""
    try:
        return BaselineRecord.model_validate(read_json(path))
    except (OSError, ValueError, ValidationError):
        return None
