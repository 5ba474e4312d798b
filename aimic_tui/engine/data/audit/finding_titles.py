"""What the kinds of an audit's findings are called, counted: for the report, the app and the command."""

from __future__ import annotations

from collections.abc import Mapping

from aimic_tui.engine.data.audit.finding import FindingKind
from aimic_tui.engine.text import plural

_TITLES: Mapping[FindingKind, tuple[str, str]] = {
    "label-conflict": ("label conflict", "label conflicts"),
    "look-alike-classes": ("set of look-alike classes", "sets of look-alike classes"),
    "look-alike-groups": ("set of look-alike groups", "sets of look-alike groups"),
    "label-error": ("likely label error", "likely label errors"),
    "empty": ("empty file", "empty files"),
    "truncated": ("incomplete file", "incomplete files"),
    "unreadable": ("unreadable file", "unreadable files"),
    "not-an-image": ("file that is not an image", "files that are not images"),
    "too-large": ("image too large to read", "images too large to read"),
    "blank": ("blank image", "blank images"),
    "too-small": ("image too small to show a cell", "images too small to show a cell"),
    "duplicate": ("set of duplicates", "sets of duplicates"),
    "near-duplicate": ("set of near duplicates", "sets of near duplicates"),
    "outlier": ("image unlike its class", "images unlike their class"),
    "unlabelled": ("image without a class", "images without a class"),
}


def finding_title(kind: FindingKind, count: int) -> str:
    """Return a title for so many findings of one kind, as "2 sets of duplicates"."""
    return plural(count, *_TITLES[kind])
