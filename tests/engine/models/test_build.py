from __future__ import annotations

import pytest
import torch
from torch import nn

from aimic_tui.engine.errors import UsageProblem
from aimic_tui.engine.models.build import (
    build_network,
    features,
    freeze_backbone,
    head_parameters,
    head_tensors,
    logits_from_features,
    set_training,
    training_outputs,
)
from aimic_tui.engine.models.catalogue import all_networks, find_network

PAPER = [info.name for info in all_networks() if info.paper]
# One of each way to end: pooled linear, convolution, several heads, attention, tokens.
KINDS = [
    "crossvit_9_240",
    "efficientvim_m1_dist",
    "resnet50_clip",
    "mobilenet_v2",
    "squeezenet1_1",
    "tf_efficientnet_lite0",
    "deit_tiny_distilled_patch16_224",
    "dla46x_c",
    "test_vit",
]


def pictures(size: int, count: int = 2) -> torch.Tensor:
    return torch.randn(count, 3, size, size, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("name", PAPER)
def test_each_of_the_papers_ten_is_built_for_any_number_of_classes(name: str) -> None:
    size = 75 if name == "inception_v3" else 64
    with torch.device("meta"):
        network = build_network(name, 5, size).eval()
        assert network(torch.empty(2, 3, size, size)).shape == (2, 5)
    weight, bias = head_parameters(network)
    assert (weight.shape[0], bias.shape) == (5, (5,))


@pytest.mark.parametrize("name", KINDS)
def test_features_are_what_the_classifier_turns_into_logits(name: str) -> None:
    torch.manual_seed(0)
    size = find_network(name).input_size if "vit" in name or "patch" in name else 64
    network = build_network(name, 3, size).eval()
    with torch.no_grad():
        inputs = features(network, pictures(size))
        torch.testing.assert_close(logits_from_features(network, inputs), network(pictures(size)))
    assert inputs.shape[0] == 2
    shapes = network.state_dict()
    assert all(3 in shapes[key].shape for key in head_tensors(network))


@pytest.mark.parametrize(
    ("name", "size", "weights"), [("googlenet", 64, [1.0, 0.3, 0.3]), ("inception_v3", 299, [1.0, 0.4])]
)
def test_auxiliary_classifiers_learn_with_their_published_weights(name: str, size: int, weights: list[float]) -> None:
    network = build_network(name, 4, size).train()
    outputs = training_outputs(network, pictures(size))
    assert [weight for weight, _ in outputs] == weights
    assert all(logits.shape == (2, 4) for _, logits in outputs)
    sum(weight * logits.sum() for weight, logits in outputs).backward()
    auxiliary = [p for key, p in network.named_parameters() if key.startswith(("aux1.", "aux2.", "AuxLogits."))]
    assert auxiliary
    assert all(parameter.grad is not None for parameter in auxiliary)
    freeze_backbone(network)
    assert [weight for weight, _ in training_outputs(network, pictures(size))] == [1.0]


def test_small_images_leave_inceptions_auxiliary_classifier_nothing_to_see() -> None:
    network = build_network("inception_v3", 4, 96).train()
    assert [weight for weight, _ in training_outputs(network, pictures(96))] == [1.0]


def test_other_networks_have_one_output() -> None:
    network = build_network("mobilenet_v2", 4, 32).train()
    assert [(weight, tuple(logits.shape)) for weight, logits in training_outputs(network, pictures(32))] == [
        (1.0, (2, 4))
    ]


def test_a_frozen_backbone_keeps_its_running_statistics() -> None:
    network = build_network("mobilenet_v2", 4, 32)
    freeze_backbone(network)
    set_training(network)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    logits = network(pictures(32, 4))
    logits.sum().backward()
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())
    learning = [name for name, parameter in network.named_parameters() if parameter.requires_grad]
    assert learning == ["classifier.1.weight", "classifier.1.bias"]
    assert network.classifier[0].training  # type: ignore[index, union-attr]  # dropout before the classifier


def test_the_same_seed_builds_the_same_network() -> None:
    def weights() -> list[torch.Tensor]:
        torch.manual_seed(7)
        return list(build_network("test_resnet", 3, 32).state_dict().values())

    assert all(torch.equal(a, b) for a, b in zip(weights(), weights(), strict=True))


def test_a_transformer_is_built_for_another_image_size() -> None:
    network = build_network("test_vit", 3, 96).eval()
    assert isinstance(network, nn.Module)
    assert network(pictures(96)).shape == (2, 3)


@pytest.mark.parametrize(("name", "size"), [("vgg16", 16), ("inception_v3", 74), ("no_such_network", 224)])
def test_what_cant_be_built_is_a_sentence(name: str, size: int) -> None:
    with pytest.raises(UsageProblem):
        build_network(name, 3, size)
