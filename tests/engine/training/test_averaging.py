"""The moving average of the weights."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from aimic_tui.engine.models.build import build_network, freeze_backbone
from aimic_tui.engine.training.averaging import AveragedWeights
from tests.engine.training.small import NETWORK


def test_the_average_follows_its_formula_with_the_decay_warming_up() -> None:
    network = nn.Linear(1, 1, bias=False)
    network.weight.data.fill_(0.0)
    average = AveragedWeights(network, 0.5)
    expected = 0.0
    for step, value in enumerate([1.0, 2.0, -3.0, 4.0, 0.5, 8.0, 1.0, 1.0, 7.0, 2.0]):
        network.weight.data.fill_(value)
        average.update(step)
        decay = min(0.5, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * value
        assert float(average.state_dict()["weight"]) == pytest.approx(expected, rel=1e-6)


def test_a_short_training_is_averaged_over_its_end_only() -> None:
    """With a decay meant for many thousand steps, fifty steps must not be held back by the beginning."""
    network = nn.Linear(1, 1, bias=False)
    network.weight.data.fill_(100.0)
    average = AveragedWeights(network, 0.9999)
    for step in range(50):
        network.weight.data.fill_(step / 50)
        average.update(step)
    assert 0.8 < float(average.state_dict()["weight"]) < 0.98


def test_norms_are_averaged_with_the_weights_and_counts_are_the_networks_own() -> None:
    network = build_network(NETWORK, 3, 32).train()
    average = AveragedWeights(network, 0.9)
    network(torch.randn(4, 3, 32, 32))
    average.update(0)
    names = set(average.state_dict())
    state = network.state_dict()
    assert {name for name in state if name.endswith(("running_mean", "running_var"))} <= names
    assert not any(name.endswith("num_batches_tracked") for name in names)
    name = next(name for name in names if name.endswith("running_mean"))
    # Half of the way at most: the first step's decay is a tenth.
    torch.testing.assert_close(average.state_dict()[name], 0.9 * state[name])


def test_the_network_has_the_averages_for_the_time_of_a_context_even_if_that_is_left_in_haste() -> None:
    network = build_network(NETWORK, 3, 32).train()
    average = AveragedWeights(network, 0.9)
    for parameter in network.parameters():
        parameter.data.add_(1.0)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    with pytest.raises(KeyboardInterrupt), average.in_place():
        inside = network.state_dict()
        assert all(torch.equal(inside[name], value) for name, value in average.state_dict().items())
        raise KeyboardInterrupt
    after = network.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_a_frozen_backbone_is_not_averaged() -> None:
    network = build_network(NETWORK, 3, 32)
    freeze_backbone(network)
    assert set(AveragedWeights(network, 0.9).state_dict()) == {"classifier.weight", "classifier.bias"}
