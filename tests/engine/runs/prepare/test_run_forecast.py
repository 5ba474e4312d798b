"""What an experiment amounts to: counted as a run counts, and sized as a run's folder is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from aimic_tui.engine.experiment import Experiment
from aimic_tui.engine.models.catalogue import find_network
from aimic_tui.engine.runs.prepare.creation import create_run
from aimic_tui.engine.runs.prepare.data_summary import summarize_data
from aimic_tui.engine.runs.prepare.run_forecast import forecast_run, trial_bytes
from aimic_tui.engine.runs.prepare.split_forecast import forecast_split
from aimic_tui.engine.runs.status import read_status
from aimic_tui.engine.workspace_folder import Workspace


def experiment_on(data: Path, **settings: Any) -> Experiment:
    values = {"data.path": str(data), "model.weights": "none", "split.folds": 2, "training.batch_size": 4}
    return Experiment().with_values(values | {key.replace("__", "."): value for key, value in settings.items()})


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"split__folds": 3, "split__repeats": 2},
        {"split__method": "hold-out", "split__test": 0.5},
        {"split__inner_folds": 2, "data__group": "none"},
        {"model__networks": ["mobilenet_v2", "test_resnet"]},
        {"training__seeds": 2, "model__networks": ["mobilenet_v2", "test_resnet"]},
        {"split__protocol": "aimic-2022", "data__balance": "undersample"},
    ],
    ids=str,
)
def test_trials_are_those_of_the_run(tmp_path: Path, cells: Path, settings: dict[str, Any]) -> None:
    experiment = experiment_on(cells, **settings)
    data = summarize_data(experiment.data)
    assert data.data_set is not None
    split = forecast_split(experiment, data.data_set, Workspace(tmp_path))
    plan = forecast_run(experiment, split, len(data.classes), tmp_path)
    status = read_status(create_run(experiment, Workspace(tmp_path), []))
    assert plan.trials == len(status.trials)
    assert plan.folds == status.folds
    assert plan.steps is not None
    assert plan.steps >= plan.trials * plan.epochs * plan.train // 4
    assert (plan.validation == 0) == (experiment.split.protocol == "aimic-2022")


def test_what_cannot_be_divided_is_said_at_its_setting(tmp_path: Path, cells: Path) -> None:
    experiment = experiment_on(cells, split__folds=11)
    data = summarize_data(experiment.data)
    assert data.data_set is not None
    problem = forecast_split(experiment, data.data_set, Workspace(tmp_path)).problem
    assert problem is not None
    assert problem.key == "split.folds"
    assert "too few for 11 folds" in problem.sentence


def test_data_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    data = summarize_data(experiment_on(tmp_path / "nowhere").data)
    assert (data.images, data.data_set) == (0, None)
    assert data.problem is not None
    assert data.problem.key == "data.path"
    assert "nowhere" in data.problem.sentence


# What finished trials of three classes left behind, in bytes: the model, the best epoch, the checkpoint.
_MEASURED = {
    ("mobilenet_v2", "adamw"): 9_077_148 + 9_141_771 + 27_102_743,
    ("tf_efficientnet_lite0", "adamw"): 13_694_180 + 13_755_055 + 40_887_601,
}


@pytest.mark.parametrize(("network", "optimizer"), _MEASURED)
def test_a_trial_takes_on_the_disk_what_real_ones_took(network: str, optimizer: str) -> None:
    experiment = Experiment().with_values({"training.optimizer": optimizer})
    told = trial_bytes(experiment, find_network(network), 3)
    assert told == pytest.approx(_MEASURED[network, optimizer], rel=0.03)


def test_what_learns_decides_what_a_checkpoint_holds() -> None:
    info = find_network("mobilenet_v2")
    whole = trial_bytes(Experiment(), info, 3)
    head = trial_bytes(Experiment().with_values({"model.trainable": "head"}), info, 3)
    plain = trial_bytes(Experiment().with_values({"training.optimizer": "sgd", "training.momentum": 0.0}), info, 3)
    averaged = trial_bytes(Experiment().with_values({"training.ema": 0.99}), info, 3)
    weights = 4 * info.parameters_for(3)
    assert whole - plain == pytest.approx(2 * weights)
    assert averaged - whole == pytest.approx(weights)
    assert head - plain == pytest.approx(2 * 4 * 3 * info.per_class)


def test_the_cache_is_counted_once_for_each_size_and_never_above_its_limit(tmp_path: Path, cells: Path) -> None:
    def cached(**settings: Any) -> int:
        experiment = experiment_on(cells, **settings)
        data = summarize_data(experiment.data)
        assert data.data_set is not None
        split = forecast_split(experiment, data.data_set, Workspace(tmp_path))
        return forecast_run(experiment, replace(split), 2, tmp_path).cache_bytes

    one = cached()
    assert one == 24 * 3 * 224 * 224
    assert cached(model__networks=["mobilenet_v2", "resnet50"]) == one
    assert cached(model__networks=["mobilenet_v2", "inception_v3"]) == one + 24 * 3 * 299 * 299
    assert cached(compute__cache="off") == 0
    assert cached(compute__cache_limit=0.001) == 0  # larger than the limit by itself: it is not kept
