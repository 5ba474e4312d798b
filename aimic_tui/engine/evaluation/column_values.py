"""The values of a table's column as subgroups of images: as they are, or numbers in bands."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from aimic_tui.engine.data.listing.missing_values import may_be_missing
from aimic_tui.engine.errors import InputProblem, UsageProblem
from aimic_tui.engine.evaluation.metrics import Integers
from aimic_tui.engine.names import find_name, name_key, nfc
from aimic_tui.engine.text import plural, printable

MOST_VALUES = 12
_FEW_NUMBERS = 6  # numbers that are taken as they are, such as grades


@dataclass(frozen=True, eq=False)
class ColumnValues:
    """A column with few values.

    Attributes:
        column: its name.
        names: of the values, in order.
        codes: int [n], of each image; -1 where unknown.
        banding: how numbers became bands, in a sentence; empty where values are as in the table.
    """

    column: str
    names: tuple[str, ...]
    codes: Integers
    banding: str


def split_column(wanted: str, columns: Sequence[str]) -> tuple[str, tuple[float, ...]]:
    """Return the column and the limits of bands in `age:40,60`; no limits where there are none.

    A column whose own name has a colon comes first. A column may be written otherwise than in the table (`find_name`).

    Raises:
        UsageProblem: the limits are no ascending numbers.
    """
    whole = find_name(wanted, columns)
    name, colon, written = wanted.rpartition(":")
    if whole is not None or not colon:
        return whole or wanted, ()
    try:
        limits = tuple(float(limit) for limit in written.split(","))
    except ValueError:
        limits = (math.nan,)
    if not all(map(math.isfinite, limits)) or list(limits) != sorted(set(limits)):
        raise UsageProblem(
            f"{printable(wanted)} names no bands. Write ascending numbers after the colon, such as "
            f"{printable(name)}:40,60."
        )
    return find_name(name, columns) or name, limits


def column_values(column: str, cells: Sequence[str], limits: Sequence[float] = ()) -> ColumnValues:
    """Make subgroups of a column.

    Numbers are put into bands: those between `limits`, or thirds of the images where there are many numbers and no
    limits. A band begins with its lower limit. Empty cells and words such as "unknown" or "NA" are unknown; values that
    differ only in writing, such as F and f, are one, by the most frequent of their names.

    Args:
        cells: of each image.
        limits: ascending.

    Raises:
        InputProblem: there are no numbers for the limits, no two values, or too many.
    """
    cells = _one_writing(cells)
    known = list(filter(None, cells))
    numbers = {cell: number for cell in set(known) if (number := _number(cell)) is not None}
    numeric = bool(known) and len(numbers) == len(set(known))
    if limits and not numeric:
        odd = min(set(known) - set(numbers), default="")
        raise InputProblem(f"{printable(column)} holds no numbers alone ({printable(odd)}), so it has no bands.")
    if limits or (numeric and len(set(numbers.values())) > _FEW_NUMBERS):
        return _bands(column, cells, numbers, limits)
    values = sorted(set(known), key=lambda value: (numbers.get(value, 0.0), value))
    if len(values) > MOST_VALUES:
        raise InputProblem(
            f"{printable(column)} has {plural(len(values), 'value')}; {MOST_VALUES} at most can be compared. Choose a "
            "column with fewer."
        )
    code = {value: place for place, value in enumerate(values)}
    return _compared(column, tuple(values), np.array([code.get(cell, -1) for cell in cells], np.int32), "")


def _one_writing(cells: Sequence[str]) -> list[str]:
    """Return cells with one name for each value, empty where it is unknown."""
    known = {cell: nfc(cell) for cell in set(cells) if not may_be_missing(cell)}
    counts = Counter(known[cell] for cell in cells if cell in known)
    names: dict[str, str] = {}
    for name, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        names.setdefault(name_key(name), name)
    return [names[name_key(known[cell])] if cell in known else "" for cell in cells]


def _number(cell: str) -> float | None:
    try:
        number = float(cell)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _bands(column: str, cells: Sequence[str], numbers: dict[str, float], limits: Sequence[float]) -> ColumnValues:
    values = np.array([numbers.get(cell, math.nan) for cell in cells])
    known = ~np.isnan(values)
    banding = "The bands are those that were asked for."
    if not limits:
        limits = np.unique(np.quantile(values[known], [1 / 3, 2 / 3], method="inverted_cdf")).tolist()
        limits = [limit for limit in limits if limit > values[known].min()]
        banding = "The numbers are in bands with a third of the images each, as far as equal numbers allow."
    codes = np.where(known, np.searchsorted(limits, values, side="right"), -1)
    ends = [f"{limit:g}" for limit in limits]
    names = [f"below {ends[0]}"] if ends else []
    names += [f"{low} to <{high}" for low, high in pairwise(ends)]
    names += [f"from {ends[-1]}"] if ends else []
    filled = [place for place in range(len(names)) if (codes == place).any()]
    place_of = np.full(len(names) + 1, -1)
    place_of[filled] = np.arange(len(filled))
    return _compared(column, tuple(names[place] for place in filled), place_of[codes].astype(np.int32), banding)


def _compared(column: str, names: tuple[str, ...], codes: Integers, banding: str) -> ColumnValues:
    if len(names) < 2:
        if not names:
            raise InputProblem(
                f"{printable(column)} has no known value for the images of this run. Rows of one image or group that "
                "contradict each other count as unknown."
            )
        raise InputProblem(
            f"{printable(column)} has only the value {printable(names[0])} for the images of this run; there is "
            "nothing to compare."
        )
    return ColumnValues(column, names, codes, banding)
