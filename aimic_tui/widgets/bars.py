"""Shares and counts drawn as bars, exact to an eighth of a column."""

from __future__ import annotations

import math

from textual.content import Content

from aimic_tui.wording.signs import bar_text


def progress_bar(share: float, width: int, style: str = "$secondary") -> Content:
    """Draw how much is done: a filled part on a shaded track.

    Args:
        share: 0 to 1; what is not finite counts as 0.
        width: columns.
        style: of the filled part.
    """
    bar = bar_text(share, width)
    filled = bar.rstrip(" ")
    return Content.assemble((filled, style), ("░" * (width - len(filled)), "$track"))


def count_bar(count: float, most: float, width: int, style: str = "$secondary") -> Content:
    """Draw a count beside others on one scale, so that bars below each other can be compared.

    Args:
        count: what this bar shows, 0 or more.
        most: what the full width stands for.
        width: columns.
        style: of the bar.
    """
    share = count / most if most > 0 and math.isfinite(count) else 0.0
    return Content.styled(bar_text(share, width), style)
