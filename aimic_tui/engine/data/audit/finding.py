"""A finding of an audit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

FindingKind = Literal[
    "label-conflict",
    "look-alike-classes",
    "look-alike-groups",
    "label-error",
    "empty",
    "truncated",
    "unreadable",
    "not-an-image",
    "too-large",
    "blank",
    "too-small",
    "duplicate",
    "near-duplicate",
    "outlier",
    "unlabelled",
]
"""The kinds of findings, the worst first, as `aimic inspect --json` names it; titles are in `wording/findings.py`."""

FINDING_KINDS: tuple[FindingKind, ...] = get_args(FindingKind)


@dataclass(frozen=True)
class Finding:
    """One thing that an audit found.

    Attributes:
        kind: what it is.
        paths: the names of the images concerned.
        detail: what is wrong with them: of one image the rest of a sentence that begins with it ("is empty"), of
            several what they are ("2 images with the same pixels").
    """

    kind: FindingKind
    paths: tuple[str, ...]
    detail: str
