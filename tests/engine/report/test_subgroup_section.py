"""Subgroups stand in a report where a column is named."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from aimic_tui.engine.report.document import Paragraph, Table
from aimic_tui.engine.report.run_record import read_record
from aimic_tui.engine.report.subgroup_section import subgroup_section
from aimic_tui.engine.run_folder import RunFolder
from tests.engine.evaluation.run_with_columns import make_run_with_columns


def test_the_experiment_names_the_columns(tmp_path: Path) -> None:
    path = make_run_with_columns(tmp_path / "run", tmp_path / "cells.csv", ("sex", "scanner"))
    (section,) = subgroup_section(read_record(RunFolder(path)))
    assert section.title == "Subgroups"
    tables = [block for block in section.blocks if isinstance(block, Table)]
    assert [table.header[0] for table in tables] == 3 * ["sex"] + 3 * ["scanner"]
    assert [row[0] for row in tables[0].rows] == ["f", "m"]
    texts = " ".join(block.text for block in section.blocks if isinstance(block, Paragraph))
    assert "40 groups have images in several subgroups" in texts
    assert "MOVER" in texts


def test_a_command_names_others_and_a_column_that_is_not_there_is_said_to_be_missing(tmp_path: Path) -> None:
    path = make_run_with_columns(tmp_path / "run", tmp_path / "cells.csv", ("sex",))
    record = replace(read_record(RunFolder(path)), by=("site",))
    (section,) = subgroup_section(record)
    (said, _) = (block.text for block in section.blocks if isinstance(block, Paragraph))
    assert said.startswith("Subgroups by site can't be compared.")
    assert "has no column site; its columns are path, label, group, sex" in said


def test_without_a_column_there_is_no_section(tmp_path: Path) -> None:
    path = make_run_with_columns(tmp_path / "run", tmp_path / "cells.csv")
    assert list(subgroup_section(read_record(RunFolder(path)))) == []
