"""A prediction whose table is read while it is written."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from aimic_tui.engine.evaluation.label_shift import ClassShare
from aimic_tui.engine.event_log import EventReader
from aimic_tui.engine.progress import Progress
from aimic_tui.workspace.model_job import State
from aimic_tui.workspace.prediction_job import PredictionJob
from aimic_tui.workspace.prediction_rows import PredictionRows, TableReader


class FollowedPrediction:
    """One prediction, from its first row to the end of its process.

    Attributes:
        job: the prediction.
        state: how it stands; None before the first `update`.
        progress: its latest report; None before the first.
        rows: those read so far; None while there is no table.
        shares: of each class, counted and estimated, once its process has said them; None where it can't say any.
        more: whether the table holds further rows already, so that the next `update` is due at once.
    """

    def __init__(self, job: PredictionJob) -> None:
        self.job = job
        self.state: State | None = None
        self.progress: Progress | None = None
        self.rows: PredictionRows | None = None
        self.shares: tuple[ClassShare, ...] | None = None
        self.more = False
        self._table = TableReader()
        self._events = EventReader(job.events_file, latest_only=("progress",))

    @property
    def count(self) -> int:
        """Rows read so far."""
        return self.rows.count if self.rows is not None else 0

    @property
    def complete(self) -> bool:
        """Whether its process has ended and every row is read."""
        return self.state not in (None, "running") and not self.more

    async def update(self) -> bool:
        """Read what is new; tells whether rows or shares have changed, or the rows are all there for now.

        Raises:
            AimicError, ValueError: the table can't be read.
        """
        # The state first: what is read after the process has ended is all there is.
        self.state = await asyncio.to_thread(lambda: self.job.state)
        new = await asyncio.to_thread(self._table.new, self.job.table)
        had_shares = self.shares is not None
        for event in await asyncio.to_thread(self._events.new):
            self.progress = Progress.read(event) or self.progress
            self.shares = _shares_of(event) or self.shares
        told = self.shares is not None and not had_shares
        had_more, self.more = self.more, new is not None and new.more
        caught_up = had_more and not self.more
        told = told or caught_up
        if new is None or (self.rows is not None and not new.images):
            return told
        if self.rows is None:
            self.rows = PredictionRows(self._table.classes)
        self.rows.add(new)
        return True


def _shares_of(event: Mapping[str, Any]) -> tuple[ClassShare, ...] | None:
    """Read the class shares of the event that a prediction ends with; None of others, and where it has none."""
    try:
        return tuple(map(ClassShare.from_json, event["summary"]["shares"] or ())) or None
    except (KeyError, TypeError, ValueError, AttributeError):
        return None
