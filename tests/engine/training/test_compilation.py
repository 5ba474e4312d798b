"""Compiled training passes: decided once, the same after a resume, and never in the way."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from aimic_tui.engine.models.build import build_network
from aimic_tui.engine.training import compilation
from aimic_tui.engine.training import device_plan as plan
from aimic_tui.engine.training.compilation import CompiledForward, TrainingPass, compiled_forward, compiling_pays_off
from aimic_tui.engine.training.device_plan import DevicePlan, resolve_plan
from aimic_tui.engine.training.precision import Precision
from aimic_tui.engine.training.trial import TrialTask, train_trial
from tests.engine.training.small import NETWORK, Story, make_task

CPU = torch.device("cpu")


@pytest.fixture
def stood_in(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """In place of a compiler: the network itself; returns the sizes of the batches that went through."""
    sizes: list[int] = []

    def compiler(network: nn.Module, **_: Any) -> Callable[[torch.Tensor], Any]:
        def forward(images: torch.Tensor) -> Any:
            sizes.append(len(images))
            return network(images)

        return forward

    monkeypatch.setattr(torch, "compile", compiler)
    return sizes


def one_pass(size: int = 8) -> TrainingPass:
    torch.manual_seed(0)
    return TrainingPass(build_network(NETWORK, 3, 32).train(), size, 32, Precision("fp32", CPU), CPU)


def run(task: TrialTask, story: Story | None = None) -> Story:
    story = story or Story()
    train_trial(task, emit=story.emit, should_stop=story.should_stop)
    return story


def test_batches_of_another_size_go_the_plain_way(stood_in: list[int]) -> None:
    forward = CompiledForward(nn.Identity(), 8)
    for size in (8, 3, 8):
        assert len(forward(torch.zeros(size, 3, 4, 4))) == size
    assert stood_in == [8, 8]


def test_trying_a_pass_leaves_no_trace_in_the_network(stood_in: list[int]) -> None:
    what = one_pass()
    before = {name: tensor.clone() for name, tensor in what.network.state_dict().items()}
    assert compiled_forward(what)[0] is not None
    after = what.network.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert all(parameter.grad is None for parameter in what.network.parameters())


@pytest.mark.parametrize(
    ("plain", "compiled", "steps", "earned"),
    [(0.1, 0.06, 100_000, True), (0.1, 0.095, 2_000, False), (0.1, 0.06, 500, False), (0.1, 0.12, 100_000, False)],
)
def test_a_gpu_compiles_where_the_training_is_long_enough(
    monkeypatch: pytest.MonkeyPatch, plain: float, compiled: float, steps: int, earned: bool
) -> None:
    clock = iter([0.0, 30.0])  # before and after compiling
    monkeypatch.setattr(compilation.time, "perf_counter", lambda: next(clock))
    monkeypatch.setattr(compilation, "compiled_forward", lambda what: (CompiledForward(what.network, what.size), ""))
    monkeypatch.setattr(
        TrainingPass, "fastest", lambda _, forward: compiled if isinstance(forward, CompiledForward) else plain
    )
    monkeypatch.setattr(torch, "compile", lambda network, **_: network)
    what = TrainingPass(nn.Identity(), 8, 32, Precision("fp32", CPU), torch.device("cuda"))
    assert compiling_pays_off(what, steps=steps) is earned


def test_a_processor_never_compiles_by_itself(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(TrainingPass, "fastest", lambda *_: pytest.fail("nothing to measure"))
    assert compiling_pays_off(one_pass(), steps=10**9) is False
    task = make_task(tmp_path, training__batch_size="auto", training__precision="auto")
    assert resolve_plan(task, one_pass().network, 32, CPU).compiled is False


def test_what_is_asked_for_outright_is_not_left_to_the_plan(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    network = one_pass().network
    asked = make_task(tmp_path, compute__compile="on")
    assert resolve_plan(asked, network, 32, CPU) == DevicePlan(8, "fp32", True)
    monkeypatch.setattr(plan, "compiling_pays_off", lambda *_, **__: True)
    automatic = make_task(tmp_path, training__batch_size="auto")
    assert resolve_plan(automatic, network, 32, CPU).compiled is True
    refused = make_task(tmp_path, training__batch_size="auto", compute__compile="off")
    assert resolve_plan(refused, network, 32, CPU).compiled is False
    frozen = make_task(tmp_path, compute__compile="on", model__trainable="head")
    assert resolve_plan(frozen, network, 32, CPU).compiled is False


def test_a_trial_keeps_to_what_it_began_with(stood_in: list[int], tmp_path: Path) -> None:
    """`compute` may change when a run is resumed; how its trials are computed may not."""
    run(make_task(tmp_path, compute__compile="on"), Story(stop_at=16))
    used = len(stood_in)
    assert used > 0
    story = run(make_task(tmp_path, compute__compile="off"))
    assert story.of("trial-started")[0]["resumed"] is True
    assert len(stood_in) > used


def test_without_a_compiler_a_sentence_says_so_and_the_trial_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refusing(network: nn.Module, **_: Any) -> Callable[[torch.Tensor], Any]:
        def forward(images: torch.Tensor) -> Any:
            raise RuntimeError("InvalidCxxCompiler: No working C++ compiler found\nand a long trace")

        return forward

    monkeypatch.setattr(torch, "compile", refusing)
    task = make_task(tmp_path / "without", compute__compile="on")
    story = run(task)
    assert story.of("trial-finished")
    assert len(story.warnings) == 1
    assert "can't be compiled here" in story.warnings[0] and "No working C++ compiler" in story.warnings[0]
    assert "\n" not in story.warnings[0]
    plain = make_task(tmp_path / "plain", compute__compile="off")
    run(plain)
    weights = [(one.folder / "model" / "weights.safetensors").read_bytes() for one in (task, plain)]
    assert weights[0] == weights[1]


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_a_really_compiled_trial_ends_the_same_when_it_is_stopped(tmp_path: Path) -> None:
    whole, stopped = (make_task(tmp_path / name, compute__compile="on", training__epochs=3) for name in ("a", "b"))
    story = run(whole)
    if story.warnings:
        pytest.skip(story.warnings[0])
    run(stopped, Story(stop_at=12))
    torch._dynamo.reset()  # as in a new process
    assert run(stopped).of("trial-started")[0]["resumed"] is True
    for name in ("model/weights.safetensors", "predictions.csv", "validation.csv"):
        assert (whole.folder / name).read_bytes() == (stopped.folder / name).read_bytes()
