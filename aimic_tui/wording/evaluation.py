"""What to keep in mind when a model is evaluated on other images, in words: for `aimic evaluate` and its screen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from aimic_tui.engine.evaluation.estimand import THIS_MODEL
from aimic_tui.engine.evaluation.metrics import LOWER_IS_BETTER
from aimic_tui.engine.formatting.numbers import percent
from aimic_tui.engine.text import plural, printable
from aimic_tui.wording.signs import SIGNS

if TYPE_CHECKING:
    from aimic_tui.engine.inference.evaluation_file import EvaluationResults


def about_classes(left_out: Mapping[str, int], absent: Sequence[str]) -> Iterator[str]:
    """Say which classes of the data are left out, and which of the model the data has no image of.

    Args:
        left_out: the data's classes that are left out -> images.
        absent: the model's classes without an image.
    """
    if left_out:
        named = ", ".join(f"{printable(name)} ({plural(count, 'image')})" for name, count in left_out.items())
        yield f"Not evaluated, unknown to the model or left out: {named}."
    if absent:
        yield f"No images of {printable(', '.join(absent))}: macro figures cover the other classes."


def intervals_text(found: EvaluationResults) -> str:
    """Say what the intervals of the figures are about, and what the mark beside a difference rests on."""
    marked = (
        f". {SIGNS['attention']}: a loss is shown, p below {1 - found.confidence:.2g} after Holm's adjustment for the "
        "number of figures"
        if found.difference_p
        else ""
    )
    return f"{percent(found.confidence, None)} intervals {THIS_MODEL}{marked}."


def is_shown_loss(found: EvaluationResults, metric: str) -> bool:
    """Whether a figure is shown to be worse here than at home."""
    p, value = found.difference_p.get(metric), found.differences[metric].value
    worse = value is not None and (value > 0) == (metric in LOWER_IS_BETTER)
    return worse and p is not None and p <= 1 - found.confidence


def cautions(found: EvaluationResults) -> Iterator[str]:
    """Say what to keep in mind of the figures."""
    for note in found.notes:
        yield printable(note)
    if found.unreadable:
        first = found.unreadable[0]
        yield (
            f"{plural(len(found.unreadable), 'image')} could not be read, the first is {printable(first.image)}, which "
            f"{printable(first.problem)}."
        )
