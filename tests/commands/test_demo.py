"""`aimic demo`: the whole way, from a drawn smear to predictions, without a question."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import tomli

from aimic_tui.commands.demo import EXPERIMENT
from aimic_tui.engine.data.smear import CLASSES, draw_smear
from aimic_tui.engine.evaluation.predictions import read_predictions
from aimic_tui.engine.experiment import Experiment
from aimic_tui.engine.models.catalogue import find_network
from tests.commands.calling import call


def test_what_it_trains_can_be_trained() -> None:
    experiment = Experiment.from_mapping(tomli.loads(EXPERIMENT))
    for network in experiment.model.networks:
        assert experiment.model.image_size != "auto"
        find_network(network).check_size(experiment.model.image_size)


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A workspace in which an earlier demo left a smear and an experiment, both as small as can be."""
    place = tmp_path / "demo"
    draw_smear(place / "smear", slides=12, seed=1, size=32)
    draw_smear(place / "fresh-slides", slides=1, seed=1, size=32, crops=5, first_slide=101)
    experiment = tomli.loads(EXPERIMENT)
    experiment["split"]["folds"] = 2
    experiment["training"]["epochs"] = 1
    experiment["model"] |= {"networks": ["test_resnet"], "image_size": 32}
    experiment["compute"] = {"workers": 1, "threads": 1, "devices": "cpu"}
    (place / "experiment.toml").write_text(Experiment.from_mapping(experiment).to_toml())
    return tmp_path


@pytest.mark.slow
def test_without_a_terminal_it_waits_and_says_where_everything_is(workspace: Path, forked: None) -> None:
    smear = workspace / "demo" / "smear"
    before = {path: path.stat().st_mtime_ns for path in smear.rglob("*.png")}
    done = call(workspace, "demo")
    assert done.returncode == 0, done.stderr
    (run,) = (workspace / "runs").iterdir()
    predictions = workspace / "demo" / f"{run.name}-predictions.csv"
    for told in (str(run), str(run / "results.json"), str(predictions), "macro F1", "fresh slides"):
        assert told in done.stdout
    assert json.loads((run / "results.json").read_text())["complete"]
    found = read_predictions(predictions)
    assert len(found.images) == 5
    assert found.classes == CLASSES
    assert found.probabilities.sum(axis=1) == pytest.approx(1.0)
    assert {path: path.stat().st_mtime_ns for path in smear.rglob("*.png")} == before
