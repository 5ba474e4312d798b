"""A manifest as people write it: a table with a row an image, from a spreadsheet or a script."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from aimic_tui.engine.data.listing.table_reader import cell, read_table_file
from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.text import from_csv_cell, one_line, printable

_SUFFIXES = (".csv", ".tsv")
# Where a column of the settings' name is missing and its setting was left as it is, these are tried.
IMAGE_COLUMNS = ("path", "image", "file", "filename", "file_name", "image_path", "filepath")
_LABEL_COLUMNS = ("label", "class", "category", "target", "diagnosis")
GROUP_COLUMNS = (
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
OWN_COLUMNS = frozenset((*IMAGE_COLUMNS, *_LABEL_COLUMNS, *_PART_COLUMNS))
"""Usual names of what a manifest is for: the images, their classes and their parts."""


@dataclass(frozen=True)
class ManifestRows:
    """A manifest's rows, by column.

    Attributes:
        images: as written, relative to the manifest's folder where below it, `/` between the parts.
        labels: class names, empty where a row has none.
        groups: the group column's cells, empty where a row has none; None without such a column.
        group_column: its name, or "none".
        parts: the part column's cells; None without such a column.
        part_column: its name, or "none".
    """

    images: list[str]
    labels: list[str]
    groups: list[str] | None
    group_column: str
    parts: list[str] | None
    part_column: str = "none"


def is_manifest(path: Path) -> bool:
    """Tell whether a data path names a manifest rather than a folder, by its suffix."""
    return path.suffix.lower() in _SUFFIXES and not path.is_dir()


def read_manifest_rows(
    path: Path, image_column: str = "path", label_column: str = "label", group: str = "auto", part_column: str = "auto"
) -> ManifestRows:
    """Read a manifest, as a spreadsheet or a script wrote it.

    Args:
        path: the table.
        image_column: the column with the image's path; the usual other names are tried for the default.
        label_column: likewise for the class.
        group: "auto" (a column such as group or patient, if there is one), a column's name, or anything else (then
            `groups` is None and it is left to the names).
        part_column: "auto" (a column such as part or split, if there is one), "none" or a column's name.

    Raises:
        InputProblem: it can't be read, is not a table, or lacks a column.
    """
    shown = printable(str(path))
    header, rows, delimiter = read_table_file(path)
    image_at = _column(shown, header, image_column, IMAGE_COLUMNS, "data.image_column")
    label_at = _column(shown, header, label_column, _LABEL_COLUMNS, "data.label_column")
    group_at = _first(header, GROUP_COLUMNS) if group == "auto" else header.index(group) if group in header else None
    part_at = None
    if part_column == "auto":
        part_at = _first(header, _PART_COLUMNS)
    elif part_column != "none":
        part_at = _column(shown, header, part_column, _PART_COLUMNS, "data.part_column")
    needed = max(image_at, label_at)
    for number, row in enumerate(rows, start=2):
        if len(row) <= needed or not row[image_at].strip():
            raise InputProblem(
                f"{shown}: row {number} ({one_line(delimiter.join(row), 60)}) has no {header[image_at]} or too few "
                "columns. Complete it or take it out."
            )
    base = str(path.parent) + "/"
    return ManifestRows(
        images=[image_name(from_csv_cell(row[image_at]), base) for row in rows],
        labels=[cell(row, label_at).strip() for row in rows],
        groups=None if group_at is None else [cell(row, group_at).strip() for row in rows],
        group_column="none" if group_at is None else header[group_at],
        parts=None if part_at is None else [cell(row, part_at).strip() for row in rows],
        part_column="none" if part_at is None else header[part_at],
    )


@dataclass(frozen=True)
class Columns:
    """A manifest's columns, for whoever chooses among them.

    Attributes:
        names: in their order.
        rows: the first rows, as many cells as there are names.
        image, label, group, part: the column that is taken if nobody chooses, None where none has a usual name.
    """

    names: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    image: str | None
    label: str | None
    group: str | None
    part: str | None


def read_columns(path: Path, rows: int = 200) -> Columns:
    """Read which columns a manifest has, and its first rows.

    Raises:
        InputProblem: it can't be read or is not a table.
    """
    header, found, _ = read_table_file(path)

    def usual(names: tuple[str, ...]) -> str | None:
        at = _first(header, names)
        return None if at is None else header[at]

    return Columns(
        names=tuple(header),
        rows=tuple(tuple(cell(row, at) for at in range(len(header))) for row in found[:rows]),
        image=usual(IMAGE_COLUMNS),
        label=usual(_LABEL_COLUMNS),
        group=usual(GROUP_COLUMNS),
        part=usual(_PART_COLUMNS),
    )


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


def image_name(written: str, base: str) -> str:
    """Return the name that a data set gives to an image as `written` in a manifest; `base` is its folder, with a /."""
    if written != written.strip() and not os.path.exists(os.path.join(base, written)):  # noqa: PTH110, PTH118
        written = written.strip()
    if "\\" in written and "/" not in written and not os.path.exists(base + written):  # noqa: PTH110
        written = written.replace("\\", "/")  # written on Windows
    if "./" in written or "//" in written:
        written = os.path.normpath(written)
    return written.removeprefix(base)
