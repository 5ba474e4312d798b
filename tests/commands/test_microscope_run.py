"""From a 16-bit, two-channel data set to a model, and the same picture in other containers to the same answer."""

from __future__ import annotations

import csv
import struct
import zlib
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import tifffile
import tomli

from aimic_tui.engine.bounded_files import read_json
from tests.commands.calling import call
from tests.engine.data.reading.microscope_files import write_czi, write_lif, write_nd2

SIDE = 32
SETTINGS = {
    "data.channels": "2,1",
    "data.intensity": "percentiles",
    "data.percentiles": "1, 99",
    "data.group": "none",
    "split.folds": "2",
    "model.networks": "test_resnet",
    "model.weights": "none",
    "model.image_size": str(SIDE),
    "training.epochs": "12",
    "training.patience": "12",
    "training.batch_size": "8",
    "training.learning_rate": "0.003",
    "augmentation.preset": "none",
    "compute.threads": "1",
    "compute.devices": "cpu",
}


def cell(random: np.random.Generator, *, lying: bool) -> np.ndarray:
    """Return uint16 [2, side, side]: noise, and faint stripes that lie or stand; only the stripes tell the class."""
    stripes = np.sin((np.arange(SIDE) + random.uniform(0, 8)) * (2 * np.pi / 8))
    pattern = np.tile(stripes, (SIDE, 1))
    first = random.normal(20_000, 5_000, (SIDE, SIDE))
    second = 900 + 60 * (pattern.T if lying else pattern) + random.normal(0, 10, (SIDE, SIDE))
    return np.clip(np.stack([first, second]), 0, 65535).astype(np.uint16)


def write_png16(path: Path, channels: np.ndarray) -> None:
    """Write two channels as red and green of 16 bits; Pillow writes no such PNG."""
    colour = np.stack([channels[0], channels[1], np.zeros_like(channels[0])], axis=2).astype(">u2")
    rows = b"".join(b"\0" + row.tobytes() for row in colour)

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    header = struct.pack(">IIBBBBB", SIDE, SIDE, 16, 2, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    )


def write_everywhere(folder: Path, channels: np.ndarray) -> None:
    """Write the same channels in every container that holds them."""
    folder.mkdir()
    interleaved = np.ascontiguousarray(np.moveaxis(channels, 0, 2))
    tifffile.imwrite(folder / "ome.ome.tif", channels, metadata={"axes": "CYX"})
    tifffile.imwrite(folder / "pages.tif", channels, photometric="minisblack", metadata=None)
    tifffile.imwrite(folder / "interleaved.tif", interleaved, photometric="minisblack", planarconfig="contig")
    tifffile.imwrite(folder / "planar.tif", channels, photometric="minisblack", planarconfig="separate")
    tifffile.imwrite(folder / "imagej.tif", channels, imagej=True, metadata={"axes": "CYX"})
    tifffile.imwrite(folder / "zip-big.tif", channels, photometric="minisblack", compression="zlib", bigtiff=True)
    tifffile.imwrite(folder / "float.ome.tif", channels.astype(np.float32), metadata={"axes": "CYX"})
    write_png16(folder / "deep.png", channels)
    for library, write, name in (
        ("pylibCZIrw", write_czi, "x.czi"),
        ("nd2", write_nd2, "x.nd2"),
        ("liffile", write_lif, "x.lif"),
    ):
        if find_spec(library):
            write(folder / name, channels[:, None])


@pytest.mark.slow
def test_two_channels_train_and_predict_whatever_the_container(tmp_path: Path, forked: None) -> None:
    random = np.random.default_rng(0)
    for label in ("lying", "standing"):
        (tmp_path / "images" / label).mkdir(parents=True)
        for number in range(24):
            path = tmp_path / "images" / label / f"{number:02}.ome.tif"
            tifffile.imwrite(path, cell(random, lying=label == "lying"), metadata={"axes": "CYX"})
    settings = [part for key, value in SETTINGS.items() for part in ("--set", f"{key}={value}")]
    trained = call(tmp_path, "train", "--data", str(tmp_path / "images"), *settings)
    assert trained.returncode == 0, trained.stderr
    run = Path(trained.stdout.splitlines()[-1])

    experiment = tomli.loads((run / "experiment.toml").read_text())
    window = experiment["data"]["window"]  # of channel 2, then of channel 1
    assert window == pytest.approx([835, 965, 8_400, 31_600], rel=0.05)
    card = read_json(next(run.glob("trials/*/*/model/model.json")))
    assert card["preprocessing"]["window"] == window
    assert card["preprocessing"]["channels"] == "2,1"
    results = read_json(run / "results.json")
    assert results["networks"]["test_resnet"]["pooled"]["accuracy"]["value"] > 0.9  # channel 2 came through

    write_everywhere(tmp_path / "new", cell(random, lying=True))
    done = call(tmp_path, "predict", str(run), str(tmp_path / "new"), "--output", str(tmp_path / "table.csv"))
    assert done.returncode == 0, done.stderr
    with (tmp_path / "table.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(list((tmp_path / "new").iterdir()))
    assert {row["predicted"] for row in rows} == {"lying"}
    assert len({(row["p_lying"], row["p_standing"]) for row in rows}) == 1
