from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from PIL import Image

from aimic_tui.engine.data import preprocessing as preprocessing_module
from aimic_tui.engine.data.preprocessing import Preprocessing
from aimic_tui.engine.errors import InputProblem


def preprocessing(size: int = 8, fit: str = "stretch") -> Preprocessing:
    return Preprocessing(size, fit, "auto", (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


def bars(height: int, width: int) -> np.ndarray:
    """Black left, white right."""
    image = np.zeros((height, width, 3), np.uint8)
    image[:, width // 2 :] = 255
    return image


@pytest.mark.parametrize("fit", ["stretch", "pad", "crop"])
@pytest.mark.parametrize("shape", [(30, 50), (50, 30), (8, 8), (1, 1), (3, 200)])
def test_every_shape_becomes_square(fit, shape):
    image = preprocessing(fit=fit).apply(bars(*shape))
    assert image.shape == (8, 8, 3)
    assert image.dtype == np.uint8
    assert image.flags.c_contiguous


def test_the_right_size_is_left_alone():
    image = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    assert (preprocessing().apply(image) == image).all()


def test_crop_takes_the_centre_and_pad_keeps_all_with_the_colour_of_the_edge():
    image = np.full((20, 40, 3), 200, np.uint8)
    image[:, :10] = image[:, 30:] = 0
    assert (preprocessing(20, "crop").apply(image) == 200).all()
    image = np.full((20, 40, 3), 200, np.uint8)
    image[5:15, 10:30] = 0
    padded = preprocessing(40, "pad").apply(image)
    assert (padded[:10] == 200).all()
    assert (padded[30:] == 200).all()
    assert (padded[15:25, 10:30] == 0).all()


def padded_as_a_whole(image: np.ndarray, size: int) -> np.ndarray:
    """The definition: a whole square, then one resize."""
    height, width = image.shape[:2]
    side = max(height, width)
    edge = np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])
    square = np.empty((side, side, 3), np.uint8)
    square[:] = np.median(edge, axis=0).astype(np.uint8)
    top, left = (side - height) // 2, (side - width) // 2
    square[top : top + height, left : left + width] = image
    if side == size:
        return square
    return np.asarray(Image.fromarray(square).resize((size, size), Image.Resampling.BILINEAR))


@pytest.mark.parametrize("pixels_at_once", [50, 4_000_000])
def test_padding_a_few_rows_at_a_time_gives_the_bits_of_the_whole_square(monkeypatch, pixels_at_once):
    monkeypatch.setattr(preprocessing_module, "_PIXELS_AT_ONCE", pixels_at_once)
    random = np.random.default_rng(0)
    for _ in range(40):
        height, width, size = (int(value) for value in random.integers(1, 90, 3))
        image = random.integers(0, 256, (height, width, 3), dtype=np.uint8)
        assert (preprocessing(size, "pad").apply(image) == padded_as_a_whole(image, size)).all(), image.shape
    for shape in [(1, 700), (700, 1), (3, 900), (331, 2), (480, 640), (640, 480)]:
        image = random.integers(0, 256, (*shape, 3), dtype=np.uint8)
        assert (preprocessing(224, "pad").apply(image) == padded_as_a_whole(image, 224)).all(), shape


@pytest.mark.parametrize("shape", [(3, 60_000), (40, 30_000), (60_000, 3), (1, 400_000)])
@pytest.mark.parametrize("fit", ["pad", "stretch", "crop"])
def test_a_long_strip_takes_little_memory(shape, fit):
    strip = np.full((*shape, 3), 50, np.uint8)
    strip[:, :, 1] = 200
    tracemalloc.start()
    try:
        fitted = preprocessing(32, fit).apply(strip)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (fitted == (50, 200, 50)).all()
    assert peak < 60_000_000


def test_shrinking_averages_instead_of_picking():
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, ::2] = 200
    assert np.abs(preprocessing().apply(stripes).astype(int) - 100).max() <= 5


def test_a_file_is_read_and_fitted(tmp_path):
    Image.fromarray(bars(30, 50)).save(tmp_path / "x.png")
    assert (preprocessing().load(tmp_path / "x.png") == preprocessing().apply(bars(30, 50))).all()


def test_it_comes_back_from_a_models_json():
    original = preprocessing(224, "pad")
    assert Preprocessing.from_json(original.to_json()) == original


@pytest.mark.parametrize(
    "change", [{"resize": "by magic"}, {"fit": "twist"}, {"mean": [1]}, {"std": "x"}, {"image_size": None}]
)
def test_what_this_version_does_not_know_is_refused(change):
    with pytest.raises(InputProblem, match="preprocessing"):
        Preprocessing.from_json({**preprocessing().to_json(), **change})
