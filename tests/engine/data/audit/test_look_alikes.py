"""Images that look alike are found by what an audit kept of them, however they are turned."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from aimic_tui.engine.data.audit.look_alikes import remembered_looks
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
    paths, memory = pictures(tmp_path), tmp_path / "some.measures"
    measure_images(paths, AS_STORED, memory=memory)
    before = memory.read_bytes()
    later = [*paths, tmp_path / "new.png"]
    Image.new("RGB", (32, 32)).save(later[-1])
    looks = remembered_looks(memory, later, AS_STORED)
    assert looks is not None
    assert looks.known.tolist() == [True] * 5 + [False]
    far = looks.distances(0)
    assert far[0] < 1e-6
    assert far[1:5].argmin() == 0
    assert np.isinf(far[5])
    assert np.isinf(looks.distances(5)).all()
    assert memory.read_bytes() == before


def test_without_an_audit_nothing_is_known_and_nothing_is_written(tmp_path: Path) -> None:
    memory = tmp_path / "cache" / "none.measures"
    assert remembered_looks(memory, pictures(tmp_path), AS_STORED) is None
    assert not memory.parent.exists()
