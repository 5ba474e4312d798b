"""What people have decided about an image: the sign of a mark, and the mark in words."""

from __future__ import annotations

from collections.abc import Sequence

from aimic_tui.engine.data.listing.marks import Mark

EXCLUDED = "–"
_SIGNS = {"exclude": EXCLUDED, "label": "→", "label-error": "?", "reviewed": "✓", "group": "=", "note": "…"}


def mark_signs(marks: Sequence[Mark]) -> str:
    """Return the signs of an image's marks, each once."""
    return "".join(dict.fromkeys(_SIGNS[mark.kind] for mark in marks))


def mark_words(mark: Mark) -> str:
    """Write a mark with its sign: what it decides, and its note."""
    words = {
        "exclude": "excluded",
        "label": f"class set to {mark.label}",
        "label-error": "possible label error",
        "reviewed": "reviewed and right",
        "group": f"in one group with {mark.group}" if mark.group != mark.image else "in one group with others",
        "note": "note",
    }[mark.kind]
    return f"{_SIGNS[mark.kind]} {words}" + (f": {mark.note}" if mark.note else "")
