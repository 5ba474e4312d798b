"""A table of text as people write it, in a spreadsheet, an editor or a script."""

from __future__ import annotations

import codecs
import csv
import io
from pathlib import Path

from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.text import from_csv_cell, printable


def read_table_file(path: Path) -> tuple[list[str], list[list[str]], str]:
    """Read a table, whatever a spreadsheet made of it: comma, semicolon or tab, with or without a byte-order mark.

    Returns:
        The columns' names, the rows that are not empty (their cells as written, of whatever number), and what parts
        the cells.

    Raises:
        InputProblem: it can't be read or is not a table.
    """
    shown = printable(str(path))
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputProblem(f"{shown} can't be read: {error.strerror}. Name a folder or a manifest (.csv).") from None
    text = _decode(content)
    first_line = text[: text.find("\n")] if "\n" in text else text
    delimiter = max(",;\t", key=first_line.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    rows: list[list[str]] = []
    try:
        header = [from_csv_cell(cell.strip()) for cell in next(reader, [])]
        rows.extend(row for row in reader if any(row))
    except csv.Error as error:
        raise InputProblem(
            f"{shown} is not a table at line {reader.line_num}: {error}. Save it as CSV again."
        ) from None
    return header, rows, delimiter


def cell(row: list[str], at: int) -> str:
    """Return a cell's text; empty where the row ends before it."""
    return from_csv_cell(row[at]) if len(row) > at else ""


def _decode(content: bytes) -> str:
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16", "replace")
    return content.removeprefix(codecs.BOM_UTF8).decode("utf-8", "surrogateescape")
