"""A manifest as people write it: a table with a row an image, from a spreadsheet or a script."""

from __future__ import annotations

import codecs
import csv
import io
import os
from dataclasses import dataclass
from pathlib import Path

from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.text import from_csv_cell, one_line, printable

_SUFFIXES = (".csv", ".tsv")
# Where a column of the settings' name is missing and its setting was left as it is, these are tried.
_IMAGE_COLUMNS = ("path", "image", "file", "filename", "file_name", "image_path", "filepath")
_LABEL_COLUMNS = ("label", "class", "category", "target", "diagnosis")
_GROUP_COLUMNS = (
    "group",
    "patient",
    "patient_id",
    "slide",
    "slide_id",
    "subject",
    "subject_id",
    "case",
    "case_id",
    "donor",
)
_PART_COLUMNS = ("part", "split", "partition")


@dataclass(frozen=True)
class Listing:
    """A manifest's rows, by column.

    Attributes:
        images: as written, relative to the manifest's folder where below it, `/` between the parts.
        labels: class names, empty where a row has none.
        groups: the group column's cells, empty where a row has none; None without such a column.
        group_column: its name, or "none".
        parts: the part column's cells; None without such a column.
    """

    images: list[str]
    labels: list[str]
    groups: list[str] | None
    group_column: str
    parts: list[str] | None


def is_manifest(path: Path) -> bool:
    """Tell whether a data path names a manifest rather than a folder, by its suffix."""
    return path.suffix.lower() in _SUFFIXES and not path.is_dir()


def read_listing(path: Path, image_column: str, label_column: str, group: str) -> Listing:
    """Read a manifest, whatever a spreadsheet made of it: comma, semicolon or tab, with or without a byte-order mark.

    Args:
        path: the table.
        image_column: the column with the image's path; the usual other names are tried for the default.
        label_column: likewise for the class.
        group: "auto" (a column such as group or patient, if there is one), a column's name, or anything else (then
            `groups` is None and it is left to the names).

    Raises:
        InputProblem: it can't be read, is not a table, or lacks a column.
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
    image_at = _column(shown, header, image_column, _IMAGE_COLUMNS, "data.image_column")
    label_at = _column(shown, header, label_column, _LABEL_COLUMNS, "data.label_column")
    group_at = _first(header, _GROUP_COLUMNS) if group == "auto" else header.index(group) if group in header else None
    part_at = _first(header, _PART_COLUMNS)
    needed = max(image_at, label_at)
    for number, row in enumerate(rows, start=2):
        if len(row) <= needed or not row[image_at].strip():
            raise InputProblem(
                f"{shown}: row {number} ({one_line(delimiter.join(row), 60)}) has no {header[image_at]} or too few "
                "columns. Complete it or take it out."
            )
    base = str(path.parent) + "/"
    return Listing(
        images=[_image_name(from_csv_cell(row[image_at]), base) for row in rows],
        labels=[from_csv_cell(row[label_at]).strip() for row in rows],
        groups=None if group_at is None else [_cell(row, group_at) for row in rows],
        group_column="none" if group_at is None else header[group_at],
        parts=None if part_at is None else [_cell(row, part_at) for row in rows],
    )


def _decode(content: bytes) -> str:
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16", "replace")
    return content.removeprefix(codecs.BOM_UTF8).decode("utf-8", "surrogateescape")


def _first(header: list[str], names: tuple[str, ...]) -> int | None:
    lowered = [name.lower() for name in header]
    return next((lowered.index(name) for name in names if name in lowered), None)


def _column(shown: str, header: list[str], name: str, usual: tuple[str, ...], key: str) -> int:
    if name in header:
        return header.index(name)
    found = _first(header, usual) if name == usual[0] else None
    if found is None:
        columns = ", ".join(one_line(column, 30) for column in header[:12]) or "none"
        raise InputProblem(
            f"{shown} has no column {printable(name)}; its columns are {columns}. Set {key} to one of them."
        )
    return found


def _image_name(written: str, base: str) -> str:
    written = written.strip()
    if "\\" in written and "/" not in written and not os.path.exists(base + written):  # noqa: PTH110
        written = written.replace("\\", "/")  # written on Windows
    if "./" in written or "//" in written:
        written = os.path.normpath(written)
    return written.removeprefix(base)


def _cell(row: list[str], at: int) -> str:
    return from_csv_cell(row[at]).strip() if len(row) > at else ""
