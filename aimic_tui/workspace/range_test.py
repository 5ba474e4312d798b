"""A learning-rate range test of the experiment that is being set up, as `aimic learning-rate` makes it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aimic_tui.engine.experiment import Experiment
from aimic_tui.engine.progress import Progress
from aimic_tui.engine.runs.prepare.first_trial_answers import RangeTestAnswer
from aimic_tui.workspace.trial_command import run_trial_command


@dataclass(frozen=True)
class RangeTestStep:
    """One step: the rate it was made at, its loss, and the smoothed curve there."""

    rate: float
    loss: float
    smoothed: float


RangeTestReport = RangeTestStep | Progress | str
"""What is heard while a test is made; a text is a message of the command."""


async def run_range_test(
    workspace: Path, experiment: Experiment, network: str, report: Callable[[RangeTestReport], None]
) -> RangeTestAnswer:
    """Make a range test.

    Args:
        workspace: the folder of the app's workspace.
        network: one of the experiment's.
        report: called while the test is made.

    Raises:
        CommandRefused: the command gave an error.
        OSError: the process could not be started.
    """

    def on_event(event: Mapping[str, Any]) -> None:
        if event["event"] == "step":
            loss = event["loss"]  # null where it was no finite number
            report(RangeTestStep(event["rate"], math.nan if loss is None else loss, event["smoothed"]))
        elif event["event"] == "message":
            report(str(event["text"]))

    options = ("--network", network)
    answer = await run_trial_command(workspace, experiment, "learning-rate", *options, report=report, on_event=on_event)
    return RangeTestAnswer.model_validate_json(answer)
