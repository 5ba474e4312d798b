"""Masks that lie beside the images over which they were drawn: `cell (1)_mask.png` beside `cell (1).png`.

They are no images of a class, and would tell it: that of a normal cell is empty. Breast ultrasound (BUSI) comes so, and
what QuPath exports (`-labelled.png`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from aimic_tui.engine.data.note import Note
from aimic_tui.engine.text import one_line, plural

_MASK = re.compile(
    r"(.+?)[ _.-]+(?:mask|masks|labelled|labeled|label|segmentation|seg|annotation|outlines?|contours?|groundtruth|gt)"
    r"(?:[ _-]*\d+)?",
    re.IGNORECASE,
)


def find_masks(images: Sequence[str]) -> list[str]:
    """Return the images that are named as the mask of another one in their folder, in their order.

    Args:
        images: names, `/` between their parts.
    """
    stems = {_stem(image).casefold() for image in images}
    return [image for image in images if (match := _MASK.fullmatch(_stem(image))) and match[1].casefold() in stems]


def note_on_masks(masks: Sequence[str]) -> Note:
    """Say which images, one or more, are left without a class as masks, and how one gets it."""
    are = "is named as the mask" if len(masks) == 1 else "are named as masks"
    left = "is left" if len(masks) == 1 else "are left"
    return Note(
        "masks-beside-images",
        f"{plural(len(masks), 'image')} {are} of another in the same folder and {left} out, the first is "
        f"{one_line(masks[0], 80)}. If it is none, give it its class: aimic marks DATA IMAGE --label CLASS.",
    )


def _stem(image: str) -> str:
    return image[: image.rfind(".")]
