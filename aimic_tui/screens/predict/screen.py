"""Predict: what are these, and which should I look at myself?"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import ClassVar

from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Static

from aimic_tui.engine.errors import AimicError
from aimic_tui.engine.event_log import EventReader
from aimic_tui.engine.progress import Progress
from aimic_tui.engine.text import plural, printable
from aimic_tui.screens.predict.choosing import ChoosingPlace
from aimic_tui.screens.predict.prediction_table import (
    FilterPrompt,
    PredictionTable,
    columns_of,
    counts_text,
    filters_of,
    probabilities_of,
    sureness_of,
)
from aimic_tui.screens.predict.progress_line import progress_line
from aimic_tui.screens.predict.rows import draw_model, draw_prediction, models_heading
from aimic_tui.widgets.big_table import BigTable
from aimic_tui.widgets.dialogs import PathPrompt
from aimic_tui.widgets.frame import Rule
from aimic_tui.widgets.image_view import ImageView
from aimic_tui.widgets.large_image import LargeImage
from aimic_tui.widgets.row_list import RowList
from aimic_tui.widgets.table_column import Cell
from aimic_tui.wording.paths import short_path
from aimic_tui.workspace.model_choices import ModelChoice
from aimic_tui.workspace.model_job import State
from aimic_tui.workspace.prediction_job import PredictionJob
from aimic_tui.workspace.prediction_rows import NewRows, PredictionRows, TableReader
from aimic_tui.workspace.save_table import save_table

_NARROW = 100  # columns below which the table and the image take turns
_TICK = 0.5  # seconds between two looks at a growing table


class ImagePane(Vertical, can_focus=True):
    """The image of the row in focus; the keys that move over the rows work here too."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "screen.step(1)", "Down", show=False, id="predict.down", tooltip="The row below"),
        Binding("up,k", "screen.step(-1)", "Up", show=False, id="predict.up", tooltip="The row above"),
        Binding("enter", "screen.enlarge", "Large", show=False, id="predict.large", tooltip="Show the image large"),
    ]


class PredictScreen(ChoosingPlace):
    """The models to choose from and earlier predictions; then the table, live, with the image of its row."""

    PLACE: ClassVar[str] = "predict"
    CSS_PATH = "screen.tcss"
    AUTO_FOCUS: ClassVar[str | None] = None
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "take", "Predict", id="predict.take", tooltip="Predict with this model; open this prediction"),
        Binding("o", "open_model", "Other model", id="predict.open", tooltip="Use a model from another folder"),
        Binding("w", "save", "Save", id="predict.save", tooltip="Save the table elsewhere, as CSV or JSON"),
        Binding("s", "stop", "Stop", id="predict.stop", tooltip="Stop; the rows so far are kept"),
        Binding("r", "resume", "Resume", id="predict.resume", tooltip="Continue after the rows so far"),
        Binding(
            "escape", "back", "Back", id="predict.back", tooltip="Back to the models; a running prediction continues"
        ),
        Binding(
            "e",
            "judge",
            "Evaluate",
            id="predict.judge",
            tooltip="Evaluate this model on another labelled data set; earlier evaluations",
        ),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._state: State | None = None  # of the job on the screen
        self._rows: PredictionRows | None = None

    def compose_body(self) -> ComposeResult:
        """Yield the headline, the models, and the table with its image."""
        with Horizontal(id="title-line"):
            yield Static("", id="title")
            yield Static("", id="progress")
        yield Rule()
        with Vertical(id="choose"):
            yield Static("", id="model-heading")
            yield RowList[ModelChoice](draw_model, lambda row: row.identity, id="models")
            yield Static("", id="no-models")
            yield Static("Earlier predictions", id="earlier-heading")
            yield RowList[PredictionJob](draw_prediction, lambda job: job.folder, id="earlier")
        with Horizontal(id="table"):
            with Vertical(id="left"):
                yield PredictionTable(empty="The first rows appear when the network is loaded.")
            with ImagePane(id="right"):
                yield ImageView()
        rule = Rule()
        rule.id = "counts-rule"
        yield rule
        yield Static("", id="counts")

    # -- the table

    @work(exclusive=True, group="follow", exit_on_error=False)
    async def _follow(self, job: PredictionJob) -> None:
        """Show a prediction's table, and its rows as they come, until its process has ended."""
        self._job, self._state, self._rows = job, None, None
        self.add_class("-table")
        table = self.query_one(PredictionTable)
        table.show([], 0)
        self.query_one(ImageView).show_path(None)
        self.query_one("#counts", Static).update("")
        self._title(job.label, short_path(job.images))
        table.focus()
        self.refresh_bindings()
        reader, events = TableReader(), EventReader(job.events_file, latest_only=("progress",))
        self.query_one(ImageView).rule = await asyncio.to_thread(lambda: job.rule)
        progress: Progress | None = None
        while True:
            # The state first: what is read after the process has ended is all there is.
            state = await asyncio.to_thread(lambda: job.state)
            try:
                new = await asyncio.to_thread(reader.new, job.table)
            except (AimicError, ValueError) as problem:
                self.shell.tell(f"{job.table} can't be shown: {problem}", "error")
                break
            if new is not None and (new.images or self._rows is None):
                self._add(reader.classes, new)
            for event in await asyncio.to_thread(events.new):
                progress = Progress.read(event) or progress
            if state != self._state:
                self._state = state
                self.refresh_bindings()
            line = progress_line(state, progress, self._rows.count if self._rows else 0)
            self.query_one("#progress", Static).update(line)
            if state != "running" and (new is None or not new.more):
                break
            await asyncio.sleep(0.01 if new is not None and new.more else _TICK)
        if state == "failed":
            self.shell.tell(job.problem, "error")

    def _add(self, classes: tuple[str, ...], new: NewRows) -> None:
        table = self.query_one(PredictionTable)
        if self._rows is None:
            self._rows = PredictionRows(classes)
            self._rows.add(new)
            table.show(columns_of(self._rows), self._rows.count)
        else:
            self._rows.add(new)
            table.update(columns_of(self._rows), self._rows.count)
        if not new.more:  # while a long table is caught up with, every piece would count all rows before it again
            self.query_one("#counts", Static).update(counts_text(self._rows))

    @on(BigTable.RowHighlighted)
    def _highlighted(self, message: BigTable.RowHighlighted) -> None:
        rows, job = self._rows, self._job
        if message.row is None or rows is None or job is None:
            self.query_one(ImageView).show_path(None)
            return
        below = probabilities_of(rows, message.row, max(3, self.size.height // 3))
        name = rows.images[message.row]
        self.query_one(ImageView).show_path(job.image_path(name), self._words(message.row), below)

    def _words(self, row: int) -> list[Cell]:
        assert self._rows is not None
        return [[(self._rows.images[row], "strong")], sureness_of(self._rows, row)]

    def action_step(self, by: int) -> None:
        """Move over the rows while the image has the focus."""
        self.query_one(PredictionTable).rows.action_move(by)

    @on(BigTable.RowSelected)
    @work(exclusive=True, group="large")
    async def action_enlarge(self) -> None:
        """Show the image of the row large; the arrows go on over the rows that are shown."""
        table, rows, job = self.query_one(PredictionTable), self._rows, self._job
        if table.row is None or rows is None or job is None:
            return
        shown = table.shown.copy()
        at = await self.app.push_screen_wait(
            LargeImage(
                len(shown),
                table.rows.cursor,
                lambda at: job.image_path(rows.images[shown[at]]),
                lambda at: [*self._words(shown[at]), *probabilities_of(rows, shown[at], 8)],
                self.query_one(ImageView).rule,
            )
        )
        table.go_to(int(shown[at]))

    @on(PredictionTable.FilterAsked)
    @work(exclusive=True, group="filter")
    async def _ask_filter(self) -> None:
        if self._rows is None:
            return
        chosen = await self.app.push_screen_wait(FilterPrompt(filters_of(self._rows)))
        if chosen is not None:
            self.query_one(PredictionTable).set_filter(chosen.name, chosen.keep)

    # -- other actions

    @work(exclusive=True, group="question", exit_on_error=False)
    async def action_save(self) -> None:
        """Save the table elsewhere."""
        job = self._job
        if job is None or self._rows is None or not self.may_change("save a table"):
            return
        path = await self.app.push_screen_wait(
            PathPrompt(
                "Save the table as",
                detail="All rows so far. A name that ends in .json gets JSON, any other CSV.",
                value=str(Path.cwd() / f"{job.images.stem}-predictions.csv"),
                suffixes=(".csv", ".json"),
                action="Save",
                check=_check_target,
            )
        )
        if path is None:
            return
        try:
            await asyncio.to_thread(save_table, job.table, Path(path))
        except (OSError, ValueError) as problem:
            self.shell.tell(f"The table could not be saved: {problem}", "error")
        else:
            self.shell.tell(f"{plural(self._rows.count, 'row')} saved in {path}")

    def action_stop(self) -> None:
        """Stop the prediction on the screen."""
        if self._job is not None and self.may_change("stop a prediction"):
            self._job.stop()
            self.shell.tell("Stopping after the current images. The rows so far are kept; r continues.")

    def action_resume(self) -> None:
        """Go on with the prediction on the screen."""
        if self._job is not None and self.may_change("resume a prediction"):
            self._start(self._job)

    def action_back(self) -> None:
        """Leave the table for the models; a prediction on its way goes on."""
        if self._job is None:
            return
        self.workers.cancel_group(self, "follow")
        self._job, self._state, self._rows = None, None, None
        self.remove_class("-table", "-right")
        self.query_one("#models" if self.query_one("#models", RowList).rows else "#earlier").focus()
        self._list()
        self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer only what makes sense now."""
        if action in ("take", "open_model"):
            return self._job is None
        if action == "judge":
            return self._job is not None or bool(self.query_one("#models", RowList).rows)
        if action in ("save", "back"):
            return self._job is not None
        if action in ("stop", "resume"):
            return self._state in (("running",) if action == "stop" else ("stopped", "failed"))
        return True

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """Where it is narrow, give the half with the focus the width."""
        self.set_class(isinstance(event.widget, ImagePane), "-right")

    def on_resize(self, event: events.Resize) -> None:
        """Put the halves beside each other where both fit."""
        self.set_class(event.size.width < _NARROW, "-narrow")
        self.query_one("#model-heading", Static).update(models_heading(max(event.size.width - 4, 40)))


def _check_target(path: Path) -> str | None:
    if path.is_dir():
        return f"{printable(str(path))} is a folder. Name a file."
    if not path.parent.is_dir():
        return f"There is no folder {printable(str(path.parent))}."
    return None
