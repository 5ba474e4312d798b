"""A table of text as people write it, in a spreadsheet, an editor or a script.

What such programs put around a table is passed over: a byte-order mark, Excel's `sep=;`, empty lines, `#` comments, a
ctrl-Z at the end. What can't be read rightly is refused with the line and the remedy: another kind of file, a quotation
mark that is never closed, rows that are longer than the header.
"""

from __future__ import annotations

import codecs
import io
import os
import re
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Literal

from aimic_tui.engine.data.listing.file_kinds import IMAGE_SUFFIXES
from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.names import nfc
from aimic_tui.engine.text import bytes_text, csv_rows, from_csv_cell, one_line, plural, printable

_DELIMITERS = ",;\t|"
_DELIMITER_WORDS = {",": "a comma", ";": "a semicolon", "\t": "a tab", "|": "a bar", " ": "a space"}
_SIZE_LIMIT = 2 << 30  # bytes; it is held in memory
_LOOKED_AT = 200  # lines and rows that show how a table is made
_CELLS_LOOKED_AT = 1_000_000  # a table of measurements may have 100,000 columns
_FEWEST_LOOKED_AT = 20
_BEGINNING = 512  # bytes that show what a file is
_ZERO_RUNS = 4096  # bytes that show where text without a mark has its zeros
_MOST_ZEROS = 0.9
# What a file is by its first bytes, and how it becomes a table.
_OTHER_KINDS = (
    (b"PK\x03\x04", "an Excel or OpenDocument workbook (or another ZIP archive)", "Save its sheet as CSV"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Excel workbook", "Save its sheet as CSV"),
    (b"PAR1", "a Parquet file", "Write it as CSV, in pandas with to_csv"),
    (b"ARROW1", "a Feather file", "Write it as CSV, in pandas with to_csv"),
    (b"\x89HDF", "an HDF5 file", "Write it as CSV, in pandas with to_csv"),
    (b"SQLite format 3", "a database", "Export its table as CSV"),
    (b"\x1f\x8b", "compressed with gzip", "Unpack it"),
    (b"BZh", "compressed with bzip2", "Unpack it"),
    (b"\xfd7zXZ", "compressed with xz", "Unpack it"),
    (b"(\xb5/\xfd", "compressed with zstd", "Unpack it"),
    (b"%PDF", "a PDF document", "Save the table as CSV"),
    (b"{\\rtf", "a document in RTF", "Save it as plain text, as CSV"),
    (b"\x80\x04\x95", "a Python pickle", "Write it as CSV, in pandas with to_csv"),
    (b"version https://git-lfs", "a placeholder of Git LFS, not the file itself", "Download it with git lfs pull"),
)
_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?[,;\t|]*', re.IGNORECASE)
_TEXT_FORMULA = re.compile(r'="([^"]*)"')
_LINE_ENDS = re.compile(rb"\r\n|\r|\n")


Encoding = Literal["unicode", "cp1252", "unknown"]


@dataclass(frozen=True)
class TextTable:
    """A table's header, and the way to its rows.

    Attributes:
        path: the file.
        names: the columns', in their order; `column 1` and so on where the table has no header.
        delimiter: what separates the cells.
        header_line: the number of the header's line, from 1; 0 where there is none.
        notes: sentences on what was read otherwise than it may have been meant.
        first: the first rows, as `rows` gives them.
        encoding: "unicode"; "cp1252", the usual other one, where the bytes may be it: `text` reads a cell so; or
            "unknown". Bytes that are not UTF-8 are carried by surrogates.
    """

    path: Path
    names: tuple[str, ...]
    delimiter: str
    header_line: int
    notes: tuple[str, ...] = ()
    first: tuple[tuple[int, list[str]], ...] = ()
    encoding: Encoding = "unicode"
    _content: bytes = field(default=b"", repr=False)
    _before: int = 0  # lines before the rows
    _width: int = 0  # columns, with those at the end that have no name
    _indexed: bool = False  # whether each row begins with a name of its own that the header leaves out, as R writes it

    @property
    def shown(self) -> str:
        """The file's path, printable."""
        return printable(str(self.path))

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Yield each row that is not empty: the number of its line, and its cells, no more than there are names.

        Raises:
            InputProblem: a row has more cells than the header, or a quotation mark is never closed.
        """
        skipped = int(self._indexed)
        for line, row in _records(self.path, self._content, self.delimiter, self._before):
            if _is_empty(row) or (len(self.names) > 1 and _is_comment(row)):
                continue
            cells = row[skipped:]
            if self.header_line and cells and cells[0].endswith(self.names[0]) and self._is_header(cells):
                continue  # of a table that was put behind another one
            while len(cells) > self._width and not cells[-1].strip():
                cells.pop()  # separators at the end
            if len(cells) > self._width:
                raise InputProblem(self._too_long(line, len(cells)))
            yield line, [_plain_cell(cell) for cell in cells[: len(self.names)]]

    def _is_header(self, cells: Sequence[str]) -> bool:
        found = [nfc(_plain_cell(cell.strip().lstrip("\ufeff"))) for cell in cells[: len(self.names)]]
        return len(self.names) > 1 and found == list(self.names)

    def text(self, cell: str) -> str:
        """Return a cell's text where the file is in another encoding than Unicode."""
        return western(cell) if self.encoding == "cp1252" else cell

    def _too_long(self, line: int, count: int) -> str:
        sign = _DELIMITER_WORDS.get(self.delimiter, f"the sign {printable(self.delimiter)}")
        columns = plural(len(self.names), "column")
        sentence = f"{self.shown}: line {line} has {plural(count, 'cell')}, but the table has {columns}"
        if not self.header_line:
            return f"{sentence} by its first line. Put a cell that holds {sign} into quotation marks."
        header = f"line {self.header_line} ({one_line(', '.join(self.names), 60)})"
        return (
            f"{sentence} by {header}. If that line is a title and not the header, take it out; else put a cell that "
            f"holds {sign} into quotation marks, or name every column."
        )

    def columns(self, wanted: Sequence[int]) -> list[list[str]]:
        """Return the cells of some columns, without surrounding spaces.

        Raises:
            InputProblem: as `rows`.
        """
        cells: list[list[str]] = [[] for _ in wanted]
        for _, row in self.rows():
            for at, column in zip(wanted, cells, strict=True):
                column.append(cell(row, at).strip())
        return cells


def _plain_cell(cell: str) -> str:
    """Return a cell as it was before a spreadsheet's precautions: `'=1`, or `="007"`, which keeps zeros."""
    formula = _TEXT_FORMULA.fullmatch(cell) if cell.startswith("=") else None
    return formula[1] if formula else from_csv_cell(cell)


def cell(row: Sequence[str], at: int) -> str:
    """Return a cell's text; empty where the row ends before it."""
    return row[at] if len(row) > at else ""


def read_text_table(path: Path) -> TextTable:
    """Read a table's header and first rows, whatever a spreadsheet or a script made of it.

    Raises:
        InputProblem: it can't be read or is not a table.
    """
    content, encoding, notes = _in_utf8(path, _content_of(path))
    skipped, delimiter, commented = _before_header(content)
    before = skipped - commented
    line, header = next(
        ((line, row) for line, row in _records(path, content, delimiter, before) if not _is_empty(row)), (0, [])
    )
    names = [nfc(_plain_cell(cell.strip())) for cell in header]
    if commented:
        names[0] = names[0].lstrip("# ")
    width = len(names)
    while names and not names[-1]:
        names.pop()  # separators at the end
    if not names:
        raise InputProblem(f"{printable(str(path))} is empty. Write a header, such as path,label, and a row an image.")
    before = max(line, before)
    if names and looks_like_data(names):
        notes.append(
            f"{printable(str(path))} has no header, so its columns are called column 1 and so on. A first line such as "
            "path,label says what they are."
        )
        names = [f"column {number}" for number in range(1, len(names) + 1)]
        before, line = line - 1, 0
    sample = max(_FEWEST_LOOKED_AT, min(_LOOKED_AT, _CELLS_LOOKED_AT // len(names)))
    rows = [row for _, row in islice(_records(path, content, delimiter, before), sample) if not _is_empty(row)]
    longer = (
        bool(rows)
        and all(len(row) == len(names) + 1 and row[0] and not looks_like_data(row[:1]) for row in rows)
        and any(row[-1] for row in rows)
    )
    indexed = bool(line) and longer and len(names) > 1 and len(header) == len(names)
    table = TextTable(path, tuple(names), delimiter, line, tuple(notes), (), encoding, content, before, width, indexed)
    return replace(table, first=tuple(islice(table.rows(), sample)))


def western(text: str) -> str:
    """Return text with bytes that are not UTF-8 as Windows-1252, the usual other encoding; any other as it is."""
    if text.isascii() or not any("\udc80" <= char <= "\udcff" for char in text):
        return text
    try:
        return text.encode("utf-8", "surrogateescape").decode("cp1252")
    except UnicodeError:
        return text


def looks_like_data(cells: Sequence[str]) -> bool:
    """Tell whether a line is a row, not a header: one of its cells is the name of an image file."""
    return any(os.path.splitext(cell.strip().lower())[1] in IMAGE_SUFFIXES for cell in cells)  # noqa: PTH122


# -- bytes to text


def _content_of(path: Path) -> bytes:
    shown = printable(str(path))
    try:
        facts = path.stat()
        if not stat.S_ISREG(facts.st_mode):
            raise InputProblem(f"{shown} is not a file. Name a table, such as labels.csv.")
        if facts.st_size > _SIZE_LIMIT:
            raise InputProblem(
                f"{shown} has {bytes_text(facts.st_size)}, more than a table of {bytes_text(_SIZE_LIMIT)} at most. "
                "Write only the columns that are needed: paths, labels, groups."
            )
        content = path.read_bytes()
    except FileNotFoundError:
        raise InputProblem(f"{shown} does not exist. Name a table, such as labels.csv.") from None
    except OSError as error:
        raise InputProblem(f"{shown} can't be read: {error.strerror}.") from None
    _refuse_other_kinds(shown, content[:_BEGINNING])
    return content


def refuse_other_kinds(path: Path) -> None:
    """Do nothing if a file can be a table of text, as far as its first bytes show.

    Raises:
        InputProblem: it is another kind of file that may hold a table, such as a workbook; or it can't be read.
    """
    shown = printable(str(path))
    try:
        with path.open("rb") as file:
            _refuse_other_kinds(shown, file.read(_BEGINNING))
    except OSError as error:
        raise InputProblem(f"{shown} can't be read: {error.strerror}.") from None


def _refuse_other_kinds(shown: str, beginning: bytes) -> None:
    for start, kind, remedy in _OTHER_KINDS:
        if beginning.startswith(start):
            raise InputProblem(f"{shown} is {kind}, not a table of text. {remedy}, and name that file.")
    text = beginning.lstrip().lower()
    if text.startswith((b"{", b"[{", b"[[", b'["', b"[\n", b"[\r")):
        raise InputProblem(f"{shown} is JSON, not a table. Write it as CSV, with a row an image.")
    if text.startswith((b"<!doctype", b"<html", b"<?xml", b"<table")):
        raise InputProblem(f"{shown} is a web page or XML, not a table. Download the file itself, or save it as CSV.")


def _in_utf8(path: Path, content: bytes) -> tuple[bytes, Encoding, list[str]]:
    """Return a text in UTF-8 or in bytes whose encoding is not declared, what that is, and notes on it."""
    shown = printable(str(path))
    declared = _marked_or_zeros(content)
    notes: list[str] = []
    encoding: Encoding = "unicode"
    if declared is not None:
        try:
            content = content.decode(declared).encode()
        except UnicodeError as error:
            raise InputProblem(
                f"{shown} begins as {declared.upper()}, but is damaged: {error}. Save it as CSV in UTF-8."
            ) from None
    else:
        try:
            content.decode()
        except UnicodeDecodeError:
            try:
                content.decode("cp1252")
                encoding, read = "cp1252", "are read as Windows-1252. Where names look wrong, save it"
            except UnicodeDecodeError:
                encoding, read = "unknown", "can't be read, and nothing says which encoding they are in. Save it"
            notes.append(f"{shown} is not in UTF-8: its letters beyond ASCII {read} as CSV in UTF-8.")
    while content.startswith(codecs.BOM_UTF8):
        content = content.removeprefix(codecs.BOM_UTF8)
    content = content.rstrip(b"\x1a\x00")  # ctrl-Z: where programs for DOS end a text
    if b"\x00" in content:
        line = len(_LINE_ENDS.findall(content, 0, content.index(b"\x00"))) + 1
        raise InputProblem(f"{shown} has a byte 0 in line {line}: it is no text, or damaged. Save it as CSV again.")
    _refuse_other_kinds(shown, content[:_BEGINNING])  # also in UTF-16
    return content, encoding, notes


def _marked_or_zeros(content: bytes) -> str | None:
    """Return the encoding that a byte-order mark, or the zeros of text without one, show; None for neither."""
    for mark, encoding in (
        (codecs.BOM_UTF32_LE, "utf-32"),
        (codecs.BOM_UTF32_BE, "utf-32"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
        (codecs.BOM_UTF8, "utf-8"),
    ):
        if content.startswith(mark):
            return None if encoding == "utf-8" else encoding
    begin = content[:_ZERO_RUNS]
    zeros = [begin[place::4].count(0) / max(1, len(begin) // 4) for place in range(4)]
    high = [share > _MOST_ZEROS for share in zeros]
    some = [share > 0 for share in zeros]
    if high == [False, True, True, True]:
        return "utf-32-le"
    if high == [True, True, True, False]:
        return "utf-32-be"
    little, big = zeros[1] + zeros[3], zeros[0] + zeros[2]
    if any(some) and len(content) % 2 == 0 and max(little, big) > 0.5 > 4 * min(little, big):
        return "utf-16-le" if little > big else "utf-16-be"
    return None


# -- text to rows


def _before_header(content: bytes) -> tuple[int, str, bool]:
    """Return how many lines stand before the header, what separates cells, and whether the last of those lines is the
    header nevertheless, as a comment: numpy writes it so."""
    declared, comment, skipped = "", "", 0
    lines: list[str] = []
    for line in islice(_lines(content), _LOOKED_AT):
        bare = line.strip(" \r\n")
        separator = _SEPARATOR_LINE.fullmatch(bare)
        if not lines and separator and not declared:
            declared = separator[1]
        elif not lines and bare.startswith("#"):
            comment = bare
        elif lines or bare.strip('," ;\t|'):
            lines.append(line.rstrip("\r\n"))
            continue
        else:
            comment = ""
        skipped += 1
    delimiter = declared or _delimiter_of([line for line in lines if line.strip()])
    names, row = comment.split(delimiter), lines[0].split(delimiter) if lines else []
    return skipped, delimiter, len(names) == len(row) > 1 and looks_like_data(row)


def _delimiter_of(lines: Sequence[str]) -> str:
    """Return what separates the cells of lines, the header first.

    That is what most lines have as often as the header, and of these what it has most of, outside quotation marks.
    Where the header has none, it may be a title: then what the lines after it have.
    """
    if not lines:
        return ","
    bare = [re.sub(r'"[^"]*"', "", line) for line in lines[:_LOOKED_AT]]

    def alike(delimiter: str) -> tuple[int, int]:
        count = bare[0].count(delimiter)
        return (sum(line.count(delimiter) == count for line in bare) if count else 0, count)

    best = max(_DELIMITERS, key=alike)
    if best in bare[0]:
        return best
    words = [len(line.split()) for line in bare]
    if words[0] > 1 and len(words) > 1 and len(set(words)) == 1:
        return " "
    later = max(_DELIMITERS, key=lambda delimiter: sum(line.count(delimiter) for line in bare[1:]))
    return later if any(later in line for line in bare[1:]) else ","


def _lines(content: bytes) -> Iterator[str]:
    """Yield a text's lines with their ends, CR alone included, without a second copy of it in memory."""
    return io.TextIOWrapper(io.BytesIO(content), encoding="utf-8", errors="surrogateescape", newline="")


_END = "\ufdd0"  # a code point that no text has


def _records(path: Path, content: bytes, delimiter: str, skip: int) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows after `skip` lines, each with the number of the line that it begins in."""
    shown = printable(str(path))
    number, started, width = 0, skip + 1, 0

    def lines() -> Iterator[str]:
        nonlocal number
        for line in _lines(content):
            number += 1
            if number > skip:
                yield " ".join(line.split()) if delimiter == " " else line
        yield _END  # a row after the last, so that a quotation mark that is never closed shows

    try:
        for row in csv_rows(lines(), delimiter, before=skip):
            if row and row[-1].endswith(_END):
                if row != [_END]:
                    raise InputProblem(
                        f"{shown}: a quotation mark in line {started} is never closed, so that the rest of the table "
                        "would be one cell. Close it or take it out."
                    )
                return
            width = width or len(row)
            if number > started and len(row) != width:
                raise InputProblem(
                    f"{shown}: the row of line {started} ends in line {number} and has {plural(len(row), 'cell')} in "
                    f"place of {width}: a quotation mark in it seems not to be closed. Close it or take it out."
                )
            yield started, row
            started = number + 1
    except ValueError as error:
        raise InputProblem(f"{shown} is not a table: {printable(str(error))}. Save it as CSV again.") from None


def _is_empty(row: Sequence[str]) -> bool:
    return not any(cell.strip() for cell in row)


def _is_comment(row: Sequence[str]) -> bool:
    return row[0].lstrip().startswith("#") and _is_empty(row[1:])
