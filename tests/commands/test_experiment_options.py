"""Settings of a run's folder, as commands take them."""

from __future__ import annotations

from pathlib import Path

import pytest

from aimic_tui.commands.experiment_options import experiment_from
from aimic_tui.engine.data.image_notes import ImageNotes, Move, write_notes
from aimic_tui.engine.experiment import Experiment
from aimic_tui.engine.run_folder import RunFolder


@pytest.mark.parametrize(
    ("before", "now"), [("/lab/cells", "/disk/cells"), ("/lab", "/disk/cells/cells"), ("/elsewhere", "/lab/cells")]
)
def test_the_data_of_a_run_are_where_the_run_was_told_they_are(tmp_path: Path, before: str, now: str) -> None:
    run = RunFolder(tmp_path)
    run.experiment_file.write_text(Experiment().with_values({"data.path": "/lab/cells"}).to_toml())
    write_notes(run.manifest_file, ImageNotes((Move(before, "/disk/cells"),)))
    assert experiment_from("plan", tmp_path, None, (), None).data.path == now
    assert experiment_from("plan", tmp_path, "/other", (), None).data.path == "/other"
