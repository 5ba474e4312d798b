"""Which of a run's groups a network fails on, in words."""

from __future__ import annotations

from collections.abc import Sequence

from aimic_tui.engine.evaluation.subgroups import FEWEST_IMAGES, FEWEST_OTHERS, GroupFigures
from aimic_tui.engine.text import plural

LIMIT = (
    "Limit: the lowest accuracy that the spread of the other groups explains. "
    f"Groups below {FEWEST_IMAGES} images aren't tested."
)


def verdict(groups: Sequence[GroupFigures]) -> str:
    """Say in a sentence whether some group is worse than the spread of groups explains."""
    if not groups:
        return "Every image is a group of its own; no groups to compare."
    if all(one.p is None for one in groups):
        return f"Too few groups to test: a group needs {FEWEST_IMAGES} images, and {FEWEST_OTHERS} others with several."
    worse = sum(one.worse for one in groups)
    if not worse:
        return "No group is shown to be worse than the spread of groups explains."
    verb = "is" if worse == 1 else "are"
    return f"{worse} of {plural(len(groups), 'group')} {verb} worse than the spread of groups explains."
