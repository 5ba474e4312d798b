"""What subgroups by a column say, in words: for the report, the app and `aimic results --by`."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from aimic_tui.engine.evaluation.column_subgroups import ColumnSubgroups
from aimic_tui.engine.evaluation.interval import FEWEST_GROUPS
from aimic_tui.engine.evaluation.metric_titles import TITLES
from aimic_tui.engine.formatting.numbers import p_value
from aimic_tui.engine.text import listed, plural, printable

Written = Callable[[float | None], str]
"""Writes a figure, in the style of a terminal or of print."""

METHOD = (
    "Each subgroup is compared with all other images that have a known value. Figures: intervals over groups, as "
    "everywhere. Differences: interval from those of both figures and their correlation (MOVER, Zou 2007); "
    "p by a permutation test that deals the column's values out anew over the groups, and exchanges them among the "
    "images of a group that has several; adjusted for the number of subgroups (Holm). Balanced accuracy and macro F1 "
    "are compared where both sides have images of every class."
)


def verdict(found: ColumnSubgroups, metric: str, written: Written) -> str:
    """Say which subgroups differ from the other images in a figure, and which way."""
    title, column = TITLES[metric], printable(found.column)
    shown = [one for one in found.subgroups if one.differences[metric].shown]
    if shown:
        parts = []
        for one in shown:
            difference = one.differences[metric]
            value = difference.interval.value or 0.0
            which = "lower" if value < 0 else "higher"
            parts.append(f"{printable(one.name)} ({which} by {written(abs(value))}, p {p_value(difference.p)})")
        return f"By {column}, {title} differs from that of the other images for {listed(parts)}."
    if all(one.figures[metric].value is None for one in found.subgroups):
        return (
            f"By {column}, {title} can't be compared: no subgroup has images of every class within and outside of it."
        )
    if all(one.differences[metric].p is None for one in found.subgroups):
        return f"By {column}, no difference in {title} can be tested: each side needs {FEWEST_GROUPS} groups or more."
    return (
        f"By {column}, no difference in {title} is shown. That does not mean that there is none: the intervals say how "
        "large it may be."
    )


def remarks(found: ColumnSubgroups) -> Iterator[str]:
    """Yield what else is to be known of the subgroups."""
    if found.banding:
        yield found.banding
    if found.unknown:
        are = "is" if found.unknown == 1 else "are"
        yield f"{plural(found.unknown, 'test image')} {are} left out: no value is known, or rows contradict each other."
    if found.shared_groups:
        have = "has" if found.shared_groups == 1 else "have"
        yield f"{plural(found.shared_groups, 'group')} {have} images in several subgroups; these are compared as pairs."
