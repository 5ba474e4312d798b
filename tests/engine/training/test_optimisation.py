"""Parameter groups, optimisers, schedules, phases."""

from __future__ import annotations

import typing

import pytest
import torch
from torch import nn

from aimic_tui.engine.experiment import Optimizer, TrainingSettings
from aimic_tui.engine.training.optimisation import (
    Schedule,
    make_optimizer,
    parameter_groups,
    phases,
    set_learning_rate,
    zero_classifier,
)


class Small(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.norm = nn.BatchNorm2d(4)
        self.position = nn.Parameter(torch.zeros(2, 2))
        self.fc = nn.Linear(4, 3)

    def no_weight_decay(self) -> set[str]:
        return {"position"}

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.fc(self.norm(self.conv(images)).relu().mean(dim=(2, 3)))


def test_norms_biases_and_what_the_network_exempts_get_no_weight_decay() -> None:
    network = Small()
    groups = parameter_groups(network, 0.05, layerwise=False)
    decay = {id(p): group["weight_decay"] for group in groups for p in group["params"]}
    named = {name: decay[id(parameter)] for name, parameter in network.named_parameters()}
    assert named == {
        "position": 0.0,
        "conv.weight": 0.05,
        "conv.bias": 0.0,
        "norm.weight": 0.0,
        "norm.bias": 0.0,
        "fc.weight": 0.05,
        "fc.bias": 0.0,
    }


def test_graded_rates_rise_from_the_first_layers_to_the_classifier() -> None:
    network = nn.Sequential(*[nn.Linear(4, 4) for _ in range(16)])
    rates = {id(p): group["rate"] for group in parameter_groups(network, 0.0, layerwise=True) for p in group["params"]}
    in_order = [rates[id(layer.weight)] for layer in network]
    assert in_order == sorted(in_order)
    assert in_order[0] == pytest.approx(0.1) and in_order[-1] == 1.0


def test_frozen_parameters_are_in_no_group() -> None:
    network = Small()
    network.conv.requires_grad_(False)
    groups = parameter_groups(network, 0.01, layerwise=False)
    assert sum(len(group["params"]) for group in groups) == 5


@pytest.mark.parametrize("name", typing.get_args(Optimizer))
def test_every_optimiser_lowers_the_loss_and_goes_on_exactly_from_its_state(name: str) -> None:
    rate = {"adadelta": 1.0, "sgd": 0.05, "adagrad": 0.05, "lbfgs": 0.5}.get(name, 0.005)
    settings = TrainingSettings(optimizer=name, learning_rate=rate)
    generator = torch.Generator().manual_seed(0)
    images, labels = torch.randn(32, 3, 6, 6, generator=generator), torch.arange(32) % 3
    images += labels[:, None, None, None]

    def trained(stops: list[int]) -> tuple[list[float], dict[str, torch.Tensor]]:
        torch.manual_seed(0)
        network, losses = Small(), []
        optimizer = make_optimizer(settings, network, layerwise=False)
        for step in range(12):
            if step in stops:  # as in a new process
                weights, state = network.state_dict(), optimizer.state_dict()
                network = Small()
                network.load_state_dict(weights)
                optimizer = make_optimizer(settings, network, layerwise=False)
                optimizer.load_state_dict(state)
            set_learning_rate(optimizer.param_groups, rate)

            def closure(network: nn.Module = network, optimizer: torch.optim.Optimizer = optimizer) -> torch.Tensor:
                optimizer.zero_grad()
                loss = nn.functional.cross_entropy(network(images), labels)
                loss.backward()
                return loss

            losses.append(float(optimizer.step(closure).detach()))
        return losses, network.state_dict()

    losses, weights = trained(stops=[])
    assert losses[-1] < losses[0]
    again, resumed = trained(stops=[3, 4, 9])
    assert losses == again
    assert all(torch.equal(weights[key], resumed[key]) for key in weights)


def factors(epochs: int = 10, steps: int = 4, **settings: object) -> list[float]:
    schedule = Schedule(TrainingSettings(**{"warmup": 0.0, **settings}), epochs, steps, lower_is_better=False)
    return [schedule.factor(step) for step in range(epochs * steps)]


def test_schedules() -> None:
    assert set(factors(schedule="constant")) == {1.0}
    cosine = factors(schedule="cosine")
    assert cosine == sorted(cosine, reverse=True) and cosine[0] == 1.0 and cosine[-1] < 0.01
    assert factors(schedule="step", decay=0.1, decay_every=5)[19:21] == [1.0, 0.1]
    assert factors(schedule="exponential", decay=0.5)[8] == pytest.approx(0.25)
    one_cycle = factors(schedule="one-cycle")
    assert one_cycle[0] == pytest.approx(1 / 25) and max(one_cycle) == pytest.approx(1.0)
    assert one_cycle.index(max(one_cycle)) == 12 and one_cycle[-1] < 0.01


def test_the_learning_rate_warms_up_from_near_zero() -> None:
    rising = factors(schedule="constant", warmup=2.0)
    assert rising[0] < 0.2
    assert rising[:8] == sorted(rising[:8]) and rising[8:] == [1.0] * 32


def test_a_warm_up_longer_than_the_training_still_leaves_most_of_it() -> None:
    assert factors(epochs=2, schedule="constant", warmup=100)[4:] == [1.0] * 4


def test_plateau_lowers_the_rate_after_epochs_without_a_gain_and_remembers() -> None:
    settings = TrainingSettings(schedule="plateau", warmup=0, decay=0.5, decay_every=2)
    schedule = Schedule(settings, 20, 1, lower_is_better=False)
    seen = []
    for value in (0.5, 0.6, 0.6, 0.6, 0.7, 0.7, 0.7):
        schedule.observe(value)
        seen.append(schedule.factor(5))
    assert seen == [1, 1, 1, 0.5, 0.5, 0.5, 0.25]
    other = Schedule(settings, 20, 1, lower_is_better=False)
    other.load_state_dict(schedule.state_dict())
    assert other.factor(5) == 0.25


def test_phases() -> None:
    assert [(p.first, p.last, p.layers) for p in phases("all", 7)] == [(1, 7, "all")]
    assert [(p.first, p.last, p.layers, p.rate) for p in phases("head", 7)] == [(1, 7, "head", 10.0)]
    assert [(p.first, p.last, p.layers, p.layerwise) for p in phases("gradual", 12)] == [
        (1, 3, "head", False),
        (4, 12, "all", True),
    ]
    assert [(p.first, p.last, p.layers) for p in phases("gradual", 1)] == [(1, 1, "all")]


def test_a_new_classifier_begins_with_equal_probabilities_and_learns() -> None:
    network = Small()
    zero_classifier(network)
    images, labels = torch.randn(6, 3, 6, 6), torch.arange(6) % 3
    logits = network(images)
    assert torch.equal(logits, torch.zeros(6, 3))
    nn.functional.cross_entropy(logits, labels + 0).backward()
    assert network.fc.weight.grad is not None and network.fc.weight.grad.abs().max() > 0
