"""A path as a terminal or a person writes it, and the path that is meant.

A folder that is dragged from a file manager into a terminal is typed there quoted, escaped or as a `file:` address.
"""

from __future__ import annotations

import shlex
from urllib.parse import unquote, urlsplit

from aimic_tui.engine.user_folders import expanded


def typed_path(text: str) -> str:
    """Return the path that is meant by `text`: without quotes, escapes, a `file:` in front and blanks around it.

    A path that exists as it is written stays as it is.
    """
    return next((path for path in _meanings(text) if _exists(path)), _meanings(text)[-1])


def existing_path(text: str) -> str | None:
    """Return the path that is meant by `text` where it is written in another way than it is stored, and exists."""
    path = typed_path(text)
    return path if path != text and _exists(path) else None


def _meanings(text: str) -> list[str]:
    """Return what a text can mean, the most literal first."""
    plain = text.strip()
    found = [text, plain] if text != plain else [text]
    if plain.lower().startswith("file:"):
        address = urlsplit(plain)
        if address.hostname in (None, "", "localhost"):
            return [*found, unquote(address.path)]
        return found
    try:
        words = shlex.split(plain)
    except ValueError:  # a quote that is not closed
        words = []
    if len(words) == 1 and words[0] != plain and (plain[0] in "'\"" or "\\" in plain):
        found.append(words[0])
    return found


def _exists(path: str) -> bool:
    try:
        return bool(path) and expanded(path).exists()
    except (OSError, ValueError):  # too long, or with a NUL in it
        return False
