"""Images that look alike are found by what an audit kept of them, however they are turned."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from aimic_tui.engine.data.audit.look_alikes import load_appearances
from aimic_tui.engine.data.audit.measures import measure_images
from aimic_tui.engine.data.reading.input_rule import AS_STORED


def pictures(folder: Path) -> list[Path]:
    """A picture, the same turned and a little brighter, and others of noise."""
    random = np.random.default_rng(0)
    first = np.kron(random.integers(60, 200, (4, 4, 3)), np.ones((8, 8, 1)))
    made = [
        first,
        np.rot90(first) + 4,
        *(np.kron(random.integers(60, 200, (4, 4, 3)), np.ones((8, 8, 1))) for _ in "abc"),
    ]
    paths = []
    for number, pixels in enumerate(made):
        paths.append(folder / f"{number}.png")
        Image.fromarray(pixels.astype(np.uint8)).save(paths[-1])
    return paths


def test_a_turned_picture_is_nearest_and_what_is_not_known_is_infinitely_far(tmp_path: Path) -> None:
    paths, store = pictures(tmp_path), tmp_path / "some.measures"
    measure_images(paths, AS_STORED, store=store)
    before = store.read_bytes()
    later = [*paths, tmp_path / "new.png"]
    Image.new("RGB", (32, 32)).save(later[-1])
    appearances = load_appearances(store, later, AS_STORED)
    assert appearances is not None
    assert appearances.known.tolist() == [True] * 5 + [False]
    far = appearances.distances(0)
    assert far[0] < 1e-6
    assert far[1:5].argmin() == 0
    assert np.isinf(far[5])
    assert np.isinf(appearances.distances(5)).all()
    assert store.read_bytes() == before


def test_without_an_audit_nothing_is_known_and_nothing_is_written(tmp_path: Path) -> None:
    store = tmp_path / "cache" / "none.measures"
    assert load_appearances(store, pictures(tmp_path), AS_STORED) is None
    assert not store.parent.exists()
