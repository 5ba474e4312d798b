"""What an audit finds, in words: what each kind means for training, and what good news there is."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from aimic_tui.engine.data.audit.finding import Finding, FindingKind
from aimic_tui.engine.data.audit.shortcut import Shortcut
from aimic_tui.engine.formatting.numbers import interval_text, number, p_value

NO_FINDINGS = "Every file can be read, and there are no duplicates."


_UNUSABLE = "A network can't learn from it. Replace it, or take it out of the data set."
_MEANINGS: Mapping[FindingKind, str] = {
    "label-conflict": "Same image, several labels. Choose one.",
    "look-alike-classes": "A network would learn to tell one class from itself. Merge them if they are one.",
    "look-alike-groups": "If they are one patient or slide, it can be in training and test at once. Keep it together.",
    "label-error": "A run's networks agree on another class. Look at each: they may be right, or the image is hard.",
    "empty": _UNUSABLE,
    "truncated": _UNUSABLE,
    "unreadable": _UNUSABLE,
    "not-an-image": _UNUSABLE,
    "too-large": _UNUSABLE,
    "blank": "It shows nothing, and a network can only learn its class by heart. Replace it, or take it out.",
    "too-small": "Check for crops that went wrong.",
    "duplicate": "Unless they share a group, a split can put the same image on both sides.",
    "near-duplicate": "Nearly the same image on both sides of a split makes results look too good.",
    "outlier": "Its size, brightness, sharpness or colour stands out. Check that it belongs to the class.",
    "unlabelled": "Nothing gives it a class, so it is left out.",
}
_UNUSABLE_KINDS = frozenset(kind for kind, meaning in _MEANINGS.items() if meaning == _UNUSABLE)


def finding_meaning(kind: FindingKind) -> str:
    """Return what a finding means for training, and what to do about it."""
    return _MEANINGS[kind]


def finding_sentence(finding: Finding) -> str:
    """Return what is wrong with the images of a finding, in a sentence that doesn't name them."""
    return f"This image {finding.detail}." if len(finding.paths) == 1 else f"{finding.detail}."


def shortcut_title(shortcut: Shortcut) -> str:
    """Return what a shortcut reaches, in a line."""
    reached = interval_text(shortcut.balanced_accuracy, shortcut.low, shortcut.high)
    return f"shortcut: {shortcut.feature} alone {reached}, chance {number(shortcut.chance)}, p {p_value(shortcut.p)}"


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
