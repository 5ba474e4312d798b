"""Tables of images with their labels: a run's manifest.csv, and the manifest of a cleaned data set."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from aimic_tui.engine.bounded_files import CsvRows, DamagedFile
from aimic_tui.engine.data.data_set import DataSet, Part
from aimic_tui.engine.data.image_notes import read_notes
from aimic_tui.engine.data.listing.manifest_table import is_manifest
from aimic_tui.engine.data.listing.marks import is_marks_file
from aimic_tui.engine.errors import InputProblem, UsageProblem
from aimic_tui.engine.files import write_table
from aimic_tui.engine.text import from_csv_cell, printable
from aimic_tui.engine.user_folders import expanded

if TYPE_CHECKING:
    from aimic_tui.engine.data.audit.image_check import ImageChecks

COLUMNS = ("image", "path", "label", "group", "width", "height", "digest")


def write_manifest(path: Path, data_set: DataSet, checks: ImageChecks | None = None) -> None:
    """Write a row for each image, with the columns of `COLUMNS`.

    `path` is absolute, `digest` the SHA-256 of the file; width, height (pixels) and digest are empty without `checks`.
    """
    root = os.path.abspath(data_set.root)  # noqa: PTH100 - links in the root's name are the user's own

    def rows() -> Iterator[tuple[object, ...]]:
        for index, image in enumerate(data_set.images):
            label = data_set.classes[data_set.labels[index]]
            group = data_set.group_names[data_set.groups[index]]
            where = os.path.join(root, image)  # noqa: PTH118 - a million of these
            if checks is None:
                yield image, where, label, group, "", "", ""
            else:
                yield (
                    image,
                    where,
                    label,
                    group,
                    int(checks.widths[index]),
                    int(checks.heights[index]),
                    checks.digests[index],
                )

    write_table(path, COLUMNS, rows())


_PART_WORDS = {Part.UNUSED: "", Part.TRAIN: "train", Part.VALIDATION: "validation", Part.TEST: "test"}


def write_cleaned_manifest(path: Path, data_set: DataSet) -> None:
    """Write a manifest that is a data set by itself, with all decisions about this one applied.

    Its columns are path and label, and group and part where there are any. Paths of images below the manifest's folder
    are relative to it, so that both can be moved together; others are absolute.

    Raises:
        OSError: it can't be written.
    """
    folder = os.path.join(os.path.abspath(path.parent), "")  # noqa: PTH100, PTH118
    root = os.path.abspath(data_set.root)  # noqa: PTH100
    sizes = np.bincount(data_set.groups, minlength=len(data_set.group_names))
    with_groups = data_set.grouped or bool((sizes > 1).any())
    columns = ["path", "label"] + ["group"] * with_groups + ["part"] * (data_set.parts is not None)

    def rows() -> Iterator[list[str]]:
        for index, image in enumerate(data_set.images):
            where = os.path.join(root, image)  # noqa: PTH118
            row = [where.removeprefix(folder), data_set.classes[data_set.labels[index]]]
            if with_groups:
                group = data_set.groups[index]
                name = data_set.group_names[group]
                row.append("" if sizes[group] == 1 and name == image else name)
            if data_set.parts is not None:
                row.append(_PART_WORDS[Part(int(data_set.parts[index]))])
            yield row

    write_table(path, columns, rows())


def check_manifest_path(path: Path, data: str) -> None:
    """Do nothing if a cleaned manifest may be written there.

    Raises:
        UsageProblem: it is not recognisable as a manifest, would replace the data set itself, or its folder is missing.
    """
    shown = printable(str(path))
    if not is_manifest(path) or path.suffix.lower() != ".csv" or is_marks_file(path):
        raise UsageProblem(f"{shown} can't be a manifest: name a file that ends with .csv and holds no marks.")
    if path.exists() and path.samefile(expanded(data)):
        raise UsageProblem(f"{shown} is the data set itself. Give the cleaned manifest another name.")
    if not path.absolute().parent.is_dir():
        raise UsageProblem(f"{printable(str(path.parent))} is not a folder. Create it first.")


def read_digests(path: Path) -> tuple[str, ...]:
    """Return the digests of a manifest that `read_manifest` reads, in the order of its images; "" where not known."""
    with CsvRows(path) as rows:
        next(rows)
        return tuple(row[COLUMNS.index("digest")] for row in rows)


def read_manifest(path: Path) -> DataSet:
    """Read back what `write_manifest` wrote; the rule that made the groups is then the column, "group" (or "none").

    Images that were moved since are seen where `images.json` beside it says that they are now (`image_notes.py`).

    Raises:
        InputProblem: it can't be read or is not such a table, or images.json is damaged.
    """
    shown = printable(str(path))
    notes = read_notes(path)
    images: list[str] = []
    labels: list[str] = []
    groups: list[str] = []
    root: Path | None = None
    try:
        with CsvRows(path) as rows:
            if tuple(next(rows, ())) != COLUMNS:
                raise ValueError("its columns differ")
            for row in rows:
                if len(row) != len(COLUMNS):
                    raise ValueError(f"line {rows.line} has {len(row)} cells in place of {len(COLUMNS)}")
                image, where, label, group = map(from_csv_cell, row[:4])
                if "\0" in image or "\0" in where:
                    raise ValueError(f"line {rows.line} has a name that no file can have")
                if root is None and image != where and where.endswith("/" + image):
                    root = Path(where[: -len(image)])
                images.append(image)
                labels.append(label)
                groups.append(group)
        if len(set(images)) < len(images):
            raise ValueError("an image stands in it twice")
    except OSError as error:
        raise InputProblem(f"{shown} can't be read: {error.strerror}.") from None
    except DamagedFile:
        raise
    except ValueError as error:
        raise InputProblem(f"{shown} is not a run's manifest: {printable(str(error))}. Start a new run.") from None
    classes = tuple(sorted(set(labels)))
    codes = {name: code for code, name in enumerate(classes)}
    names: dict[str, int] = {}
    codes_of_groups = [names.setdefault(group, len(names)) for group in groups]
    return DataSet(
        root=root or path.parent,
        images=tuple(images),
        classes=classes,
        labels=np.fromiter((codes[label] for label in labels), np.int32, len(labels)),
        groups=np.array(codes_of_groups, np.int32),
        group_names=tuple(names),
        group_rule="none" if groups == images else "group",
        place_of=notes.place_of,
    )
