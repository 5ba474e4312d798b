"""The rows of a table of predictions as they appear in its file, in columns that a screen can draw from."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aimic_tui.engine.bounded_files import DamagedFile, open_regular
from aimic_tui.engine.evaluation.predictions import PredictionColumns
from aimic_tui.engine.text import bytes_text, csv_rows, one_line

_PIECE = 1 << 19  # bytes read at once: some thousand rows, so that a key press between two of them is not late
_LONGEST_ROW = 4 << 20
_YES_NO = {"yes": 1, "no": 0}


@dataclass(frozen=True, eq=False)
class NewRows:
    """Rows that came to a table: n of them, c classes.

    Attributes:
        images: n names.
        predicted: int32 [n], indices into the classes; -1 where there is no prediction.
        probabilities: float32 [n, c]; NaN where there is none.
        agreement: float32 [n], share of the models that agree; NaN where there is one model only.
        problems: n reasons, empty where nothing went wrong.
        rejected: int8 [n], 1 where the image is left for review, 0 where not, -1 where no error rate was set.
        calibrated: whether the probabilities are; None where it is not known.
        more: whether the file holds further rows already.
    """

    images: list[str]
    predicted: NDArray[np.int32]
    probabilities: NDArray[np.float32]
    agreement: NDArray[np.float32]
    problems: list[str]
    rejected: NDArray[np.int8]
    calibrated: bool | None
    more: bool


class TableReader:
    """Reads what is new in a table of predictions that is being written, a piece at a time."""

    def __init__(self) -> None:
        self._offset = 0
        self._rest = b""
        self._columns: PredictionColumns | None = None

    @property
    def classes(self) -> tuple[str, ...]:
        """Those of the table; none until its header was read."""
        return self._columns.classes if self._columns is not None else ()

    def new(self, path: Path) -> NewRows | None:
        """Return the rows after those returned before; None while there is no table.

        The path may change from the unfinished table to the finished one: it is the same file under another name.

        Raises:
            DamagedFile: it is another table than `aimic predict` writes.
        """
        try:
            with open_regular(path) as file:
                file.seek(self._offset)
                piece = file.read(_PIECE)
        except OSError:
            return None
        self._offset += len(piece)
        data = self._rest + piece
        end = _end_of_rows(data)
        self._rest = data[end:]
        if len(self._rest) > _LONGEST_ROW:
            raise DamagedFile(path, f"a row of it is longer than {bytes_text(_LONGEST_ROW)}")
        text = data[:end].decode("utf-8", "surrogateescape")
        try:
            rows = list(csv_rows(io.StringIO(text, newline="")))
            if self._columns is None:
                if not rows:
                    return None
                self._columns = _columns_of(rows.pop(0))
            return _parsed(self._columns, rows, more=len(piece) == _PIECE)
        except ValueError as error:
            raise DamagedFile(path, one_line(str(error))) from None


def _columns_of(header: Sequence[str]) -> PredictionColumns:
    columns = PredictionColumns.from_header(header)
    if not {"agreement", "problem"} <= set(columns.names):
        raise ValueError("this is not a table of `aimic predict`: columns are missing")
    return columns


def _parsed(columns: PredictionColumns, rows: list[list[str]], *, more: bool) -> NewRows:
    rows = columns.whole(rows)
    rejected, calibrated = (columns.texts(rows, name) for name in ("rejected", "calibrated"))
    return NewRows(
        images=columns.texts(rows, "image"),
        predicted=columns.codes(rows, "predicted"),
        probabilities=columns.probabilities(rows).astype(np.float32),
        agreement=columns.numbers(rows, "agreement").astype(np.float32),
        problems=columns.texts(rows, "problem"),
        rejected=np.array([_YES_NO.get(cell, -1) for cell in rejected], np.int8),
        calibrated=next((cell == "yes" for cell in calibrated if cell in _YES_NO), None),
        more=more,
    )


def _end_of_rows(data: bytes) -> int:
    """Return the length of the beginning that holds whole rows: a line end inside quotes ends none."""
    end = data.rfind(b"\n") + 1
    while end and data.count(b'"', 0, end) % 2:
        end = data.rfind(b"\n", 0, end - 1) + 1
    return end


class PredictionRows:
    """All rows so far, by column; grows at the end only.

    Attributes:
        count: rows.
        images, problems: a text a row.
        predicted, probabilities, agreement: arrays, at least `count` long; see `NewRows`.
        confidence: float32, at least `count` long, the probability of the predicted class; NaN where there is none.
        rejected: int8, as in `NewRows`.
        calibrated: whether the probabilities are; None where it is not known.
    """

    def __init__(self, classes: Sequence[str]) -> None:
        self.classes = tuple(classes)
        self.count = 0
        self.images: list[str] = []
        self.problems: list[str] = []
        self.predicted = np.zeros(0, np.int32)
        self.probabilities = np.zeros((0, len(self.classes)), np.float32)
        self.agreement = np.zeros(0, np.float32)
        self.confidence = np.zeros(0, np.float32)
        self.rejected = np.zeros(0, np.int8)
        self.calibrated: bool | None = None

    def add(self, rows: NewRows) -> None:
        """Put rows at the end."""
        count = self.count + len(rows.images)
        if count > len(self.predicted):
            room = max(count, 2 * len(self.predicted), 1024)
            for name in ("predicted", "probabilities", "agreement", "confidence", "rejected"):
                old = getattr(self, name)
                new = np.empty((room, *old.shape[1:]), old.dtype)
                new[: self.count] = old[: self.count]
                setattr(self, name, new)
        part = slice(self.count, count)
        self.images += rows.images
        self.problems += rows.problems
        self.predicted[part], self.probabilities[part] = rows.predicted, rows.probabilities
        self.agreement[part], self.rejected[part] = rows.agreement, rows.rejected
        self.calibrated = rows.calibrated if self.calibrated is None else self.calibrated
        if self.classes:
            highest = rows.probabilities[np.arange(len(rows.predicted)), np.maximum(rows.predicted, 0)]
            self.confidence[part] = np.where(rows.predicted >= 0, highest, np.nan)
        else:
            self.confidence[part] = np.nan
        self.count = count

    @property
    def with_rejection(self) -> bool:
        """Whether an error rate was set, so that rows say whether they are left for review."""
        return bool((self.rejected[: self.count] >= 0).any())

    def class_counts(self) -> NDArray[np.int64]:
        """Return how many images were predicted to be of each class, int64 [c]."""
        predicted = self.predicted[: self.count]
        return np.bincount(predicted[predicted >= 0], minlength=len(self.classes)).astype(np.int64)
