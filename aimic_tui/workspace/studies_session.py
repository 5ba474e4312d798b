"""The studies of a workspace as somebody works with them: rows, the open study, its plan and its results.

It knows no screen. Whoever shows it calls `read` again and again beside the event loop, passes the rows to `accept`,
and carries out what `plan_is_due` and `tables_are_due` ask for.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from aimic_tui.engine.errors import AimicError
from aimic_tui.engine.study.control import stop_study
from aimic_tui.engine.study.plan import CellPlan, plan_study
from aimic_tui.engine.study.study_folder import StudyFolder
from aimic_tui.engine.study.study_results import StudyResults
from aimic_tui.engine.study.study_results_file import read_study_results
from aimic_tui.engine.text import one_line
from aimic_tui.engine.workspace_folder import Workspace
from aimic_tui.workspace.processes import Outcome, command_line, run_command
from aimic_tui.workspace.studies_overview import StudyOverview, StudyRow

Plan = Mapping[tuple[str, str], CellPlan]
"""(data set, protocol) -> what the cell amounts to."""

Command = Callable[[Sequence[str]], Awaitable[Outcome]]

_REST = 30.0  # seconds at least between two makings of tables


@dataclass(frozen=True)
class StudyTables:
    """A study's results, and when their file was written, in nanoseconds."""

    results: StudyResults
    written: int


class StudiesSession:
    """What is known of a workspace's studies, and what can be done with them.

    Args:
        read_only: nothing is written: no tables are made.
        run: how a command is run to its end; `run_command` by default.
    """

    def __init__(self, workspace: Workspace, *, read_only: bool = False, run: Command | None = None) -> None:
        self.rows: tuple[StudyRow, ...] = ()
        self.tables: StudyTables | None = None
        self.note = ""
        self._workspace = workspace
        self._read_only = read_only
        self._run = run or run_command
        self._overview = StudyOverview(workspace)
        self._reading = threading.Lock()
        self._opened: Path | None = None
        self._plans: dict[Path, tuple[object, Plan]] = {}
        self._tables_of: tuple[Path, int] | None = None
        self._making = False
        self._tried: tuple[Path, int] | None = None
        self._rests_until = 0.0

    # -- rows

    def read(self) -> tuple[StudyRow, ...]:
        """Return how the studies stand; reads files, so it is not for the event loop."""
        with self._reading:  # a cancelled reader's thread may still be at it when the next one begins
            return self._overview.read()

    def accept(self, rows: tuple[StudyRow, ...]) -> None:
        """Take what `read` returned, and the tables of the open study where they are others now."""
        self.rows = rows
        if (row := self.open_row) is not None:
            self._read_tables(row)

    # -- the open study

    @property
    def is_open(self) -> bool:
        """Whether a study is open; its folder may be gone."""
        return self._opened is not None

    @property
    def open_row(self) -> StudyRow | None:
        """The study that is open, None where none is or its folder is gone."""
        return next((row for row in self.rows if row.folder.path == self._opened), None)

    def open(self, folder: Path) -> None:
        """Open a study."""
        self._opened, self.tables, self._tables_of, self.note = folder, None, None, ""
        self.accept(self.rows)

    def close(self) -> None:
        """Close the open study."""
        self._opened = None

    # -- its plan

    @property
    def plan(self) -> Plan:
        """What is known of the open study's cells before they are run."""
        return self._plans[self._opened][1] if self._opened in self._plans else {}

    @property
    def plan_is_due(self) -> bool:
        """Whether the plan of the open study must be worked out: for the first time, or since its runs went on."""
        row = self.open_row
        return row is not None and row.study is not None and self._plans.get(row.folder.path, (None,))[0] != _key(row)

    async def work_out_plan(self) -> None:
        """Work out the plan of the open study; until then the one before stands."""
        row = self.open_row
        if row is None or row.study is None:
            return
        path, key = row.folder.path, _key(row)
        self._plans[path] = key, self.plan
        try:
            cells = await asyncio.to_thread(plan_study, row.study, row.folder, self._workspace)
        except (AimicError, OSError):
            return  # the row says what is wrong with its files
        self._plans[path] = key, {(plan.cell.data.name, plan.cell.protocol): plan for plan in cells}

    @property
    def seconds_left(self) -> float | None:
        """How long the open study can still take, None where a part of it is not known."""
        row, left = self.open_row, 0.0
        if row is None:
            return None
        for cell in row.cells:
            if cell.state == "finished":
                continue
            seconds = cell.seconds_left
            if seconds is None:
                plan = self.plan.get((cell.data, cell.protocol))
                seconds = plan.seconds if plan is not None else None
            if seconds is None:
                return None
            left += seconds
        return left

    # -- its tables

    def _read_tables(self, row: StudyRow) -> None:
        """Take the tables that are there, and note what is to be said of them."""
        written = _written(row.folder)
        if self._tables_of != (row.folder.path, written):
            self._tables_of = row.folder.path, written
            results = read_study_results(row.folder.results_file)
            self.tables = None if results is None else StudyTables(results, written)
        if not row.tested:
            self.note = ""
        elif self._read_only and self._outdated(row):
            state = "these are older than the runs" if self.tables else "there are none of this version yet"
            self.note = f"A read-only look makes no tables: {state}."

    def _outdated(self, row: StudyRow) -> bool:
        return self.tables is None or row.tested > self.tables.written

    @property
    def tables_are_due(self) -> bool:
        """Whether the tables of the open study must be made, since its runs went on or there are none."""
        row = self.open_row
        return (
            row is not None
            and bool(row.tested)
            and self._outdated(row)
            and not self._read_only
            and not self._making
            and self._tried != (row.folder.path, row.tested)
            and monotonic() > self._rests_until
        )

    async def make_tables(self) -> None:
        """Have the command make the tables and the page of the open study, unless it is being done."""
        row = self.open_row
        if row is None or self._making:
            return
        self._making, self._tried = True, (row.folder.path, row.tested)
        self.note = "making the tables ..."
        began = monotonic()
        try:
            outcome = await self._run(self._command(str(row.folder.study_file), "--tables", "--json"))
        finally:
            self._making = False
            self._rests_until = monotonic() + max(_REST, 10 * (monotonic() - began))
        self.note = "" if outcome.code == 0 else f"! {one_line(outcome.error.sentence)}"
        if (now := self.open_row) is not None:
            self._read_tables(now)

    # -- starting and stopping

    async def start(self, file: Path) -> list[str]:
        """Start a study, or continue it, by the command that a person could type, and open it.

        Returns:
            What is wrong, a sentence each; empty where it was started.
        """
        outcome = await self._run(self._command(str(file), "--detach", "--json"))
        if outcome.code != 0:
            return [one_line(line) for line in outcome.error.sentence.splitlines()]
        folder = Path(json.loads(outcome.stdout.strip().splitlines()[-1])["path"])
        self.rows = await asyncio.to_thread(self.read)
        self.open(folder)
        return []

    async def stop(self, folder: StudyFolder) -> None:
        """Stop a study and its current run.

        Raises:
            OSError: its folder can't be written.
        """
        await asyncio.to_thread(stop_study, folder)

    def _command(self, *arguments: str) -> list[str]:
        return command_line(self._workspace.root, "study", *arguments)


def _key(row: StudyRow) -> object:
    """Return what a plan depends on: runs that come and go, and trials that finish."""
    return tuple((cell.data, cell.protocol, len(cell.runs), cell.done) for cell in row.cells)


def _written(folder: StudyFolder) -> int:
    try:
        return folder.results_file.stat().st_mtime_ns
    except OSError:
        return 0
