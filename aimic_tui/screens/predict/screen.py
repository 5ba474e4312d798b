"""Predict: what are these, and which should I look at myself?"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import ClassVar

from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Static

from aimic_tui.engine.errors import AimicError
from aimic_tui.engine.text import plural, printable
from aimic_tui.screens.place import Place
from aimic_tui.screens.predict.model_list import ModelList
from aimic_tui.screens.predict.prediction_panel import ImagePane, PredictionPanel
from aimic_tui.screens.predict.progress_line import progress_line
from aimic_tui.screens.predict.start_controller import StartController
from aimic_tui.widgets.dialogs import PathPrompt
from aimic_tui.widgets.frame import Rule
from aimic_tui.widgets.row_list import RowList
from aimic_tui.wording.paths import short_path
from aimic_tui.workspace.prediction_job import PredictionJob
from aimic_tui.workspace.prediction_session import PredictionSession
from aimic_tui.workspace.save_table import save_table

_NARROW = 100  # columns below which the table and the image take turns
_TICK = 0.5  # seconds between two looks at a growing table


class PredictScreen(Place):
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
            "evaluate",
            "Evaluate",
            id="predict.judge",
            tooltip="Evaluate this model on another labelled data set; earlier evaluations",
        ),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.session = PredictionSession(self.shell.workspace)
        self.starter = StartController(self, self.session, self._follow)

    def compose_body(self) -> ComposeResult:
        """Yield the headline, the models, and the open prediction."""
        with Horizontal(id="title-line"):
            yield Static("", id="title")
            yield Static("", id="progress")
        yield Rule()
        yield ModelList()
        yield PredictionPanel()

    @property
    def _models(self) -> ModelList:
        return self.query_one(ModelList)

    @property
    def _panel(self) -> PredictionPanel:
        return self.query_one(PredictionPanel)

    def _title(self, strong: str, rest: str) -> None:
        self.query_one("#title", Static).update(
            Content.assemble((printable(strong), "bold"), "   ", (printable(rest), "$text-muted"))
        )

    # -- choosing

    @on(events.ScreenResume)
    def _resumed(self) -> None:
        if self.session.opened is None:
            self._list()

    @work(exclusive=True, group="list", exit_on_error=False)
    async def _list(self) -> None:
        session = self.session
        await session.read()
        self._models.show(session.models, session.predictions, session.unreadable)
        if session.opened is not None:  # opened while the files were read: the headline is its own
            return
        self._title("Which model?", "enter uses it and asks for the images")
        self.query_one("#progress", Static).update("")
        self._models.prefer(self.shell.context.run)
        if not isinstance(self.focused, RowList):
            self._models.focus_list()
        self.refresh_bindings()

    @on(RowList.Chosen)
    def action_take(self) -> None:
        """Predict with the model in focus, or open the earlier prediction in focus."""
        if (job := self._models.prediction) is not None:
            self._follow(job)
        elif (choice := self._models.model) is not None:
            self.starter.predict(choice)

    def action_open_model(self) -> None:
        """Ask for a model from elsewhere, and predict with it."""
        self.starter.predict_with_other_model()

    def action_evaluate(self) -> None:
        """Evaluate the model in focus, or the one of the prediction in focus, on another labelled data set."""
        opened = self.session.opened
        job = opened.job if opened is not None else self._models.prediction
        if job is not None:
            self.starter.evaluate_model_of(job)
        elif (choice := self._models.model) is not None:
            self.starter.evaluate(choice)

    # -- the open prediction

    @work(exclusive=True, group="follow", exit_on_error=False)
    async def _follow(self, job: PredictionJob) -> None:
        """Show a prediction's table, and its rows as they come, until its process has ended."""
        prediction, panel = self.session.open(job), self._panel
        self.add_class("-table")
        panel.open(prediction)
        self._title(job.label, short_path(job.images))
        panel.table.focus()
        self.refresh_bindings()
        panel.use_rule(await asyncio.to_thread(lambda: job.rule))
        while True:
            state = prediction.state
            try:
                if await prediction.update():
                    panel.update_rows()
            except (AimicError, ValueError) as problem:
                self.shell.tell(f"{job.table} can't be shown: {problem}", "error")
                break
            if prediction.state != state:
                self.refresh_bindings()
            assert prediction.state is not None
            line = progress_line(prediction.state, prediction.progress, prediction.count)
            self.query_one("#progress", Static).update(line)
            if prediction.complete:
                break
            await asyncio.sleep(0.01 if prediction.more else _TICK)
        if prediction.state == "failed":
            self.shell.tell(job.problem, "error")

    def action_step(self, by: int) -> None:
        """Move over the rows while the image has the focus."""
        self._panel.step(by)

    def action_enlarge(self) -> None:
        """Show the image of the row large."""
        self._panel.enlarge()

    @work(exclusive=True, group="question", exit_on_error=False)
    async def action_save(self) -> None:
        """Save the table elsewhere."""
        prediction = self.session.opened
        if prediction is None or prediction.rows is None or not self.may_change("save a table"):
            return
        job = prediction.job
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
            self.shell.tell(f"{plural(prediction.count, 'row')} saved in {path}")

    def action_stop(self) -> None:
        """Stop the open prediction."""
        if self.session.opened is not None and self.may_change("stop a prediction"):
            self.session.opened.job.stop()
            self.shell.tell("Stopping after the current images. The rows so far are kept; r continues.")

    def action_resume(self) -> None:
        """Resume the open prediction."""
        if self.session.opened is not None and self.may_change("resume a prediction"):
            self.starter.start(self.session.opened.job)

    def action_back(self) -> None:
        """Leave the table for the models; a prediction that is running goes on."""
        if self.session.opened is None:
            return
        self.workers.cancel_group(self, "follow")
        self.session.close()
        self._panel.open(None)
        self.remove_class("-table", "-right")
        self._models.focus_list()
        self._list()
        self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer only what makes sense now."""
        opened = self.session.opened
        if action in ("take", "open_model"):
            return opened is None
        if action == "evaluate":
            return opened is not None or self._models.has_models
        if action in ("save", "back"):
            return opened is not None
        if action in ("stop", "resume"):
            return opened is not None and opened.state in (("running",) if action == "stop" else ("stopped", "failed"))
        return True

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """Where it is narrow, give the half with the focus the width."""
        self.set_class(isinstance(event.widget, ImagePane), "-right")

    def on_resize(self, event: events.Resize) -> None:
        """Put the halves beside each other where both fit."""
        self.set_class(event.size.width < _NARROW, "-narrow")


def _check_target(path: Path) -> str | None:
    if path.is_dir():
        return f"{printable(str(path))} is a folder. Name a file."
    if not path.parent.is_dir():
        return f"There is no folder {printable(str(path.parent))}."
    return None
