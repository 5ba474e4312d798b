"""Choosing what to predict with or evaluate: the models, the earlier predictions, and what is asked before a start."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from pathlib import Path
from typing import Any, cast

from textual import events, on, work
from textual.content import Content
from textual.widgets import Static

from aimic_tui.engine.errors import AimicError
from aimic_tui.engine.text import printable
from aimic_tui.screens.place import Place
from aimic_tui.screens.predict.evaluation_screen import EvaluationScreen
from aimic_tui.screens.predict.table_prompt import TablePrompt
from aimic_tui.widgets.dialogs import PathPrompt
from aimic_tui.widgets.row_list import RowList
from aimic_tui.workspace.model_choices import ModelChoice, list_models, model_at
from aimic_tui.workspace.prediction_job import (
    PredictionJob,
    inputs_of,
    list_predictions,
    new_prediction,
    prediction_folder,
    start_prediction,
)


class ChoosingPlace(Place):
    """A place that begins with the trained models and the earlier predictions; a subclass shows one of these."""

    def __init__(self) -> None:
        super().__init__()
        self._jobs: tuple[PredictionJob, ...] = ()
        self._job: PredictionJob | None = None  # the prediction on the screen
        self._processes: list[Any] = []  # kept, so that ended ones are waited for
        self._from_run: Path | None = None

    @abstractmethod
    def _follow(self, job: PredictionJob) -> Any:
        """Show a prediction."""

    @on(events.ScreenResume)
    def _resumed(self) -> None:
        if self._job is None:
            self._list()

    @work(exclusive=True, group="list", exit_on_error=False)
    async def _list(self) -> None:
        """List the models and the earlier predictions; reading their files takes a moment."""
        workspace = self.shell.workspace
        models, self._jobs = await asyncio.gather(
            asyncio.to_thread(list_models, workspace), asyncio.to_thread(list_predictions, workspace)
        )
        rows, earlier = self.query_one("#models", RowList), self.query_one("#earlier", RowList)
        rows.show(models)
        earlier.show(self._jobs)
        if self._job is not None:  # opened while the files were read: the headline is its own
            return
        self.set_class(not models, "-no-models")
        self.set_class(not self._jobs, "-no-earlier")
        if not models:
            self.query_one("#no-models", Static).update(
                Content.assemble(
                    "No run in this workspace has a trained model yet.\n\n",
                    ("n", "bold $primary"),
                    " on Home sets up a run;  ",
                    ("o", "bold $primary"),
                    " here opens a model from another folder.",
                )
            )
        self._title("Which model?", "enter uses it and asks for the images")
        self.query_one("#progress", Static).update("")
        self._prefer(rows)
        if not isinstance(self.focused, RowList):
            (rows if models else earlier).focus()
        self.refresh_bindings()

    def _prefer(self, rows: RowList[ModelChoice]) -> None:
        """Put the cursor on the run in hand, once."""
        run = self.shell.context.run
        if run is not None and run != self._from_run:
            self._from_run = run
            rows.cursor = next((at for at, row in enumerate(rows.rows) if row.target == run), rows.cursor)

    def _title(self, strong: str, rest: str) -> None:
        self.query_one("#title", Static).update(
            Content.assemble((printable(strong), "bold"), "   ", (printable(rest), "$text-muted"))
        )

    def action_take(self) -> None:
        """Predict with the model in focus, or open the earlier prediction in focus."""
        if self.focused is self.query_one("#earlier"):
            job = cast("PredictionJob | None", self.query_one("#earlier", RowList).chosen)
            if job is not None:
                self._follow(job)
        elif (choice := cast("ModelChoice | None", self.query_one("#models", RowList).chosen)) is not None:
            self._predict_with(choice)

    @on(RowList.Chosen)
    def _chosen(self) -> None:
        self.action_take()

    @work(exclusive=True, group="question")
    async def action_open_model(self) -> None:
        """Ask for a model from elsewhere, and predict with it."""
        path = await self.app.push_screen_wait(
            PathPrompt(
                "Open a model", detail="The folder of a run, of a trial, or of a model (with model.json).", action="Use"
            )
        )
        if path is None:
            return
        try:
            choice = await asyncio.to_thread(model_at, Path(path))
        except (AimicError, OSError) as problem:
            self.shell.tell(str(problem), "warning")
        else:
            self._predict_with(choice)

    @work(exclusive=True, group="ask-images")
    async def _predict_with(self, choice: ModelChoice) -> None:
        """Ask for the images and the table's place, and start."""
        if not self.may_change("start a prediction"):
            return
        known = inputs_of(self._jobs)
        images = await self.app.push_screen_wait(
            PathPrompt(
                f"Images for {choice.label}",
                detail="A folder, searched at any depth, or one image.",
                value=known[0] if known else "",
                action="Use",
                known=known,
                check=lambda path: None if path.exists() else f"There is nothing at {printable(str(path))}.",
            )
        )
        if images is None:
            return
        folder = prediction_folder(self.shell.workspace, Path(images))
        wish = await self.app.push_screen_wait(
            TablePrompt(choice, str(folder / "predictions.csv"), lambda path: _check_output(path, folder))
        )
        if wish is not None:
            self._start(new_prediction(choice, Path(images), folder, wish.output, wish.max_error))

    @work(exclusive=True, group="start", exit_on_error=False)
    async def _start(self, job: PredictionJob) -> None:
        try:
            job, process = await asyncio.to_thread(start_prediction, self.shell.workspace, job)
        except OSError as problem:
            self.shell.tell(f"The prediction could not be started: {problem}", "error")
            return
        self._processes = [known for known in self._processes if known.poll() is None] + [process]
        self._follow(job)

    @work(exclusive=True, group="judge")
    async def action_judge(self) -> None:
        """Evaluate the model in focus, or that of the prediction in focus, on labelled images."""
        job = self._job
        if job is None and self.focused is self.query_one("#earlier"):
            job = cast("PredictionJob | None", self.query_one("#earlier", RowList).chosen)
        workspace = self.shell.workspace
        seen = await asyncio.to_thread(workspace.data_sets)
        known = tuple(dict.fromkeys([*(data.path for data in seen), *inputs_of(self._jobs)]))
        if job is None:
            choice = cast("ModelChoice | None", self.query_one("#models", RowList).chosen)
            if choice is not None:
                self.app.push_screen(EvaluationScreen(choice, known))
            return
        try:
            choice = await asyncio.to_thread(model_at, job.model, job.network)
        except (AimicError, OSError) as problem:
            self.shell.tell(str(problem), "warning")
        else:
            self.app.push_screen(EvaluationScreen(choice, known, data=str(job.images)))


def _check_output(path: Path, folder: Path) -> str | None:
    if path.exists():
        return f"{printable(str(path))} is there already. Name another file."
    if path.suffix.lower() != ".csv":
        return "Name a file that ends in .csv; once the table is there, w saves it as JSON too."
    if path.parent != folder and not path.parent.is_dir():
        return f"There is no folder {printable(str(path.parent))}."
    return None
