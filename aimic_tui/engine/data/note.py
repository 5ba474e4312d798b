"""Remarks on a data set that are not about single images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

NoteKind = Literal[
    "layout",
    "dividing-folders",
    "masks-beside-images",
    "empty-class-folders",
    "links-not-followed",
    "folders-not-readable",
    "folders-passed-over",
    "placeholders",
    "unfinished-copies",
    "formats-not-read",
    "names-without-match",
    "missing-labels",
    "missing-groups",
    "doubtful-classes",
    "look-alike-classes",
    "look-alike-groups",
    "joined-groups",
    "table-text",
    "table-columns",
    "table-paths",
    "table-labels",
    "missing-files",
    "single-class",
    "mixed-bit-depths",
    "underexposed",
    "declared-depth-exceeded",
    "class-imbalance",
    "one-class-groups",
]


@dataclass(frozen=True)
class Note:
    """A sentence for people, and its kind for programs."""

    kind: NoteKind
    sentence: str
