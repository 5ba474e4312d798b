"""A split: the part of each image in each fold, and its files in a run's folder.

`split.csv` has the folds that test (image, fold, part; folds count on from one repeat to the next). Where networks are
chosen by inner folds, `inner_split.csv` has these (image, fold, inner_fold, part): each divides what its fold does not
test. Splits are made in `make_split.py`; reading one needs this module alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from aimic_tui.engine.bounded_files import CsvRows, DamagedFile
from aimic_tui.engine.data.data_set import DataSet, Part
from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.files import write_table
from aimic_tui.engine.text import from_csv_cell, printable

_MOST_FOLDS = 10_000  # a changed split.csv must not ask for more memory than there is
_MOST_CELLS = 10**9
PART_NAMES = {Part.TRAIN: "train", Part.VALIDATION: "validation", Part.TEST: "test"}
COLUMNS = ("image", "fold", "part")
INNER_COLUMNS = ("image", "fold", "inner_fold", "part")


@dataclass(frozen=True, eq=False)
class Split:
    """The part of each image in each fold.

    Attributes:
        parts: int8 [folds, n], `Part` codes; an image that undersampling dropped is UNUSED in every fold. With repeats,
            the folds of the first come first, then those of the second...
        warnings: sentences on classes that are missing in a part.
        inner: int8 [folds, inner folds, n], the parts of the inner folds; an image that the fold tests is UNUSED there.
            None where there are none.
    """

    parts: npt.NDArray[np.int8]
    warnings: tuple[str, ...] = ()
    inner: npt.NDArray[np.int8] | None = None

    @property
    def folds(self) -> int:
        """The number of folds, over all repeats."""
        return len(self.parts)

    @property
    def inner_folds(self) -> int:
        """The number of inner folds of each fold, 0 where there are none."""
        return 0 if self.inner is None else self.inner.shape[1]

    @property
    def repeats(self) -> int:
        """The number of repeats of the cross-validation: how often each image is tested."""
        times = int((self.parts == Part.TEST).sum(axis=0).max(initial=1))
        return times if self.folds % times == 0 else 1

    def repeat_of(self, fold: int) -> int:
        """Return the repeat, from 1, that a fold belongs to."""
        return (fold - 1) // (self.folds // self.repeats) + 1

    def column(self, fold: int, inner: int = 0) -> npt.NDArray[np.int8]:
        """Return the part of each image, int8 [n], in a fold or in one of its inner folds; both count from 1.

        Raises:
            InputProblem: the split has no such fold.
        """
        if inner == 0 and 1 <= fold <= self.folds:
            tested: npt.NDArray[np.int8] = self.parts[fold - 1]
            return tested
        if self.inner is not None and 1 <= fold <= self.folds and 1 <= inner <= self.inner_folds:
            found: npt.NDArray[np.int8] = self.inner[fold - 1, inner - 1]
            return found
        raise InputProblem(f"The split has no fold {fold_name(fold, inner)}. Start a new run.")

    def indices(self, fold: int, part: Part, inner: int = 0) -> npt.NDArray[np.intp]:
        """Return the images of a part, ascending; `fold` and `inner` count from 1."""
        return np.flatnonzero(self.column(fold, inner) == part)


def fold_name(fold: int, inner: int = 0) -> str:
    """Return the name of a fold in sentences: `2`, or `2, inner 1`."""
    return f"{fold}, inner {inner}" if inner else str(fold)


def write_split(path: Path, data_set: DataSet, split: Split) -> None:
    """Write split.csv: a row for each image of each fold that uses it, with the columns image, fold (from 1), part.

    Inner folds go into inner_split.csv beside it.
    """

    def rows() -> Iterator[tuple[str, int, str]]:
        for fold in range(1, split.folds + 1):
            for image, part in _used(data_set, split.column(fold)):
                yield image, fold, part

    def inner_rows() -> Iterator[tuple[str, int, int, str]]:
        for fold in range(1, split.folds + 1):
            for inner in range(1, split.inner_folds + 1):
                for image, part in _used(data_set, split.column(fold, inner)):
                    yield image, fold, inner, part

    write_table(path, COLUMNS, rows())
    if split.inner is not None:
        write_table(inner_file(path), INNER_COLUMNS, inner_rows())


def _used(data_set: DataSet, column: npt.NDArray[np.int8]) -> Iterator[tuple[str, str]]:
    names = [PART_NAMES.get(Part(code), "") for code in range(len(Part))]
    used = np.flatnonzero(column)
    for index, code in zip(used.tolist(), column[used].tolist(), strict=True):
        yield data_set.images[index], names[code]


def inner_file(path: Path) -> Path:
    """Return the file with the inner folds of the split in `path`."""
    return path.with_name(f"inner_{path.name}")


def read_split(path: Path, images: Sequence[str]) -> Split:
    """Read split.csv back, and inner_split.csv where there is one, for images in this order.

    Raises:
        InputProblem: one can't be read, or speaks of an image, a fold or a part that can't be.
    """
    columns = _read(path, images, COLUMNS)
    if not columns:
        raise InputProblem(f"{printable(str(path))} holds no fold. Start a new run.")
    split = Split(np.stack([columns[key] for key in _counted(columns, path)]))
    file = inner_file(path)
    if not file.exists():
        return split
    found = _read(file, images, INNER_COLUMNS)
    inner_folds = max((inner for _, inner in found), default=0)
    wanted = [(fold, inner) for fold in range(1, split.folds + 1) for inner in range(1, inner_folds + 1)]
    if sorted(found) != wanted or not wanted:
        raise InputProblem(
            f"{printable(str(file))} does not have the same number of inner folds in every fold. Start a new run."
        )
    inner = np.stack([found[key] for key in wanted]).reshape(split.folds, inner_folds, len(images))
    return replace(split, inner=inner)


def _counted(columns: dict[tuple[int, int], npt.NDArray[np.int8]], path: Path) -> list[tuple[int, int]]:
    keys = sorted(columns)
    if keys != [(fold, 0) for fold in range(1, len(keys) + 1)]:
        raise InputProblem(f"{printable(str(path))} leaves out a fold before its fold {keys[-1][0]}. Start a new run.")
    return keys


def _read(path: Path, images: Sequence[str], header: Sequence[str]) -> dict[tuple[int, int], npt.NDArray[np.int8]]:
    """(fold, inner fold or 0) -> int8 [n]."""
    index = {image: position for position, image in enumerate(images)}
    codes = {name: int(part) for part, name in PART_NAMES.items()}
    columns: dict[tuple[int, int], npt.NDArray[np.int8]] = {}
    shown = printable(str(path))
    key, column = ("", ""), np.zeros(0, np.int8)
    line = 0
    try:
        with CsvRows(path) as rows:
            next(rows, None)
            for row in rows:
                line = rows.line
                if len(row) != len(header):
                    raise ValueError(f"{len(row)} cells in place of {len(header)}")
                numbers = (row[1], row[2] if len(header) == len(INNER_COLUMNS) else "0")
                if numbers != key:
                    fold, inner = int(numbers[0]), int(numbers[1])
                    if not (1 <= fold <= _MOST_FOLDS and 0 <= inner <= _MOST_FOLDS):
                        raise ValueError(f"fold {fold_name(fold, inner)}")
                    column = columns.setdefault((fold, inner), np.zeros(len(images), np.int8))
                    if len(columns) * len(images) > _MOST_CELLS:
                        raise ValueError(f"{len(columns)} folds of {len(images)} images are too many")
                    key = numbers
                column[index[from_csv_cell(row[0])]] = codes[row[-1]]
    except OSError as error:
        raise InputProblem(f"{shown} can't be read: {error.strerror}.") from None
    except DamagedFile:
        raise
    except (ValueError, KeyError, IndexError) as error:
        raise InputProblem(
            f"{shown} does not fit the run's images at line {line}: {printable(str(error))}. It was changed "
            "since the run began; start a new run."
        ) from None
    return columns
