"""Home: what is going on, and what needs me?"""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Static

from aimic_tui.engine.data.listing.data_source import DATA_SUFFIXES
from aimic_tui.engine.errors import AimicError
from aimic_tui.engine.text import printable
from aimic_tui.engine.workspace_folder import KnownDataSet
from aimic_tui.screens.home.rows import data_heading, data_line, run_heading, run_line, studies_line
from aimic_tui.screens.place import Place
from aimic_tui.widgets.dialogs import Confirm, PathPrompt
from aimic_tui.widgets.row_list import RowList
from aimic_tui.wording.paths import short_path
from aimic_tui.workspace.processes import command_line, start_command
from aimic_tui.workspace.runs_overview import KnownStudy, Overview, RunRow, known_studies

_FIXED_LINES = 5  # two headings, two spaces, the machine
_WORDS_AGE = 30  # seconds after which "12 min ago" is written anew


@dataclass(frozen=True)
class _Seen:
    runs: tuple[RunRow, ...]
    data_sets: tuple[KnownDataSet, ...]
    studies: tuple[KnownStudy, ...]


class HomeScreen(Place):
    """The runs with their states, the data sets that were seen, this machine."""

    PLACE: ClassVar[str] = "home"
    AUTO_FOCUS: ClassVar[str | None] = "#runs"
    CSS_PATH = "screen.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n", "new_run", "New run", id="home.new-run", tooltip="Set up a run on the selected data set"),
        Binding("o", "open_data", "Open data", id="home.open", tooltip="Open a folder of images, or a manifest"),
        Binding("enter", "look", "Look", id="home.look", tooltip="Open the selected run or data set"),
        Binding("r", "resume", "Resume", id="home.resume", tooltip="Go on with a run that was stopped or interrupted"),
        Binding("s", "stop", "Stop", id="home.stop", tooltip="Stop a run after the step it is at; it can be resumed"),
        Binding(
            "a",
            "again",
            "Again",
            show=False,
            id="home.again",
            tooltip="Set up a run with the selected run's settings",
        ),
        Binding("d", "demo", "Demo", show=False, id="home.demo", tooltip="Draw a synthetic smear and train on it"),
        Binding(
            "x",
            "forget",
            "Forget",
            show=False,
            id="home.forget",
            tooltip="Take a data set off the list; keeps its images",
        ),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._overview: Overview | None = None
        self._reading = threading.Lock()
        self._seen: _Seen | None = None

    def compose_body(self) -> ComposeResult:
        """Yield the runs, the data sets and the line about the machine."""
        yield Static(id="runs-heading")
        yield RowList[RunRow](run_line, lambda row: row.folder.path, id="runs")
        yield Static(id="no-runs")
        yield Static(id="data-heading")
        yield RowList[KnownDataSet](data_line, lambda known: known.path, id="data-sets")
        yield Static(id="known-studies")
        yield Static(id="machine")

    # -- following the workspace

    def on_screen_resume(self) -> None:
        """Follow the workspace while Home is on the screen."""
        self._follow()
        self._tell_machine()

    def on_screen_suspend(self) -> None:
        """Leave the disk alone while Home is not on the screen."""
        self.workers.cancel_group(self, "follow")

    @work(group="follow", exclusive=True, exit_on_error=False)
    async def _follow(self) -> None:
        """Read the workspace again and again, names and states first, figures after."""
        figures, waited = False, 0.0
        pause = 5.0 if self.shell.slow_link else 1.0
        while True:
            self._show(await asyncio.to_thread(self._read, figures))
            if figures:
                await asyncio.sleep(pause)
                waited += pause
            figures = True
            if waited >= _WORDS_AGE:
                waited = 0.0
                self._runs.refresh()

    def _read(self, figures: bool) -> _Seen:
        # A cancelled reader's thread may still be at it when the next one begins.
        with self._reading:
            if self._overview is None:
                self._overview = Overview(self.shell.workspace)
            workspace = self.shell.workspace
            return _Seen(self._overview.read(figures=figures), workspace.data_sets(), known_studies(workspace))

    @property
    def _runs(self) -> RowList[RunRow]:
        return self.query_one("#runs", RowList)

    @property
    def _data_sets(self) -> RowList[KnownDataSet]:
        return self.query_one("#data-sets", RowList)

    def _show(self, seen: _Seen) -> None:
        if seen == self._seen:
            return
        first, self._seen = self._seen is None, seen
        self._runs.show(seen.runs)
        self._data_sets.show(seen.data_sets)
        self.set_class(not seen.runs, "-no-runs")
        self.set_class(not seen.data_sets, "-no-data")
        self.set_class(bool(seen.studies), "-studies")
        self.query_one("#known-studies", Static).update(studies_line(seen.studies))
        if not seen.runs:
            self.query_one("#no-runs", Static).update(self._empty_words())
        self._write_headings()
        self._share_height()
        if first and not seen.runs and seen.data_sets:
            self._data_sets.focus()
        self.refresh_bindings()

    def _empty_words(self) -> Content:
        rows = [
            ("o", "Open a folder of images and check whether they are fit for training"),
            ("n", "Set up a run: networks, training and evaluation"),
            ("d", "Or try everything first on a synthetic smear"),
            ("6", "Networks on several data sets, such as the paper's evaluation: a study"),
        ]
        where = short_path(self.shell.workspace.root)
        lines = [Content(f"No runs in {where} yet."), Content("")]
        lines += [Content.assemble("  ", (key, "bold $primary"), "  ", (words, "$text-muted")) for key, words in rows]
        return Content("\n").join(lines)

    def on_resize(self) -> None:
        """Write the headings in the columns of the new width."""
        self._write_headings()
        self._share_height()

    def _write_headings(self) -> None:
        width = self.size.width - 4
        heading = run_heading(width) if self._runs.rows else Content.styled("Runs", "bold")
        self.query_one("#runs-heading", Static).update(Content("  ") + heading)
        self.query_one("#data-heading", Static).update(Content("  ") + data_heading(width))

    def _share_height(self) -> None:
        """Give the data sets up to a third of the height and the runs what they need of the rest."""
        free = self.size.height - 4 - _FIXED_LINES - self.has_class("-studies")
        data_sets = min(len(self._data_sets.rows), max(2, free // 3))
        runs = min(len(self._runs.rows), free - data_sets)
        self._data_sets.styles.height = max(1, data_sets)
        self._runs.styles.height = max(1, runs)

    @work(group="machine-line", exclusive=True, exit_on_error=False)
    async def _tell_machine(self) -> None:
        from aimic_tui.workspace.machine import describe_machine

        await asyncio.sleep(0.3)  # the first keys go first
        parts = await asyncio.to_thread(describe_machine, self.shell.workspace.root)
        heading, room, known = "  This machine   ", self.size.width - 2, list(parts)
        while len(known) > 2 and len(heading) + len(" · ".join(known)) > room:
            known.pop(-3)  # memory, then processors: what can run out, and the devices, matter more
        text = Content(" · ").join(Content(part) for part in known)
        self.query_one("#machine", Static).update(Content.assemble((heading, "bold"), text))

    # -- what has the cursor

    @property
    def _run(self) -> RunRow | None:
        return None if self._data_sets.has_focus else self._runs.chosen

    @property
    def _known(self) -> KnownDataSet | None:
        return self._data_sets.chosen if self._data_sets.has_focus else None

    @on(RowList.Moved)
    def _moved(self) -> None:
        self.refresh_bindings()

    @on(RowList.Chosen)
    def _chosen(self) -> None:
        self.action_look()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer only what makes sense for the row with the cursor."""
        run = self._run if self.is_mounted else None
        if action == "resume":
            return run is not None and (run.resumable or run.status.state == "queued")
        if action == "stop":
            return run is not None and run.status.state == "running"
        if action == "again":
            return run is not None
        if action == "forget":
            return self.is_mounted and self._known is not None
        if action == "look":
            return self.is_mounted and (run is not None or self._known is not None)
        return True

    # -- actions

    def action_look(self) -> None:
        """Go to the run, to its results where it is finished, or to the data set."""
        if (known := self._known) is not None:
            self._take_data(known.path)
            self.shell.go("data")
        elif (run := self._run) is not None:
            self.shell.context.run = run.folder.path
            self.shell.go("results" if run.status.state == "finished" else "run")

    def action_new_run(self) -> None:
        """Set up a run on the selected data set, or else on the one in hand."""
        if not self.may_change("start a run"):
            return
        if (known := self._known) is not None:
            self._take_data(known.path)
        self.shell.go("set-up")

    def action_again(self) -> None:
        """Set up a run with the settings of this one."""
        if (run := self._run) is not None and self.may_change("start a run"):
            self.shell.context.start_from = run.folder.experiment_file
            self.shell.go("set-up")

    def _take_data(self, path: str) -> None:
        context = self.shell.context
        if context.data_path != path:
            context.data_path, context.data_settings = path, {}

    @work(exclusive=True, group="question")
    async def action_open_data(self) -> None:
        """Ask for a data set and look at it."""
        known = [data_set.path for data_set in self._data_sets.rows]
        prompt = PathPrompt(
            "Open a data set",
            detail="A folder with one subfolder per class, or a manifest (.csv) with columns path and label.",
            suffixes=DATA_SUFFIXES,
            known=known,
            check=_check_data_path,
        )
        path = await self.app.push_screen_wait(prompt)
        if path is not None:
            self._take_data(path)
            self.shell.go("data")

    @work(exclusive=True, group="question", exit_on_error=False)
    async def action_resume(self) -> None:
        """Go on with the run."""
        row = self._run
        if row is None or not self.may_change("resume a run"):
            return
        from aimic_tui.screens.resuming import resume_run

        await resume_run(self, row.folder)

    @work(exclusive=True, group="question", exit_on_error=False)
    async def action_stop(self) -> None:
        """Stop the run, after a question."""
        row = self._run
        if row is None or not self.may_change("stop a run"):
            return
        question = Confirm(
            f"Stop {row.folder.title}?",
            "It stops at the next step. Finished trials stay; the others go on from their last epoch once resumed.",
            yes="Stop it",
            no="Let it run",
        )
        if not await self.app.push_screen_wait(question):
            return
        from aimic_tui.engine.runs.control import request_stop

        try:
            await asyncio.to_thread(request_stop, row.folder)
        except (AimicError, OSError) as error:
            self.shell.tell(str(error), "error")

    def action_demo(self) -> None:
        """Start the demo in a process of its own; its run appears in the list."""
        if not self.may_change("start the demo"):
            return
        root = self.shell.workspace.root
        try:
            root.mkdir(parents=True, exist_ok=True)
            log = root / "demo.log"
            start_command(command_line(root, "demo", "--headless"), log, log)
        except OSError as error:
            self.shell.tell(f"The demo could not be started: {error}", "error")
        else:
            self.shell.tell("The demo draws its smear; its run appears here in a few seconds.")

    def action_forget(self) -> None:
        """Take the data set off the list."""
        known = self._known
        if known is None or not self.may_change("change the list"):
            return
        try:
            self.shell.workspace.forget_data_set(known.path)
        except OSError as error:
            self.shell.tell(f"The list could not be written: {error}", "error")
        else:
            self.shell.tell(f"{Path(known.path).name} is off the list. Its images are untouched.")


def _check_data_path(path: Path) -> str | None:
    """Say why a path can't be a data set, as far as one sees from outside."""
    shown = printable(str(path))
    if not path.exists():
        return f"There is nothing at {shown}."
    if path.is_file() and path.suffix.lower() not in DATA_SUFFIXES:
        return f"{shown} is a file. Name its folder, or a manifest (.csv)."
    return None
