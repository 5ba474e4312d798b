"""Which column of a table has the images, the classes, the groups: by its usual name, and by what it holds."""

from __future__ import annotations

import re
from collections.abc import Sequence

from aimic_tui.engine.data.data_set import Part
from aimic_tui.engine.data.listing.file_kinds import IMAGE_SUFFIXES
from aimic_tui.engine.data.listing.folder_words import PART_FOLDERS
from aimic_tui.engine.data.listing.table_paths import TablePaths
from aimic_tui.engine.data.listing.table_reader import TextTable, cell
from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.names import name_key
from aimic_tui.engine.text import listed, one_line, printable

# Usual names in the order of their priority, in lower case and without what stands between words.
IMAGE_COLUMNS = (
    *("path", "image", "file", "filename", "imagepath", "filepath", "imagename", "imagefile", "imagefilename"),
    *("imageid", "isicid", "img", "imgname", "imgpath", "imgid", "imgfile", "picture", "photo", "image1", "images"),
)
IDENTIFIERS = ("id", "name", "slide", "slideid", "key", "sample", "sampleid", "caseid", "case")
"""Names of columns that may hold images: taken only where their cells are found as files."""
LABEL_COLUMNS = (
    *("label", "class", "category", "target", "diagnosis", "labels", "classes", "classname", "labelname", "dx"),
    *("celltype", "species", "groundtruth", "truth", "gt", "classlabel", "subtype", "type", "phenotype", "y"),
)
GROUP_COLUMNS = (
    *(
        "group",
        "patient",
        "patientid",
        "slide",
        "slideid",
        "subject",
        "subjectid",
        "case",
        "caseid",
        "donor",
        "donorid",
    ),
    *(
        "participant",
        "participantid",
        "animal",
        "animalid",
        "mouse",
        "mouseid",
        "specimen",
        "specimenid",
        "wsi",
        "wsiid",
    ),
    *("lesion", "lesionid"),
)
PART_COLUMNS = ("part", "split", "partition")
_MAYBE_PARTS = ("set", "subset", "dataset", "phase", "usage")
"""Names of columns that give parts where their cells do; else a data set's name, or a phase of a cell's cycle."""
OWN_COLUMNS = frozenset((*IMAGE_COLUMNS, *LABEL_COLUMNS[:5], *PART_COLUMNS))
"""Usual names of what a manifest is for: the images, their classes and their parts."""
_SAMPLE = 50  # cells that show whether a column holds images
_UNIT = re.compile(r"\s*[(\[].*[)\]]\s*$")  # behind a name: `label (expert 1)`


def plain_name(column: str) -> str:
    """Return a column's name as the lists of usual names have it: without case, unit, and what stands between words."""
    return name_key(_UNIT.sub("", column) or column).replace(" ", "")


def first_of(names: Sequence[str], usual: Sequence[str]) -> int | None:
    """Return the index of the column whose name comes first among usual ones, None where none has one."""
    plain = [plain_name(name) for name in names]
    return next((plain.index(name) for name in usual if name in plain), None)


def part_column(table: TextTable) -> int | None:
    """Return the index of the column that says what is for training and what for testing, None where there is none."""
    usual = first_of(table.names, PART_COLUMNS)
    if usual is not None:
        return usual
    for at, name in enumerate(table.names):
        if plain_name(name) in _MAYBE_PARTS:
            words = {PART_FOLDERS.get(text.casefold()) for _, row in table.first if (text := cell(row, at).strip())}
            if None not in words and Part.TRAIN in words and len(words) > 1:
                return at
    return None


def image_column(table: TextTable, wanted: str, default: str, paths: TablePaths) -> int:
    """Return the index of the column with the images.

    Args:
        wanted: its name; for `default` also the usual names, then columns whose cells are files.
        paths: finds files.

    Raises:
        InputProblem: there is none.
    """
    if wanted != default:
        return named_column(table, wanted, "data.image_column")
    plain = [plain_name(name) for name in table.names]
    usual = [plain.index(name) for name in IMAGE_COLUMNS if name in plain]
    if len(usual) == 1 and plain[usual[0]] == default:
        return unique_column(table, usual[0], "data.image_column")
    shares = {at: _share_found(table, at, paths) for at in usual}
    # Numbers of rows (0, 1, 2) may be other rows' images without their suffix: names with a suffix come first.
    files = [at for at in _columns_of_files(table) if _share_found(table, at, paths) > 0.5]
    if usual and max(shares.values()) > 0 and not (files and set(files).isdisjoint(usual)):
        best = max(usual, key=lambda at: (at in files, shares[at] > 0.5, shares[at] > 0))
        return unique_column(table, best, "data.image_column")
    if not usual and _header_below(table) is not None:
        raise no_column(table, wanted, "data.image_column")
    for at in (plain.index(name) for name in IDENTIFIERS if name in plain):
        if at in files or (not files and _share_found(table, at, paths) > 0.5):
            return unique_column(table, at, "data.image_column")
    if found := [at for at in files if at not in usual]:
        if len(found) == 1:
            return found[0]
        columns = listed(_shown([table.names[at] for at in found]))
        raise InputProblem(
            f"{table.shown} has {len(found)} columns of image files: {columns}. Set data.image_column to the one with "
            "the images.",
            key="data.image_column",
        )
    if usual:
        return unique_column(table, usual[0], "data.image_column")
    raise no_column(table, wanted, "data.image_column")


def named_column(table: TextTable, name: str, key: str) -> int:
    """Return the index of the column of a name, in whatever case it is written.

    Raises:
        InputProblem: there is none, or several.
    """
    if name in table.names:
        return unique_column(table, table.names.index(name), key)
    alike = [at for at, other in enumerate(table.names) if plain_name(other) == plain_name(name)]
    if len(alike) == 1:
        return alike[0]
    raise no_column(table, name, key)


def _header_below(table: TextTable) -> int | None:
    """Return the line of the header where a title stands above it, None where the first line is no title."""
    usual = {*IMAGE_COLUMNS, *LABEL_COLUMNS[:5]}
    needed = min(2, len(table.names))
    for line, row in table.first[:20] if table.header_line else ():
        if sum(plain_name(text) in usual for text in row) >= needed:
            return line
    return None


def no_column(table: TextTable, name: str, key: str) -> InputProblem:
    """Say that a table lacks a column, and which line may be the header where the first is a title."""
    columns = ", ".join(_shown(table.names[:12])) or "none"
    more = f" and {len(table.names) - 12} more" if len(table.names) > 12 else ""
    sentence = f"{table.shown} has no column {printable(name)}; its columns are {columns}{more}."
    if (line := _header_below(table)) is not None:
        first = f"Line {table.header_line} is no header; line {line} seems to be"
        return InputProblem(f"{sentence} {first}: take out what stands above it.", key=key)
    both = first_of(table.names, LABEL_COLUMNS) is None and key == "data.image_column"
    other = ", and data.label_column to the one with the classes" if both else ""
    above = " If line 1 lists an image already, write such a line above it: path,label." if both else ""
    return InputProblem(f"{sentence} Set {key} to one of them{other}.{above}", key=key)


def unique_column(table: TextTable, at: int, key: str) -> int:
    """Return the index of a column if no other one of its name has other values.

    Raises:
        InputProblem: one has.
    """
    twice = [other for other, name in enumerate(table.names) if name == table.names[at]]
    if len(twice) > 1 and any(cell(row, twice[0]) != cell(row, other) for _, row in table.first for other in twice):
        raise InputProblem(
            f"{table.shown} has {len(twice)} columns named {one_line(table.names[at], 40)}, and they differ. Give them "
            "different names.",
            key=key,
        )
    return at


def _share_found(table: TextTable, at: int, paths: TablePaths) -> float:
    cells = list(dict.fromkeys(text for _, row in table.first if (text := cell(row, at).strip())))[:_SAMPLE]
    if not cells:
        return 0.0
    try:
        return 1 - len(paths.find(cells).missing) / len(cells)
    except InputProblem:  # several files for one name: images all the same
        return 1.0


def _columns_of_files(table: TextTable) -> list[int]:
    """Return the columns most of whose cells end as image files do."""

    def share(at: int) -> float:
        cells = [cell(row, at).strip().lower() for _, row in table.first]
        return sum(text[text.rfind(".") :] in IMAGE_SUFFIXES for text in cells) / max(1, len(cells))

    return [at for at in range(min(len(table.names), 1000)) if share(at) > 0.5]


def _shown(names: Sequence[str]) -> list[str]:
    return [one_line(name, 30) or "(unnamed)" for name in names]
