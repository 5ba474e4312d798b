"""The drawn smear: reproducible, grouped by slide, and with what tells the kinds of white cell apart."""

from __future__ import annotations

import re
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from aimic_tui.engine.data.smear import CLASSES, Slide, draw_crop, draw_smear
from aimic_tui.engine.progress import Progress


def pictures(folder: Path) -> dict[str, np.ndarray]:
    return {path.relative_to(folder).as_posix(): np.asarray(Image.open(path)) for path in folder.rglob("*.png")}


def crops(kind: str, number: int, seed: int = 0) -> np.ndarray:
    """uint8 [number, 96, 96, 3], each from a slide of its own."""
    generators = [np.random.default_rng([seed, index]) for index in range(number)]
    return np.stack([draw_crop(kind, Slide.make(generator), generator) for generator in generators])


def share(kind: str, meets: str) -> float:
    """The mean share of pixels that are nuclear purple ("purple") or granular orange ("orange")."""
    red, green, blue = np.moveaxis(crops(kind, 24).astype(float), -1, 0)
    middle = np.zeros((96, 96), bool)
    middle[18:78, 18:78] = True
    purple = (green < 110) & (blue > green + 25)
    orange = (red > green + 55) & (green < 150) & (red > blue + 20)
    return float((purple if meets == "purple" else orange)[:, middle].mean())


def test_the_same_seed_draws_the_same_smear_and_another_seed_another(tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        draw_smear(tmp_path / name, slides=2, seed=seed, size=32, crops=4)
    first, again, other = (pictures(tmp_path / name) for name in "abc")
    assert first.keys() == again.keys()
    assert all((first[name] == again[name]).all() for name in first)
    assert any(name not in other or (first[name] != other[name]).any() for name in first)


def test_a_slide_is_the_same_whatever_other_slides_are_drawn(tmp_path: Path) -> None:
    draw_smear(tmp_path / "all", slides=3, seed=5, size=32, crops=3)
    draw_smear(tmp_path / "last", slides=1, seed=5, size=32, crops=3, first_slide=3)
    for name, picture in pictures(tmp_path / "last").items():
        assert (pictures(tmp_path / "all")[name] == picture).all()


def test_names_tell_class_and_slide(tmp_path: Path) -> None:
    reports: list[Progress] = []
    draw_smear(tmp_path, slides=3, seed=0, size=32, crops=4, report=reports.append)
    names = sorted(pictures(tmp_path))
    assert len(names) == 12
    assert all(re.fullmatch(rf"({'|'.join(CLASSES)})/slide00[123]_0[1-4]\.png", name) for name in names)
    assert {path.name for path in tmp_path.iterdir()} == set(CLASSES)
    assert reports[-1] == Progress("draw", 12, 12)


def test_every_class_is_on_enough_slides_for_folds_and_intervals(tmp_path: Path) -> None:
    draw_smear(tmp_path, slides=30, seed=0, size=16)
    for kind in CLASSES:
        slides = {path.name[:8] for path in (tmp_path / kind).iterdir()}
        assert len(slides) >= 10, kind


@pytest.mark.parametrize("size", [24, 96, 160])
def test_a_crop_has_the_wanted_size_and_uses_the_range_of_light(size: int) -> None:
    generator = np.random.default_rng(0)
    picture = draw_crop("neutrophil", Slide.make(generator), generator, size)
    assert picture.shape == (size, size, 3)
    assert picture.dtype == np.uint8
    assert picture.max() > 150
    assert picture.min() < 120


def test_kinds_differ_as_they_do_under_a_microscope() -> None:
    assert share("eosinophil", "orange") > 1.5 * share("neutrophil", "orange")
    assert share("eosinophil", "orange") > 1.5 * share("monocyte", "orange")
    assert share("lymphocyte", "purple") > 0.05
    assert share("basophil", "purple") > share("neutrophil", "purple")


def test_slides_differ_more_than_the_crops_of_one() -> None:
    colours = []
    for number in range(12):
        generator = np.random.default_rng([3, number])
        slide = Slide.make(generator)
        colours.append([draw_crop("neutrophil", slide, generator).mean(axis=(0, 1)) for _ in range(4)])
    table = np.array(colours)
    assert table.mean(axis=1).std(axis=0).mean() > table.std(axis=1).mean()


def test_it_takes_seconds(tmp_path: Path) -> None:
    start = time.process_time()
    draw_smear(tmp_path, slides=5, seed=0, crops=12)
    assert time.process_time() - start < 60 * 0.05  # 0.008 a crop on a quiet core
