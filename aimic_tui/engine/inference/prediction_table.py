"""The table that a prediction writes: rows appear as they are made, and an interrupted one goes on.

While it is made it is OUTPUT.partial, a CSV table whatever the format asked for, with OUTPUT.partial.json beside it,
which says of which models and files it is. When the last row is there it takes OUTPUT's place.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Literal

import numpy as np
from numpy.typing import NDArray

from aimic_tui.engine.bounded_files import DamagedFile, open_regular, read_json
from aimic_tui.engine.errors import InputProblem, UsageProblem
from aimic_tui.engine.evaluation.predictions import CLASS_PREFIX, COLUMNS, prediction_columns
from aimic_tui.engine.files import FileLock, replacing, sync_folder, write_json
from aimic_tui.engine.inference.combined_calibration import CombinedCalibration
from aimic_tui.engine.text import csv_line, csv_rows, from_csv_cell, one_line, printable, to_csv_cell

Format = Literal["csv", "json"]
FURTHER_COLUMNS = ("margin", "entropy", "agreement", "problem", "calibrated", "rejected")
_YES, _NO = "yes", "no"


def format_of(output: Path, wish: str | None = None) -> Format:
    """Return the format that was asked for, else what the name's ending says; CSV where it says nothing."""
    return "json" if (wish or output.suffix.lower().lstrip(".")) == "json" else "csv"


class PredictionTable:
    """A table on its way.

    Args:
        output: the file that it becomes.
        calibration: of the probabilities.
        key: of models and files; rows of an earlier, interrupted table are kept only where it had the same.
        names: of the images, in the order of the rows.

    Raises:
        UsageProblem: `output` can't be written there.
        InputProblem: another process is writing it.

    Attributes:
        done: rows that are there, from the first on.
        counts: images by predicted class; the empty name counts those without a prediction.
        rejected: images that are left to a person.
    """

    def __init__(
        self,
        output: Path,
        form: Format,
        key: str,
        names: Sequence[str],
        classes: tuple[str, ...],
        *,
        calibration: CombinedCalibration,
    ) -> None:
        self.output = output
        self.partial = output.with_name(output.name + ".partial")
        self.counts: Counter[str] = Counter()
        self.done = 0
        self.rejected = 0
        self._calibration = calibration
        self._form = form
        self._names = names
        self._classes = classes
        self._columns = (*prediction_columns(classes), *FURTHER_COLUMNS)
        self._side = output.with_name(output.name + ".partial.json")
        if output.is_dir() or not output.parent.is_dir():
            what = "is a folder" if output.is_dir() else "is in a folder that does not exist"
            raise UsageProblem(f"--output {printable(str(output))} {what}. Name a file, such as predictions.csv.")
        self._lock = FileLock(self.partial)
        if not self._lock.acquire():
            raise InputProblem(f"Another prediction is writing {printable(str(self.partial))}. Name another --output.")
        end = self._take_over(key)
        with self.partial.open("r+b") as file:
            file.truncate(end)
        if not end:
            write_json(self._side, {"format": 1, "key": key})
            self._append(self._text([self._columns]))

    def _take_over(self, key: str) -> int:
        """Count the finished rows of an interrupted table of the same key; return where the last one ends."""
        try:
            known = read_json(self._side).get("key") == key
        except (OSError, ValueError):
            known = False
        if not known:
            return 0
        end = 0
        with open_regular(self.partial) as file, suppress(ValueError):  # what is damaged is predicted again
            for row, offset in _rows_with_ends(file):
                if end == 0 and tuple(map(from_csv_cell, row)) != self._columns:
                    return 0
                if end and (len(row) != len(self._columns) or not self._is_next(from_csv_cell(row[0]))):
                    break
                if end:
                    self.done += 1
                    self.counts[from_csv_cell(row[2])] += 1
                    self.rejected += row[-1] == _YES
                end = offset
        return end

    def _is_next(self, name: str) -> bool:
        return self.done < len(self._names) and name == self._names[self.done]

    def add(self, probabilities: Sequence[NDArray[np.float64] | None], problems: Sequence[str]) -> None:
        """Append rows for the next images, in a single write.

        Args:
            probabilities: for each image float64 [models, classes], or None where it could not be read.
            problems: for each image why, empty where there is nothing to say.
        """
        rows = []
        for name, members, problem in zip(self._names[self.done :], probabilities, problems, strict=False):
            if members is None:
                said, figures = "", [""] * (len(self._classes) + 4)
            else:
                said, figures = self._figures(members)
            self.counts[said] += 1
            calibrated = _YES if self._calibration.temperatures else _NO
            rejected = self._rejection(figures[0])
            self.rejected += rejected == _YES
            rows.append([name, "", said, *figures, problem, calibrated if said else "", rejected])
        self._append(self._text(rows))
        self.done += len(rows)

    def _rejection(self, probability: str) -> str:
        if self._calibration.threshold is None or not probability:
            return ""
        return _NO if float(probability) >= self._calibration.threshold else _YES

    def _figures(self, members: NDArray[np.float64]) -> tuple[str, list[str]]:
        table = self._calibration.scaled(members[:, None])
        members = table[:, 0]
        best = int(members.mean(axis=0).argmax())  # the class that the networks were trained to name
        mean = self._calibration.for_data(table).mean(axis=0)[0]
        top = np.sort(mean)
        margin = float(top[-1] - top[-2]) if len(top) > 1 else 1.0
        entropy = float(-(mean * np.log(np.maximum(mean, 1e-300))).sum())
        agreement = f"{(members.argmax(axis=1) == best).mean():.6g}" if len(members) > 1 else ""
        cells = [_number(mean[best]), *map(_number, mean), _number(margin), _number(max(entropy, 0.0)), agreement]
        return self._classes[best], cells

    def _text(self, rows: Sequence[Sequence[str]]) -> str:
        return "".join(csv_line(map(to_csv_cell, row)) for row in rows)

    def _append(self, text: str) -> None:
        data = text.encode("utf-8", "surrogateescape")
        handle = os.open(self.partial, os.O_WRONLY | os.O_APPEND)
        try:
            while data:
                data = data[os.write(handle, data) :]
        finally:
            os.close(handle)

    def answered(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Read the rows with a prediction: codes of the predicted classes int64 [n], probabilities float64 [n, c]."""
        codes = {name: code for code, name in enumerate(self._classes)}
        first, classes = len(COLUMNS), len(self._classes)
        predicted, probabilities = [], []
        with self.partial.open("rb") as file:
            for place, (row, _) in enumerate(_rows_with_ends(file)):
                if place and row[2]:
                    predicted.append(codes[from_csv_cell(row[2])])
                    probabilities.append([float(cell) for cell in row[first : first + classes]])
        return np.array(predicted, np.int64), np.array(probabilities, np.float64).reshape(-1, classes)

    def finish(self) -> None:
        """Put the table in OUTPUT's place, and take the files beside it away."""
        if self._form == "csv":
            with self.partial.open("rb") as file:
                os.fsync(file.fileno())
            self.partial.replace(self.output)
            sync_folder(self.output.parent)
        else:
            write_json_form(self.partial, self.output)
            self.partial.unlink()
        self._side.unlink(missing_ok=True)
        self._lock.release()

    def close(self) -> None:
        """Leave the unfinished table for another time."""
        self._lock.release()


def write_json_form(table: Path, target: Path) -> None:
    """Write a table of predictions, in CSV, as the JSON that `aimic predict` gives.

    Raises:
        OSError: the table can't be read or the target can't be written.
        DamagedFile: it is no such table.
    """
    try:
        with open_regular(table) as source, replacing(target) as file:
            rows = ([from_csv_cell(cell) for cell in row] for row, _ in _rows_with_ends(source))
            classes = next(rows)[len(COLUMNS) : -len(FURTHER_COLUMNS)]
            names = [name.removeprefix(CLASS_PREFIX) for name in classes]
            beginning = json.dumps({"classes": names})[:-1]
            file.write(f'{beginning}, "predictions": ['.encode())
            for number, row in enumerate(rows):
                file.write(f"{',' if number else ''}\n{json.dumps(_record(names, row))}".encode())
            file.write(b"\n]}\n")
    except (ValueError, StopIteration) as error:
        raise DamagedFile(table, f"it is no table of predictions ({one_line(str(error))})") from None


def _record(classes: Sequence[str], row: Sequence[str]) -> dict[str, object]:
    image, label, said, probability = row[: len(COLUMNS)]
    figures = row[len(COLUMNS) : len(COLUMNS) + len(classes)]
    margin, entropy, agreement, problem, calibrated, rejected = row[-len(FURTHER_COLUMNS) :]
    each = dict(zip(classes, map(float, figures), strict=True)) if said else None
    return {
        "image": image,
        "label": label or None,
        "predicted": said or None,
        "probability": _value(probability),
        "probabilities": each,
        "margin": _value(margin),
        "entropy": _value(entropy),
        "agreement": _value(agreement),
        "problem": problem or None,
        "calibrated": calibrated == _YES if calibrated else None,
        "rejected": rejected == _YES if rejected else None,
    }


def _number(value: float) -> str:
    return f"{value:.9g}"  # sums stay within 1e-8 of 1


def _value(cell: str) -> float | None:
    return float(cell) if cell else None


def _rows_with_ends(file: IO[bytes]) -> Iterator[tuple[list[str], int]]:
    """Yield each row that is complete, its line end included, and the offset after it."""
    offset = 0
    whole = True

    def lines() -> Iterator[str]:
        nonlocal offset, whole
        for line in file:
            offset += len(line)
            whole = line.endswith(b"\n")
            yield line.decode("utf-8", "surrogateescape")

    for row in csv_rows(lines()):
        if not whole:
            return
        yield row, offset
