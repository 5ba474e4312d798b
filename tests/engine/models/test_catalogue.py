from __future__ import annotations

import subprocess
import sys

import pytest

from aimic_tui.engine.errors import UsageProblem
from aimic_tui.engine.models.catalogue import all_networks, find_network, search_networks

PAPER = {
    "vgg16",
    "resnet34",
    "resnet50",
    "googlenet",
    "inception_v3",
    "resnext50_32x4d",
    "shufflenet_v2_x1_0",
    "mobilenet_v2",
    "mobilenet_v3_large",
    "efficientnet_b0",
}


def test_the_papers_ten_come_first_with_their_input_sizes() -> None:
    networks = all_networks()
    assert {info.name for info in networks[:10]} == PAPER
    assert {info.name for info in networks if info.paper} == PAPER
    assert all(info.library == "torchvision" for info in networks[:10])
    assert all(info.input_size == (299 if info.name == "inception_v3" else 224) for info in networks[:10])


def test_names_are_unique_and_fit_for_a_folder() -> None:
    names = [info.name for info in all_networks()]
    assert len(names) == len(set(names)) > 1200
    assert not any("/" in name or name.startswith((".", "-")) for name in names)


def test_what_is_known_of_a_network_is_plausible() -> None:
    resnet = find_network("resnet50")
    assert resnet.parameters == 25_557_032
    assert resnet.gmacs == pytest.approx(4.09, abs=0.01)  # as torchvision publishes it
    assert resnet.weights == ("IMAGENET1K_V2", "IMAGENET1K_V1")
    for info in all_networks():
        assert info.parameters > 0
        assert info.gmacs > 0
        assert 16 <= info.minimum_size <= info.input_size
        assert all(0 <= value <= 1 for value in (*info.mean, *info.std))


def test_torchvision_keeps_a_name_that_both_libraries_have() -> None:
    assert find_network("resnet50").library == "torchvision"
    timm = find_network("timm/resnet50")
    assert (timm.name, timm.library, timm.library_name) == ("timm-resnet50", "timm", "resnet50")
    assert find_network("timm/tf_efficientnet_lite0").name == "tf_efficientnet_lite0"
    assert find_network("torchvision/resnet50").library == "torchvision"
    with pytest.raises(UsageProblem):
        find_network("timm/googlenet")


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(UsageProblem) as problem:
        find_network("ResNet-50")
    assert "Did you mean resnet50" in problem.value.sentence
    with pytest.raises(UsageProblem) as problem:
        find_network("\x1b[31mnothing like it")
    assert "\x1b" not in problem.value.sentence


def test_a_search_takes_words_in_any_order_and_spelling() -> None:
    found = {info.name for info in search_networks("lite0 efficientnet")}
    assert "tf_efficientnet_lite0" in found
    assert "mobilenet_v2" in {info.name for info in search_networks("MobileNet-V2")}
    assert search_networks("no such network") == ()
    assert search_networks("") == all_networks()


@pytest.mark.parametrize(
    ("name", "size", "words"),
    [
        ("inception_v3", 64, "at least 75"),
        ("vgg16", 16, "at least 32"),
        ("vit_b_16", 230, "steps of 16"),
        ("maxvit_t", 96, "takes 224 only"),
    ],
)
def test_a_size_that_a_network_cant_take_is_refused_with_one_that_it_can(name: str, size: int, words: str) -> None:
    with pytest.raises(UsageProblem) as problem:
        find_network(name).check_size(size)
    assert words in problem.value.sentence


def test_the_catalogue_needs_no_library() -> None:
    code = (
        "import sys; from aimic_tui.engine.models import catalogue, weights_folder; catalogue.find_network('resnet50');"
        "print([m for m in ('torch', 'torchvision', 'timm', 'sklearn', 'pydantic') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_parameters_follow_the_number_of_classes() -> None:
    from aimic_tui.engine.models.build import build_network

    for name in ("mobilenet_v2", "timm-resnet18", "levit_128s"):
        built = build_network(name, 3, find_network(name).input_size)
        assert find_network(name).parameters_for(3) == sum(parameter.numel() for parameter in built.parameters())
