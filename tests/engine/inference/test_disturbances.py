from __future__ import annotations

import numpy as np
import pytest

from aimic_tui.engine.data.reading.read_image import sharpness
from aimic_tui.engine.data.smear import Slide, draw_crop
from aimic_tui.engine.inference.disturbances import (
    TITLES,
    blurred,
    compressed,
    disturbances,
    flattened,
    lit,
    noisy,
    restained,
)


@pytest.fixture(scope="module")
def cell() -> np.ndarray:
    random = np.random.default_rng(3)
    return draw_crop("neutrophil", Slide.make(random), random, 64)


def test_every_disturbance_changes_the_picture_the_more_the_stronger_and_always_alike(cell: np.ndarray) -> None:
    assert {one.kind for one in disturbances()} == set(TITLES)
    before: tuple[str, float] = ("", 0.0)
    for one in disturbances():
        found = one(cell, "cell.png")
        assert (found.dtype, found.shape) == (np.uint8, cell.shape)
        assert np.array_equal(found, one(cell, "cell.png"))
        change = float(np.abs(found.astype(float) - cell).mean())
        assert change > 0
        if one.strength > 1:
            assert change > before[1], one
        before = (one.kind, change)


def test_they_do_what_they_are_called(cell: np.ndarray) -> None:
    grey = cell.mean(axis=2).astype(np.uint8)
    assert sharpness(blurred(cell, 0.02).mean(axis=2).astype(np.uint8)) < sharpness(grey)
    assert lit(cell, 0.5).mean() == pytest.approx(cell.mean() / 2, abs=0.5)
    assert lit(np.full((4, 4, 3), 200, np.uint8), 1.6).max() == 255
    halved = flattened(cell, 0.5).std(axis=(0, 1))
    np.testing.assert_allclose(halved, cell.std(axis=(0, 1)) / 2, rtol=0.02)
    assert flattened(cell, 0.4).mean() == pytest.approx(cell.mean(), abs=1)
    flat = np.full((64, 64, 3), 128, np.uint8)
    assert noisy(flat, 10.0, "a").std() == pytest.approx(10, rel=0.05)
    assert not np.array_equal(noisy(flat, 10.0, "a"), noisy(flat, 10.0, "b"))
    assert not np.array_equal(compressed(cell, 10), compressed(cell, 95))


def test_stain_moves_one_dye_against_the_other(cell: np.ndarray) -> None:
    assert np.abs(restained(cell, 1.0).astype(int) - cell).max() <= 1
    haematoxylin = np.array([0.65, 0.70, 0.29]) / np.linalg.norm([0.65, 0.70, 0.29])
    picture = np.rint(256 * np.exp(-0.5 * haematoxylin) - 1).astype(np.uint8)[None, None].repeat(4, 0).repeat(4, 1)
    twice = 256 * np.exp(-1.0 * haematoxylin) - 1
    np.testing.assert_allclose(restained(picture, 2.0)[0, 0], twice, atol=2)
    white = np.full((4, 4, 3), 255, np.uint8)
    assert np.array_equal(restained(white, 2.0), white)
