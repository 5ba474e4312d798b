"""Saving a table of predictions somewhere else, as it is or as JSON."""

from __future__ import annotations

import shutil
from pathlib import Path

from aimic_tui.engine.bounded_files import open_regular
from aimic_tui.engine.files import replacing


def save_table(table: Path, target: Path) -> None:
    """Copy a table of predictions; a `target` that ends in .json gets the JSON form that `aimic predict` writes.

    Raises:
        OSError: the table can't be read or the target can't be written.
        DamagedFile: it is no table.
    """
    if target.suffix.lower() == ".json":
        from aimic_tui.engine.inference.prediction_table import write_json_form

        write_json_form(table, target)
        return
    with open_regular(table) as source, replacing(target) as file:
        shutil.copyfileobj(source, file)
