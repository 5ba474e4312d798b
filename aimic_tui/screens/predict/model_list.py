"""What a prediction begins with: the trained models of the workspace, and its earlier predictions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from aimic_tui.screens.predict.rows import draw_model, draw_prediction, models_heading, unreadable_lines
from aimic_tui.widgets.row_list import RowList
from aimic_tui.workspace.model_choices import ModelChoice
from aimic_tui.workspace.prediction_job import PredictionJob


class ModelList(Vertical):
    """Two lists to choose from, models above predictions; where there is no model, what to do about it."""

    def __init__(self) -> None:
        super().__init__(id="choose")
        self._models = RowList[ModelChoice](draw_model, lambda row: row.identity, id="models")
        self._earlier = RowList[PredictionJob](draw_prediction, lambda job: job.folder, id="earlier")
        self._from_run: Path | None = None

    def compose(self) -> ComposeResult:
        """Yield the lists, each below its heading."""
        yield Static("", id="model-heading")
        yield self._models
        yield Static("", id="no-models")
        yield Static("Earlier predictions", id="earlier-heading")
        yield self._earlier
        yield Static("", id="unreadable")

    def on_mount(self) -> None:
        """Write what stands where there is no model."""
        self.query_one("#no-models", Static).update(
            Content.assemble(
                "No run in this workspace has a trained model yet.\n\n",
                ("n", "bold $primary"),
                " on Home sets up a run;  ",
                ("o", "bold $primary"),
                " here opens a model from another folder.",
            )
        )

    @property
    def has_models(self) -> bool:
        """Whether there is a model to choose."""
        return bool(self._models.rows)

    @property
    def model(self) -> ModelChoice | None:
        """The model with the cursor."""
        return self._models.chosen

    @property
    def prediction(self) -> PredictionJob | None:
        """The prediction with the cursor, where its list has the focus."""
        return self._earlier.chosen if self.screen.focused is self._earlier else None

    def show(
        self, models: Sequence[ModelChoice], predictions: Sequence[PredictionJob], unreadable: Sequence[str]
    ) -> None:
        """List these, and say which predictions can't be read."""
        self._models.show(models)
        self._earlier.show(predictions)
        self.query_one("#unreadable", Static).update(unreadable_lines(unreadable))
        self.set_class(bool(unreadable), "-unreadable")
        self.set_class(not models, "-no-models")
        self.set_class(not predictions, "-no-earlier")

    def prefer(self, run: Path | None) -> None:
        """Put the cursor on the model of a run, once."""
        if run is not None and run != self._from_run:
            self._from_run = run
            rows = self._models.rows
            self._models.cursor = next((at for at, row in enumerate(rows) if row.target == run), self._models.cursor)

    def focus_list(self) -> None:
        """Give the focus to the models, or where there are none to the predictions."""
        (self._models if self.has_models else self._earlier).focus()

    def on_resize(self, event: events.Resize) -> None:
        """Fit the heading to the columns below it."""
        self.query_one("#model-heading", Static).update(models_heading(max(self.screen.size.width - 4, 40)))
