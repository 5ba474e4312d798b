"""A run keeps what an audit found in its images, where they were audited, and the marks as they were."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from aimic_tui.engine.data.audit.audit_data_set import audit_data_set
from aimic_tui.engine.data.audit.measurement_store import measurements_file
from aimic_tui.engine.data.listing.marks import MARKS_NAME, Mark, add_marks
from aimic_tui.engine.experiment import Experiment
from aimic_tui.engine.run_folder import RunFolder
from aimic_tui.engine.runs.prepare.creation import create_run
from aimic_tui.engine.runs.prepare.run_audit import read_run_audit
from aimic_tui.engine.workspace_folder import Workspace
from tests.screens.made_run import make_data

VALUES = {"model.weights": "none", "split.folds": 2}


def test_a_run_on_audited_images_keeps_the_findings_and_the_marks(tmp_path: Path) -> None:
    cells = make_data(tmp_path / "cells", each=12)
    shutil.copy(cells / "platelet/smear000_0.jpg", cells / "platelet/smear002_9.jpg")
    workspace = Workspace(tmp_path / "ws")
    experiment = Experiment().with_values({**VALUES, "data.path": str(cells)})
    store = measurements_file(workspace.cache_folder, cells)
    audit_data_set(experiment.data, store=store)
    add_marks(cells / MARKS_NAME, [Mark("red_cell/smear008_0.jpg", "exclude")])
    run = create_run(experiment, workspace, ["aimic"])
    audit = read_run_audit(run)
    assert audit is not None
    assert audit.report.images == 36, "as marks left them"
    assert "duplicate" in {finding.kind for finding in audit.report.problems}
    assert run.marks_file.read_bytes() == (cells / MARKS_NAME).read_bytes()


def test_images_that_nobody_audited_stay_so(tmp_path: Path) -> None:
    cells = make_data(tmp_path / "cells", each=12)
    run = create_run(
        Experiment().with_values({**VALUES, "data.path": str(cells)}), Workspace(tmp_path / "ws"), ["aimic"]
    )
    assert read_run_audit(run) is None
    assert not run.audit_file.exists()
    assert not run.marks_file.exists()


@pytest.mark.parametrize("content", ["{", "[]", json.dumps({"version": 99, "when": "", "audit": {}})])
def test_an_audit_that_cannot_be_read_counts_as_none(tmp_path: Path, content: str) -> None:
    run = RunFolder(tmp_path)
    run.audit_file.write_text(content)
    assert read_run_audit(run) is None
