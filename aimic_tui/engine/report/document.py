"""What a report is made of, before it is HTML or Markdown. Text is plain everywhere: the writers escape it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aimic_tui.engine.report.chart import Chart


@dataclass(frozen=True)
class Paragraph:
    """Running text; a `strong` one must not be overlooked."""

    text: str
    strong: bool = False


@dataclass(frozen=True)
class Bullets:
    """Short points of equal weight."""

    items: Sequence[str]


@dataclass(frozen=True)
class Facts:
    """Terms with their values."""

    rows: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Code:
    """Commands as they are typed, in lines."""

    text: str


@dataclass(frozen=True)
class Table:
    """A table; the first column names the rows.

    Attributes:
        shades: 0 to 1 for each cell of `rows` but those of the first column; how dark it is.
        numeric: whether the other columns are figures.
    """

    caption: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    shades: Sequence[Sequence[float]] | None = None
    numeric: bool = True


@dataclass(frozen=True)
class Drawing:
    """A drawing; the caption also tells those who can't see it what it shows.

    A `narrow` one may stand beside another.
    """

    name: str
    chart: Chart
    caption: str
    narrow: bool = False


@dataclass(frozen=True)
class Picture:
    """A small JPEG; without bytes where the image can't be read any more."""

    jpeg: bytes | None
    lines: Sequence[str]


@dataclass(frozen=True)
class Pictures:
    """A row of pictures."""

    caption: str
    items: Sequence[Picture]


Block = Paragraph | Bullets | Facts | Code | Table | Drawing | Pictures


@dataclass(frozen=True)
class Section:
    """A heading and what stands below it; subsections have level 3."""

    title: str
    blocks: Sequence[Block]
    level: int = 2


@dataclass(frozen=True)
class Document:
    """A report."""

    title: str
    lead: Sequence[str]
    sections: Sequence[Section]
