"""A split: the part of each image in each fold, and split.csv, where a run keeps it.

Making one is `splitting.py`'s work; whoever only reads one needs no more than this.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from aimic_tui.engine.data.data_set import DataSet, Part
from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.files import write_table
from aimic_tui.engine.text import from_csv_cell, printable

_MOST_FOLDS = 10_000  # a changed split.csv must not ask for more memory than there is
PART_NAMES = {Part.TRAIN: "train", Part.VALIDATION: "validation", Part.TEST: "test"}


@dataclass(frozen=True, eq=False)
class Split:
    """The part of each image in each fold.

    Attributes:
        parts: int8 [folds, n], `Part` codes; an image that undersampling dropped is UNUSED in every fold.
        warnings: sentences on classes that a part could not get.
    """

    parts: npt.NDArray[np.int8]
    warnings: tuple[str, ...] = ()

    @property
    def folds(self) -> int:
        """The number of folds."""
        return len(self.parts)

    def indices(self, fold: int, part: Part) -> npt.NDArray[np.intp]:
        """Return the images of a part, ascending; `fold` counts from 1."""
        return np.flatnonzero(self.parts[fold - 1] == part)


def write_split(path: Path, data_set: DataSet, split: Split) -> None:
    """Write split.csv: a row for each image of each fold that uses it, with the columns image, fold (from 1), part."""

    def rows() -> Iterator[tuple[str, int, str]]:
        for fold, column in enumerate(split.parts, start=1):
            for index in np.flatnonzero(column):
                yield data_set.images[index], fold, PART_NAMES[Part(int(column[index]))]

    write_table(path, ("image", "fold", "part"), rows())


def read_split(path: Path, images: Sequence[str]) -> Split:
    """Read split.csv back for images in this order.

    Raises:
        InputProblem: it can't be read, or speaks of an image, a fold or a part that can't be.
    """
    index = {image: position for position, image in enumerate(images)}
    codes = {name: part for part, name in PART_NAMES.items()}
    columns: list[npt.NDArray[np.int8]] = []
    shown = printable(str(path))
    try:
        with path.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
            reader = csv.reader(file)
            next(reader, None)
            for row in reader:
                image, number, part = row
                fold = int(number)
                if not 1 <= fold <= _MOST_FOLDS:
                    raise ValueError(f"fold {fold}")
                while len(columns) < fold:
                    columns.append(np.zeros(len(images), np.int8))
                columns[fold - 1][index[from_csv_cell(image)]] = codes[part]
    except OSError as error:
        raise InputProblem(f"{shown} can't be read: {error.strerror}.") from None
    except (ValueError, KeyError, IndexError, csv.Error) as error:
        raise InputProblem(
            f"{shown} does not fit the run's images at line {reader.line_num}: {printable(str(error))}. It was changed "
            "since the run began; start the run anew."
        ) from None
    if not columns:
        raise InputProblem(f"{shown} holds no fold. Start the run anew.")
    return Split(np.stack(columns))
