"""What the Data place lists: the classes, the findings, and the images behind each of them, with their marks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import overload

from textual.content import Content

from aimic_tui.engine.data.data_set import DataSet
from aimic_tui.engine.formatting.numbers import count_text
from aimic_tui.engine.text import plural, printable
from aimic_tui.widgets.bars import count_bar
from aimic_tui.widgets.table_column import Cell
from aimic_tui.widgets.thumbnails import Thumbnail
from aimic_tui.wording.findings import good_news
from aimic_tui.wording.marks import EXCLUDED, mark_signs, mark_words
from aimic_tui.wording.signs import SIGNS
from aimic_tui.workspace.audit_findings import AuditFindings, FindingsOfKind
from aimic_tui.workspace.open_data import OpenData

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

    @property
    def key(self) -> object:
        """What stays the same of it while its figures change."""
        return self.name

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
    """A kind of finding on its line, the images that are marked, or the good news that there is no finding.

    Attributes:
        finding: None for good news.
        words: what the line says.
        resolved: people have dealt with all of it.
    """

    finding: FindingsOfKind | None
    words: str
    resolved: bool = False

    @property
    def key(self) -> object:
        """What stays the same of it while people deal with it."""
        if self.finding is None:
            return self.words
        return self.finding.kind, "" if self.finding.kind == "marked" else self.finding.title

    def draw(self, width: int) -> Content:
        """Write the sign and the words."""
        if self.finding is not None and self.finding.kind == "marked":
            return Content.assemble((f"{EXCLUDED} ", "$primary"), _cell(self.words, width - 2))
        good = self.finding is None or self.resolved
        sign, style = (SIGNS["finished"], "$success") if good else (SIGNS["attention"], "$warning")
        return Content.assemble((f"{sign} ", style), _cell(self.words, width - 2))


def finding_rows(audit: AuditFindings, data: OpenData | None = None) -> tuple[FindingRow, ...]:
    """Return the findings, the worst first, then the good news.

    Args:
        audit: what was found.
        data: what has been decided since; without it nothing counts as resolved.
    """
    rows = [_finding_row(finding, data) for finding in audit.listed]
    news = good_news({finding.kind for finding in audit.listed})
    return (*rows, *(FindingRow(None, words) for words in news))


def _finding_row(finding: FindingsOfKind, data: OpenData | None) -> FindingRow:
    words = printable(finding.title)
    if data is None or finding.kind in ("note", "shortcut", "marked"):
        return FindingRow(finding, words)
    resolved = sum(data.resolved(finding.kind, images) for images in finding.groups)
    if not resolved:
        return FindingRow(finding, words)
    every = resolved == len(finding.groups)
    return FindingRow(finding, f"{words}, resolved" if every else f"{words}, {resolved:,} resolved", every)


def layout_rows(data: OpenData | None) -> tuple[FindingRow, ...]:
    """Return a row that says how the folders were read, as the audit will; none where that is beyond doubt."""
    if data is None or not data.data_set.layout:
        return ()
    return (FindingRow(FindingsOfKind("note", data.data_set.layout), printable(data.data_set.layout)),)


def marked_rows(data: OpenData) -> tuple[FindingRow, ...]:
    """Return a row with the images that have marks, or none."""
    if not data.marks:
        return ()
    images = tuple(sorted(data.marks))
    excluded = sum(data.mark(image, "exclude") is not None for image in images)
    title = f"{plural(len(images), 'image')} marked" + (f", {count_text(excluded)} excluded" if excluded else "")
    return (FindingRow(FindingsOfKind("marked", title, groups=(images,)), title),)


class ImagesOf(Sequence[Thumbnail]):
    """The images of a class or of a finding, made into thumbnails when they come into sight."""

    def __init__(
        self,
        data: OpenData,
        names: Sequence[str],
        flagged: frozenset[str],
        chosen: frozenset[str] = frozenset(),
        *,
        with_class: bool = False,
    ) -> None:
        """Make the sequence.

        Args:
            data: what is open.
            names: of the images.
            flagged: those that carry the sign that wants attention.
            chosen: those that the next key is for.
            with_class: say the class of each below it.
        """
        self._data, self.names, self._flagged, self._chosen = data, names, flagged, chosen
        self._with_class = with_class

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
        path, caption = self._data.listed.root / name, name.rpartition("/")[2]
        marks = self._data.marks.get(name, ())
        out = any(mark.kind == "exclude" for mark in marks)
        signs = mark_signs(marks)
        label = next((mark.label for mark in marks if mark.kind == "label"), "")
        if label or self._with_class:
            caption = f"{label or self._data.class_of(name)} {caption}".strip()
        if name in self._chosen:
            return Thumbnail(path, caption, f"●{signs}", "primary", out)
        if marks:
            return Thumbnail(path, caption, signs, "muted" if out else "primary", out)
        return Thumbnail(path, caption, SIGNS["attention"] if name in self._flagged else "", "attention")


def words_on_image(name: str, data: OpenData, audit: AuditFindings | None) -> list[Cell]:
    """Say about an image what is not in its file: its name, class, group, marks, and what an audit found."""
    lines: list[Cell] = [[(name, "strong")]]
    index = data.data_set.index(name)
    if label := data.class_of(name):
        group = "" if index is None else data.data_set.group_names[data.data_set.groups[index]]
        lines.append([(label, "primary"), (f" · {group}" if group and data.data_set.grouped else "", "")])
    lines += [[(mark_words(mark), "primary")] for mark in data.marks.get(name, ())]
    for sentence in audit.sentences_on(name) if audit else ():
        lines.append([(f"{SIGNS['attention']} {sentence}", "attention")])
    return lines


def headline(data: OpenData) -> str:
    """Write what a data set is in a line: images, classes, groups."""
    data_set = data.data_set
    parts = [plural(len(data_set), "image"), plural(len(data_set.classes), "class", "classes")]
    if data.found.excluded:
        parts.insert(1, f"{count_text(len(data.found.excluded))} excluded")
    if data_set.parts is not None:
        parts.append("parts given")
    elif data.listed.layout is not None and data.listed.layout.kind != "classes":
        parts.append(f"layout {data.listed.layout.kind}")
    if data_set.grouped:  # last, since patterns may be long
        parts.append(f"{plural(len(data_set.group_names), 'group')} ({printable(data_set.group_rule)})")
    else:
        parts.append("no groups")
    return " · ".join(parts)


def _cell(text: str, width: int) -> Content:
    return Content(text).truncate(max(width, 1), ellipsis=True, pad=True)
