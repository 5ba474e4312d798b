"""What the Data place lists: the classes, the findings, and the images behind each of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import overload

import numpy as np
from textual.content import Content

from aimic_tui.engine.data.data_set import DataSet
from aimic_tui.engine.text import printable
from aimic_tui.screens.data_audit import Audit, Finding
from aimic_tui.widgets.bars import count_bar
from aimic_tui.widgets.thumbnails import Thumbnail
from aimic_tui.wording import SIGNS, count_text, plural

_COUNT = 8  # "144,000"
_LONGEST_NAME = 24


@dataclass(frozen=True)
class ClassRow:
    """A class on its line, on one scale with the others."""

    code: int
    name: str
    images: int
    groups: int | None
    most: int
    widest_name: int

    def draw(self, width: int) -> Content:
        """Write the name, the counts and a bar."""
        name_width = min(max(self.widest_name, 6), _LONGEST_NAME, max(6, width - 2 * _COUNT - 8))
        counts = count_text(self.images).rjust(_COUNT)
        groups = "" if self.groups is None else count_text(self.groups).rjust(_COUNT)
        bar = max(0, width - name_width - len(counts) - len(groups) - 2)
        return Content.assemble(
            _cell(printable(self.name), name_width),
            counts,
            (groups, "$text-muted"),
            "  ",
            count_bar(self.images, self.most, bar) if bar else "",
        )


def class_heading(rows: Sequence[ClassRow], width: int) -> Content:
    """Write the headings above the classes."""
    if not rows:
        return Content("")
    name_width = min(max(rows[0].widest_name, 6), _LONGEST_NAME, max(6, width - 2 * _COUNT - 8))
    groups = "" if rows[0].groups is None else "groups".rjust(_COUNT)
    return Content.assemble(("Classes".ljust(name_width), "bold"), ("images".rjust(_COUNT) + groups, "$text-muted"))


def class_rows(data_set: DataSet) -> tuple[ClassRow, ...]:
    """Return the classes in the order of their names."""
    counts = data_set.counts()
    groups = data_set.group_counts() if data_set.grouped else {}
    most = max(counts.values(), default=0)
    widest = max((len(printable(name)) for name in counts), default=0)
    return tuple(
        ClassRow(code, name, counts[name], groups.get(name), most, widest) for code, name in enumerate(data_set.classes)
    )


@dataclass(frozen=True)
class FindingRow:
    """A kind of finding on its line, or the good news that there is none."""

    finding: Finding | None
    words: str

    def draw(self, width: int) -> Content:
        """Write the sign and the words."""
        sign, style = (SIGNS["attention"], "$warning") if self.finding else (SIGNS["finished"], "$success")
        return Content.assemble((f"{sign} ", style), _cell(self.words, width - 2))


def finding_rows(audit: Audit) -> tuple[FindingRow, ...]:
    """Return the findings, the gravest first, then what is well."""
    rows = [FindingRow(finding, printable(finding.headline)) for finding in audit.findings]
    kinds = {finding.kind for finding in audit.findings}
    broken = {"empty", "truncated", "unreadable", "not-an-image", "too-large"}
    if not kinds & broken:
        rows.append(FindingRow(None, "every file can be read"))
    if not kinds & {"duplicate", "near-duplicate"}:
        rows.append(FindingRow(None, "no picture is there twice"))
    if "label-conflict" not in kinds:
        rows.append(FindingRow(None, "no picture has several labels"))
    return tuple(rows)


class ImagesOf(Sequence[Thumbnail]):
    """The images of a class or of a finding, made into thumbnails when they come into sight."""

    def __init__(self, root: Path, names: Sequence[str], flagged: frozenset[str]) -> None:
        """Make the sequence; `flagged` images carry the sign that wants attention."""
        self._root, self.names, self._flagged = root, names, flagged

    def __len__(self) -> int:
        return len(self.names)

    @overload
    def __getitem__(self, index: int) -> Thumbnail: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Thumbnail]: ...
    def __getitem__(self, index: int | slice) -> Thumbnail | Sequence[Thumbnail]:
        if isinstance(index, slice):
            return [self[at] for at in range(*index.indices(len(self)))]
        name = self.names[index]
        sign = SIGNS["attention"] if name in self._flagged else ""
        return Thumbnail(self._root / name, name.rpartition("/")[2], sign, "attention")


def names_of_class(data_set: DataSet, code: int) -> list[str]:
    """Return the images of a class, in order."""
    return [data_set.images[index] for index in np.flatnonzero(data_set.labels == code).tolist()]


def headline(data_set: DataSet) -> str:
    """Write what a data set is in a line: images, classes, groups."""
    parts = [plural(len(data_set), "image"), plural(len(data_set.classes), "class", "classes")]
    if data_set.grouped:
        parts.append(f"{plural(len(data_set.group_names), 'group')} ({printable(data_set.group_rule)})")
    else:
        parts.append("no groups")
    if data_set.parts is not None:
        parts.append("parts given")
    return " · ".join(parts)


def _cell(text: str, width: int) -> Content:
    return Content(text).truncate(max(width, 1), ellipsis=True, pad=True)
