from __future__ import annotations

import pytest
import torch
from torch import nn

from aimic_tui.engine.inference.fusion import fuse
from aimic_tui.engine.models.build import build_network


def with_statistics(name: str, size: int) -> nn.Module:
    torch.manual_seed(0)
    network = build_network(name, 3, size).train()
    with torch.no_grad():
        for _ in range(3):
            network(torch.randn(4, 3, size, size) * 2 + 1)
    return network.eval()


def norms(network: nn.Module) -> int:
    return sum(isinstance(module, nn.BatchNorm2d) for module in network.modules())


@pytest.mark.parametrize(
    ("name", "left"),
    [
        ("resnet18", 0),
        ("mobilenet_v2", 0),
        ("googlenet", 0),
        ("shufflenet_v2_x1_0", 0),
        ("test_efficientnet", 0),  # timm's norm with activation
        ("tf_efficientnet_lite0", 0),  # and TensorFlow's padding
        ("densenet121", 62),  # most of its norms come before their convolutions
        ("test_vit", 0),
    ],
)
def test_a_folded_network_says_the_same(name: str, left: int) -> None:
    size = 160 if name == "test_vit" else 64
    network, images = with_statistics(name, size), torch.randn(3, 3, size, size)
    before = {key: value.clone() for key, value in network.state_dict().items()}
    with torch.no_grad():
        expected = network(images)
        fused = fuse(network, images[:1])
        torch.testing.assert_close(fused(images), expected, rtol=1e-3, atol=1e-4)
        torch.testing.assert_close(network(images), expected)
    assert norms(fused) == left
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())


class Twice(nn.Module):
    """A convolution whose outcome is used before and after its norm can't be folded."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(3, 3, 1)
        self.norm = nn.BatchNorm2d(3)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        outcome = self.convolution(images)
        return (self.norm(outcome) + outcome).mean((2, 3))


class Branching(nn.Module):
    """What depends on values can't be traced."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images.mean((2, 3)) if images.sum() > 0 else -images.mean((2, 3))


@pytest.mark.parametrize("network", [Twice(), Branching()])
def test_what_cant_be_folded_stays_as_it_is(network: nn.Module) -> None:
    images = torch.randn(2, 3, 8, 8)
    fused = fuse(network, images)
    assert norms(fused) == norms(network)
    torch.testing.assert_close(fused(images), network(images))
