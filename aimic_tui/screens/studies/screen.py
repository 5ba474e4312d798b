"""Studies: how do networks do over several data sets, and is the published figure held?"""

from __future__ import annotations

import asyncio
from functools import cached_property
from pathlib import Path
from typing import ClassVar

from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Static

from aimic_tui.engine.text import printable
from aimic_tui.screens.place import Place
from aimic_tui.screens.studies.rows import study_heading, study_line
from aimic_tui.screens.studies.study_file_dialog import StudyFile, new_prompt, open_prompt, write_paper_study
from aimic_tui.screens.studies.study_view import PARTS, StudyView
from aimic_tui.widgets.dialogs import Confirm
from aimic_tui.widgets.row_list import RowList
from aimic_tui.wording.paths import short_path
from aimic_tui.workspace.studies_overview import StudyRow
from aimic_tui.workspace.studies_session import StudiesSession

_PAUSE, _PAUSE_SLOW = 1.0, 5.0  # seconds between two readings
_IN_LIST = ("new", "open")
_IN_STUDY = ("plan", "part", "metric", "tables", "back")


class StudiesScreen(Place):
    """The workspace's studies; one of them open: its cells, and the tables of what is finished."""

    PLACE: ClassVar[str] = "studies"
    CSS_PATH = "screen.tcss"
    AUTO_FOCUS: ClassVar[str | None] = "#studies"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "look", "Look", id="studies.look", tooltip="Open the study, or the run of the cell"),
        Binding(
            "n", "new", "New", id="studies.new", tooltip="A new study, based on the paper's, in a file of your own"
        ),
        Binding(
            "o", "open", "Open file", id="studies.open", tooltip="Open a study's TOML file, see its plan, start it"
        ),
        Binding("r", "go_on", "Resume", id="studies.go-on", tooltip="Start the study, or resume it where it stopped"),
        Binding("s", "stop", "Stop", id="studies.stop", tooltip="Stop the study and its current run; nothing is lost"),
        Binding("p", "plan", "Plan", id="studies.plan", tooltip="Trials, images and time of the study"),
        *(
            Binding(part.key, f"part({name!r})", part.name, show=False, id=f"studies.{name}", tooltip=part.tooltip)
            for name, part in PARTS.items()
        ),
        Binding("v", "metric", "Figure", show=False, id="studies.figure", tooltip="Show the next figure"),
        Binding("e", "tables", "Page", show=False, id="studies.tables", tooltip="Make the tables and their page again"),
        Binding("escape", "back", "Studies", id="studies.back", tooltip="Back to the list of studies"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._starting = ""
        self.add_class("-list")

    @cached_property
    def _session(self) -> StudiesSession:
        """What is known of the workspace's studies."""
        return StudiesSession(self.shell.workspace, read_only=self.shell.read_only)

    def compose_body(self) -> ComposeResult:
        """Yield the list, what stands there while it is empty, and the open study."""
        yield Static("", id="studies-heading")
        yield RowList[StudyRow](study_line, lambda row: row.folder.path, id="studies")
        yield Static("", id="no-studies")
        yield StudyView()

    # -- following

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
            self._session.accept(await asyncio.to_thread(self._session.read))
            self._refresh()
            await asyncio.sleep(_PAUSE_SLOW if self.shell.slow_link else _PAUSE)

    def _refresh(self) -> None:
        """Draw what is known, and have the plan and the tables made where they are due."""
        if self._session.plan_is_due:
            self._work_out_plan()
        if self._session.tables_are_due:
            self._make_tables()
        self.show_rows()

    @work(group="plan", exclusive=True, exit_on_error=False)
    async def _work_out_plan(self) -> None:
        await self._session.work_out_plan()
        self.show_rows()

    @work(group="tables", exclusive=True, exit_on_error=False)
    async def _make_tables(self) -> None:
        await self._session.make_tables()
        self.show_rows()

    # -- drawing

    @property
    def _list(self) -> RowList[StudyRow]:
        return self.query_one("#studies", RowList)

    @property
    def _view(self) -> StudyView:
        return self.query_one(StudyView)

    @property
    def _row(self) -> StudyRow | None:
        """The study that actions are about."""
        return self._session.open_row if self._session.is_open else self._list.chosen

    def show_rows(self) -> None:
        """Draw the list or the open study."""
        row, rows = self._session.open_row, self._session.rows
        if self._session.is_open and row is None and not self._starting:
            self._close()  # its folder is gone
        self.set_class(not rows, "-none")
        self._list.show(rows)
        if not rows:
            self.query_one("#no-studies", Static).update(self._empty_words())
        self.query_one("#studies-heading", Static).update(Content("  ") + study_heading(self.size.width - 4))
        if row is not None:
            session, note = self._session, self._starting or self._session.note
            self._view.show(row, session.tables, session.plan, session.seconds_left, note)
        self.refresh_bindings()

    def _empty_words(self) -> Content:
        rows = [
            ("n", "starts from the paper's: ten networks, four data sets, both protocols"),
            ("o", "opens a study's TOML file"),
        ]
        lines = [
            Content(f"No study in {short_path(self.shell.workspace.root)} yet."),
            Content(""),
            Content(
                "A study trains several networks on several data sets, under one protocol or both, and compares the "
                "figures: with intervals, beside the published ones, ranked over the data sets. One file describes it. "
                "Finished runs are kept, and a stopped study resumes where it was."
            ),
            Content(""),
        ]
        lines += [Content.assemble("  ", (key, "bold $primary"), "  ", (words, "$text-muted")) for key, words in rows]
        if self._starting:
            lines += [Content(""), Content(self._starting)]
        return Content("\n").join(lines)

    def on_resize(self) -> None:
        """Write the headings in the columns of the new width."""
        self.show_rows()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer only what makes sense for the study in hand."""
        if not self.is_mounted:
            return True
        row, inside = self._row, self._session.is_open
        if action in _IN_LIST:
            return not inside
        if action in _IN_STUDY:
            return inside
        if action == "go_on":
            return row is not None and not row.alive and row.state != "finished" and not self._starting
        if action == "stop":
            return row is not None and row.state == "running"
        return row is not None if action == "look" else True

    # -- opening

    @on(RowList.Chosen)
    def _chosen(self) -> None:
        self.action_look()

    @on(RowList.Moved)
    def _moved(self) -> None:
        self.refresh_bindings()

    def action_look(self) -> None:
        """Open the study; in an open one look at the run of the cell."""
        if not self._session.is_open:
            if (row := self._list.chosen) is not None:
                self._open(row.folder.path)
        elif (cell := self._view.cell) is not None:
            if cell.run is not None:
                self._look_at(cell.run.folder.path, finished=cell.run.status.state == "finished")
            else:
                self.shell.tell("This data set has no run under this protocol yet.")

    @on(StudyView.RunWanted)
    def _run_wanted(self, event: StudyView.RunWanted) -> None:
        event.stop()
        self._look_at(self.shell.workspace.runs_folder / event.run, finished=True)

    def _look_at(self, run: Path, *, finished: bool) -> None:
        self.shell.context.run = run
        self.shell.go("results" if finished else "run")

    def _open(self, path: Path) -> None:
        self._session.open(path)
        self._show_open()

    def _show_open(self) -> None:
        self.remove_class("-list")
        self._view.go_to("cells")
        self._refresh()

    def _close(self) -> None:
        self._session.close()
        self.add_class("-list")
        self._list.focus()

    def action_back(self) -> None:
        """Go back to the list."""
        self._close()
        self.show_rows()

    def action_part(self, part: str) -> None:
        """Show a part of the open study."""
        self._view.go_to(part)

    def action_metric(self) -> None:
        """Show the next figure."""
        self._view.next_metric()

    def action_tables(self) -> None:
        """Make the tables and the page anew."""
        row = self._session.open_row
        if row is None or not self.may_change("make tables"):
            return
        if not row.tested:
            self.shell.tell("Nothing is tested yet, so there are no figures for tables.")
            return
        self.shell.tell(f"Making the tables; the page will be {printable(str(row.folder.page))}.")
        self._make_tables()
        self.show_rows()

    # -- files

    @work(group="dialog", exclusive=True)
    async def action_new(self) -> None:
        """Write the paper's study to a file, and show what is to be filled in."""
        if not self.may_change("write a study's file"):
            return
        path = await self.app.push_screen_wait(new_prompt())
        if path is None:
            return
        try:
            await asyncio.to_thread(write_paper_study, Path(path))
        except OSError as error:
            self.shell.tell(f"{path} can't be written: {error.strerror or error}.", "error")
            return
        await self._ask_to_start(Path(path))

    @work(group="dialog", exclusive=True)
    async def action_open(self) -> None:
        """Ask for a study's file, and show what it amounts to."""
        path = await self.app.push_screen_wait(open_prompt(self.shell.workspace))
        if path is not None:
            await self._ask_to_start(Path(path))

    @work(group="dialog", exclusive=True)
    async def action_plan(self) -> None:
        """Show what the study amounts to."""
        if (row := self._row) is not None:
            await self._ask_to_start(row.folder.study_file)

    async def _ask_to_start(self, path: Path) -> None:
        if await self.app.push_screen_wait(StudyFile(path, may_start=not self.shell.read_only)):
            self._start(path)

    # -- starting and stopping

    def action_go_on(self) -> None:
        """Start the study, or go on with it."""
        if (row := self._row) is not None and self.may_change("start a study"):
            self._start(row.folder.study_file)

    @work(group="start", exclusive=True, exit_on_error=False)
    async def _start(self, path: Path) -> None:
        """Start a study by the command that a person could type."""
        self._starting = "Starting: checking the study's file, data sets and networks ..."
        self.shell.tell(self._starting)
        self.show_rows()
        try:
            problems = await self._session.start(path)
        finally:
            self._starting = ""
        if problems:
            self.shell.tell("\n".join(problems), "error")
            self.show_rows()
            return
        self._show_open()

    @work(group="dialog", exclusive=True)
    async def action_stop(self) -> None:
        """Ask, then stop the study and the run that is on."""
        row = self._row
        if row is None or not self.may_change("stop a study"):
            return
        question = Confirm(
            f"Stop the study {row.folder.name}?",
            "Its current run stops at its next step. Finished work is kept, and r resumes it.",
            yes="Stop it",
            no="Keep it running",
        )
        if await self.app.push_screen_wait(question):
            try:
                await self._session.stop(row.folder)
            except OSError as error:
                self.shell.tell(f"{row.folder.path} can't be written: {error.strerror or error}.", "error")
