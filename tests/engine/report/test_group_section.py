"""Groups that a network fails on are named."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from aimic_tui.engine.evaluation.predictions import read_predictions, write_predictions
from aimic_tui.engine.report.document import Paragraph
from aimic_tui.engine.report.group_section import group_section
from aimic_tui.engine.report.run_record import read_record
from aimic_tui.engine.run_folder import RunFolder
from tests.engine.evaluation.stored_run import make_run as predicted_run
from tests.engine.report.report_page import report_of


def test_groups_that_fail_are_named(tmp_path: Path) -> None:
    path = predicted_run(tmp_path / "run", groups=30, images_a_group=8, skills={"net": 4.0})
    for table in path.rglob("predictions.csv"):
        read = read_predictions(table)
        failing = [place for place, name in enumerate(read.images) if name.startswith("smear007")]
        read.probabilities[failing] = np.roll(np.eye(3)[read.labels[failing]], 1, axis=1)
        write_predictions(table, read)
    text = report_of(RunFolder(path))[1].text
    assert "1 of 30 groups has more errors than the spread of the others explains: smear007." in text
    assert "Accuracy by group, with tests for groups that do worse. See section By group." in text


def test_where_no_group_stands_out_that_is_said(tmp_path: Path) -> None:
    path = predicted_run(tmp_path / "run", groups=20, images_a_group=8, skills={"net": 4.0})
    (section,) = group_section(read_record(RunFolder(path)))
    text = " ".join(block.text for block in section.blocks if isinstance(block, Paragraph))
    assert "None of 20 groups is shown to have more errors than the spread of the others explains." in text


def test_groups_of_few_images_are_left_out(tmp_path: Path) -> None:
    assert list(group_section(read_record(RunFolder(predicted_run(tmp_path / "run", images_a_group=2))))) == []
