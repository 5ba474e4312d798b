"""Further columns of a table, such as age, sex, site or scanner, for the images of a data set."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from aimic_tui.engine.data.data_set import DataSet
from aimic_tui.engine.data.listing.file_kinds import IMAGE_SUFFIXES
from aimic_tui.engine.data.listing.table_columns import GROUP_COLUMNS, IDENTIFIERS, IMAGE_COLUMNS, plain_name
from aimic_tui.engine.data.listing.table_paths import image_name
from aimic_tui.engine.data.listing.table_reader import cell, read_text_table
from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.names import caseless
from aimic_tui.engine.text import one_line, printable


@dataclass(frozen=True)
class ImageColumns:
    """What a table says of n images.

    Attributes:
        table: the file.
        values: column -> the cell of each image, in the data set's order; empty where the table says nothing.
        matched_by: the column by which rows were matched to images or to their groups.
    """

    table: Path
    values: Mapping[str, Sequence[str]]
    matched_by: str

    def column(self, name: str) -> Sequence[str]:
        """Return a column's cells.

        Raises:
            InputProblem: there is none of this name.
        """
        if name not in self.values:
            names = ", ".join(one_line(column, 30) for column in list(self.values)[:12]) or "none"
            raise InputProblem(
                f"{printable(str(self.table))} has no column {printable(name)}; its columns are {names}."
            )
        return self.values[name]


def read_image_columns(table: Path, data: DataSet, image_column: str = "path") -> ImageColumns:
    """Read a table with a row an image, or a row a group (patient, slide).

    Rows are matched by the image's path as in a manifest, by its file name where this is unique, with or without its
    suffix, or else by a column of group names. Where the rows of one image or group contradict each other, the value
    is unknown.

    Args:
        image_column: the column with the image's path; the usual other names are tried, too.

    Raises:
        InputProblem: it can't be read, or no row belongs to any image.
    """
    read = read_text_table(table)
    header = read.names
    rows = [[read.text(cell(row, at).strip()) for at in range(len(header))] for _, row in read.rows()]
    plain = [plain_name(name) for name in header]
    wanted = [plain_name(image_column), *IMAGE_COLUMNS, *IDENTIFIERS]
    for at in dict.fromkeys(plain.index(name) for name in wanted if name in plain):
        base = str(table.absolute().parent) + "/"
        keys = [image_name(row[at], base) for row in rows]
        images = list(data.images)
        for known, written in (
            (images, keys),
            ([str(path) for path in data.paths()], [os.path.join(base, key) for key in keys]),  # noqa: PTH118
            (_file_names(images), _file_names(keys)),
            (_stems(images), _stems(keys)),
        ):
            if found := _matched(known, written, header, rows):
                return ImageColumns(table, found, header[at])
    names = [data.group_names[code] for code in data.groups]
    usual = [plain.index(name) for name in (plain_name(data.group_rule), *GROUP_COLUMNS) if name in plain]
    for at in [*usual, *range(len(header))]:
        if found := _matched(names, [row[at] for row in rows], header, rows):
            return ImageColumns(table, found, header[at])
    raise InputProblem(
        f"No row of {printable(str(table))} belongs to an image of this run. It needs a column of image paths, such as "
        f"{one_line(data.images[0] if data.images else 'path', 60)}, or of group names."
    )


def _file_names(paths: Iterable[str]) -> list[str]:
    """File names of paths; of names that occur twice the whole paths, which then match nothing else by chance."""
    paths = list(paths)
    names = [path.rpartition("/")[2] for path in paths]
    if len(set(names)) < len(set(paths)):
        return paths
    return names


def _stems(paths: Iterable[str]) -> list[str]:
    """As `_file_names`, without suffixes of images and in one letter case and Unicode form."""
    names = [_stem(path) for path in paths]
    return _file_names(names)


def _stem(path: str) -> str:
    stem, suffix = os.path.splitext(path)  # noqa: PTH122
    return caseless(stem if suffix.lower() in IMAGE_SUFFIXES else path)


def _matched(
    known: Sequence[str], written: Sequence[str], header: Sequence[str], rows: Sequence[Sequence[str]]
) -> dict[str, list[str]] | None:
    """Return each column's cells in the order of `known`; None where no row has a key that is known."""
    if not set(known) & set(written) - {""}:
        return None
    found: dict[str, list[str]] = {}
    for at, name in enumerate(header):
        cells: dict[str, str] = {}
        for key, row in zip(written, rows, strict=True):
            if row[at] and cells.setdefault(key, row[at]) != row[at]:
                cells[key] = ""
        found.setdefault(name, [cells.get(key, "") for key in known])
    return found
