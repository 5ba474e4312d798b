from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile

from aimic_tui.engine.data.reading.input_rule import InputRule
from aimic_tui.engine.data.reading.read_image import UnreadableImage, image_facts, read_image, read_pixels
from tests.engine.data.reading.microscope_files import write_czi, write_lif, write_nd2

STACK = np.random.default_rng(0).integers(0, 4096, (3, 4, 30, 40), dtype=np.uint16)  # channels, planes, height, width
LIBRARIES = {"x.czi": "pylibCZIrw", "x.nd2": "nd2", "x.lif": "liffile"}


def written(folder: Path, name: str, stack: np.ndarray = STACK) -> Path:
    pytest.importorskip(LIBRARIES[name], reason="the extra `formats` is not installed")
    return {"x.czi": write_czi, "x.nd2": write_nd2, "x.lif": write_lif}[name](folder / name, stack)


@pytest.mark.parametrize("name", LIBRARIES)
class TestEveryMaker:
    def test_the_first_plane_of_each_channel(self, tmp_path, name):
        pixels = read_pixels(written(tmp_path, name))
        assert (pixels.values == np.moveaxis(STACK[:, 0], 0, 2)).all()
        assert (pixels.channels, pixels.format, pixels.together) == (3, name[2:].upper(), False)

    @pytest.mark.parametrize("plane", ["first", "middle", "max-projection"])
    def test_channels_in_the_order_asked_for_and_planes(self, tmp_path, name, plane):
        pixels = read_pixels(written(tmp_path, name), rule=InputRule(channels="3,1", plane=plane))
        expected = {"first": STACK[:, 0], "middle": STACK[:, 2], "max-projection": STACK.max(axis=1)}[plane]
        assert (pixels.values == np.moveaxis(expected[[2, 0]], 0, 2)).all()

    def test_the_same_picture_as_from_a_tiff(self, tmp_path, name):
        rule = InputRule("window", (100.0, 3000.0), "2:green,1:#ff00ff", "middle")
        tifffile.imwrite(tmp_path / "x.ome.tif", np.moveaxis(STACK, 0, 1), metadata={"axes": "ZCYX"})
        assert (read_image(written(tmp_path, name), rule) == read_image(tmp_path / "x.ome.tif", rule)).all()

    def test_grey(self, tmp_path, name):
        path = written(tmp_path, name, STACK[:1, :1])
        assert (read_pixels(path).values[:, :, 0] == STACK[0, 0]).all()
        assert image_facts(path).channels == 1

    def test_a_channel_that_is_not_there(self, tmp_path, name):
        with pytest.raises(UnreadableImage, match=r"has 3 channels, but data.channels asks for channel 4"):
            read_image(written(tmp_path, name), InputRule(channels="4"))

    def test_a_broken_file_is_named(self, tmp_path, name):
        path = written(tmp_path, name)
        content = path.read_bytes()
        for size in (20, len(content) // 3, len(content) - 30):
            path.write_bytes(content[:size])
            with pytest.raises(UnreadableImage) as caught:
                read_image(path)
            assert caught.value.kind in {"truncated", "unreadable"}, size

    def test_without_the_reader_the_sentence_says_how_to_get_it(self, tmp_path, monkeypatch, name):
        path = written(tmp_path, name)
        for library in ("pylibCZIrw", "pylibCZIrw.czi", "nd2", "liffile"):
            monkeypatch.setitem(sys.modules, library, None)
        with pytest.raises(UnreadableImage) as caught:
            read_image(path)
        assert caught.value.kind == "unreadable"
        assert "`pip install aimic[formats]`" in caught.value.sentence


def test_a_depth_that_the_values_exceed_is_not_believed(tmp_path):
    bright = STACK | np.uint16(1 << 15)
    for path in (write_nd2(tmp_path / "x.nd2", bright, bits=12), write_lif(tmp_path / "x.lif", bright, bits=12)):
        assert (read_pixels(path).bits, read_pixels(path).exceeded_bits) == (16, 12)


def test_bits_in_use_as_the_file_says(tmp_path):
    pytest.importorskip("nd2", reason="the extra `formats` is not installed")
    pytest.importorskip("liffile", reason="the extra `formats` is not installed")
    for path in (write_nd2(tmp_path / "x.nd2", STACK, bits=12), write_lif(tmp_path / "x.lif", STACK, bits=12)):
        assert image_facts(path).bits == 12
        assert (read_image(path) == np.rint(np.moveaxis(STACK[:, 0], 0, 2) * (255 / 4095))).all()


def test_colour_and_scenes_of_a_czi(tmp_path):
    pytest.importorskip("pylibCZIrw", reason="the extra `formats` is not installed")
    colour = np.random.default_rng(0).integers(0, 256, (30, 40, 3), dtype=np.uint8)
    path = write_czi(tmp_path / "x.czi", colour[None, None])
    assert (read_image(path) == colour).all()
    path = write_czi(tmp_path / "two.czi", STACK[:1, :1], scenes=2)
    assert (read_pixels(path).values[:, :, 0] == STACK[0, 0]).all()
