"""Remarks on a data set that are not about single images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

NoteKind = Literal[
    "empty-class-folders",
    "links-not-followed",
    "folders-not-readable",
    "folders-passed-over",
    "placeholders",
    "unfinished-copies",
    "formats-not-read",
    "names-without-match",
    "single-class",
    "mixed-bit-depths",
    "underexposed",
    "class-imbalance",
    "one-class-groups",
]


@dataclass(frozen=True)
class Note:
    """A sentence for people, and its kind for programs."""

    kind: NoteKind
    sentence: str
