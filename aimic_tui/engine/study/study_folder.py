"""A study's folder in the workspace: its file, the list of its runs, its events and its tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from aimic_tui.engine.bounded_files import DamagedFile, read_json
from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.files import is_locked, write_json
from aimic_tui.engine.run_folder import RunFolder, WorkFolder, slug
from aimic_tui.engine.sign_of_life import life_elsewhere
from aimic_tui.engine.study.study_file import Cell
from aimic_tui.engine.text import printable
from aimic_tui.engine.workspace_folder import Workspace

_RUNS_VERSION = 1  # of runs.json; files without one are of this version


@dataclass(frozen=True)
class StudyRun:
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
        """What the study consists of, with absolute paths."""
        return self.path / "study.toml"

    @property
    def runs_file(self) -> Path:
        """The list of its runs."""
        return self.path / "runs.json"

    @property
    def scheduler_log(self) -> Path:
        """What the scheduler process printed besides its events."""
        return self.path / "study.log"

    @property
    def results_file(self) -> Path:
        """Its figures and sentences."""
        return self.path / "results.json"

    @property
    def page(self) -> Path:
        """Its tables as one page."""
        return self.path / "study.html"

    @property
    def alive(self) -> bool:
        """Whether a process is at work on it."""
        return is_locked(self.lock_file) or life_elsewhere(self.lock_file) is not None

    def runs(self) -> tuple[StudyRun, ...]:
        """Return the runs that were made for it, oldest first.

        Raises:
            InputProblem: the list is damaged.
        """
        try:
            return tuple(_run(record) for record in read_json(self.runs_file)["runs"])
        except FileNotFoundError:
            return ()
        except (OSError, ValueError, KeyError, TypeError) as error:
            why = error.reason if isinstance(error, DamagedFile) else str(error)
            raise InputProblem(
                f"{printable(str(self.runs_file))} can't be read ({printable(why)}). Delete it: the study then "
                "creates its runs again."
            ) from None

    def add_run(self, run: StudyRun) -> None:
        """Add a run to the study's list.

        Raises:
            OSError: the folder can't be written.
        """
        runs = [asdict(known) for known in (*self.runs(), run)]
        write_json(self.runs_file, {"version": _RUNS_VERSION, "runs": runs})


def _run(record: Mapping[str, Any]) -> StudyRun:
    run = str(record["run"])
    if Path(run).name != run or run in ("", "..") or "\0" in run:  # a folder of the workspace's runs, none elsewhere
        raise ValueError(f"{run!r} is not the name of a run")
    return StudyRun(
        data=str(record["data"]),
        protocol=str(record["protocol"]),
        digest=str(record["digest"]),
        networks=tuple(map(str, record["networks"])),
        run=run,
    )


def study_folder(workspace: Workspace, name: str) -> StudyFolder:
    """Return the folder of a study of this name, whether or not it is there yet."""
    return StudyFolder(workspace.root / "studies" / slug(name, "study"))


@dataclass(frozen=True)
class CellRuns:
    """The runs of a cell.

    Attributes:
        runs: those that belong to it, with the networks that each is for.
        missing: networks that no run is for yet.
        outdated: names of runs that were created for it with other settings, which no longer count.
    """

    cell: Cell
    runs: tuple[tuple[RunFolder, tuple[str, ...]], ...]
    missing: tuple[str, ...]
    outdated: tuple[str, ...]


def runs_of_cell(workspace: Workspace, known: Sequence[StudyRun], cell: Cell) -> CellRuns:
    """Find out which of a cell's networks have a run; a run whose folder is gone counts as never created.

    Args:
        known: all runs of the study.
    """
    runs: list[tuple[RunFolder, tuple[str, ...]]] = []
    outdated = []
    missing = list(cell.experiment.model.networks)
    for record in known:
        folder = RunFolder(workspace.runs_folder / record.run)
        if (record.data, record.protocol) != (cell.data.name, cell.protocol) or not folder.status_file.is_file():
            continue
        if record.digest != cell.digest:
            outdated.append(record.run)
            continue
        networks = tuple(name for name in record.networks if name in missing)
        missing = [name for name in missing if name not in networks]
        if networks:
            runs.append((folder, networks))
    return CellRuns(cell, tuple(runs), tuple(missing), tuple(outdated))
