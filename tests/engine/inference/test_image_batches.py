"""Image files in batches: in order, with reasons where they can't be read, stopped between two batches."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from aimic_tui.engine.data.preprocessing import Preprocessing
from aimic_tui.engine.errors import Interrupted
from aimic_tui.engine.files import digest_of_file
from aimic_tui.engine.inference.image_batches import image_batches
from aimic_tui.engine.inference.reference import short_digest
from aimic_tui.engine.progress import Progress
from tests.engine.inference.conftest import make_images

HALVES = (0.5, 0.5, 0.5)
SMALL, LARGE = (Preprocessing(size, "stretch", "auto", HALVES, HALVES) for size in (8, 16))


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    found = [path for _, path in make_images(tmp_path / "images", 5)]
    found[2].write_bytes(b"")
    return found


def test_each_image_is_there_once_for_each_preprocessing(paths: list[Path]) -> None:
    batches = list(image_batches(paths, [SMALL, LARGE, SMALL], 2, with_digests=True))
    assert [len(batch) for batch in batches] == [2, 2, 1]
    images = [image for batch in batches for image in batch]
    assert [image.problem for image in images] == ["", "", "is empty (0 bytes)", "", ""]
    for path, image in zip(paths, images, strict=True):
        if image.problem:
            assert (image.pixels, image.digest) == ({}, 0)
            continue
        assert set(image.pixels) == {SMALL, LARGE}
        np.testing.assert_array_equal(image.pixels[LARGE], LARGE.load(path))
        assert image.digest == short_digest(digest_of_file(path))


def test_it_reports_what_was_handled_and_stops_between_batches(paths: list[Path]) -> None:
    reports: list[Progress] = []
    batches = image_batches(
        paths, [SMALL], 2, report=reports.append, should_stop=lambda: len(reports) == 3, before=10, consequence="so."
    )
    next(batches)
    assert reports == [Progress("predict", 10, 15)], "the batch is not done yet"
    with pytest.raises(Interrupted, match=r"stopped after 14 of 15 images; so\."):
        list(batches)
    assert [report.done for report in reports] == [10, 12, 14]


def test_a_stop_at_the_very_end_is_no_stop(paths: list[Path]) -> None:
    assert len(list(image_batches(paths, [SMALL], 5, should_stop=lambda: True))) == 1
