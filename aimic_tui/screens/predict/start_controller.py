"""Asks for what a prediction or an evaluation needs, and starts it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from aimic_tui.engine.data.listing.data_source import DATA_SUFFIXES
from aimic_tui.engine.errors import AimicError
from aimic_tui.engine.text import printable
from aimic_tui.screens.place import Place
from aimic_tui.screens.predict.evaluation_screen import EvaluationScreen
from aimic_tui.screens.predict.table_prompt import TablePrompt
from aimic_tui.widgets.dialogs import PathPrompt
from aimic_tui.workspace.model_choices import ModelChoice, model_at
from aimic_tui.workspace.prediction_job import PredictionJob, new_prediction, prediction_folder
from aimic_tui.workspace.prediction_session import PredictionSession


class StartController:
    """Leads from a model to a prediction that runs, or to its evaluations."""

    def __init__(self, place: Place, session: PredictionSession, show: Callable[[PredictionJob], object]) -> None:
        """Make the controller.

        Args:
            place: shows dialogs and notices, and runs what waits for them.
            session: starts the process.
            show: shows a prediction that was started.
        """
        self._place, self._session, self._show = place, session, show

    def predict_with_other_model(self) -> None:
        """Ask for a model's folder, and predict with it."""
        self._run(self._ask_model(), "question")

    def predict(self, choice: ModelChoice) -> None:
        """Ask for the images and the table's file, and start."""
        if self._place.may_change("start a prediction"):
            self._run(self._ask_images(choice), "ask-images")

    def start(self, job: PredictionJob) -> None:
        """Start a prediction, or resume it."""
        self._run(self._start(job), "start")

    def evaluate(self, choice: ModelChoice) -> None:
        """Show the evaluations of a model, or ask for the first."""
        self._run(self._open_evaluations(choice), "evaluate")

    def evaluate_model_of(self, job: PredictionJob) -> None:
        """Ask for an evaluation of a prediction's model, on its images if they have labels."""
        self._run(self._evaluate_model_of(job), "evaluate")

    async def _ask_model(self) -> None:
        prompt = PathPrompt(
            "Open a model", detail="The folder of a run, of a trial, or of a model (with model.json).", action="Use"
        )
        path = await self._place.app.push_screen_wait(prompt)
        if path is None:
            return
        try:
            choice = await asyncio.to_thread(model_at, Path(path))
        except (AimicError, OSError) as problem:
            self._place.shell.tell(str(problem), "warning")
        else:
            self.predict(choice)

    async def _ask_images(self, choice: ModelChoice) -> None:
        known = self._session.image_folders
        prompt = PathPrompt(
            f"Images for {choice.label}",
            detail="A folder, searched at any depth, one image, or a table (.csv) that lists images.",
            suffixes=DATA_SUFFIXES,
            value=known[0] if known else "",
            action="Use",
            known=known,
            check=lambda path: None if path.exists() else f"There is nothing at {printable(str(path))}.",
        )
        images = await self._place.app.push_screen_wait(prompt)
        if images is None:
            return
        folder = prediction_folder(self._place.shell.workspace, Path(images))
        options = await self._place.app.push_screen_wait(
            TablePrompt(choice, str(folder / "predictions.csv"), lambda path: _problem_with(path, folder))
        )
        if options is not None:
            self.start(new_prediction(choice, Path(images), folder, options.output, options.max_error))

    async def _start(self, job: PredictionJob) -> None:
        try:
            started = await self._session.start(job)
        except OSError as problem:
            self._place.shell.tell(f"The prediction could not be started: {problem}", "error")
        else:
            self._show(started)

    async def _open_evaluations(self, choice: ModelChoice, data: str | None = None) -> None:
        paths = await self._session.data_paths()
        self._place.app.push_screen(EvaluationScreen(choice, paths, data=data))

    async def _evaluate_model_of(self, job: PredictionJob) -> None:
        try:
            choice = await self._session.model_of(job)
        except (AimicError, OSError) as problem:
            self._place.shell.tell(str(problem), "warning")
        else:
            await self._open_evaluations(choice, str(job.images))

    def _run(self, work: Coroutine[Any, Any, None], group: str) -> None:
        self._place.run_worker(work, group=group, exclusive=True, exit_on_error=False)


def _problem_with(path: Path, folder: Path) -> str | None:
    """Return why a table can't be written there; None where it can."""
    if path.exists():
        return f"{printable(str(path))} exists already. Choose another name."
    if path.suffix.lower() != ".csv":
        return "Choose a name that ends in .csv; once the table is there, w saves it as JSON too."
    if path.parent != folder and not path.parent.is_dir():
        return f"There is no folder {printable(str(path.parent))}."
    return None
