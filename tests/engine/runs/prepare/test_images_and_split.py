"""Images and split are prepared once: what is tried before a run is tried on the run's own first fold."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from aimic_tui.engine.data.manifest import read_manifest
from aimic_tui.engine.data.splitting.split import read_split
from aimic_tui.engine.experiment import Experiment
from aimic_tui.engine.runs.prepare.creation import create_run
from aimic_tui.engine.runs.prepare.data_summary import summarize_data
from aimic_tui.engine.runs.prepare.first_trial import first_trial
from aimic_tui.engine.runs.prepare.split_forecast import forecast_split
from aimic_tui.engine.workspace_folder import Workspace
from tests.engine.data.audit.test_near_duplicates import cell, squeezed


@pytest.fixture
def slides(tmp_path: Path) -> Path:
    """Twelve slides of two cells each, of which several show a cell of another slide again, turned and compressed."""
    for number in range(24):
        folder = tmp_path / "slides" / "ab"[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        cell(number).save(folder / f"slide{number // 2}_{number}.png")
    for number in (0, 5, 8, 13):
        again = squeezed(cell(number).transpose(Image.Transpose.ROTATE_90))
        again.save(tmp_path / "slides" / "ab"[number % 2] / f"slide{11 - number // 2}_{number}.jpg")
    return tmp_path / "slides"


@pytest.mark.parametrize("values", [{}, {"split.inner_folds": 2}, {"split.protocol": "aimic-2022"}])
def test_what_is_tried_before_a_run_sees_the_first_fold_of_the_run(
    tmp_path: Path, slides: Path, values: dict[str, object]
) -> None:
    settings = {"data.path": str(slides), "model.weights": "none", "split.folds": 3, "compute.devices": "cpu", **values}
    experiment = Experiment().with_values(settings)
    workspace = Workspace(tmp_path / "space")
    run = create_run(experiment, workspace, [])
    task = first_trial(experiment, None, workspace, tmp_path / "try", "cpu")

    data_set = read_manifest(run.manifest_file)
    split = read_split(run.split_file, data_set.images)
    assert task.data_set.images == data_set.images
    assert [task.data_set.group_names[group] for group in task.data_set.groups] == [
        data_set.group_names[group] for group in data_set.groups
    ]
    assert (task.split.parts == split.parts).all()
    assert task.split.inner_folds == split.inner_folds
    assert task.split.inner is None or np.array_equal(task.split.inner, split.inner)
    assert task.experiment.to_mapping() == Experiment.from_file(run.experiment_file).to_mapping()


def test_near_duplicates_change_the_folds_of_these_slides(tmp_path: Path, slides: Path) -> None:
    """Else the test above would pass whether or not they are looked for."""
    experiment = Experiment().with_values({"data.path": str(slides), "model.weights": "none", "split.folds": 3})
    workspace = Workspace(tmp_path / "space")
    data_set = summarize_data(experiment.data).data_set
    assert data_set is not None
    by_name = forecast_split(experiment, data_set, workspace).split
    assert by_name is not None
    task = first_trial(experiment, None, workspace, tmp_path / "try", "cpu")
    assert len(np.unique(task.data_set.groups)) == len(np.unique(data_set.groups)) - 4
    assert (task.split.parts != by_name.parts).any()
