"""The chunks of a PNG, without decoding it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

PNG = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True)
class Chunk:
    """One of them.

    Attributes:
        kind: such as b"IDAT".
        start: of its content, in the file.
        length: of its content, as it says; it may lie behind the file's end.
    """

    kind: bytes
    start: int
    length: int


def chunks(content: bytes) -> Iterator[Chunk]:
    """Yield a PNG's chunks up to its end mark; a word in a chunk's content is none."""
    place = len(PNG)
    while place + 8 <= len(content):
        chunk = Chunk(content[place + 4 : place + 8], place + 8, int.from_bytes(content[place : place + 4], "big"))
        yield chunk
        if chunk.kind == b"IEND":
            return
        place += 12 + chunk.length


def late_exif(content: bytes) -> bytes:
    """Return the EXIF data that lie behind a PNG's picture, b"" where there are none."""
    picture = False
    for chunk in chunks(content):
        picture = picture or chunk.kind == b"IDAT"
        if picture and chunk.kind == b"eXIf":
            return content[chunk.start : chunk.start + chunk.length]
    return b""
