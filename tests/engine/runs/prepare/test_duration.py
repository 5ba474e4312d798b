"""Time is named only where something like it was timed here, and by what is said."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from aimic_tui.engine.experiment import Experiment
from aimic_tui.engine.runs.prepare.duration import SpeedConditions, estimate_duration
from aimic_tui.engine.runs.prepare.run_forecast import RunForecast
from aimic_tui.engine.workspace_folder import Workspace
from tests.screens.made_run import make_data, make_run

FORECAST = RunForecast(
    networks=1, folds=5, seeds=1, trials=5, train=68, validation=12, epochs=30, steps=None, run_bytes=0, cache_bytes=0
)
EXPERIMENT = Experiment().with_values({"model.weights": "none", "compute.devices": "cpu"})


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    make_run(tmp_path / "space", make_data(tmp_path / "cells"), folds=2, epochs=3)
    return Workspace(tmp_path / "space")


def test_earlier_runs_tell_the_pace(workspace: Workspace) -> None:
    found = estimate_duration(workspace, EXPERIMENT, FORECAST, {})
    assert found is not None
    assert found.source == "earlier runs here"
    # 1.5 s an epoch of 34 images that train and 6 that validate, for a third of the cost
    assert found.seconds == pytest.approx(1.5 / 36 * (68 + 12 / 3) * 30 * 5, rel=0.02)


@pytest.mark.parametrize(
    "other",
    [{"model.networks": ["resnet50"]}, {"model.image_size": 96}, {"model.trainable": "head"}],
    ids=str,
)
def test_another_network_size_or_part_that_learns_was_not_timed(workspace: Workspace, other: dict[str, object]) -> None:
    assert estimate_duration(workspace, EXPERIMENT.with_values(other), FORECAST, {}) is None


def test_a_range_test_tells_the_pace_where_nothing_ran(tmp_path: Path) -> None:
    tested = {SpeedConditions("mobilenet_v2", 224, "all", "cpu"): 20.0}
    assert estimate_duration(Workspace(tmp_path), EXPERIMENT, FORECAST, {}) is None
    found = estimate_duration(Workspace(tmp_path), EXPERIMENT, FORECAST, tested)
    assert found is not None
    assert found.source == "the range test"
    assert found.seconds == pytest.approx((68 + 12 / 3) / 20 * 30 * 5)


def test_both_are_named_where_both_were_needed(workspace: Workspace) -> None:
    two = EXPERIMENT.with_values({"model.networks": ["mobilenet_v2", "resnet50"]})
    found = estimate_duration(
        workspace, two, replace(FORECAST, networks=2, trials=10), {SpeedConditions("resnet50", 224, "all", "cpu"): 5.0}
    )
    assert found is not None
    assert found.source == "earlier runs here and the range test"
