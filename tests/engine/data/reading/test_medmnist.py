from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from aimic_tui.engine.data.audit.audit_data_set import audit_data_set
from aimic_tui.engine.data.audit.image_check import check_images
from aimic_tui.engine.data.cache import cached_images
from aimic_tui.engine.data.data_set import Part
from aimic_tui.engine.data.listing.find_data_set import find_data_set
from aimic_tui.engine.data.manifest import read_manifest, write_manifest
from aimic_tui.engine.data.preprocessing import Preprocessing
from aimic_tui.engine.data.reading.read_image import UnreadableImage, image_facts, read_image
from aimic_tui.engine.data.splitting.make_split import make_split
from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.experiment import DataSettings, SplitSettings

COUNTS = {"train": 24, "val": 8, "test": 12}


def arrays(*, colour: bool = True, classes: int = 3) -> dict[str, np.ndarray]:
    random = np.random.default_rng(0)
    shape = (28, 28, 3) if colour else (28, 28)
    made = {}
    for part, count in COUNTS.items():
        made[f"{part}_images"] = random.integers(0, 256, (count, *shape), dtype=np.uint8)
        made[f"{part}_labels"] = (np.arange(count) % classes).astype(np.uint8)[:, None]
    return made


def saved(folder: Path, content: dict[str, np.ndarray]) -> Path:
    np.savez_compressed(folder / "bloodmnist.npz", **content)
    return folder / "bloodmnist.npz"


@pytest.mark.parametrize("colour", [True, False])
def test_every_split_is_found_with_its_part_and_its_pixels(tmp_path, colour):
    content = arrays(colour=colour)
    data_set = find_data_set(DataSettings(path=str(saved(tmp_path, content))))
    assert data_set.counts() == {"0": 15, "1": 15, "2": 14}
    assert data_set.group_rule == "none"
    assert data_set.parts is not None
    assert np.bincount(data_set.parts).tolist() == [0, 24, 8, 12]
    index = data_set.images.index("bloodmnist.npz/test-00007")
    assert data_set.parts[index] == Part.TEST
    assert data_set.classes[data_set.labels[index]] == "1"
    expected = content["test_images"][7]
    assert (read_image(data_set.path(index)) == (expected if colour else expected[:, :, None])).all()
    assert image_facts(data_set.path(index)).width == 28


def test_a_run_checks_splits_caches_and_finds_them_again(tmp_path):
    file = saved(tmp_path, arrays())
    data_set = find_data_set(DataSettings(path=str(file)))
    checks = check_images(data_set)
    checks.require_readable()
    split = make_split(data_set, SplitSettings(method="predefined"), "none", 0)
    assert (split.parts[0] == data_set.parts).all()
    write_manifest(tmp_path / "manifest.csv", data_set, checks)
    back = read_manifest(tmp_path / "manifest.csv")
    way = Preprocessing(28, "stretch", "auto", (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
    source = cached_images(back.paths(), way, tmp_path / "cache", "on")
    assert source.cached
    assert (source.batch(np.array([3]))[0] == read_image(data_set.path(3))).all()
    os.utime(file, (1, 1))
    cached_images(back.paths(), way, tmp_path / "cache", "on")
    assert len(list((tmp_path / "cache").glob("*.images"))) == 2


def test_an_audit_reads_it(tmp_path):
    content = arrays()
    content["test_images"][0] = content["train_images"][0]
    (finding,) = audit_data_set(DataSettings(path=str(saved(tmp_path, content)))).findings
    assert finding.kind == "duplicate"
    assert finding.paths == ("bloodmnist.npz/test-00000", "bloodmnist.npz/train-00000")


def test_labels_of_two_digits_stay_in_order(tmp_path):
    data_set = find_data_set(DataSettings(path=str(saved(tmp_path, arrays(classes=11)))))
    assert data_set.classes[:3] == ("00", "01", "02")
    assert data_set.classes[10] == "10"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"train_labels": np.zeros((24, 14), np.uint8)}, "14 labels"),
        ({"train_images": np.zeros((24, 28, 28, 28), np.uint8)}, "not grey or colour images"),
        ({"train_images": np.zeros((24, 28, 28), np.float32)}, "not grey or colour images"),
        ({"train_labels": np.zeros(3, np.uint8)}, "24 images but 3 labels"),
        ({"train_labels": np.array([object()] * 24)}, "can't be read"),
    ],
)
def test_what_does_not_fit_is_a_sentence(tmp_path, change, words):
    path = saved(tmp_path, {**arrays(), **change})
    with pytest.raises(InputProblem, match=words):
        find_data_set(DataSettings(path=str(path)))


def test_other_and_broken_archives(tmp_path):
    np.savez(tmp_path / "other.npz", weights=np.zeros(3))
    with pytest.raises(InputProblem, match="no MedMNIST file"):
        find_data_set(DataSettings(path=str(tmp_path / "other.npz")))
    (tmp_path / "broken.npz").write_bytes(b"PK\x03\x04 not really")
    with pytest.raises(InputProblem, match="can't be read as an"):
        find_data_set(DataSettings(path=str(tmp_path / "broken.npz")))
    for name in ("other.npz/train-00001", "broken.npz/train-00001", "other.npz/x", "gone.npz/train-00001"):
        with pytest.raises(UnreadableImage):
            read_image(tmp_path / name)
