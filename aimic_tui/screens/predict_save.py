"""Saving a table of predictions somewhere else, as it is or as JSON."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path
from typing import Any

from aimic_tui.engine.files import replacing
from aimic_tui.engine.text import from_csv_cell

_CLASS_PREFIX = "p_"


def save_table(table: Path, target: Path) -> None:
    """Copy a table of predictions; a `target` that ends in .json gets the JSON form that `aimic predict` writes.

    Raises:
        OSError: the table can't be read or the target can't be written.
    """
    if target.suffix.lower() != ".json":
        with table.open("rb") as source, replacing(target) as file:
            shutil.copyfileobj(source, file)
        return
    with table.open(encoding="utf-8", errors="surrogateescape", newline="") as source, replacing(target) as file:
        rows = csv.reader(source)
        columns = [from_csv_cell(cell) for cell in next(rows)]
        classes = [name.removeprefix(_CLASS_PREFIX) for name in columns if name.startswith(_CLASS_PREFIX)]
        file.write(f'{json.dumps({"classes": classes})[:-1]}, "predictions": ['.encode())
        for number, row in enumerate(rows):
            record = json.dumps(_record(columns, [from_csv_cell(cell) for cell in row]))
            file.write(f"{',' if number else ''}\n{record}".encode())
        file.write(b"\n]}\n")


def _record(columns: list[str], row: list[str]) -> dict[str, Any]:
    record: dict[str, Any] = {}
    each: dict[str, float] = {}
    for column, cell in zip(columns, row, strict=False):
        if column.startswith(_CLASS_PREFIX):
            if cell:
                each[column.removeprefix(_CLASS_PREFIX)] = float(cell)
            if "probabilities" not in record:
                record["probabilities"] = None
        elif column in ("probability", "margin", "entropy", "agreement"):
            record[column] = float(cell) if cell else None
        else:
            record[column] = cell or None
    if each:
        record["probabilities"] = each
    return record
