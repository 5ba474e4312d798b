"""The evaluations of one model as somebody works with them: the earlier ones, a new one, and the one that is open.

A session knows no screen: it is driven by keys in the app and by plain calls in tests.
"""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from aimic_tui.engine.data.reading.input_rule import InputRule
from aimic_tui.engine.evaluation.predictions import Predictions, read_predictions
from aimic_tui.engine.event_log import EventReader
from aimic_tui.engine.inference.evaluation_file import EvaluationResults, read_evaluation
from aimic_tui.engine.progress import Progress
from aimic_tui.engine.workspace_folder import Workspace
from aimic_tui.workspace.evaluation_job import (
    EvaluationChoices,
    EvaluationJob,
    EvaluationRow,
    LabelledImages,
    inspect_data,
    list_evaluations,
    new_evaluation,
    start_evaluation,
    unreadable_evaluations,
)
from aimic_tui.workspace.model_choices import ModelChoice
from aimic_tui.workspace.model_job import State


@dataclass(frozen=True, eq=False)
class CellImages:
    """The images of one cell of the confusion matrix.

    Attributes:
        root: the folder that their names are below.
        predictions: of the whole data set.
        rows: of the predictions, those of the cell, the most confident first.
        rule: how their stored values are shown.
    """

    root: Path
    predictions: Predictions
    rows: list[int]
    rule: InputRule


class FollowedEvaluation:
    """One evaluation, followed to the end of its process.

    Attributes:
        job: the evaluation.
        state: how it stands; None before the first `update`.
        progress: its latest report; None before the first.
        results: what came of it; None until `read_results`.
    """

    def __init__(self, job: EvaluationJob) -> None:
        self.job = job
        self.state: State | None = None
        self.progress: Progress | None = None
        self.results: EvaluationResults | None = None
        self._events = EventReader(job.events_file, latest_only=("progress",))
        self._predictions: Predictions | None = None

    async def update(self) -> State:
        """Read how it stands and how far it is."""
        state = await asyncio.to_thread(lambda: self.job.state)
        for event in await asyncio.to_thread(self._events.new):
            self.progress = Progress.read(event) or self.progress
        self.state = state
        return state

    async def read_results(self) -> EvaluationResults:
        """Read what came of it.

        Raises:
            InputProblem: there is nothing, or it can't be read.
        """
        self.results = await asyncio.to_thread(read_evaluation, self.job.folder)
        return self.results

    async def images_of(self, label: int, predicted: int) -> CellImages:
        """Return the images of one class that were predicted to be of another, or of the same; after `read_results`.

        Raises:
            AimicError: the predictions can't be read.
        """
        assert self.results is not None
        if self._predictions is None:
            self._predictions = await asyncio.to_thread(read_predictions, self.job.predictions_file)
        found = self._predictions
        rule = await asyncio.to_thread(lambda: self.job.rule)
        rows = np.flatnonzero((found.labels == label) & (found.predicted == predicted))
        rows = rows[np.argsort(-found.confidence[rows], kind="stable")]
        return CellImages(Path(self.results.root or self.job.data), found, rows.tolist(), rule)


class EvaluationSession:
    """The evaluations of a model, at most one of them open.

    Attributes:
        choice: the model.
        opened: the open evaluation; None where none is.
    """

    def __init__(self, workspace: Workspace, choice: ModelChoice) -> None:
        self.choice = choice
        self.opened: FollowedEvaluation | None = None
        self._workspace = workspace
        self._processes: list[subprocess.Popen[bytes]] = []  # stored, so that ended ones are waited for

    async def earlier(self) -> tuple[EvaluationRow, ...]:
        """Return the evaluations of the model in this workspace, newest first."""
        choice = self.choice
        return await asyncio.to_thread(list_evaluations, self._workspace, choice.target, choice.network_option)

    async def unreadable(self) -> tuple[str, ...]:
        """Return a sentence on each evaluation in this workspace, of whichever model, that can't be read."""
        return await asyncio.to_thread(unreadable_evaluations, self._workspace)

    async def inspect(self, path: str, settings: Mapping[str, Any]) -> LabelledImages:
        """Find a data set's images, and match its classes with the model's; raises as `inspect_data`."""
        return await asyncio.to_thread(inspect_data, path, settings, self.choice.classes)

    def open(self, job: EvaluationJob) -> FollowedEvaluation:
        """Open an evaluation."""
        self.opened = FollowedEvaluation(job)
        return self.opened

    def close(self) -> None:
        """Close the open evaluation; its process goes on."""
        self.opened = None

    async def start(self, data: LabelledImages, options: EvaluationChoices) -> EvaluationJob:
        """Start an evaluation; raises as `restart`."""
        return await self.restart(new_evaluation(self._workspace, self.choice, data, options))

    async def start_without_trained(self, job: EvaluationJob) -> EvaluationJob:
        """Start the same in a folder of its own, without images that the model was trained on; raises as `restart`."""
        return await self.restart(job.again(self._workspace, without_trained=True))

    async def restart(self, job: EvaluationJob) -> EvaluationJob:
        """Start an evaluation from its beginning, and return it with its process.

        Raises:
            OSError: its folder can't be written or the process can't be started.
        """
        job, process = await asyncio.to_thread(start_evaluation, self._workspace, job)
        self._processes = [known for known in self._processes if known.poll() is None] + [process]
        return job
