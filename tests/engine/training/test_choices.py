"""What is decided by itself: batch size, number format, and that all folds keep to it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import nn

from aimic_tui.engine.machine import quotas
from aimic_tui.engine.models.build import build_network
from aimic_tui.engine.training import memory, precision
from aimic_tui.engine.training.device_plan import DevicePlan, load_or_make_plan
from aimic_tui.engine.training.memory import automatic_batch_size, bytes_per_image, is_out_of_memory
from aimic_tui.engine.training.precision import Precision, choose_format
from tests.engine.training.small import NETWORK

CPU = torch.device("cpu")


@pytest.fixture
def network() -> nn.Module:
    torch.manual_seed(0)
    return build_network(NETWORK, 3, 32)


def snapshot(network: nn.Module) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in network.state_dict().items()}


def test_memory_per_image_grows_with_its_area_and_the_network_stays_as_it_was(network: nn.Module) -> None:
    before = snapshot(network)
    small, large = bytes_per_image(network, 32, CPU), bytes_per_image(network, 64, CPU)
    assert 3 < large / small < 5
    after = network.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


@pytest.mark.parametrize(("images", "size"), [(20, 8), (231, 16), (500, 32), (6000, 64), (10**6, 64)])
def test_batches_are_small_enough_for_enough_steps_an_epoch(network: nn.Module, images: int, size: int) -> None:
    assert automatic_batch_size(network, 32, CPU, images) == size


def test_batches_fit_into_the_memory(network: nn.Module, monkeypatch: pytest.MonkeyPatch) -> None:
    room = 21 * bytes_per_image(network, 32, CPU)
    monkeypatch.setattr(memory, "_free_memory", lambda _: room)
    assert automatic_batch_size(network, 32, CPU, 10_000) == 4
    monkeypatch.setattr(memory, "_free_memory", lambda _: 0)
    assert automatic_batch_size(network, 32, CPU, 10_000) == 2


def test_the_batch_size_honours_a_containers_memory_limit(
    network: nn.Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quotas, "_CGROUP", tmp_path / "none")
    assert automatic_batch_size(network, 32, CPU, 10_000) == 64
    monkeypatch.setattr(quotas, "_CGROUP", tmp_path)
    free = 21 * bytes_per_image(network, 32, CPU)
    (tmp_path / "memory.max").write_text(f"{free + 1_000_000}\n")
    (tmp_path / "memory.current").write_text("1000000\n")
    assert automatic_batch_size(network, 32, CPU, 10_000) == 4
    (tmp_path / "memory.current").write_text(f"{free + 1_000_000}\n")
    assert automatic_batch_size(network, 32, CPU, 10_000) == 2


def test_what_counts_as_a_lack_of_memory() -> None:
    assert is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory"))
    assert is_out_of_memory(RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"))
    assert is_out_of_memory(MemoryError())
    assert not is_out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))


def test_a_short_training_on_a_processor_stays_in_full_precision(network: nn.Module) -> None:
    assert choose_format(network, 32, CPU, batch_size=4, steps=100) == "fp32"


@pytest.mark.parametrize(
    ("seconds", "chosen"), [({"fp32": 1.0, "bf16": 0.9}, "fp32"), ({"fp32": 2, "bf16": 1}, "bf16")]
)
def test_a_long_one_takes_bf16_only_where_it_is_clearly_faster(
    network: nn.Module, monkeypatch: pytest.MonkeyPatch, seconds: dict[str, float], chosen: str
) -> None:
    monkeypatch.setattr(precision, "_cpu_has_bf16", lambda: True)
    monkeypatch.setattr(precision, "_probe", lambda _network, _images, tried: seconds[tried.format])
    assert choose_format(network, 32, CPU, batch_size=4, steps=10_000) == chosen


def test_the_probe_leaves_the_network_as_it_was(network: nn.Module) -> None:
    before = snapshot(network)
    assert precision._probe(network, torch.zeros(4, 3, 32, 32), Precision("bf16", CPU)) > 0
    after = network.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert all(parameter.grad is None for parameter in network.parameters())


def test_the_first_plan_is_everyones(tmp_path: Path) -> None:
    file = tmp_path / "plan-cpu.json"
    assert load_or_make_plan(file, lambda: DevicePlan(16, "fp32")) == DevicePlan(16, "fp32")
    assert load_or_make_plan(file, lambda: DevicePlan(64, "bf16")) == DevicePlan(16, "fp32")
    assert list(tmp_path.iterdir()) == [file]


def test_of_two_plans_made_at_once_the_first_written_counts(tmp_path: Path) -> None:
    file = tmp_path / "plan-cpu.json"

    def slow() -> DevicePlan:
        load_or_make_plan(file, lambda: DevicePlan(8, "fp32"))  # another worker comes first
        return DevicePlan(64, "fp32")

    assert load_or_make_plan(file, slow) == DevicePlan(8, "fp32")


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        json.dumps({"batch_size": 0, "format": "fp32"}),
        '{"batch_size": 4}',
        "[" * 100_000,
        json.dumps({"batch_size": 10**9, "format": "fp32"}),
        json.dumps({"batch_size": 4, "format": ["fp32"]}),
    ],
)
def test_a_damaged_plan_is_made_anew(tmp_path: Path, content: str) -> None:
    file = tmp_path / "plan-cpu.json"
    file.write_text(content)
    assert load_or_make_plan(file, lambda: DevicePlan(16, "fp32")) == DevicePlan(16, "fp32")
    assert load_or_make_plan(file, lambda: DevicePlan(32, "fp32")) == DevicePlan(16, "fp32")
