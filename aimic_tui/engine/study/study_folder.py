"""A study's folder in the workspace: what it was asked to do, which runs are its, its story and its tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.files import is_locked, read_json, write_json
from aimic_tui.engine.run_folder import RunFolder, WorkFolder, slug
from aimic_tui.engine.study.study_file import Cell
from aimic_tui.engine.text import printable
from aimic_tui.engine.workspace_folder import Workspace


@dataclass(frozen=True)
class RunOfStudy:
    """A run that belongs to a cell; `digest` is the cell's when the run was made."""

    data: str
    protocol: str
    digest: str
    networks: tuple[str, ...]
    run: str


@dataclass(frozen=True)
class StudyFolder(WorkFolder):
    """The files of one study."""

    @property
    def study_file(self) -> Path:
        """What it is asked to do, with whole paths."""
        return self.path / "study.toml"

    @property
    def runs_file(self) -> Path:
        """Which runs are its."""
        return self.path / "runs.json"

    @property
    def walker_log(self) -> Path:
        """What the walking process said outside its events."""
        return self.path / "study.log"

    @property
    def alive(self) -> bool:
        """Whether a process is at work on it."""
        return is_locked(self.lock_file)

    def runs(self) -> tuple[RunOfStudy, ...]:
        """Return the runs that were made for it, oldest first.

        Raises:
            InputProblem: the list is damaged.
        """
        try:
            records = read_json(self.runs_file)["runs"]
            return tuple(RunOfStudy(**{**record, "networks": tuple(record["networks"])}) for record in records)
        except FileNotFoundError:
            return ()
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputProblem(
                f"{printable(str(self.runs_file))} can't be read ({printable(str(error))}). Delete it: the study then "
                "makes its runs anew."
            ) from None

    def remember(self, run: RunOfStudy) -> None:
        """Note a run as the study's.

        Raises:
            OSError: the folder can't be written.
        """
        write_json(self.runs_file, {"runs": [asdict(known) for known in (*self.runs(), run)]})


def study_folder(workspace: Workspace, name: str) -> StudyFolder:
    """Return the folder of a study of this name, whether or not it is there yet."""
    return StudyFolder(workspace.root / "studies" / slug(name, "study"))


@dataclass(frozen=True)
class PlannedCell:
    """How far a cell is.

    Attributes:
        runs: those that are this cell's, with the networks that each is for.
        missing: networks that no run is for yet.
        outdated: runs that were made for it with other settings, which don't count any more.
    """

    cell: Cell
    runs: tuple[tuple[RunFolder, tuple[str, ...]], ...]
    missing: tuple[str, ...]
    outdated: tuple[str, ...]


def plan_cell(workspace: Workspace, known: Sequence[RunOfStudy], cell: Cell) -> PlannedCell:
    """Find out which of a cell's networks have a run; a run whose folder is gone counts as never made."""
    runs: list[tuple[RunFolder, tuple[str, ...]]] = []
    outdated = []
    wanted = list(cell.experiment.model.networks)
    for record in known:
        folder = RunFolder(workspace.runs_folder / record.run)
        if (record.data, record.protocol) != (cell.data.name, cell.protocol) or not folder.status_file.is_file():
            continue
        if record.digest != cell.digest:
            outdated.append(record.run)
            continue
        networks = tuple(name for name in record.networks if name in wanted)
        wanted = [name for name in wanted if name not in networks]
        if networks:
            runs.append((folder, networks))
    return PlannedCell(cell, tuple(runs), tuple(wanted), tuple(outdated))
