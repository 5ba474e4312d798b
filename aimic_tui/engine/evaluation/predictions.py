"""A network's predictions for images, as a table that outlives the network.

Every figure of a run is computed from such tables, never from the network again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aimic_tui.engine.bounded_files import CsvRows, DamagedFile
from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.files import write_table
from aimic_tui.engine.text import from_csv_cell, printable

COLUMNS = ("image", "label", "predicted", "probability")
CLASS_PREFIX = "p_"
_ROUNDING = 1e-6


@dataclass(frozen=True)
class Predictions:
    """Class probabilities of `n` images over `c` classes.

    Attributes:
        images: `n` unique names, '/' separated, relative to the data set's folder.
        labels: int32 [n], codes into `classes`; -1 where the truth is unknown.
        probabilities: float64 [n, c], each row from 0 to 1 with sum 1; a row of NaN is an image that could
            not be classified.
        classes: `c` names.
    """

    images: tuple[str, ...]
    labels: NDArray[np.int32]
    probabilities: NDArray[np.float64]
    classes: tuple[str, ...]

    @property
    def predicted(self) -> NDArray[np.int32]:
        """int32 [n]: the most probable class (the first one on a tie); -1 where there is no prediction."""
        known = ~np.isnan(self.probabilities).any(axis=1)
        predicted = np.full(len(self.images), -1, dtype=np.int32)
        predicted[known] = self.probabilities[known].argmax(axis=1)
        return predicted

    @property
    def confidence(self) -> NDArray[np.float64]:
        """float64 [n]: the probability of the predicted class; NaN where there is no prediction."""
        confidence: NDArray[np.float64] = self.probabilities.max(axis=1)
        return confidence


def prediction_columns(classes: tuple[str, ...]) -> tuple[str, ...]:
    """Return the columns of a table of predictions for these classes."""
    return (*COLUMNS, *(CLASS_PREFIX + name for name in classes))


def write_predictions(path: Path, predictions: Predictions) -> None:
    """Write `predictions` as a CSV table, atomically, with every digit of the probabilities.

    Raises:
        OSError: the disk is full or the folder is not writable; nothing is then left behind.
    """
    write_table(path, prediction_columns(predictions.classes), _rows(predictions))


def _rows(predictions: Predictions) -> Iterator[list[object]]:
    predicted = predictions.predicted.tolist()
    labels = predictions.labels.tolist()
    rows: list[list[float]] = predictions.probabilities.tolist()
    for image, label, code, row in zip(predictions.images, labels, predicted, rows, strict=True):
        truth = predictions.classes[label] if label >= 0 else ""
        if code < 0:
            yield [image, truth, "", None, *[None] * len(row)]
        else:
            yield [image, truth, predictions.classes[code], row[code], *row]


@dataclass(frozen=True)
class PredictionColumns:
    """What the columns of a table of predictions hold, by its header.

    Attributes:
        names: all columns; further ones follow those of the classes.
        classes: in the order of their columns.
    """

    names: tuple[str, ...]
    classes: tuple[str, ...]

    @classmethod
    def from_header(cls, cells: Sequence[str]) -> PredictionColumns:
        """Read a header.

        Raises:
            ValueError: it is not that of a table of predictions.
        """
        names = tuple(from_csv_cell(cell) for cell in cells)
        following = names[len(COLUMNS) :]
        classes = tuple(name[len(CLASS_PREFIX) :] for name in following if name.startswith(CLASS_PREFIX))
        if not classes or names[: len(COLUMNS) + len(classes)] != prediction_columns(classes):
            raise ValueError(f"the columns must be {', '.join(COLUMNS)}, then p_<class> for every class")
        if len(set(names)) < len(names):
            raise ValueError("two columns have one name")
        return cls(names, classes)

    def whole(self, rows: Iterable[list[str]]) -> list[list[str]]:
        """Return the rows that have every column; the last line of an unfinished table has not."""
        return [row for row in rows if len(row) == len(self.names)]

    def texts(self, rows: Sequence[Sequence[str]], name: str) -> list[str]:
        """Return a column, empty texts where the table has none of that name."""
        if name not in self.names:
            return [""] * len(rows)
        column = self.names.index(name)
        return [from_csv_cell(row[column]) for row in rows]

    def codes(self, rows: Sequence[Sequence[str]], name: str) -> NDArray[np.int32]:
        """Return a column of classes as codes: int32 [n], -1 where it is empty.

        Raises:
            ValueError: a class is none of the table's.
        """
        codes = {name: code for code, name in enumerate(self.classes)} | {"": -1}
        try:
            return np.array([codes[text] for text in self.texts(rows, name)], dtype=np.int32)
        except KeyError as error:
            raise ValueError(f"the {name} {error.args[0]} is none of the table's classes") from None

    def numbers(self, rows: Sequence[Sequence[str]], name: str) -> NDArray[np.float64]:
        """Return a column of numbers: float64 [n], NaN where it is empty or the table has none of that name.

        Raises:
            ValueError: one is not a number.
        """
        return _numbers([[text] for text in self.texts(rows, name)], 1)[:, 0]

    def probabilities(self, rows: Sequence[Sequence[str]]) -> NDArray[np.float64]:
        """Return those of the classes: float64 [n, c], NaN where there are none.

        Raises:
            ValueError: one is not a number from 0 to 1.
        """
        first, count = len(COLUMNS), len(self.classes)
        found = _numbers([row[first : first + count] for row in rows], count)
        if ((found < 0) | (found > 1 + _ROUNDING)).any():
            raise ValueError("a probability is not between 0 and 1")
        return found


def _numbers(cells: Sequence[Sequence[str]], columns: int) -> NDArray[np.float64]:
    try:
        numbers = [[float(cell) if cell else np.nan for cell in row] for row in cells]
    except ValueError as error:
        raise ValueError(f"a probability is not a number ({error})") from None
    return np.array(numbers, dtype=np.float64).reshape(len(cells), columns)


def read_predictions(path: Path) -> Predictions:
    """Read a table of predictions; columns after those of the classes are ignored, and so is an unfinished last line.

    Raises:
        InputProblem: there is no such file, or it is not a table of predictions.
    """
    try:
        with CsvRows(path) as table:
            columns = PredictionColumns.from_header(next(table, []))
            rows = columns.whole(table)
        images, labels = columns.texts(rows, "image"), columns.codes(rows, "label")
        if len(set(images)) < len(images):
            raise ValueError("an image stands in it twice")
        return Predictions(tuple(images), labels, columns.probabilities(rows), columns.classes)
    except OSError as error:
        raise InputProblem(f"{printable(str(path))}: no predictions can be read here ({error.strerror}).") from None
    except DamagedFile:
        raise
    except ValueError as error:
        what = f"{printable(str(path))} is not a table of predictions: {printable(str(error))}"
        raise InputProblem(f"{what}. `aimic predict` writes one.") from None
