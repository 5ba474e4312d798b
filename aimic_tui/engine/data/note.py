"""What deserves a thought about a data set and is no fault of a single image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

NoteKind = Literal[
    "empty-class-folders",
    "links-not-followed",
    "folders-not-readable",
    "names-without-match",
    "single-class",
    "mixed-bit-depths",
    "underexposed",
    "class-imbalance",
    "one-class-groups",
]


@dataclass(frozen=True)
class Note:
    """A note for people; programs go by its kind."""

    kind: NoteKind
    sentence: str
