from __future__ import annotations

import os
import pickle
from argparse import Namespace
from collections import OrderedDict
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from aimic_tui.engine.data.preprocessing import Preprocessing
from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.models.build import build_network
from aimic_tui.engine.models.catalogue import find_network
from aimic_tui.engine.models.model_folder import ModelCard, save_model
from aimic_tui.engine.models.weights import WeightsReport, load_initial_weights, read_weights, restore
from aimic_tui.engine.models.weights_import import import_weights

HALF = (0.5, 0.5, 0.5)


def network(classes: int = 4, seed: int = 1, name: str = "test_resnet") -> nn.Module:
    torch.manual_seed(seed)
    return build_network(name, classes, 64)


def load(target: nn.Module, spec: str, name: str = "test_resnet", **options: object) -> WeightsReport:
    return load_initial_weights(target, spec, find_network(name), **options)  # type: ignore[arg-type]


def same(one: nn.Module, other: nn.Module, *, but: tuple[str, ...] = ()) -> bool:
    theirs = other.state_dict()
    return all(torch.equal(value, theirs[name]) for name, value in one.state_dict().items() if name not in but)


def test_none_leaves_the_network_as_it_is() -> None:
    target = network()
    report = load(target, "none")
    assert same(target, network())
    assert report.loaded == 0
    assert "random" in report.sentence()


@pytest.mark.parametrize("suffix", [".safetensors", ".pth", ".pt"])
def test_a_state_dict_is_loaded_and_the_classifier_of_other_classes_replaced(tmp_path: Path, suffix: str) -> None:
    source, path = network(10, seed=2), tmp_path / f"weights{suffix}"
    if suffix == ".safetensors":
        save_file(source.state_dict(), path)
    else:
        torch.save(source.state_dict(), path)
    target = network(4)
    report = load(target, str(path))
    total = len(target.state_dict())
    assert report.replaced == ("fc.weight", "fc.bias")
    assert (report.loaded, report.total) == (total - 2, total)
    assert (report.missing, report.unexpected) == ((), ())
    assert same(target, source, but=report.replaced)
    assert torch.equal(target.fc.weight, network(4).fc.weight)  # type: ignore[union-attr, arg-type]
    assert f"{total - 2:,} of {total:,} tensors loaded" in report.sentence()
    assert "fc.weight" in report.sentence()


def test_the_same_number_of_classes_keeps_a_files_classifier(tmp_path: Path) -> None:
    source, target = network(seed=2), network()
    save_file(source.state_dict(), tmp_path / "w.safetensors")
    report = load(target, str(tmp_path / "w.safetensors"))
    assert report.replaced == ()
    assert same(target, source)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda state: {"state_dict": state, "epoch": 3, "args": Namespace(lr=0.1)},
        lambda state: {"model": {f"module.{name}": value for name, value in state.items()}},
        lambda state: OrderedDict((f"module.model.{name}", value) for name, value in state.items()),
        lambda state: {"state_dict": {f"model.{n}": v for n, v in state.items()} | {"criterion.weight": torch.ones(2)}},
        lambda state: {"state_dict": {n: v * 0 for n, v in state.items()}, "state_dict_ema": state},
    ],
    ids=["state_dict", "model and module.", "module.model.", "model. beside other things", "averaged weights"],
)
def test_what_training_programs_put_around_weights_is_taken_off(tmp_path: Path, wrap: object) -> None:
    source, target = network(seed=2), network()
    torch.save(wrap(source.state_dict()), tmp_path / "w.pth")  # type: ignore[operator]
    load(target, str(tmp_path / "w.pth"))
    assert same(target, source)


def test_weights_of_another_network_are_refused_with_the_tensors_that_dont_fit(tmp_path: Path) -> None:
    target = network()
    save_file(network(name="test_efficientnet").state_dict(), tmp_path / "other.safetensors")
    with pytest.raises(InputProblem) as problem:
        load(target, str(tmp_path / "other.safetensors"))
    assert "other.safetensors does not fit test_resnet" in problem.value.sentence
    assert "are missing (conv1.0.weight" in problem.value.sentence
    assert "have no place in it (blocks.0.0.bn1.bias" in problem.value.sentence
    assert same(target, network())


def test_a_deeper_sisters_weights_are_refused_although_all_names_are_there(tmp_path: Path) -> None:
    with torch.device("meta"):
        shapes = {name: value.shape for name, value in build_network("resnet34", 2, 64).state_dict().items()}
        target = build_network("resnet18", 2, 64)
    save_file({name: torch.zeros(shape) for name, shape in shapes.items()}, tmp_path / "resnet34.safetensors")
    with pytest.raises(InputProblem, match="have no place in it"):
        load(target, str(tmp_path / "resnet34.safetensors"), "resnet18")


def test_a_tensor_of_another_shape_is_named_with_both_shapes(tmp_path: Path) -> None:
    state = network().state_dict()
    state["layer1.0.conv1.weight"] = torch.zeros(3, 3)
    save_file(state, tmp_path / "w.safetensors")
    with pytest.raises(InputProblem, match=r"1 of .* another shape \(layer1.0.conv1.weight is 3x3 there and"):
        load(network(), str(tmp_path / "w.safetensors"))


def test_values_that_are_not_numbers_are_refused(tmp_path: Path) -> None:
    state = network().state_dict()
    state["layer1.0.conv1.weight"][0] = torch.nan
    save_file(state, tmp_path / "w.safetensors")
    with pytest.raises(InputProblem, match="not numbers"):
        load(network(), str(tmp_path / "w.safetensors"))


class Malicious:
    def __init__(self, command: str) -> None:
        self._command = command

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (self._command,)


@pytest.mark.parametrize("plain_pickle", [True, False])
def test_a_file_that_would_run_code_is_refused_and_nothing_runs(tmp_path: Path, plain_pickle: bool) -> None:
    path, trace = tmp_path / "planted.pth", tmp_path / "it-ran"
    content = {"state_dict": network().state_dict(), "extra": Malicious(f"touch {trace}")}
    if plain_pickle:
        path.write_bytes(pickle.dumps(content))
    else:
        torch.save(content, path)
    with pytest.raises(InputProblem) as problem:
        load(network(), str(path))
    assert "refused" in problem.value.sentence
    assert "\n" not in problem.value.sentence
    assert not trace.exists()


def test_a_whole_network_in_a_pickle_is_refused(tmp_path: Path) -> None:
    torch.save(network(), tmp_path / "network.pth")
    with pytest.raises(InputProblem, match="refused"):
        read_weights(tmp_path / "network.pth")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty.pth", b""),
        ("text.pth", b"these are no weights"),
        ("cut.pth", b"PK\x03\x04 and nothing more"),
        ("text.safetensors", b"these are no weights either"),
        ("empty.safetensors", b""),
        ("short.safetensors", b"\x10\0\0"),
        ("picture.jpg", b"\xff\xd8\xff"),
    ],
)
def test_what_is_no_file_of_weights_is_a_sentence(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputProblem, match=name):
        load(network(), str(tmp_path / name))


def test_a_cut_off_safetensors_file_is_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    save_file(network().state_dict(), path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(InputProblem, match="cut off"):
        load(network(), str(path))


def test_a_model_of_ours_gives_its_weights_and_its_classifier_to_the_same_classes_only(tmp_path: Path) -> None:
    source = network(seed=2)
    way = Preprocessing(64, "stretch", "auto", HALF, HALF)
    save_model(tmp_path / "model", ModelCard("test_resnet", ("a", "b", "c", "d"), way), source.state_dict())
    for spec in (tmp_path, tmp_path / "model"):
        target = network()
        report = load(target, str(spec), classes=("a", "b", "c", "d"))
        assert same(target, source)
        target = network()
        report = load(target, str(spec), classes=("a", "b", "c", "e"))
        assert report.replaced == ("fc.weight", "fc.bias")
        assert same(target, source, but=report.replaced)
    with pytest.raises(InputProblem, match="not of test_efficientnet"):
        load(network(name="test_efficientnet"), str(tmp_path), "test_efficientnet")


def test_imagenet_weights_come_from_the_offline_folder_and_are_checked_each_time(tmp_path: Path) -> None:
    source, folder, info = network(1000, seed=2), tmp_path / "weights", find_network("test_resnet")
    torch.save(source.state_dict(), tmp_path / "downloaded.pth")
    import_weights(tmp_path / "downloaded.pth", info, info.weights[0], folder)
    target = network()
    report = load(target, "imagenet", folder=folder)
    assert same(target, source, but=report.replaced)
    file = next(folder.glob("*.safetensors"))
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    with pytest.raises(InputProblem, match="digest differs"):
        load(network(), "imagenet", folder=folder)


def test_weights_with_auxiliary_classifiers_fit_with_and_without_them(tmp_path: Path) -> None:
    torch.manual_seed(3)
    source = build_network("googlenet", 10, 64)
    save_file(source.state_dict(), tmp_path / "with.safetensors")
    plain = {name: value for name, value in source.state_dict().items() if not name.startswith("aux")}
    save_file(plain, tmp_path / "without.safetensors")
    target = build_network("googlenet", 4, 64)
    report = load(target, str(tmp_path / "with.safetensors"), "googlenet")
    assert set(report.replaced) == {
        f"{layer}.{kind}" for layer in ("fc", "aux1.fc2", "aux2.fc2") for kind in ("weight", "bias")
    }
    assert torch.equal(target.aux1.fc1.weight, source.aux1.fc1.weight)  # type: ignore[union-attr, arg-type]
    report = load(build_network("googlenet", 4, 64), str(tmp_path / "without.safetensors"), "googlenet")
    assert report.missing
    assert all(name.startswith("aux") for name in report.missing)


def test_positions_are_resized_for_another_image_size(tmp_path: Path) -> None:
    torch.manual_seed(3)
    save_file(build_network("test_vit", 10, 160).state_dict(), tmp_path / "w.safetensors")
    target = build_network("test_vit", 4, 96)
    report = load(target, str(tmp_path / "w.safetensors"), "test_vit")
    assert report.loaded == report.total - 2


def test_densenets_older_names_are_understood(tmp_path: Path) -> None:
    source = build_network("densenet121", 4, 64).state_dict()
    old = {name.replace("norm1.", "norm.1.").replace("conv2.", "conv.2."): value for name, value in source.items()}
    assert old.keys() != source.keys()
    torch.save(old, tmp_path / "densenet121.pth")
    target = build_network("densenet121", 4, 64)
    assert load(target, str(tmp_path / "densenet121.pth"), "densenet121").loaded == len(source)


def test_a_models_own_tensors_are_restored_whatever_torch_hides_in_a_state_dict() -> None:
    for name in ("mnasnet0_5", "test_resnet"):
        source, target = network(name=name, seed=2), network(name=name)
        restore(target, {key: value.clone() for key, value in source.state_dict().items()}, "it")
        assert same(target, source)
    with pytest.raises(InputProblem, match="does not fit its network"):
        restore(target, network(5).state_dict(), "it")


def test_the_real_imagenet_weights_of_lite0_load_with_a_replaced_classifier(shared: Path) -> None:
    name = "tf_efficientnet_lite0"
    torch.manual_seed(0)
    target = build_network(name, 4, 224)
    report = load(target, str(shared / "weights" / f"{name}.safetensors"), name)
    assert report.total == 296
    assert report.replaced == ("classifier.weight", "classifier.bias")
    assert report.loaded == 294
    assert (report.missing, report.unexpected) == ((), ())


@pytest.mark.filterwarnings("ignore:.torch.jit:FutureWarning")
def test_an_archive_of_torchscript_is_named(tmp_path):
    torch.jit.script(torch.nn.Linear(2, 2)).save(str(tmp_path / "x.pt"))
    with pytest.raises(InputProblem, match="a TorchScript archive"):
        read_weights(tmp_path / "x.pt")
