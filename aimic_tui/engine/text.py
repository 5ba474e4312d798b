"""Text on its way out, to a terminal or a spreadsheet: untrusted text made harmless, counts and lists in sentences.

File names, class names and log lines come from strangers. A name can hold an escape sequence that
rewrites the terminal, or begin with `=` and run as a formula in a spreadsheet.
"""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence

NOTHING = "–"  # stands where there is no figure
# Full-width signs begin formulas in East Asian versions of Excel.
_BEGINNING = r"(?:\A|(?<=[;|\t\r\n]))"
_FORMULA = re.compile(_BEGINNING + r"(?=['\"]*[=+\-@\t\r＝＋－＠])")
_HARMLESS_FORMULA = re.compile(_BEGINNING + r"'(?=['\"]*[=+\-@\t\r＝＋－＠])")
_SEPARATING = re.compile(r'[,;|\t\r\n"]')
_LARGEST_CELL = 1 << 24
# Cc: control characters; Cf: direction overrides, zero-width signs; Cs: bytes that are not UTF-8 (surrogateescape);
# Zl, Zp: line and paragraph separators, which some terminals obey.
_UNPRINTABLE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp", "Co", "Cn"})


def printable(text: str) -> str:
    r"""Return `text` with every character that is not plain print written as an escape (`\x1b`, `\u202e`).

    The result holds no control sequence and no line break; it is what every terminal output of a name
    or a message from elsewhere goes through. Markup is another matter: screens must also not parse it.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        char if char == " " or unicodedata.category(char) not in _UNPRINTABLE else _escape(char) for char in text
    )


def _escape(char: str) -> str:
    code = ord(char)
    if 0xDC80 <= code <= 0xDCFF:  # a byte that surrogateescape carried through
        return f"\\x{code - 0xDC00:02x}"
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def to_csv_cell(text: str) -> str:
    """Return `text` such that no spreadsheet takes it, or a part of it, for a formula: a `'` in front where needed.

    Spreadsheets separate cells by whatever their locale says, and many pass over quotation marks that don't begin a
    cell by that rule. So what follows a semicolon, a tab, a bar or a line end counts as a beginning, too.
    `from_csv_cell` gives the text back exactly.
    """
    return _FORMULA.sub("'", text)


def from_csv_cell(cell: str) -> str:
    """Undo `to_csv_cell`."""
    return _HARMLESS_FORMULA.sub("", cell) if "'" in cell else cell


def csv_line(cells: Iterable[object]) -> str:
    r"""Return cells, made harmless before, as a row of a CSV table that ends in `\n`.

    Cells that hold what any spreadsheet separates by are quoted, and so are those with a carriage return, which every
    reader takes for the end of the row.
    """
    row = [_quoted(str(cell)) for cell in cells]
    return (",".join(row) or '""') + "\n"  # a row of one empty cell would be no row


def csv_rows(lines: Iterable[str], delimiter: str = ",", before: int = 0) -> Iterator[list[str]]:
    """Yield the rows of a CSV table, their cells as they stand there.

    Args:
        lines: with their ends.
        delimiter: what separates the cells.
        before: lines of the file before these.

    Raises:
        ValueError: a cell is too large, or (before Python 3.11) there is a byte 0; the text names the line.
    """
    csv.field_size_limit(_LARGEST_CELL)  # of the process; the standard 131 kB are less than some remarks hold
    reader = csv.reader(lines, delimiter=delimiter)
    try:
        yield from reader
    except csv.Error as error:
        raise ValueError(f"line {before + reader.line_num}: {error}") from None


def _quoted(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"' if _SEPARATING.search(cell) else cell


def one_line(text: str, limit: int = 300) -> str:
    """Return the first `limit` characters of `text` on one printable line."""
    line = printable(" ".join(text.split()))
    return line if len(line) <= limit else line[: limit - 1] + "…"


def plural(count: int, one: str, many: str | None = None) -> str:
    """Write a count and what it counts: `1 image`, `1,877 images`; `many` where an `s` is not the plural."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def listed(names: Sequence[str]) -> str:
    """Join names: `a, b and c`; a dash for none."""
    if not names:
        return NOTHING
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def bytes_text(count: float | None) -> str:
    """Write a number of bytes in decimal units with two or three figures: `512 B`, `9.4 MB`, `41 GB`."""
    if count is None:
        return NOTHING
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if round(value, 1 if value < 10 else 0) < 1000:
            return _short(value, unit, whole=unit == "B")
        value /= 1000
    return _short(value, "TB", whole=False)


def _short(value: float, unit: str, *, whole: bool) -> str:
    return f"{value:.0f} {unit}" if whole or value >= 9.95 else f"{value:.1f} {unit}"
