"""Models, predictions and evaluations as rows of the Predict place's lists."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from textual.content import Content

from aimic_tui.engine.event_log import to_time
from aimic_tui.engine.formatting.numbers import interval_text, number
from aimic_tui.engine.formatting.times import ago
from aimic_tui.engine.run_folder import run_title
from aimic_tui.engine.text import plural, printable
from aimic_tui.wording.signs import SIGNS
from aimic_tui.workspace.evaluation_job import EvaluationRow
from aimic_tui.workspace.model_choices import ModelChoice
from aimic_tui.workspace.prediction_job import PredictionJob

_STATE_STYLES = {"failed": "$error", "stopped": "$warning"}
_TOGETHER, _VALUE, _WHEN = 19, 9, 16  # columns


def models_heading(width: int) -> Content:
    """Write what stands in the columns of `draw_model`."""
    room = max(20, width - _VALUE - _TOGETHER - _WHEN)
    half = room // 2
    columns = f"{'network':<{room - half}}{'models':<{_TOGETHER}}{'validated':>{_VALUE}}{'when':>{_WHEN}}"
    return Content.assemble(("Models".ljust(half), "bold"), (columns, "$text-muted"))


def draw_model(choice: ModelChoice, width: int) -> Content:
    """Write the run, the network, how many models predict together, their validation figure, and when the run was made.

    A single fold's model stands indented below its run's, without what it has in common with it.
    """
    room = max(20, width - _VALUE - _TOGETHER - _WHEN)
    value = "" if math.isnan(choice.value) else number(abs(choice.value))
    if choice.fold:
        cells = _cell("", 4), _cell(choice.fold, room - 4), _cell("", _TOGETHER)
    else:
        run = printable(run_title(choice.run) or choice.target.name)
        together = plural(choice.folds, "model") + (" together" if choice.folds > 1 else "")
        half = room // 2
        cells = _cell(run, half), _cell(printable(choice.network), room - half), _cell(together, _TOGETHER)
    when = "" if choice.fold else ago(choice.created)
    return Content.assemble(*cells, value.rjust(_VALUE), (when.rjust(_WHEN), "$text-muted"))


def draw_prediction(job: PredictionJob, width: int) -> Content:
    """Write how it stands, the images, the model, and when it was requested."""
    room = max(20, width - 2 - _WHEN)
    half = room // 2
    state = job.state
    return Content.assemble(
        (SIGNS[state] + " ", _STATE_STYLES.get(state, "")),
        _cell(printable(job.images.name or str(job.images)), half),
        Content.styled(printable(job.label), "$text-muted").truncate(room - half, ellipsis=True, pad=True),
        (ago(to_time(job.created)).rjust(_WHEN), "$text-muted"),
    )


def unreadable_lines(sentences: Sequence[str]) -> Content:
    """Write which jobs can't be read: the first, and how many others."""
    if not sentences:
        return Content("")
    others = len(sentences) - 1
    more = "" if not others else f" {plural(others, 'other')} can't be read either; aimic jobs names all."
    return Content.styled(f"{SIGNS['attention']} {sentences[0]}{more}", "$warning")


def draw_evaluation(row: EvaluationRow, width: int) -> Content:
    """Write how it stands, the data set, macro F1 there, its images, and when it was requested."""
    found = row.results
    figure = found.pooled.get("macro_f1") if found else None
    value = interval_text(figure.value, figure.low, figure.high) if figure else row.state
    images = plural(found.images, "image") if found else ""
    name = printable(Path(row.job.data).name or row.job.data)
    room = max(12, width - 2 - 20 - 16 - _WHEN)
    return Content.assemble(
        (SIGNS[row.state] + " ", _STATE_STYLES.get(row.state, "")),
        _cell(name, room),
        value.ljust(20),
        (images.rjust(16), "$text-muted"),
        (ago(to_time(row.job.created)).rjust(_WHEN), "$text-muted"),
    )


def _cell(text: str, width: int) -> Content:
    return Content(text).truncate(max(width - 2, 1), ellipsis=True, pad=True) + "  "
