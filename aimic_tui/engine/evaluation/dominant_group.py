"""The sentence that names a group with a large part of the images, for app, commands and report."""

from __future__ import annotations

from aimic_tui.engine.evaluation.run_results import NetworkResults
from aimic_tui.engine.formatting.numbers import percent
from aimic_tui.engine.text import plural, printable


def dominant_group(network: NetworkResults) -> str:
    """Name the group that the intervals rest on more than on any other; "" where none is so large."""
    largest = network.largest_group
    if largest is None or not largest.dominant:
        return ""
    return (
        f"{percent(largest.share)} of the test images are from one group, {printable(largest.name)}. For the "
        f"intervals, the {plural(network.groups, 'group')} count as {network.effective_groups:.1f} of equal size."
    )
