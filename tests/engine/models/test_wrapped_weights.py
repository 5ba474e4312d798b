"""Checkpoints as other programs wrap them."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.models.build import build_network
from aimic_tui.engine.models.catalogue import find_network
from aimic_tui.engine.models.weights import WeightsReport, load_initial_weights
from aimic_tui.engine.models.weights_folder import check_weights_file
from aimic_tui.engine.models.weights_import import import_weights

State = dict[str, Tensor]


def network(seed: int = 1, classes: int = 4) -> nn.Module:
    torch.manual_seed(seed)
    return build_network("test_resnet", classes, 64)


def below(prefix: str, state: State) -> State:
    return {f"{prefix}{name}": value for name, value in state.items()}


def body(state: State) -> State:
    return {name: value for name, value in state.items() if not name.startswith("fc.")}


def cut(source: nn.Module) -> State:
    """The names of a network that was cut into its children."""
    return nn.Sequential(*list(source.children())[:-1]).state_dict()


def load(path: Path) -> tuple[nn.Module, WeightsReport]:
    target = network(seed=1)
    return target, load_initial_weights(target, str(path), find_network("test_resnet"))


def holds(target: nn.Module, source: nn.Module) -> bool:
    theirs = source.state_dict()
    return all(torch.equal(value, theirs[name]) for name, value in body(target.state_dict()).items())


HEAD = {"0.weight": torch.ones(8, 8), "0.bias": torch.ones(8), "2.weight": torch.ones(3, 8)}
QUEUE = {"queue": torch.ones(16, 64), "queue_ptr": torch.zeros(1)}
WRAPS: dict[str, Callable[[nn.Module], object]] = {
    "lightning": lambda net: {
        "state_dict": below("model.", net.state_dict()),
        "epoch": 3,
        "pytorch-lightning_version": "2.2.0",
        "hyper_parameters": {"lr": 1e-3},
        "optimizer_states": [{"state": {0: {"exp_avg": torch.ones(3)}}}],
        "callbacks": {},
    },
    "a name of one's own": lambda net: {"state_dict": below("my_cell_net.inner_2.", net.state_dict())},
    "timm_model": lambda net: below("timm_model.", net.state_dict()),
    "compiled": lambda net: below("_orig_mod.module.", net.state_dict()),
    "DataParallel": lambda net: {"model": below("module.", net.state_dict()), "optimizer": {"state": {}}},
    "criterion beside": lambda net: {
        "state_dict": below("net.", net.state_dict()) | {"criterion.weight": torch.ones(2), "acc.total": torch.ones(1)}
    },
    "SimCLR": lambda net: {"state_dict": below("backbone.", body(net.state_dict())) | below("backbone.fc.", HEAD)},
    "projector": lambda net: below("encoder.", body(net.state_dict())) | below("projector.", HEAD),
    "MMPretrain": lambda net: {
        "meta": {"epoch": 9},
        "state_dict": below("backbone.", body(net.state_dict())) | {"head.fc.weight": torch.ones(7, 9)},
    },
    "detectron": lambda net: {"model": net.state_dict(), "__author__": "someone", "matching_heuristics": True},
    "fastai": lambda net: {"model": below("0.", cut(net)) | below("1.", HEAD), "opt": {"state": [], "hypers": []}},
    "lightly": lambda net: {"state_dict": below("backbone.", cut(net)) | below("projection_head.layers.", HEAD)},
    "in dicts by layer": lambda net: {"params": {"net": {"encoder": dict(net.state_dict())}}},
    "MoCo, momentum encoder left out": lambda net: {
        "state_dict": below("module.encoder_q.", body(net.state_dict())) | below("module.", QUEUE)
    },
}


@pytest.mark.parametrize("wrap", WRAPS.values(), ids=WRAPS)
@pytest.mark.parametrize("name", ["last.ckpt", "checkpoint.pth.tar", "export.pkl"])
def test_a_network_is_found_wherever_it_lies(tmp_path, wrap, name):
    source = network(seed=2)
    torch.save(wrap(source), tmp_path / name)
    target, _ = load(tmp_path / name)
    assert holds(target, source)


@pytest.mark.parametrize("seed", range(20))
def test_a_prefix_needs_no_list(tmp_path, seed):
    draw = random.Random(seed)
    words = ["".join(draw.choices("abcdefgh_0123", k=draw.randint(1, 8))) for _ in range(draw.randint(1, 4))]
    source = network(seed=2)
    save_file(below(".".join(words) + ".", source.state_dict()), tmp_path / "w.safetensors")
    target, report = load(tmp_path / "w.safetensors")
    assert holds(target, source)
    assert report.unexpected == ()


PAIRS: dict[str, Callable[[State, State], object]] = {
    "DINO": lambda taken, left: {
        "student": below("module.backbone.", left) | below("module.head.", HEAD),
        "teacher": below("backbone.", taken) | below("head.", HEAD),
        "optimizer": {},
    },
    "DINOv2": lambda taken, left: {"model": below("teacher.backbone.", taken) | below("student.backbone.", left)},
    "MoCo": lambda taken, left: {
        "state_dict": below("module.encoder_q.", taken) | below("module.encoder_k.", left) | below("module.", QUEUE)
    },
    "MoCo v3": lambda taken, left: {
        "state_dict": below("module.base_encoder.", taken) | below("module.momentum_encoder.", left)
    },
    "BYOL": lambda taken, left: {"online_network_state_dict": taken, "target_network_state_dict": left},
    "BYOL in one": lambda taken, left: below("online_encoder.net.", taken) | below("target_encoder.net.", left),
    "solo-learn": lambda taken, left: {
        "state_dict": below("backbone.", taken) | below("momentum_backbone.", left) | below("projector.", HEAD)
    },
    "timm": lambda taken, left: {"state_dict": left, "state_dict_ema": taken, "arch": "x"},
    "averaged beside": lambda taken, left: {"model": left, "model_ema": {"module": taken}},
    "Lightning averaging": lambda taken, left: {
        "state_dict": below("model.", taken),
        "current_model_state": below("model.", left),
    },
    "mean teacher": lambda taken, left: below("model.", left) | below("ema_model.", taken),
}


@pytest.mark.parametrize("wrap", PAIRS.values(), ids=PAIRS)
def test_of_two_networks_a_rule_takes_one_and_says_so(tmp_path, wrap):
    taken, left = network(seed=2), network(seed=3)
    torch.save(wrap(body(taken.state_dict()), body(left.state_dict())), tmp_path / "w.pth")
    target, report = load(tmp_path / "w.pth")
    assert holds(target, taken)
    assert "of 2 networks in the file" in report.sentence()


def test_where_no_rule_says_which_a_choice_is_asked_for_and_taken(tmp_path):
    one, two = network(seed=2), network(seed=3)
    torch.save(
        {"state_dict": below("net_a.", one.state_dict()) | below("net_b.", two.state_dict())}, tmp_path / "w.ckpt"
    )
    with pytest.raises(InputProblem, match=r"2 networks that fit: state_dict/net_a\., state_dict/net_b\..*--part"):
        load(tmp_path / "w.ckpt")
    info, folder = find_network("test_resnet"), tmp_path / "weights"
    import_weights(tmp_path / "w.ckpt", info, "b", folder, part="state_dict/net_b.")
    target = network(seed=1)
    load_initial_weights(target, "imagenet:b", info, folder)
    assert holds(target, two)
    with pytest.raises(InputProblem, match="holds no such network under net_c"):
        import_weights(tmp_path / "w.ckpt", info, "c", folder, part="net_c")


def test_the_same_tensors_under_two_names_are_no_choice(tmp_path):
    source = network(seed=2)
    torch.save(below("a.", source.state_dict()) | below("b.", source.state_dict()), tmp_path / "w.pth")
    target, report = load(tmp_path / "w.pth")
    assert holds(target, source)
    assert "networks in the file" not in report.sentence()


def test_what_is_left_is_named(tmp_path):
    source = network(seed=2)
    torch.save(
        {"student": {"x": torch.ones(1)}, "net": below("body.", source.state_dict())} | QUEUE, tmp_path / "w.pth"
    )
    _, report = load(tmp_path / "w.pth")
    assert "left in the file: student/ (1 tensor), queue (1 tensor), queue_ptr (1 tensor)" in report.sentence()


def test_another_network_behind_a_prefix_is_refused_by_its_tensors(tmp_path):
    other = build_network("test_efficientnet", 4, 64)
    torch.save({"state_dict": below("model.", other.state_dict())}, tmp_path / "w.ckpt")
    with pytest.raises(InputProblem, match=r"does not fit test_resnet: .* are missing"):
        load(tmp_path / "w.ckpt")


class Harmful:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return eval, ("__import__('pathlib').Path('RAN').touch()",)


@pytest.mark.parametrize("name", ["last.ckpt", "w.pkl", "w.pth.tar"])
def test_no_code_of_a_checkpoint_runs(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    torch.save({"state_dict": network().state_dict(), "hyper_parameters": Harmful()}, tmp_path / name)
    with pytest.raises(InputProblem, match="could run code"):
        load(tmp_path / name)
    assert not (tmp_path / "RAN").exists()


@pytest.mark.parametrize(
    ("name", "program"), [("w.h5", "Keras"), ("model.ckpt.index", "TensorFlow"), ("w.onnx", "ONNX")]
)
def test_another_programs_file_is_called_by_its_name(tmp_path, name, program):
    (tmp_path / name).write_bytes(b"x")
    with pytest.raises(InputProblem, match=f"is a file of {program}, not of PyTorch"):
        check_weights_file(tmp_path / name)
