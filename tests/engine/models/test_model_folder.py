from __future__ import annotations

from pathlib import Path

import pytest
import torch

from aimic_tui.engine import files
from aimic_tui.engine.bounded_files import read_json
from aimic_tui.engine.data.preprocessing import Preprocessing
from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.files import write_json
from aimic_tui.engine.models.model_folder import (
    ModelCard,
    find_models,
    read_checked_model,
    read_model_card,
    save_model,
)
from aimic_tui.engine.models.provenance import Provenance

WAY = Preprocessing(64, "stretch", "auto", (0.5, 0.4, 0.3), (0.1, 0.2, 0.3))


def card(network: str = "test_resnet", value: float = 0.5, monitor: str = "macro_f1", epoch: int = 1) -> ModelCard:
    provenance = Provenance(fold=1, epoch=epoch, monitor=monitor, validation={monitor: value})
    return ModelCard(network, ("lymphocyte", "=monocyte", "ba\x1bsophil"), WAY, provenance)


def state(value: float) -> dict[str, torch.Tensor]:
    return {"weight": torch.full((3, 2), value), "steps": torch.tensor(7)}


def save_run(run: Path, networks: dict[str, list[float]], monitor: str = "macro_f1") -> None:
    for network, values in networks.items():
        for fold, value in enumerate(values, start=1):
            save_model(run / "trials" / network / f"fold-{fold}" / "model", card(network, value, monitor), state(value))


def test_what_was_saved_is_read_back(tmp_path: Path) -> None:
    folder = tmp_path / "trial" / "model"
    save_model(folder, card(), state(1.0))
    assert read_model_card(folder) == card()
    found, weights, digest = read_checked_model(folder)
    assert found == card()
    assert files.digest_of_file(weights) == digest
    assert sorted(path.name for path in folder.iterdir()) == ["model.json", "weights.safetensors"]


def test_changed_weights_are_noticed(tmp_path: Path) -> None:
    save_model(tmp_path, card(), state(1.0))
    content = bytearray((tmp_path / "weights.safetensors").read_bytes())
    content[-1] ^= 1
    (tmp_path / "weights.safetensors").write_bytes(content)
    with pytest.raises(InputProblem, match="damaged"):
        read_checked_model(tmp_path)
    (tmp_path / "weights.safetensors").unlink()
    with pytest.raises(InputProblem, match="can't be read"):
        read_checked_model(tmp_path)


@pytest.mark.parametrize("writes", [0, 1, 2])
def test_dying_between_any_two_writes_leaves_the_old_model_or_the_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, writes: int
) -> None:
    save_model(tmp_path, card(epoch=1), state(1.0))
    left = [writes]
    replace = Path.replace

    def dying(self: Path, target: Path) -> Path:
        if not left[0]:
            raise KeyboardInterrupt
        left[0] -= 1
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", dying)
    with pytest.raises(KeyboardInterrupt):
        save_model(tmp_path, card(epoch=2), state(2.0))
    monkeypatch.undo()
    found, _, _ = read_checked_model(tmp_path)
    assert found.provenance.epoch == (2 if writes == 2 else 1)
    save_model(tmp_path, card(epoch=3), state(3.0))
    assert read_checked_model(tmp_path)[0].provenance.epoch == 3
    assert "previous" not in read_json(tmp_path / "model.json")


@pytest.mark.parametrize(
    "content", ["", "{}", "[1]", '{"format": 1}', '{"format": 99}', '{"format": 1, "network": "x", "classes": 3}']
)
def test_a_broken_card_is_a_sentence(tmp_path: Path, content: str) -> None:
    (tmp_path / "model.json").write_text(content)
    with pytest.raises(InputProblem):
        read_model_card(tmp_path)


def test_a_card_that_names_another_preprocessing_is_refused(tmp_path: Path) -> None:
    save_model(tmp_path, card(), state(1.0))
    value = read_json(tmp_path / "model.json")
    value["preprocessing"]["fit"] = "twist"
    write_json(tmp_path / "model.json", value)
    with pytest.raises(InputProblem):
        read_model_card(tmp_path)


def test_a_run_a_trial_and_a_model_folder_stand_for_models(tmp_path: Path) -> None:
    save_run(tmp_path, {"test_resnet": [0.5] * 11})
    trials = tmp_path / "trials" / "test_resnet"
    first = trials / "fold-1"
    assert find_models(tmp_path, None) == [trials / f"fold-{fold}" / "model" for fold in range(1, 12)]
    assert find_models(first, None) == [first / "model"]
    assert find_models(first / "model", None) == [first / "model"]


def test_of_several_networks_the_one_best_on_validation_is_taken(tmp_path: Path) -> None:
    save_run(tmp_path / "by-f1", {"resnet18": [0.9, 0.1], "test_resnet": [0.6, 0.6], "vgg16": [0.5, 0.5]})
    assert {path.parent.parent.name for path in find_models(tmp_path / "by-f1")} == {"test_resnet"}
    assert len(find_models(tmp_path / "by-f1", "vgg16")) == 2
    save_run(tmp_path / "by-loss", {"resnet18": [0.9, 0.8], "test_resnet": [0.3, 0.4]}, monitor="loss")
    assert {path.parent.parent.name for path in find_models(tmp_path / "by-loss")} == {"test_resnet"}


def test_nothing_to_find_is_a_sentence(tmp_path: Path) -> None:
    save_run(tmp_path / "run", {"resnet18": [0.9]})
    for target, network, words in [
        (tmp_path / "missing", None, "does not exist"),
        (tmp_path, None, "holds no trained model"),
        (tmp_path / "run", "vgg16", "it has resnet18"),
        (tmp_path / "run/trials/resnet18/fold-1", "vgg16", "is a model of resnet18"),
    ]:
        with pytest.raises(InputProblem, match=words):
            find_models(target, network)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("classes", [f"class {number}" for number in range(10_001)]),
        ("classes", ["a", "a"]),
        ("classes", []),
        ("classes", [1, 2]),
        ("classes", "ab"),
        ("network", ["test_resnet"]),
        ("preprocessing", {**WAY.to_json(), "image_size": 10**6}),
        ("preprocessing", {**WAY.to_json(), "image_size": 0}),
        ("preprocessing", {**WAY.to_json(), "image_size": "64"}),
        ("preprocessing", {**WAY.to_json(), "mean": [0.5, 0.5]}),
        ("preprocessing", {**WAY.to_json(), "std": [0.1, 0.0, 0.3]}),
        ("preprocessing", {**WAY.to_json(), "window": [[]]}),
        ("preprocessing", []),
        ("provenance", [1]),
    ],
)
def test_a_card_that_asks_for_the_impossible_is_refused_before_anything_is_built(
    tmp_path: Path, key: str, value: object
) -> None:
    save_model(tmp_path, card(), state(1.0))
    stored = read_json(tmp_path / "model.json")
    write_json(tmp_path / "model.json", {**stored, key: value})
    with pytest.raises(InputProblem, match=r"model\.json"):
        read_checked_model(tmp_path)
