"""The line that names the parts of a screen, with their keys."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from textual.content import Content

# Where there is no room for keys, names longer than the first number are cut to the second.
_CUTS = ((99, 99), (7, 6), (7, 5), (6, 5), (5, 4))


@dataclass(frozen=True)
class Part:
    """A part of a screen.

    Attributes:
        key: shows it.
        name: on the line.
        focus: the selector of what has the focus there.
        tooltip: what it shows, in a sentence.
    """

    key: str
    name: str
    focus: str
    tooltip: str


def parts_line(parts: Mapping[str, Part], shown: str, width: int) -> Content:
    """Write the parts with their keys, the one that is shown highlighted; where it is narrow, names without keys."""
    return next((line for line in _lines(parts, shown) if line.cell_length <= width), Content(""))


def _lines(parts: Mapping[str, Part], shown: str) -> Iterator[Content]:
    for space in ("  ", " "):
        yield Content(space).join([_piece(part, name == shown, part.name, key=True) for name, part in parts.items()])
    for longest, kept in _CUTS:
        names = [one.name if len(one.name) <= longest else one.name[:kept].rstrip("aeiou") for one in parts.values()]
        pieces = [_piece(part, name == shown, text) for (name, part), text in zip(parts.items(), names, strict=True)]
        yield Content(" ").join(pieces)


def _piece(part: Part, lit: bool, text: str, *, key: bool = False) -> Content:
    before = Content.styled(f"{part.key} ", "bold $primary") if key else Content("")
    return Content.assemble(before, (text, "bold underline $primary" if lit else "$foreground"))
