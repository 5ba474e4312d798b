"""A manifest as people write it: a table with a row an image, from a spreadsheet or a script."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from aimic_tui.engine.data.listing.data_source import TABLE_SUFFIXES
from aimic_tui.engine.data.listing.missing_values import without_missing
from aimic_tui.engine.data.listing.table_columns import (
    GROUP_COLUMNS,
    LABEL_COLUMNS,
    first_of,
    image_column,
    named_column,
    part_column,
    plain_name,
)
from aimic_tui.engine.data.listing.table_labels import label_columns, one_hot_columns, read_labels
from aimic_tui.engine.data.listing.table_paths import TablePaths, missing_sentence
from aimic_tui.engine.data.listing.table_reader import TextTable, cell, read_text_table
from aimic_tui.engine.data.note import Note, NoteKind
from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.text import listed, one_line, plural

_IMAGE, _LABEL = "path", "label"
"""The settings' defaults, for which usual other names are tried, too."""


@dataclass(frozen=True)
class ImageRows:
    """The images of a manifest's rows.

    Attributes:
        written: each row's cell.
        images: of each row the image's name: relative to the manifest's folder where below it, `/` between the parts.
        missing: indices of the rows whose image does not exist.
        notes: on how they were read.
    """

    written: list[str]
    images: list[str]
    missing: tuple[int, ...]
    notes: tuple[Note, ...]


@dataclass(frozen=True)
class ManifestRows:
    """A manifest's rows, by column.

    Attributes:
        images: as in `ImageRows`.
        labels: class names, empty where a row has none.
        groups: the group column's cells, empty where a row has none; None without such a column.
        group_column: its name, or "none".
        parts: the part column's cells; None without such a column.
        part_column: its name, or "none".
        notes: on how the table was read.
    """

    images: list[str]
    labels: list[str]
    groups: list[str] | None
    group_column: str
    parts: list[str] | None
    part_column: str = "none"
    notes: tuple[Note, ...] = ()


def is_manifest(path: Path) -> bool:
    """Tell whether a data path names a manifest rather than a folder, by its suffix."""
    return path.suffix.lower() in TABLE_SUFFIXES and not path.is_dir()


def read_image_rows(path: Path, column: str = _IMAGE) -> ImageRows:
    """Read which images a table lists, whether or not it says their classes.

    Args:
        path: the table.
        column: the column with the images' paths; for the default the usual other names are tried, and what it holds.

    Raises:
        InputProblem: it can't be read, is not a table, has no such column, or none of its images exists.
    """
    table = read_text_table(path)
    paths = TablePaths(path)
    at = image_column(table, column, _IMAGE, paths)
    written = [text for text in table.columns([at])[0] if text]
    return _image_rows(table, written, paths)


def read_manifest_rows(
    path: Path, image: str = _IMAGE, label: str = _LABEL, group: str = "auto", part: str = "auto"
) -> ManifestRows:
    """Read a manifest, as a spreadsheet or a script wrote it.

    Args:
        path: the table.
        image: the column with the images' paths; for the default the usual other names are tried, and what it holds.
        label: likewise for the class; several with commas between them are the classes themselves (one-hot).
        group: "auto" (a column such as group or patient, if there is one), a column's name, or anything else (then
            `groups` is None and it is left to the names).
        part: "auto" (a column such as part or split, if there is one), "none" or a column's name.

    Raises:
        InputProblem: it can't be read, is not a table, lacks a column, or none of its images exists.
    """
    table = read_text_table(path)
    paths = TablePaths(path)
    image_at = image_column(table, image, _IMAGE, paths)
    labels_at = label_columns(table, label, _LABEL, image_at)
    group_at = first_of(table.names, GROUP_COLUMNS) if group == "auto" else _index(table, group)
    if group == "auto" and group_at in (image_at, *labels_at):
        group_at = None
    part_at = None
    if part == "auto":
        part_at = part_column(table)
    elif part != "none":
        part_at = named_column(table, part, "data.part_column")
    further = [at for at in (group_at, part_at) if at is not None]
    cells, lines = _cells(table, image_at, labels_at, further)
    rows = _image_rows(table, cells[image_at], paths)
    labels = read_labels(table, labels_at, [cells[at] for at in labels_at], image_at, lines)
    notes = [*rows.notes, *_notes("table-labels", labels.notes)]
    if taken := _columns_sentence(table, image_at, labels_at, image == _IMAGE, label == _LABEL):
        notes.insert(0, Note("table-columns", taken))
    return ManifestRows(
        images=rows.images,
        labels=labels.labels,
        groups=None if group_at is None else _texts(table, cells[group_at]),
        group_column="none" if group_at is None else table.names[group_at],
        parts=None if part_at is None else list(without_missing(cells[part_at]).values),
        part_column="none" if part_at is None else table.names[part_at],
        notes=tuple(notes),
    )


def _cells(
    table: TextTable, image_at: int, labels_at: Sequence[int], further: Sequence[int]
) -> tuple[dict[int, list[str]], list[int]]:
    """Return the cells of columns, and the lines of their rows.

    Each row must have an image, and reach the first column of classes.
    """
    needed = max(image_at, labels_at[0])
    cells: dict[int, list[str]] = {at: [] for at in (image_at, *labels_at, *further)}
    lines = []
    for line, row in table.rows():
        if len(row) <= needed or not row[image_at].strip():
            raise InputProblem(
                f"{table.shown}: line {line} ({one_line(table.delimiter.join(row), 60)}) has no "
                f"{one_line(table.names[image_at], 30) or 'image'} or too few columns. Complete it or take it out."
            )
        lines.append(line)
        for at, column in cells.items():
            column.append(row[at] if at == image_at else cell(row, at).strip())
    return cells, lines


def _image_rows(table: TextTable, written: list[str], paths: TablePaths) -> ImageRows:
    found = paths.find(written)
    if written and len(found.missing) == len(written):
        raise InputProblem(missing_sentence(table.shown, written[0], gave_up=paths.gave_up))
    notes = [*_notes("table-text", table.notes), *_notes("table-paths", found.notes)]
    if found.missing:
        first = one_line(found.images[found.missing[0]], 120)
        are = "does not exist" if len(found.missing) == 1 else "do not exist"
        sentence = f"{len(found.missing):,} of {plural(len(written), 'listed image')} {are}; the first is {first}."
        notes.append(Note("missing-files", sentence))
    return ImageRows(written, found.images, found.missing, tuple(notes))


def _columns_sentence(table: TextTable, image_at: int, labels_at: Sequence[int], *defaults: bool) -> str:
    """Say which columns were taken by other names than the settings', and which others might be meant."""
    said = []
    if defaults[0] and plain_name(table.names[image_at]) != _IMAGE and table.header_line:
        said.append(f"Images are read from the column {one_line(table.names[image_at], 40) or '(unnamed)'}")
    others: list[str] = []
    if defaults[1] and len(labels_at) == 1 and table.header_line:
        if plain_name(table.names[labels_at[0]]) != _LABEL:
            said.append(f"{'classes' if said else 'Classes are read'} from {one_line(table.names[labels_at[0]], 40)}")
        others = [
            one_line(name, 40)
            for at, name in enumerate(table.names)
            if at not in (image_at, *labels_at) and plain_name(name) in LABEL_COLUMNS
        ]
    if not said:
        return ""
    sentence = f"{', '.join(said)}."
    if others:
        sentence += f" {listed(others[:6])} may be meant, too: data.label_column says which."
    return sentence


def _texts(table: TextTable, cells: list[str]) -> list[str]:
    return [table.text(text) for text in cells]


def _notes(kind: NoteKind, sentences: Sequence[str]) -> list[Note]:
    return [Note(kind, sentence) for sentence in sentences]


def _index(table: TextTable, name: str) -> int | None:
    return table.names.index(name) if name in table.names else None


@dataclass(frozen=True)
class Columns:
    """A manifest's columns, for whoever chooses among them.

    Attributes:
        names: in their order.
        rows: the first rows, as many cells as there are names.
        image, label, group, part: the column that is taken if nobody chooses, None where none has a usual name.
        one_hot: columns that are classes themselves, each with 0 and 1.
    """

    names: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    image: str | None
    label: str | None
    group: str | None
    part: str | None
    one_hot: tuple[str, ...] = ()


def read_columns(path: Path) -> Columns:
    """Read which columns a manifest has, and its first rows.

    Raises:
        InputProblem: it can't be read or is not a table.
    """
    table = read_text_table(path)
    try:
        image: int | None = image_column(table, _IMAGE, _IMAGE, TablePaths(path))
    except InputProblem:
        image = None
    labels: tuple[int, ...] = ()
    if image is not None:
        try:
            labels = label_columns(table, _LABEL, _LABEL, image)
        except InputProblem:
            labels = ()

    def name(at: int | None) -> str | None:
        return None if at is None else table.names[at]

    return Columns(
        names=table.names,
        rows=tuple(tuple(cell(row, at) for at in range(len(table.names))) for _, row in table.first),
        image=name(image),
        label=name(labels[0]) if len(labels) == 1 else None,
        group=name(first_of(table.names, GROUP_COLUMNS)),
        part=name(part_column(table)),
        one_hot=tuple(table.names[at] for at in one_hot_columns(table, image)) if len(labels) > 1 else (),
    )
