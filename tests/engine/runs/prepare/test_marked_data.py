"""A run on images that people decided about: its manifest is the truth, and its story begins with it."""

from __future__ import annotations

from pathlib import Path

from aimic_tui.engine.data.listing.marks import MARKS_NAME, Mark, add_marks
from aimic_tui.engine.data.manifest import read_manifest
from aimic_tui.engine.experiment import Experiment
from aimic_tui.engine.run_events import run_events
from aimic_tui.engine.runs.follow.log_lines import run_line
from aimic_tui.engine.runs.prepare.creation import create_run
from aimic_tui.engine.workspace_folder import Workspace
from tests.screens.made_run import make_data


def test_what_was_decided_is_in_the_manifest_and_in_the_story(tmp_path: Path) -> None:
    cells = make_data(tmp_path / "cells", each=6)
    marks = [Mark("platelet/smear000_0.jpg", "exclude"), Mark("red_cell/smear003_0.jpg", "label", label="platelet")]
    add_marks(tmp_path / "mine.csv", marks, [["red_cell/smear004_0.jpg", "white_cell/smear006_0.jpg"]])
    values = {
        "data.path": str(cells),
        "data.marks": str(tmp_path / "mine.csv"),
        "data.classes": {"white_cell": "leukocyte"},
        "model.weights": "none",
        "split.folds": 2,
    }
    run = create_run(Experiment().with_values(values), Workspace(tmp_path / "workspace"), ["aimic"])
    data_set = read_manifest(run.manifest_file)
    assert data_set.counts() == {"leukocyte": 6, "platelet": 6, "red_cell": 5}
    one, other = (data_set.index(name) for name in ("red_cell/smear004_0.jpg", "white_cell/smear006_0.jpg"))
    assert one is not None and other is not None
    assert data_set.groups[one] == data_set.groups[other]
    told = [line.text for event in run_events(run).new() if (line := run_line(event))]
    assert told[1:5] == [
        "images: Marks exclude 1 image.",
        "images: Marks give another class to 1 image.",
        "images: Marks put 2 images into common groups.",
        "images: Classes: white_cell (6) counts as leukocyte.",
    ]
    assert not (cells / MARKS_NAME).exists()
    again = Experiment.from_file(run.experiment_file)
    assert again.data.classes == {"white_cell": "leukocyte"}
    assert again.data.marks == str(tmp_path / "mine.csv")
