"""What an audit finds, in words: one title for each kind, and what it means for training."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from aimic_tui.engine.data.audit.finding import Finding, FindingKind
from aimic_tui.engine.data.audit.shortcut import Shortcut
from aimic_tui.engine.formatting.numbers import interval_text, number
from aimic_tui.engine.text import plural

NO_FINDINGS = "Every file can be read, and there are no duplicates."


@dataclass(frozen=True)
class _Words:
    one: str
    many: str
    meaning: str


_UNUSABLE = "A network can't learn from it. Replace it, or take it out of the data set."
_WORDS: Mapping[FindingKind, _Words] = {
    "label-conflict": _Words("label conflict", "label conflicts", "Same image, several labels. Choose one."),
    "label-error": _Words(
        "likely label error",
        "likely label errors",
        "A run's networks agree on another class. Look at each: they may be right, or the image is hard.",
    ),
    "empty": _Words("empty file", "empty files", _UNUSABLE),
    "truncated": _Words("incomplete file", "incomplete files", _UNUSABLE),
    "unreadable": _Words("unreadable file", "unreadable files", _UNUSABLE),
    "not-an-image": _Words("file that is not an image", "files that are not images", _UNUSABLE),
    "too-large": _Words("image too large to read", "images too large to read", _UNUSABLE),
    "too-small": _Words(
        "image too small to show a cell",
        "images too small to show a cell",
        "Check for crops that went wrong.",
    ),
    "duplicate": _Words(
        "set of duplicates",
        "sets of duplicates",
        "Unless they share a group, a split can put the same image on both sides.",
    ),
    "near-duplicate": _Words(
        "set of near duplicates",
        "sets of near duplicates",
        "Nearly the same image on both sides of a split makes results look too good.",
    ),
    "outlier": _Words(
        "image unlike its class",
        "images unlike their class",
        "Its size, brightness, sharpness or colour stands out. Check that it belongs to the class.",
    ),
    "unlabelled": _Words(
        "image without a class", "images without a class", "It is outside the class folders and left out."
    ),
}
_UNUSABLE_KINDS = frozenset(kind for kind, words in _WORDS.items() if words.meaning == _UNUSABLE)


def finding_title(kind: FindingKind, count: int) -> str:
    """Return a title for so many findings of one kind, as "2 sets of duplicates"."""
    return plural(count, _WORDS[kind].one, _WORDS[kind].many)


def finding_meaning(kind: FindingKind) -> str:
    """Return what a finding means for training, and what to do about it."""
    return _WORDS[kind].meaning


def finding_sentence(finding: Finding) -> str:
    """Return what is wrong with the images of a finding, in a sentence that doesn't name them."""
    return f"This image {finding.detail}." if len(finding.paths) == 1 else f"{finding.detail}."


def shortcut_title(shortcut: Shortcut) -> str:
    """Return what a shortcut reaches, in a line."""
    reached = interval_text(shortcut.balanced_accuracy, shortcut.low, shortcut.high)
    return f"shortcut: {shortcut.feature} alone {reached}, chance {number(shortcut.chance)}"


def good_news(kinds: Collection[str]) -> list[str]:
    """Return what an audit that found these kinds did not find, of what matters most."""
    news = []
    if not _UNUSABLE_KINDS & set(kinds):
        news.append("every file can be read")
    if not {"duplicate", "near-duplicate"} & set(kinds):
        news.append("no duplicates")
    if "label-conflict" not in kinds:
        news.append("no label conflicts")
    return news
