"""Estimated class shares in words: for `aimic predict` and its screen, for `aimic evaluate` and its screen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from aimic_tui.engine.evaluation.interval import Interval
from aimic_tui.engine.evaluation.metric_titles import TITLES
from aimic_tui.engine.formatting.numbers import PER_CENT, interval_text, number
from aimic_tui.engine.text import one_line, printable
from aimic_tui.wording.text_tables import aligned

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aimic_tui.engine.evaluation.label_shift import ClassShare
    from aimic_tui.engine.inference.label_shift_result import LabelShiftResult

CORRECTED_TITLE = "Corrected to the estimated class shares (label shift)"
_LONGEST_NAME = 24  # of a class, so that a line fits in 77 columns

_HOLDS = (
    "Estimated allows for the model's mistakes (Saerens et al. 2002). It holds if images of a class look like those of "
    "its data set and no other classes are among them; limits take each image as independent."
)


def share_lines(shares: Sequence[ClassShare]) -> Iterator[str]:
    """Write counted and estimated class shares as plain text."""
    rows = [["class", "predicted, %", "estimated, %"]]
    for share in shares:
        rows.append([printable(share.name), number(PER_CENT * share.counted, 1), _in_per_cent(share.estimated)])
    yield from aligned(rows, indent=2)
    yield f"  {_HOLDS}"


def corrected_figure_lines(pooled: Mapping[str, Interval], found: LabelShiftResult) -> Iterator[str]:
    """Write the figures of an evaluation beside the corrected ones, as lines of at most 77 columns.

    Args:
        pooled: the plain figures.
    """
    names = [name for name in TITLES if name in found.figures and name in pooled]
    rows = [[TITLES[name], _figure(pooled[name]), _figure(found.figures[name])] for name in names]
    yield from aligned([["figure", "here", "corrected"], *rows])


def evaluated_share_lines(found: LabelShiftResult) -> Iterator[str]:
    """Write the true, the predicted and the estimated class shares of an evaluation, as lines of at most 77 columns."""
    rows = [["class share, %", "true", "predicted", "estimated"]]
    for share in found.shares:
        counted = (number(PER_CENT * value, 1) for value in (share.true, share.predicted))
        rows.append([one_line(share.name, _LONGEST_NAME), *counted, _in_per_cent(share.estimated)])
    yield from aligned(rows)


def _figure(figure: Interval) -> str:
    return interval_text(figure.value, figure.low, figure.high)


def _in_per_cent(share: Interval) -> str:
    return interval_text(share.value, share.low, share.high, 1, scale=PER_CENT)
