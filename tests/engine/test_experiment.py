"""One declaration of every setting: its file, its flag, its form field, its error."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import tomli
from hypothesis import given
from hypothesis import strategies as st

from aimic_tui.engine.errors import UsageProblem
from aimic_tui.engine.experiment import (
    PRESETS,
    Experiment,
    ExperimentProblem,
    check_value,
    settings,
    with_overrides,
)
from aimic_tui.engine.setting import parse_text


def test_the_resolved_experiment_has_every_default_written_out_and_reads_back(tmp_path: Path) -> None:
    file = tmp_path / "experiment.toml"
    file.write_text(Experiment().to_toml())
    written = tomli.loads(file.read_text())
    for setting in settings():
        table = written[setting.section] if setting.section else written
        assert table[setting.key.rsplit(".", 1)[-1]] == setting.default
    assert Experiment.from_file(file).model_copy(update={"data": Experiment().data}) == Experiment()


def test_everything_wrong_is_said_at_once_with_key_file_and_nearest_name(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(
        "epochs = 3\n[modle]\n[split]\nfolds = 'x'\n"
        "[training]\nepochs = -3\nlerning_rate = 1\noptimizer = 'adan'\nlearning_rate = 0\n"
    )
    with pytest.raises(ExperimentProblem) as caught:
        Experiment.from_file(file)
    sentences = {problem.key: problem.sentence for problem in caught.value.problems}
    assert sentences == {
        "epochs": "epochs is not a setting. Did you mean training.epochs?",
        "modle": "modle is not a setting. Did you mean model?",
        "split.folds": "split.folds = x must be a whole number from 2 to 100.",
        "training.epochs": "training.epochs = -3 must be a whole number from 1 to 100000.",
        "training.learning_rate": "training.learning_rate = 0 must be a number above 0 and up to 100.",
        "training.lerning_rate": "training.lerning_rate is not a setting. Did you mean training.learning_rate?",
        "training.optimizer": "training.optimizer = adan is not one of adamw, adam, adamax, rmsprop, rprop, adadelta, "
        "adagrad, lbfgs, sgd. Did you mean adam?",
    }
    assert caught.value.exit_code == 2
    assert all(line.startswith(str(file)) for line in caught.value.sentence.splitlines())


@pytest.mark.parametrize(
    ("override", "key", "value"),
    [
        ("training.epochs=3", "training.epochs", 3),
        (r"data.group=^(smear\d+)", "data.group", r"^(smear\d+)"),
        (r"data.group='^(smear\d+)'", "data.group", r"^(smear\d+)"),
        ('model.networks=["resnet50", "vgg16"]', "model.networks", ["resnet50", "vgg16"]),
        ("model.networks=resnet50, vgg16", "model.networks", ["resnet50", "vgg16"]),
        ("model.weights=none", "model.weights", "none"),
        ("model.image_size=auto", "model.image_size", "auto"),
        ("model.image_size=96", "model.image_size", 96),
        ("training.learning_rate=1e-3", "training.learning_rate", 1e-3),
        ("training.shuffle=false", "training.shuffle", False),
        ("name=7", "name", "7"),
    ],
)
def test_set_takes_values_as_people_type_them(override: str, key: str, value: object) -> None:
    mapping = Experiment.from_mapping(with_overrides({}, [override])).to_mapping()
    for part in key.split("."):
        mapping = mapping[part]
    assert mapping == value


def test_set_without_an_equals_sign_is_refused() -> None:
    with pytest.raises(UsageProblem, match="key=value"):
        with_overrides({}, ["training.epochs"])
    with pytest.raises(UsageProblem, match="not a table"):
        with_overrides({"name": "x"}, ["name.first=3"])


def test_a_relative_data_path_is_relative_to_the_file(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text("[data]\npath = 'cells'\n")
    assert Experiment.from_file(tmp_path / "a.toml").data.path == str(tmp_path / "cells")


@pytest.mark.parametrize("content", [None, b"\xff\xfe", b"a = = 3"])
def test_a_file_that_is_no_experiment_is_a_sentence(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "x.toml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(UsageProblem, match=r"x\.toml"):
        Experiment.from_file(file)


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_is_a_valid_experiment(name: str) -> None:
    experiment = Experiment().with_values(PRESETS[name])
    assert (experiment.split.protocol == "aimic-2022") == (name == "paper")


def test_a_field_says_what_is_wrong_while_typing() -> None:
    by_key = {setting.key: setting for setting in settings()}
    assert check_value(by_key["training.epochs"], "30") is None
    assert (
        check_value(by_key["training.epochs"], "many")
        == "training.epochs = many must be a whole number from 1 to 100000."
    )
    assert check_value(by_key["model.networks"], "") is not None


@given(st.text(max_size=30))
def test_whatever_is_typed_is_a_value_or_a_sentence(text: str) -> None:
    for setting in settings():
        sentence = check_value(setting, text)
        if sentence is None:
            Experiment().with_values({setting.key: parse_text(setting, text)})
        else:
            assert sentence.startswith(setting.key)
            assert "\n" not in sentence


def test_every_setting_explains_itself() -> None:
    for setting in settings():
        assert setting.title
        assert setting.help.endswith(".")


@pytest.mark.parametrize(
    ("values", "seeds"),
    [
        ({}, 1),
        ({"model.networks": ["mobilenet_v2", "resnet18"]}, 3),
        ({"model.networks": ["mobilenet_v2", "mobilenet_v2"]}, 1),
        ({"model.networks": ["mobilenet_v2", "resnet18"], "split.repeats": 2}, 1),
        ({"model.networks": ["mobilenet_v2", "resnet18"], "training.seeds": 2}, 2),
        ({"model.networks": ["mobilenet_v2", "resnet18"], **PRESETS["quick"]}, 1),
        ({"model.networks": ["mobilenet_v2", "resnet18"], **PRESETS["paper"]}, 1),
    ],
    ids=str,
)
def test_networks_that_are_compared_are_trained_three_times(values: dict[str, Any], seeds: int) -> None:
    assert Experiment().with_values(values).seeds == seeds
