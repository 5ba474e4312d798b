from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from aimic_tui.engine.data.preprocessing import Preprocessing
from aimic_tui.engine.data.reading.input_rule import InputRule, parse_channels, rule_from_settings
from aimic_tui.engine.data.reading.read_image import UnreadableImage, read_image, read_pixels
from aimic_tui.engine.errors import InputProblem, UsageProblem
from aimic_tui.engine.experiment import DataSettings

CHANNELS = np.random.default_rng(0).integers(0, 4096, (4, 20, 30), dtype=np.uint16)


def to_8_bits(values: np.ndarray, low: float, high: float) -> np.ndarray:
    return np.clip(np.rint((values.astype(float) - low) * (255 / (high - low))), 0, 255).astype(np.uint8)


def containers(folder: Path, channels: np.ndarray) -> list[Path]:
    """Write the same channels in every TIFF that holds them."""
    tifffile.imwrite(folder / "x.ome.tif", channels, metadata={"axes": "CYX"})
    tifffile.imwrite(folder / "pages.tif", channels, photometric="minisblack", metadata=None)
    tifffile.imwrite(folder / "shaped.tif", channels, photometric="minisblack")
    interleaved = np.ascontiguousarray(np.moveaxis(channels, 0, 2))
    tifffile.imwrite(folder / "interleaved.tif", interleaved, photometric="minisblack", planarconfig="contig")
    tifffile.imwrite(folder / "planar.tif", channels, photometric="minisblack", planarconfig="separate")
    tifffile.imwrite(folder / "zip.tif", channels, photometric="minisblack", compression="zlib", metadata=None)
    tifffile.imwrite(folder / "imagej.tif", channels, imagej=True, metadata={"axes": "CYX"})
    tifffile.imwrite(folder / "big.ome.tif", channels, bigtiff=True, byteorder=">", metadata={"axes": "CYX"})
    return sorted(folder.glob("*.tif"))


class TestChannels:
    def test_the_order_asked_for_in_every_container(self, tmp_path):
        rule = InputRule("window", (0.0, 4095.0), "4,1,3")
        expected = to_8_bits(np.moveaxis(CHANNELS[[3, 0, 2]], 0, 2), 0, 4095)
        for path in containers(tmp_path, CHANNELS):
            assert (read_image(path, rule) == expected).all(), path.name

    def test_one_channel_is_grey_and_two_are_red_and_green(self, tmp_path):
        tifffile.imwrite(tmp_path / "x.ome.tif", CHANNELS, metadata={"axes": "CYX"})
        grey = read_image(tmp_path / "x.ome.tif", InputRule("window", (0.0, 4095.0), "2"))
        assert (grey == to_8_bits(CHANNELS[1], 0, 4095)[:, :, None]).all()
        two = read_image(tmp_path / "x.ome.tif", InputRule("window", (0.0, 4095.0), "2,4"))
        assert (two[:, :, 1] == to_8_bits(CHANNELS[3], 0, 4095)).all()
        assert (two[:, :, 2] == 0).all()

    def test_colours_add_up_and_end_at_white(self, tmp_path):
        values = np.array([[[200, 0]], [[0, 200]], [[100, 100]], [[255, 255]]], np.uint8)  # channels, height, width
        tifffile.imwrite(tmp_path / "x.tif", values, photometric="minisblack", planarconfig="separate")
        image = read_image(tmp_path / "x.tif", InputRule(channels="1:red,2:#00ff00,3:#ff0080"))
        assert image.tolist() == [[[255, 0, 50], [100, 200, 50]]]
        white = read_image(tmp_path / "x.tif", InputRule(channels="3:white"))
        assert (white == 100).all()
        all_four = read_image(tmp_path / "x.tif", InputRule(channels="1:red,2:green,3:blue,4:#101010"))
        assert all_four.tolist() == [[[216, 16, 116], [16, 216, 116]]]

    def test_of_a_colour_picture(self, tmp_path):
        picture = np.random.default_rng(1).integers(0, 256, (8, 9, 3), dtype=np.uint8)
        Image.fromarray(picture).save(tmp_path / "x.png")
        assert (read_image(tmp_path / "x.png", InputRule(channels="3,2,1")) == picture[:, :, ::-1]).all()
        assert (read_image(tmp_path / "x.png", InputRule(channels="2")) == picture[:, :, 1:2]).all()

    @pytest.mark.parametrize("name", ["grey.png", "grey.tif", "deep.png", "pages.tif"])
    def test_a_channel_that_is_not_there_is_a_sentence(self, tmp_path, name):
        Image.fromarray(CHANNELS[0].astype(np.uint8)).save(tmp_path / "grey.png")
        Image.fromarray(CHANNELS[0].astype(np.uint8)).save(tmp_path / "grey.tif")
        Image.fromarray(CHANNELS[0]).save(tmp_path / "deep.png")
        tifffile.imwrite(tmp_path / "pages.tif", CHANNELS[:1], photometric="minisblack")
        with pytest.raises(UnreadableImage, match=r"1 channel, but data.channels asks for channel 2") as caught:
            read_image(tmp_path / name, InputRule(channels="2,1"))
        assert "data.channels" in caught.value.sentence.rpartition(". ")[2]

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("", "not a list of channels"),
            ("0", "not a list of channels"),
            ("1,,2", "not a list of channels"),
            ("1:crimson", "colour crimson"),
            ("1:red,2", "some channels only"),
            ("1,2,3,4", "Without colours"),
        ],
    )
    def test_what_makes_no_sense(self, text, words):
        with pytest.raises(UsageProblem, match=words):
            parse_channels(text)


class TestWindow:
    def test_values_outside_it_are_black_and_white(self, tmp_path):
        tifffile.imwrite(tmp_path / "x.tif", np.array([[50, 100, 220, 300, 9999]], np.uint16))
        image = read_image(tmp_path / "x.tif", InputRule("window", (100.0, 300.0)))
        assert image[0, :, 0].tolist() == [0, 0, 153, 255, 255]

    def test_a_pair_for_each_channel(self, tmp_path):
        rule = InputRule("window", (0.0, 4095.0, 1000.0, 2000.0), "1,2")
        for path in containers(tmp_path, CHANNELS):
            image = read_image(path, rule)
            assert (image[:, :, 0] == to_8_bits(CHANNELS[0], 0, 4095)).all(), path.name
            assert (image[:, :, 1] == to_8_bits(CHANNELS[1], 1000, 2000)).all(), path.name

    def test_the_same_values_look_the_same_in_any_type(self, tmp_path):
        values = CHANNELS[0] // 16
        for kind in (np.uint8, np.uint16, np.int16, np.uint32, np.int32, np.float32, np.float64):
            tifffile.imwrite(tmp_path / f"{kind.__name__}.tif", values.astype(kind))
        Image.fromarray(values.astype(np.uint8)).save(tmp_path / "x.png")
        rule = InputRule("window", (10.0, 200.0))
        for path in tmp_path.iterdir():
            assert (read_image(path, rule)[:, :, 0] == to_8_bits(values, 10, 200)).all(), path.name

    def test_a_picture_with_other_channels_than_it_has_pairs_for_is_refused(self, tmp_path):
        Image.fromarray(CHANNELS[0]).save(tmp_path / "x.png")
        with pytest.raises(UnreadableImage, match=r"data\.window has values for 2"):
            read_image(tmp_path / "x.png", InputRule("percentiles", (0.0, 1.0, 0.0, 1.0)))

    @pytest.mark.parametrize(
        ("settings", "words"),
        [
            ({"intensity": "window"}, "needs data.window"),
            ({"intensity": "min-max", "window": [1, 2]}, "does nothing"),
            ({"intensity": "window", "window": [2, 1]}, "low and a high"),
            ({"intensity": "window", "window": [1, 2, 3]}, "low and a high"),
            ({"intensity": "window", "window": [1, 2, 3, 4, 5, 6], "channels": "1,2"}, "3 pairs"),
            ({"percentiles": [99, 1]}, "must be below"),
        ],
    )
    def test_what_makes_no_sense(self, settings, words):
        with pytest.raises(UsageProblem, match=words):
            rule_from_settings(DataSettings(**settings))


class TestPlanes:
    STACK = np.random.default_rng(2).integers(0, 65536, (5, 2, 12, 14), dtype=np.uint16)  # planes, channels

    @pytest.mark.parametrize(
        ("plane", "expected"), [("first", STACK[0]), ("middle", STACK[2]), ("max-projection", STACK.max(axis=0))]
    )
    @pytest.mark.parametrize("kind", ["ome", "imagej", "ome with time"])
    def test_of_a_stack_of_channels(self, tmp_path, plane, expected, kind):
        path = tmp_path / "x.ome.tif"
        if kind == "imagej":
            path = tmp_path / "x.tif"
            tifffile.imwrite(path, self.STACK, imagej=True, metadata={"axes": "ZCYX"})
        elif kind == "ome":
            tifffile.imwrite(path, self.STACK, metadata={"axes": "ZCYX"})
        else:
            tifffile.imwrite(path, np.stack([self.STACK, self.STACK // 2]), metadata={"axes": "TZCYX"})
        assert (read_pixels(path, rule=InputRule(plane=plane)).values == np.moveaxis(expected, 0, 2)).all()

    @pytest.mark.parametrize("depth", [np.uint8, np.uint16])
    def test_pages_that_say_nothing_are_planes(self, tmp_path, depth):
        stack = (self.STACK[:, 0] >> 8).astype(depth)
        tifffile.imwrite(tmp_path / "x.tif", stack, photometric="minisblack", metadata=None)
        for plane, expected in (("first", stack[0]), ("middle", stack[2]), ("max-projection", stack.max(axis=0))):
            pixels = read_pixels(tmp_path / "x.tif", rule=InputRule(plane=plane))
            assert (pixels.values[:, :, 0] == expected).all(), plane
        channels = read_pixels(tmp_path / "x.tif", rule=InputRule(channels="5,1"))
        assert (channels.values == np.moveaxis(stack[[4, 0]], 0, 2)).all()

    def test_colour_planes(self, tmp_path):
        stack = np.random.default_rng(3).integers(0, 256, (3, 10, 12, 3), dtype=np.uint8)
        tifffile.imwrite(tmp_path / "x.tif", stack, photometric="rgb")
        assert (read_image(tmp_path / "x.tif", InputRule(plane="max-projection")) == stack.max(axis=0)).all()
        assert (read_image(tmp_path / "x.tif") == stack[0]).all()

    def test_a_long_imagej_stack_is_one_block_behind_a_single_page(self, tmp_path):
        tifffile.imwrite(tmp_path / "x.tif", self.STACK, imagej=True, metadata={"axes": "ZCYX"}, truncate=True)
        with tifffile.TiffFile(tmp_path / "x.tif") as tiff:
            assert len(tiff.pages) == 1
        pixels = read_pixels(tmp_path / "x.tif", rule=InputRule(channels="2,1", plane="middle"))
        assert (pixels.values == np.moveaxis(self.STACK[2][::-1], 0, 2)).all()

    def test_a_picture_without_a_stack_has_one_plane(self, tmp_path):
        Image.fromarray(CHANNELS[0].astype(np.uint8)).save(tmp_path / "x.png")
        assert (
            read_image(tmp_path / "x.png", InputRule(plane="max-projection")) == read_image(tmp_path / "x.png")
        ).all()


class TestWithAModel:
    WAY = Preprocessing(
        8, "pad", "percentiles", (0.5, 0.5, 0.5), (0.5, 0.5, 0.5), (1.5, 300.25, 2.0, 9.0), "2:red,1:#00ff00", "middle"
    )

    def test_it_comes_back_from_its_json(self):
        assert Preprocessing.from_json(self.WAY.to_json()) == self.WAY

    def test_models_of_before_know_no_channels(self):
        values = self.WAY.to_json()
        for key in ("window", "channels", "plane"):
            del values[key]
        old = Preprocessing.from_json({**values, "intensity": "auto"})
        assert old.rule == InputRule()

    @pytest.mark.parametrize(
        "change",
        [
            {"intensity": "by magic"},
            {"plane": "last"},
            {"channels": "x"},
            {"window": [1]},
            {"window": [1, float("nan")]},
        ],
    )
    def test_what_this_version_does_not_know_is_refused(self, change):
        with pytest.raises(InputProblem):
            Preprocessing.from_json({**self.WAY.to_json(), **change})

    def test_every_part_of_it_is_in_the_caches_key(self):
        others = [
            Preprocessing(8, "pad", "auto", self.WAY.mean, self.WAY.std, *rest)
            for rest in ((), ((0.0, 1.0),), ((), "2,1"), ((), "2:red,1:green"), ((), "auto", "middle"))
        ]
        assert len({str(way.pixel_steps()) for way in others}) == len(others)
