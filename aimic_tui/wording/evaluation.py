"""What to keep in mind of a model judged on other images, in words: for `aimic evaluate` and its screen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from aimic_tui.engine.text import plural, printable


def about_classes(left_out: Mapping[str, int], absent: Sequence[str]) -> Iterator[str]:
    """Say which classes of the data are not judged, and which of the model the data has no image of.

    Args:
        left_out: the data's classes that are not judged -> images.
        absent: the model's classes without an image.
    """
    if left_out:
        named = ", ".join(f"{printable(name)} ({plural(count, 'image')})" for name, count in left_out.items())
        yield f"Not judged, since the model does not know them or they are left out: {named}."
    if absent:
        yield f"The data has no image of {printable(', '.join(absent))}: the macro figures are of the other classes."


def cautions(found: Mapping[str, Any]) -> Iterator[str]:
    """Say what to keep in mind of the figures; `found` is as `Evaluation.to_json` gives it."""
    for note in found["notes"]:
        yield printable(note)
    unreadable = found["unreadable"]
    if unreadable:
        yield (
            f"{plural(len(unreadable), 'image')} could not be read, the first is "
            f"{printable(unreadable[0]['image'])}, which {printable(unreadable[0]['problem'])}."
        )
