"""How the Studies place follows the workspace: rows by reading files, tables and plans beside the event loop."""

from __future__ import annotations

import asyncio
import threading
from abc import abstractmethod
from pathlib import Path
from time import monotonic

from textual import events, on, work
from textual.message import Message

from aimic_tui.engine.errors import AimicError
from aimic_tui.engine.study.preview import CellPreview, preview
from aimic_tui.engine.text import one_line
from aimic_tui.screens.place import Place
from aimic_tui.screens.studies.cell_grid import Plan
from aimic_tui.screens.studies.figure_tables import StudyTables, read_tables
from aimic_tui.workspace.processes import command_line, run_command
from aimic_tui.workspace.studies_overview import StudyOverview, StudyRow

_PAUSE, _PAUSE_SLOW = 1.0, 5.0  # seconds between two looks
_REST = 30.0  # seconds at least between two makings of tables


class FollowingStudies(Place):
    """A place that follows studies; a subclass shows them in `show_rows`."""

    class Seen(Message):
        """How the studies stand now."""

        def __init__(self, rows: tuple[StudyRow, ...]) -> None:
            super().__init__()
            self.rows = rows

    def __init__(self) -> None:
        super().__init__()
        self.rows: tuple[StudyRow, ...] = ()
        self.opened: Path | None = None
        self.tables: StudyTables | None = None
        self.plans: dict[Path, tuple[object, Plan]] = {}
        self.note = ""
        self._overview: StudyOverview | None = None
        self._reading = threading.Lock()
        self._tables_of: tuple[Path, int] | None = None
        self._making = False
        self._tried: tuple[Path, int] | None = None
        self._rests_until = 0.0

    @abstractmethod
    def show_rows(self) -> None:
        """Draw what was read."""

    @property
    def open_row(self) -> StudyRow | None:
        """The study that is open."""
        return next((row for row in self.rows if row.folder.path == self.opened), None)

    @on(events.ScreenResume)
    def _resumed(self) -> None:
        """Follow the workspace while the place is on the screen."""
        self._follow()

    @on(events.ScreenSuspend)
    def _suspended(self) -> None:
        """Nobody looks: read nothing."""
        self.workers.cancel_group(self, "follow")

    @work(group="follow", exclusive=True, exit_on_error=False)
    async def _follow(self) -> None:
        while True:
            self.post_message(self.Seen(await asyncio.to_thread(self._read)))
            await asyncio.sleep(_PAUSE_SLOW if self.shell.slow_link else _PAUSE)

    def _read(self) -> tuple[StudyRow, ...]:
        # A cancelled reader's thread may still be at it when the next one begins.
        with self._reading:
            if self._overview is None:
                self._overview = StudyOverview(self.shell.workspace)
            return self._overview.read()

    @on(Seen)
    def _seen(self, event: Seen) -> None:
        event.stop()
        self.rows = event.rows
        if (row := self.open_row) is not None:
            self._look_at_tables(row)
            self._look_ahead(row)
        self.show_rows()

    # -- the plan

    def _look_ahead(self, row: StudyRow) -> None:
        """Work the plan of the open study out once, and again where a run came or went."""
        key = tuple((cell.data, cell.protocol, len(cell.runs), cell.done) for cell in row.cells)
        if row.study is not None and self.plans.get(row.folder.path, (None,))[0] != key:
            self.plans[row.folder.path] = key, self.plan_of(row.folder.path)
            self._plan(row)

    def plan_of(self, path: Path) -> Plan:
        """Return what is known of a study's cells before they are run."""
        known = self.plans.get(path)
        return known[1] if known is not None else {}

    @work(group="plan", exclusive=True, exit_on_error=False)
    async def _plan(self, row: StudyRow) -> None:
        assert row.study is not None
        try:
            cells = await asyncio.to_thread(preview, row.study, row.folder, self.shell.workspace)
        except (AimicError, OSError):
            return  # the row says what is wrong with its files
        key = self.plans[row.folder.path][0]
        self.plans[row.folder.path] = key, {(cell.cell.data.name, cell.cell.protocol): cell for cell in cells}
        self.show_rows()

    def seconds_left(self, row: StudyRow) -> float | None:
        """Return how long all of a study can take yet, None where a part of it is not known."""
        plan, left = self.plan_of(row.folder.path), 0.0
        for cell in row.cells:
            if cell.state == "finished":
                continue
            seconds = cell.seconds_left
            if seconds is None:
                found: CellPreview | None = plan.get((cell.data, cell.protocol))
                seconds = found.seconds if found is not None else None
            if seconds is None:
                return None
            left += seconds
        return left

    # -- the tables

    def _look_at_tables(self, row: StudyRow) -> None:
        """Take the tables that are there, and have them made anew where the runs went on since."""
        folder = row.folder.path
        try:
            made = (folder / "results.json").stat().st_mtime_ns
        except OSError:
            made = 0
        if self._tables_of != (folder, made):
            self._tables_of = folder, made
            self.tables = read_tables(folder) if made else None
        old = self.tables is None or row.tested > made
        if not row.tested:
            self.note = ""
        elif old and self.shell.read_only:
            about = "these are older than the runs" if self.tables else "there are none of this version yet"
            self.note = f"A read-only look makes no tables: {about}."
        elif old and not self._making and self._tried != (folder, row.tested) and monotonic() > self._rests_until:
            self._tried = folder, row.tested
            self.make_tables(row)

    def make_tables(self, row: StudyRow) -> None:
        """Have the command make the tables and the page of a study, unless it is at it."""
        if not self._making:
            self._making = True
            self.note = "making the tables ..."
            self._make(row)

    @work(group="tables", exclusive=True, exit_on_error=False)
    async def _make(self, row: StudyRow) -> None:
        line = command_line(self.shell.workspace.root, "study", str(row.folder.study_file), "--tables", "--json")
        began = monotonic()
        try:
            outcome = await run_command(line)
        finally:
            self._making = False
            self._rests_until = monotonic() + max(_REST, 10 * (monotonic() - began))
        self.note = "" if outcome.code == 0 else f"! {one_line(outcome.sentence)}"
        if (now := self.open_row) is not None:
            self._look_at_tables(now)
        self.show_rows()
