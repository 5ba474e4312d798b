"""A mapping of names on one line, as a flag and a field of a form take it: `band=neutrophil, basophil=`.

A name that holds a comma, an equals sign, a quotation mark or a bracket stands in quotation marks, as in JSON; what
can't be seen, such as a zero-width space, is written as an escape there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from aimic_tui.engine.text import printable

_NAME = r'\s*("(?:[^"\\]|\\.)*"|[^,="]*?)\s*'
_PAIR = re.compile(f"{_NAME}={_NAME}(?:,|$)", re.DOTALL)
_NEEDS_QUOTES = re.compile(r'[,="{}\\\x00-\x1f\x7f]|^\s|\s$')


def pairs_text(pairs: Mapping[str, str]) -> str:
    """Write a mapping on one line; `read_pairs` gives it back exactly."""
    return ", ".join(f"{_quoted(name)}={_quoted(value)}" for name, value in pairs.items())


def _quoted(name: str) -> str:
    if not is_seen(name):
        return json.dumps(name)
    return json.dumps(name, ensure_ascii=False) if _NEEDS_QUOTES.search(name) else name


def is_seen(name: str) -> bool:
    """Tell whether every character of a name shows on a screen, so that it can be typed or copied."""
    return printable(name) == name and (name.isascii() or not any(char.isspace() and char != " " for char in name))


def read_pairs(text: str) -> dict[str, str] | None:
    """Read a mapping from one line; None where it is none, or gives a name two values."""
    pairs: dict[str, str] = {}
    at, text = 0, text.strip()
    while at < len(text):
        found = _PAIR.match(text, at)
        if found is None:
            return None
        name, value = (_plain(part) for part in found.groups())
        if not name or value is None or pairs.get(name, value) != value:
            return None
        pairs[name] = value
        at = found.end()
    return pairs


def _plain(name: str) -> str | None:
    if not name.startswith('"'):
        return name
    try:
        return str(json.loads(name, strict=False))
    except ValueError:
        return None
