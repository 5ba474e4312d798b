"""The line that names the parts of a screen, with their keys."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from textual.content import Content

_MORE = Content.styled("…", "$text-muted")


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
    """Write the parts with their keys, the one that is shown highlighted.

    Where it is narrow, the keys go first, then whole names at the ends: `…` stands for them.
    """
    return next((line for line in _lines(parts, shown) if line.cell_length <= width), Content(""))


def _lines(parts: Mapping[str, Part], shown: str) -> Iterator[Content]:
    """Yield the line in its forms, the fullest first."""
    for space, key in (("  ", True), (" ", True), ("  ", False), (" ", False)):
        yield Content(space).join([_piece(part, name == shown, key=key) for name, part in parts.items()])
    names = [_piece(part, name == shown, key=False) for name, part in parts.items()]
    at = list(parts).index(shown)
    for count in range(len(parts) - 1, 0, -1):
        first = max(0, at - count + 1)
        before, after = first > 0, first + count < len(parts)
        yield Content(" ").join([*[_MORE] * before, *names[first : first + count], *[_MORE] * after])


def _piece(part: Part, lit: bool, *, key: bool) -> Content:
    before = Content.styled(f"{part.key} ", "bold $primary") if key else Content("")
    return Content.assemble(before, (part.name, "bold underline $primary" if lit else "$foreground"))
