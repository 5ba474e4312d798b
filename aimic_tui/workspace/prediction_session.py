"""Predicting as somebody works at it: the trained models, the earlier predictions, and the one that is open.

A session knows no screen: it is driven by keys in the app and by plain calls in tests.
"""

from __future__ import annotations

import asyncio
import subprocess

from aimic_tui.engine.workspace_folder import Workspace
from aimic_tui.workspace.followed_prediction import FollowedPrediction
from aimic_tui.workspace.model_choices import ModelChoice, list_models, model_at
from aimic_tui.workspace.prediction_job import (
    PredictionJob,
    inputs_of,
    list_predictions,
    start_prediction,
    unreadable_predictions,
)


class PredictionSession:
    """What there is to predict with in a workspace, and at most one open prediction.

    Attributes:
        models: those of the workspace's runs, as of the last `read`.
        predictions: the workspace's, newest first, as of the last `read`.
        unreadable: a sentence on each prediction whose request can't be read, as of the last `read`.
        opened: the open prediction; None where none is.
    """

    def __init__(self, workspace: Workspace) -> None:
        self.models: tuple[ModelChoice, ...] = ()
        self.predictions: tuple[PredictionJob, ...] = ()
        self.unreadable: tuple[str, ...] = ()
        self.opened: FollowedPrediction | None = None
        self._workspace = workspace
        self._processes: list[subprocess.Popen[bytes]] = []  # stored, so that ended ones are waited for

    async def read(self) -> None:
        """List the models and the predictions; reading their files takes a moment."""
        self.models, self.predictions, self.unreadable = await asyncio.gather(
            asyncio.to_thread(list_models, self._workspace),
            asyncio.to_thread(list_predictions, self._workspace),
            asyncio.to_thread(unreadable_predictions, self._workspace),
        )

    def open(self, job: PredictionJob) -> FollowedPrediction:
        """Open a prediction from its first row."""
        self.opened = FollowedPrediction(job)
        return self.opened

    def close(self) -> None:
        """Close the open prediction; its process goes on."""
        self.opened = None

    async def start(self, job: PredictionJob) -> PredictionJob:
        """Start a prediction, or resume an interrupted one; returns it with its process.

        Raises:
            OSError: its folder can't be written or the process can't be started.
        """
        job, process = await asyncio.to_thread(start_prediction, self._workspace, job)
        self._processes = [known for known in self._processes if known.poll() is None] + [process]
        return job

    @property
    def image_folders(self) -> tuple[str, ...]:
        """Images that were predicted before, latest first."""
        return tuple(inputs_of(self.predictions))

    async def data_paths(self) -> tuple[str, ...]:
        """Return the data sets and images that the workspace has seen, to choose from."""
        seen = await asyncio.to_thread(self._workspace.data_sets)
        return tuple(dict.fromkeys([*(data.path for data in seen), *self.image_folders]))

    async def model_of(self, job: PredictionJob) -> ModelChoice:
        """Return the model of a prediction.

        Raises:
            AimicError, OSError: it is gone.
        """
        return await asyncio.to_thread(model_at, job.model, job.network)
