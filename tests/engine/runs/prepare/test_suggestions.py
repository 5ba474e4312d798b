"""Suggestions before a start: each where it belongs, none where all is well."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from aimic_tui.engine.experiment import DataSettings, Experiment
from aimic_tui.engine.runs.prepare.availability import availability_problems
from aimic_tui.engine.runs.prepare.data_summary import DataSummary, summarize_data
from aimic_tui.engine.runs.prepare.duration import DurationEstimate
from aimic_tui.engine.runs.prepare.run_forecast import RunForecast
from aimic_tui.engine.runs.prepare.split_forecast import SplitForecast
from aimic_tui.engine.runs.prepare.suggestions import suggestions_for
from aimic_tui.engine.workspace_folder import Workspace

DATA = DataSummary({"a": 900, "b": 700}, groups=1600)
SPLIT = SplitForecast(train=(1088,) * 5, validation=(192,) * 5, test=(320,) * 5, used=1600)
FORECAST = RunForecast(1, 5, 1, 5, 1088, 192, 30, 5000, 10**8, 10**8, 10**11)


def keys(
    data: DataSummary = DATA, split: SplitForecast = SPLIT, forecast: RunForecast = FORECAST, **settings: Any
) -> dict[str, str]:
    experiment = Experiment().with_values({key.replace("__", "."): value for key, value in settings.items()})
    return {item.key: item.sentence for item in suggestions_for(experiment, data, split, forecast)}


def test_the_defaults_on_enough_images_need_no_suggestion() -> None:
    assert keys() == {}


@pytest.mark.parametrize(
    ("settings", "key", "words"),
    [
        ({"training__batch_size": 2000}, "training.batch_size", "more than the 1088 training images"),
        ({"training__epochs": 2, "training__warmup": 0.5}, "training.epochs", "steps per trial"),
        ({"model__weights": "none"}, "training.epochs", "from random weights"),
        ({"training__learning_rate": 0.5}, "training.learning_rate", "may diverge"),
        ({"training__learning_rate": 1e-8}, "training.learning_rate", "hardly learn"),
        ({"model__trainable": "head", "model__weights": "none"}, "model.trainable", "freezes random layers"),
        ({"model__trainable": "head", "augmentation__preset": "strong"}, "augmentation.preset", "no effect"),
        ({"training__warmup": 40.0}, "training.warmup", "a fifth"),
        ({"training__schedule": "plateau", "training__decay_every": 12}, "training.decay_every", "never falls"),
        ({"training__schedule": "step"}, "training.decay_every", "never falls in 30"),
        ({"data__balance": "undersample"}, "data.balance", "discards images"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_settings_that_do_not_help_each_other_are_named(settings: dict[str, Any], key: str, words: str) -> None:
    assert words in keys(**settings)[key]


def test_sgd_may_have_a_rate_that_adamw_may_not() -> None:
    assert "training.learning_rate" not in keys(training__learning_rate=0.1, training__optimizer="sgd")


def test_what_seeds_of_a_comparison_cost_is_said_before() -> None:
    networks = ["mobilenet_v2", "resnet18", "resnet34"]
    nine, hour = replace(FORECAST, networks=3, folds=3, trials=9), DurationEstimate(3600.0, "earlier runs here")

    def on_seeds(forecast: RunForecast, **settings: Any) -> str:
        experiment = Experiment().with_values({"model.networks": networks, **settings})
        found = suggestions_for(experiment, DATA, SPLIT, forecast, hour)
        return next((item.sentence for item in found if item.key == "training.seeds"), "")

    three = on_seeds(replace(nine, trials=27))
    assert three.startswith(
        "3 seeds, since networks are compared: 27 trials instead of 9, at most 1 h 0 min instead of 20 min"
    )
    one = on_seeds(nine, **{"training.seeds": 1})
    assert "only tells these trained networks apart" in one
    assert "training.seeds = 3 makes 27 trials instead of 9, at most 3 h 0 min instead of 1 h 0 min" in one
    assert not on_seeds(replace(nine, trials=27), **{"training.seeds": 3})  # chosen: nothing to say
    assert not on_seeds(nine, **{"split.repeats": 2})  # trained anew in each repeat


def test_a_disk_that_is_too_small_goes_first() -> None:
    found = keys(forecast=RunForecast(1, 5, 1, 5, 1088, 192, 30, 5000, 10**11, 0, 10**9), training__learning_rate=0.5)
    assert next(iter(found)) == "compute.cache"
    assert "1.0 GB are free" in found["compute.cache"]


def test_unequal_classes_without_balance_are_said() -> None:
    assert "10 times" in keys(data=DataSummary({"a": 1000, "b": 100}), data__balance="none")["data.balance"]


def test_how_folders_were_read_is_said_until_the_setting_says_it(tmp_path: Path) -> None:
    for name in ("TRAIN/a", "TRAIN/b", "TestA/a", "TestA/b"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "1.png").touch()
    data = summarize_data(DataSettings(path=str(tmp_path)))
    assert keys(data)["data.layout"].startswith("Layout: TRAIN (train) and TestA (test) are parts.")
    assert "data.layout" not in keys(summarize_data(DataSettings(path=str(tmp_path), layout="parts")))


def test_parts_of_a_table_that_are_not_used_are_said(tmp_path: Path) -> None:
    table = tmp_path / "list.csv"
    for index in range(8):
        (tmp_path / f"{index}.png").touch()
    rows = [f"{index}.png,{'ab'[index % 2]},{'test' if index < 2 else 'train'}\n" for index in range(8)]
    table.write_text("path,label,split\n" + "".join(rows))
    data = summarize_data(DataSettings(path=str(table)))
    assert "6 training and 2 test images" in keys(data)["split.method"]
    assert "split.method" not in keys(data, split__method="predefined")
    assert "split.method" not in keys(summarize_data(DataSettings(path=str(table), part_column="none")))


def test_what_the_split_cannot_give_is_passed_on() -> None:
    found = keys(
        split=SplitForecast((9,), (1,), (2,), "Only 1 image. The best epoch is a guess.", 12, ("No image of b.",))
    )
    assert found["split.validation"] == "Only 1 image. The best epoch is a guess."
    assert found["split.method"] == "No image of b."


def test_what_stands_in_the_way_is_said_at_its_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIMIC_WEIGHTS", str(tmp_path / "none"))
    workspace = Workspace(tmp_path)
    wrong = Experiment().with_values(
        {"model.networks": ["mobilenet_v2", "no_such_network"], "compute.devices": "cuda:99"}
    )
    found = {problem.key: problem.sentence for problem in availability_problems(wrong, workspace)}
    assert set(found) == {"model.networks", "model.weights", "compute.devices"}
    assert "aimic weights fetch mobilenet_v2" in found["model.weights"]
    size = Experiment().with_values({"model.weights": "none", "model.image_size": 100, "model.networks": ["test_vit"]})
    assert [problem.key for problem in availability_problems(size, workspace)] == ["model.image_size"]
    assert availability_problems(Experiment().with_values({"model.weights": "none"}), workspace) == ()
