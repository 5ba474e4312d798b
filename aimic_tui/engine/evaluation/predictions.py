"""What a network said about each image, as a table that outlives the network.

Every figure of a run is computed from such tables, never from the network again.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.files import write_table
from aimic_tui.engine.text import from_csv_cell, printable

COLUMNS = ("image", "label", "predicted", "probability")
CLASS_PREFIX = "p_"


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
        said = np.full(len(self.images), -1, dtype=np.int32)
        said[known] = self.probabilities[known].argmax(axis=1)
        return said

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
    said = predictions.predicted.tolist()
    labels = predictions.labels.tolist()
    rows: list[list[float]] = predictions.probabilities.tolist()
    for image, label, code, row in zip(predictions.images, labels, said, rows, strict=True):
        truth = predictions.classes[label] if label >= 0 else ""
        if code < 0:
            yield [image, truth, "", None, *[None] * len(row)]
        else:
            yield [image, truth, predictions.classes[code], row[code], *row]


def read_predictions(path: Path) -> Predictions:
    """Read a table of predictions; columns after those of the classes are ignored, and so is an unfinished last line.

    Raises:
        InputProblem: there is no such file, or it is not a table of predictions.
    """
    try:
        content = path.read_bytes().decode("utf-8", "surrogateescape")
    except OSError as error:
        raise InputProblem(f"{printable(str(path))}: no predictions can be read here ({error.strerror}).") from None
    reader = csv.reader(io.StringIO(content, newline=""))
    header = [from_csv_cell(cell) for cell in next(reader, [])]
    classes = tuple(name[len(CLASS_PREFIX) :] for name in header[len(COLUMNS) :] if name.startswith(CLASS_PREFIX))
    end = len(COLUMNS) + len(classes)
    if tuple(header[:end]) != prediction_columns(classes) or not classes:
        raise _problem(path, f"the columns must be {', '.join(COLUMNS)}, then p_<class> for every class")
    rows = [row for row in reader if len(row) == len(header)]
    codes = {name: code for code, name in enumerate(classes)} | {"": -1}
    try:
        labels = np.array([codes[from_csv_cell(row[1])] for row in rows], dtype=np.int32)
        cells = [[float(cell) if cell else np.nan for cell in row[len(COLUMNS) : end]] for row in rows]
    except KeyError as error:
        raise _problem(path, f"the label {printable(str(error.args[0]))} is none of the table's classes") from None
    except ValueError as error:
        raise _problem(path, f"a probability is not a number ({printable(str(error))})") from None
    probabilities: NDArray[Any] = np.array(cells, dtype=np.float64).reshape(len(rows), len(classes))
    return Predictions(tuple(from_csv_cell(row[0]) for row in rows), labels, probabilities, classes)


def _problem(path: Path, what: str) -> InputProblem:
    return InputProblem(f"{printable(str(path))} is not a table of predictions: {what}. `aimic predict` writes one.")
