"""Class shares of images without labels, in words: for `aimic predict`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from aimic_tui.engine.evaluation.label_shift import ClassShare
from aimic_tui.engine.formatting.numbers import PER_CENT, interval_text, number
from aimic_tui.engine.text import printable
from aimic_tui.wording.text_tables import aligned

_HOLDS = (
    "Estimated allows for the model's mistakes (Saerens et al. 2002). It holds if images of a class look like those of "
    "its data set and no other classes are among them; limits take each image as independent."
)


def share_lines(shares: Sequence[ClassShare]) -> Iterator[str]:
    """Write counted and estimated class shares as plain text."""
    rows = [["class", "predicted, %", "estimated, %"]]
    for share in shares:
        of = share.estimated
        estimated = interval_text(of.value, of.low, of.high, 1, scale=PER_CENT)
        rows.append([printable(share.name), number(PER_CENT * share.counted, 1), estimated])
    yield from aligned(rows, indent=2)
    yield f"  {_HOLDS}"
