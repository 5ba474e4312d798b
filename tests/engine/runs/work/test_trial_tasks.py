"""What a run's settings are known by when it is resumed."""

from __future__ import annotations

from pathlib import Path

import pytest

from aimic_tui.engine.experiment import Experiment
from aimic_tui.engine.runs.own_files import digest_of_experiment


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "experiment.toml"
    path.write_text(Experiment().with_values({"data.path": str(tmp_path)}).to_toml())
    return path


def changed(file: Path, values: dict[str, object]) -> Path:
    path = file.with_name("changed.toml")
    path.write_text(Experiment.from_file(file).with_values(values).to_toml())
    return path


@pytest.mark.parametrize("key, value", [("seed", 7), ("training.epochs", 3), ("split.folds", 4), ("data.fit", "pad")])
def test_another_setting_is_another_experiment(file: Path, key: str, value: object) -> None:
    assert digest_of_experiment(changed(file, {key: value})) != digest_of_experiment(file)


@pytest.mark.parametrize(
    "key, value",
    [("name", "renamed"), ("compute.devices", "cpu"), ("model.networks", ["resnet18"]), ("training.seeds", 3)],
)
def test_what_a_resumed_run_may_change_does_not_count(file: Path, key: str, value: object) -> None:
    assert digest_of_experiment(changed(file, {key: value})) == digest_of_experiment(file)


def test_a_setting_of_a_later_version_does_not_count_in_a_run_that_does_not_name_it(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = digest_of_experiment(file)
    real = Experiment.to_mapping

    def with_a_new_setting(self: Experiment) -> dict[str, dict[str, object]]:
        mapping = real(self)
        mapping["training"]["a_later_setting"] = "its default"
        mapping["a_later_table"] = {"key": 1}
        return mapping

    monkeypatch.setattr(Experiment, "to_mapping", with_a_new_setting)
    assert digest_of_experiment(file) == before
    file.write_text(file.read_text().replace("[training]", '[training]\na_later_setting = "its default"'))
    monkeypatch.setattr(Experiment, "from_file", lambda path: Experiment())  # it would refuse the key that is not there
    assert digest_of_experiment(file) != before
