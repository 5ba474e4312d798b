from __future__ import annotations

import numpy as np
import pytest
import tifffile
from PIL import Image

from aimic_tui.engine.data.reading.exposure import resolve_exposure
from aimic_tui.engine.data.reading.input_rule import InputRule
from aimic_tui.engine.data.reading.read_image import read_image
from aimic_tui.engine.errors import InputProblem

HALF_A_PERCENT = [0.5, 99.5]
RANDOM = np.random.default_rng(0)


def written(folder, images):
    for number, values in enumerate(images):
        tifffile.imwrite(
            folder / f"{number:03}.tif", values, photometric="minisblack", metadata={"axes": "CYX"[-values.ndim :]}
        )
    return sorted(folder.iterdir())


class TestPercentiles:
    def test_a_pair_for_each_channel_that_was_measured_apart(self, tmp_path):
        images = [
            np.stack([RANDOM.normal(1000, 50, (64, 64)), RANDOM.normal(200, 5, (64, 64))]).astype(np.uint16)
            for _ in range(40)
        ]
        for number, values in enumerate(images):
            tifffile.imwrite(tmp_path / f"{number:03}.ome.tif", values, metadata={"axes": "CYX"})
        rule = resolve_exposure(InputRule("percentiles"), [2.5, 97.5], sorted(tmp_path.iterdir()))
        assert rule.window == pytest.approx((1000 - 98, 1000 + 98, 200 - 9.8, 200 + 9.8), abs=4)

    def test_one_pair_for_the_colours_of_one_picture(self, tmp_path):
        for number in range(4):
            Image.fromarray(RANDOM.integers(40, 201, (30, 30, 3), dtype=np.uint8)).save(tmp_path / f"{number}.png")
        rule = resolve_exposure(InputRule("percentiles"), [0, 100], sorted(tmp_path.iterdir()))
        assert rule.window == (40, 200)

    def test_the_same_images_give_the_same_numbers_and_all_count_alike(self, tmp_path):
        small, large = np.full((64, 64), 100, np.uint16), np.full((640, 640), 300, np.uint16)
        paths = written(tmp_path, [small, small, large])
        rule = resolve_exposure(InputRule("percentiles"), [50, 90], paths)
        assert rule == resolve_exposure(InputRule("percentiles"), [50, 90], paths)
        assert rule.window == (100, 300)

    def test_numbers_alone_count_and_a_channel_of_one_value_is_black(self, tmp_path):
        values = np.full((8, 8), 5, np.float32)
        values[0] = (np.nan, np.inf, -np.inf, np.nan, np.nan, np.nan, np.nan, np.nan)
        paths = written(tmp_path, [values])
        rule = resolve_exposure(InputRule("percentiles"), HALF_A_PERCENT, paths)
        assert rule.window == (5, 6)
        assert (read_image(paths[0], rule)[1:] == 0).all()

    def test_images_that_differ_in_channels_have_no_common_percentiles(self, tmp_path):
        tifffile.imwrite(
            tmp_path / "a.ome.tif", RANDOM.integers(0, 9, (2, 8, 8), dtype=np.uint16), metadata={"axes": "CYX"}
        )
        tifffile.imwrite(tmp_path / "b.tif", RANDOM.integers(0, 9, (8, 8), dtype=np.uint16))
        paths = sorted(tmp_path.iterdir())
        with pytest.raises(InputProblem, match=r"2 channels to show and .*b.tif 1"):
            resolve_exposure(InputRule("percentiles"), HALF_A_PERCENT, paths)
        assert len(resolve_exposure(InputRule("percentiles", channels="1"), HALF_A_PERCENT, paths).window) == 2

    def test_what_can_not_be_read_is_passed_over(self, tmp_path):
        paths = written(tmp_path, [np.full((8, 8), 7, np.uint16)])
        (tmp_path / "broken.tif").write_bytes(b"II*\0")
        rule = resolve_exposure(
            InputRule("percentiles"), HALF_A_PERCENT, [*paths, tmp_path / "broken.tif", tmp_path / "gone.tif"]
        )
        assert rule.window == (7, 8)
        assert resolve_exposure(InputRule("percentiles"), HALF_A_PERCENT, [tmp_path / "gone.tif"]).window == ()


class TestAuto:
    @pytest.mark.parametrize(
        ("highest", "kind", "top"),
        [
            (200, np.uint16, 255),
            (1000, np.uint16, 1023),
            (4000, np.uint16, 4095),
            (16000, np.uint16, 16383),
            (60000, np.uint16, 65535),
            (30000, np.int16, 65535),
            (1_000_000, np.uint32, 1_000_000),
            (0.7, np.float32, 1),
            (3000, np.float32, 4095),
        ],
    )
    def test_deep_values_get_the_bits_that_the_data_set_uses(self, tmp_path, highest, kind, top):
        paths = written(tmp_path, [np.array([[0, highest / 3]], kind), np.array([[0, highest]], kind)])
        rule = resolve_exposure(InputRule(), HALF_A_PERCENT, paths)
        assert rule.window == (0, top)
        assert read_image(paths[1], rule)[0, 1, 0] == round(highest * 255 / top)

    def test_what_the_files_declare_is_believed(self, tmp_path):
        values = np.array([[0, 300]], np.uint16)
        tifffile.imwrite(tmp_path / "x.tif", values, extratags=[(281, "H", 1, 4095, True)])
        assert resolve_exposure(InputRule(), HALF_A_PERCENT, [tmp_path / "x.tif"]).window == (0, 4095)

    def test_negative_floats_have_their_place(self, tmp_path):
        paths = written(tmp_path, [np.array([[-2.5, 0.5]], np.float32)])
        assert resolve_exposure(InputRule(), HALF_A_PERCENT, paths).window == (-2.5, 1)

    def test_eight_bits_stay_as_they_are_also_beside_deep_ones(self, tmp_path):
        values = RANDOM.integers(0, 256, (8, 9), dtype=np.uint8)
        Image.fromarray(values).save(tmp_path / "a.png")
        assert resolve_exposure(InputRule(), HALF_A_PERCENT, [tmp_path / "a.png"]) == InputRule()
        tifffile.imwrite(tmp_path / "b.tif", values.astype(np.uint16) * 10)
        rule = resolve_exposure(InputRule(), HALF_A_PERCENT, [tmp_path / "a.png", tmp_path / "b.tif"])
        assert rule.window == (0, 4095)
        assert (read_image(tmp_path / "a.png", rule)[:, :, 0] == values).all()

    def test_a_window_that_is_there_stays(self, tmp_path):
        rule = InputRule("window", (1.0, 2.0))
        assert resolve_exposure(rule, HALF_A_PERCENT, [tmp_path / "x.tif"]) is rule
        assert resolve_exposure(InputRule("auto", (1.0, 2.0)), HALF_A_PERCENT, [tmp_path / "x.tif"]).window == (1, 2)
