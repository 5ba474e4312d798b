from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from aimic_tui.engine.bounded_files import read_json
from aimic_tui.engine.errors import InputProblem, UsageProblem
from aimic_tui.engine.files import digest_of_file, write_json
from aimic_tui.engine.models.catalogue import find_network
from aimic_tui.engine.models.weights_folder import (
    WeightsEntry,
    check_entry,
    check_weights,
    check_weights_file,
    find_entry,
    normalisation,
    put_entry,
    read_entries,
    weights_folder,
)

HALF = (0.5, 0.5, 0.5)


def put(folder: Path, network: str, tag: str, content: bytes = b"weights") -> WeightsEntry:
    folder.mkdir(exist_ok=True)
    path = folder / f"{network}.{tag}.safetensors"
    path.write_bytes(content)
    digest = digest_of_file(path)
    entry = WeightsEntry(network, tag, path.name, "here", digest, len(content), HALF, HALF, 224, "mit")
    put_entry(entry, folder)
    return entry


def test_the_environment_names_the_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AIMIC_WEIGHTS", str(tmp_path))
    assert weights_folder() == tmp_path
    monkeypatch.delenv("AIMIC_WEIGHTS")
    assert weights_folder().parts[-2:] == ("aimic", "weights")


def test_entries_are_kept_and_replaced_by_network_and_tag(tmp_path: Path) -> None:
    folder = tmp_path / "w"
    assert read_entries(folder) == ()
    second = put(folder, "resnet50", "IMAGENET1K_V2")
    first = put(folder, "mobilenet_v2", "IMAGENET1K_V1")
    assert read_entries(folder) == (first, second)
    again = put(folder, "resnet50", "IMAGENET1K_V2", b"other weights")
    assert read_entries(folder) == (first, again)


def test_imagenet_means_the_networks_first_tag_else_what_is_there(tmp_path: Path) -> None:
    info = find_network("resnet50")
    old = put(tmp_path, "resnet50", "IMAGENET1K_V1")
    assert find_entry("imagenet", info, tmp_path) == old
    new = put(tmp_path, "resnet50", "IMAGENET1K_V2")
    assert find_entry("imagenet", info, tmp_path) == new
    assert find_entry("imagenet:IMAGENET1K_V1", info, tmp_path) == old
    assert normalisation("imagenet", info, tmp_path) == (HALF, HALF)
    assert normalisation("none", info, tmp_path) == (info.mean, info.std)


def test_missing_weights_come_with_the_command_that_gets_them(tmp_path: Path) -> None:
    with pytest.raises(InputProblem) as problem:
        check_weights("imagenet", ["mobilenet_v2"], tmp_path)
    assert "`aimic weights fetch mobilenet_v2`" in problem.value.sentence
    assert "model.weights=none" in problem.value.sentence
    with pytest.raises(InputProblem, match=r"fetch resnet50 --tag IMAGENET1K_V1"):
        check_weights("imagenet:IMAGENET1K_V1", ["resnet50"], tmp_path)


def test_a_changed_or_vanished_file_is_noticed(tmp_path: Path) -> None:
    entry = put(tmp_path, "mobilenet_v2", "IMAGENET1K_V2")
    check_weights("imagenet", ["mobilenet_v2"], tmp_path)
    check_entry(entry, tmp_path)
    (tmp_path / entry.file).write_bytes(b"WEIGHTS")
    with pytest.raises(InputProblem, match="digest differs"):
        check_entry(entry, tmp_path)
    (tmp_path / entry.file).unlink()
    with pytest.raises(InputProblem, match="can't be read"):
        check_weights("imagenet", ["mobilenet_v2"], tmp_path)


@pytest.mark.parametrize(
    "content", ["", "[]", '{"format": 1}', '{"format": 1, "weights": [{}]}', '{"format": 9, "weights": []}']
)
def test_a_damaged_manifest_is_a_sentence(tmp_path: Path, content: str) -> None:
    (tmp_path / "manifest.json").write_text(content)
    with pytest.raises(InputProblem, match=r"manifest\.json"):
        read_entries(tmp_path)


def test_a_manifest_cant_point_out_of_its_folder(tmp_path: Path) -> None:
    put(tmp_path, "mobilenet_v2", "IMAGENET1K_V2")
    value = read_json(tmp_path / "manifest.json")
    value["weights"][0]["file"] = "../elsewhere.safetensors"
    write_json(tmp_path / "manifest.json", value)
    with pytest.raises(InputProblem):
        read_entries(tmp_path)


def test_what_a_run_needs_is_checked_before_it_starts(tmp_path: Path) -> None:
    check_weights("none", ["mobilenet_v2", "resnet50"])
    (tmp_path / "w.pth").write_bytes(b"something")
    check_weights(str(tmp_path / "w.pth"), ["mobilenet_v2"])
    for spec, networks, words in [
        (str(tmp_path / "w.pth"), ["mobilenet_v2", "resnet50"], "several networks"),
        (str(tmp_path / "missing.pth"), ["mobilenet_v2"], "does not exist"),
        (str(tmp_path), ["mobilenet_v2"], "holds no trained model"),
    ]:
        with pytest.raises(InputProblem, match=words):
            check_weights(spec, networks)
    with pytest.raises(UsageProblem):
        check_weights("imagenet", ["no_such_network"])


@pytest.mark.parametrize(
    "header",
    [
        {"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, "4"]}},
        {"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, None]}},
        {"a": {"dtype": "F32", "shape": [1], "data_offsets": 4}},
        {"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 10**18]}},
        {"a": 4},
        [1, 2],
        "x",
    ],
)
def test_a_header_of_other_types_is_a_sentence(tmp_path: Path, header: object) -> None:
    content = json.dumps(header).encode()
    file = tmp_path / "w.safetensors"
    file.write_bytes(len(content).to_bytes(8, "little") + content + b"\0" * 4)
    with pytest.raises(InputProblem, match=r"w\.safetensors"):
        check_weights_file(file)


@pytest.mark.parametrize(
    "content",
    [
        (2**63).to_bytes(8, "little") + b"{}",
        (200_000).to_bytes(8, "little") + b"[" * 200_000,
        (1 << 40).to_bytes(8, "little") + b"{" * 1000,
        b"\0" * 1000,
    ],
    ids=["endless header", "deep header", "large header", "zeros"],
)
def test_a_header_without_end_is_a_sentence(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "w.safetensors"
    file.write_bytes(content)
    with pytest.raises(InputProblem, match=r"w\.safetensors"):
        check_weights_file(file)


def test_a_pipe_is_no_weights_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "w.safetensors")
    with pytest.raises(InputProblem, match="a pipe"):
        check_weights_file(tmp_path / "w.safetensors")


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("x.safetensors", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", "a Git LFS pointer"),
        ("x.ckpt", b"<!DOCTYPE html><html><body>Log in</body></html>", "a web page"),
        ("x.pth", b'{"error": "not found"}', "a JSON text"),
        ("model-00001-of-00002.safetensors", b"\2\0\0\0\0\0\0\0{}", "stored in several files"),
        ("model.safetensors.index.json", b"{}", "stored in several files"),
    ],
)
def test_what_is_no_whole_file_of_weights_is_named(tmp_path, name, content, words):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputProblem, match=words):
        check_weights_file(tmp_path / name)
