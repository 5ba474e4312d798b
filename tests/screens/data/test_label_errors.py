"""Data: labels that a finished run's networks contradict."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from aimic_tui.engine.run_folder import RunFolder
from aimic_tui.workspace.audit_process import finished_run_on, run_audit
from tests.screens.made_run import make_data, make_run


@pytest.fixture(scope="module")
def swapped(tmp_path_factory: pytest.TempPathFactory) -> tuple[RunFolder, Path, str]:
    """A finished run whose network is sure that one platelet is a white cell."""
    root = tmp_path_factory.mktemp("swapped")
    data = make_data(root / "cells")
    folder = make_run(root / "ws", data, epochs=2)
    files = sorted(folder.trials_folder.glob("*/*/predictions.csv"))
    for file in files:
        rows = list(csv.reader(file.open(newline="")))
        column = rows[0].index("image")
        platelet = next((row for row in rows[1:] if row[column].startswith("platelet/")), None)
        if platelet is None:
            continue
        for name, value in (("platelet", "0.01"), ("red_cell", "0.01"), ("white_cell", "0.98")):
            platelet[next(i for i, head in enumerate(rows[0]) if head.endswith(name))] = value
        with file.open("w", newline="") as out:
            csv.writer(out).writerows(rows)
        return folder, data, platelet[column]
    raise AssertionError("no platelet was tested")


def test_the_newest_finished_run_on_the_data_is_asked(tmp_path: Path, cells: Path) -> None:
    assert finished_run_on(tmp_path, str(cells)) is None
    make_run(tmp_path, cells, epochs=2, finished=1, state="stopped")
    assert finished_run_on(tmp_path, str(cells)) is None
    done = make_run(tmp_path, cells, epochs=2)
    assert finished_run_on(tmp_path, str(cells)) == done.path
    assert finished_run_on(tmp_path, str(cells.parent)) is None


@pytest.mark.slow
async def test_the_audit_names_labels_that_a_run_contradicts(swapped: tuple[RunFolder, Path, str]) -> None:
    folder, data, image = swapped
    audit = await run_audit(folder.path.parent.parent, str(data), {}, lambda *_: None)
    found = next(finding for finding in audit.listed if finding.kind == "label-error")
    assert image in found.images
    at = found.images.index(image)
    assert "networks not trained on it predict white_cell" in found.sentences[at]
    assert found.title.endswith(("likely label error", "likely label errors"))
    assert "agree on another class" in found.meaning


@pytest.mark.slow
async def test_a_run_that_cannot_be_read_costs_no_audit(swapped: tuple[RunFolder, Path, str], tmp_path: Path) -> None:
    folder = make_run(tmp_path, swapped[1], epochs=2)
    folder.split_file.write_text("broken")
    audit = await run_audit(tmp_path, str(swapped[1]), {}, lambda *_: None)
    assert all(finding.kind != "label-error" for finding in audit.listed)
    assert folder.path.exists()


@pytest.mark.slow
@pytest.mark.parametrize("keep", [True, False])
async def test_what_was_measured_is_kept_in_a_new_workspace(tmp_path: Path, cells: Path, *, keep: bool) -> None:
    root = tmp_path / "new" / "workspace"
    await run_audit(root, str(cells), {}, lambda *_: None, keep=keep)
    assert bool(list(root.glob("cache/audits/*.measures"))) is keep
    assert root.exists() is keep
