from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from aimic_tui.engine.data.audit.audit_data_set import Audit, audit_data_set
from aimic_tui.engine.data.audit.shortcut import Shortcut
from aimic_tui.engine.experiment import DataSettings


class Folder:
    """Images of noise, whose every property is set apart for each."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.random = np.random.default_rng(0)

    def add(self, name: str, *, tint: tuple[float, ...] = (1, 1, 1), size: int = 24, **options: int) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = self.random.normal(150, 30, (size, size, 3)) * np.array(tint)
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(path, **options)
        return path

    def lamp(self) -> float:
        return float(self.random.uniform(0.8, 1.2))

    def inspect(self) -> Audit:
        return audit_data_set(DataSettings(path=str(self.root)))

    def shortcuts(self) -> dict[str, Shortcut]:
        return {shortcut.feature: shortcut for shortcut in self.inspect().shortcuts}


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "images")


def test_classes_that_only_differ_in_the_cell_have_none(folder: Folder):
    for number in range(60):
        lamp = folder.lamp()
        folder.add(f"{'ab'[number % 2]}/{number}.png", tint=(lamp, lamp, lamp))
    assert folder.shortcuts() == {}


def test_a_tinted_background_is_named_with_its_interval_and_examples(folder: Folder):
    for number in range(60):
        folder.add(f"{'ab'[number % 2]}/{number}.png", tint=(1, 1, 0.8) if number % 2 else (1, 1, 1))
    audit = folder.inspect()
    found = {shortcut.feature: shortcut for shortcut in audit.shortcuts}
    colour = found["border colour"]
    assert colour.chance == 0.5
    assert 0.9 < colour.low <= colour.balanced_accuracy <= colour.high <= 1
    assert colour.within_groups is None
    assert colour.p < 0.05
    assert "look at the examples" in colour.sentence
    assert {len(images) for images in colour.examples.values()} == {3}
    assert all(image.startswith("a/") for image in colour.examples["a"])
    (first, *_) = audit.report().to_json()["shortcuts"]
    assert {"feature", "balanced_accuracy", "low", "high", "chance", "within_groups", "sentence"} < set(first)
    json.dumps(first, allow_nan=False)


def test_the_class_that_is_given_away_is_named(folder: Folder):
    for number in range(120):
        folder.add(f"{'abc'[number % 3]}/{number}.png", tint=(1, 1, 0.8) if number % 3 == 1 else (1, 1, 1))
    colour = folder.shortcuts()["border colour"]
    assert colour.clearest == "b"
    assert colour.sentence.endswith("It is clearest for b.")


def test_what_a_file_tells_of_its_making_is_tried(folder: Folder):
    for number in range(60):
        path = folder.add(f"{'ab'[number % 2]}/{number}.jpg", quality=85)
        with Image.open(path) as image:
            exif = Image.Exif()
            exif[272] = "Scope B" if number % 2 else "Scope A"
            exif.get_ifd(34665)[36867] = f"2021:03:{1 + number // 2 % 9 + 10 * (number % 2):02d} 09:12:44"
            image.save(path, exif=exif, quality=60 if number % 2 else 90)
    found = folder.shortcuts()
    assert {"compression", "camera", "day of recording"} <= set(found)
    assert all(found[feature].low > 0.8 for feature in ("compression", "camera", "day of recording"))


def test_what_tells_classes_apart_within_a_group_is_said_to_be_the_object(folder: Folder):
    for number in range(160):
        lamp = (folder.lamp(), 1, 1) if number % 4 == 0 else lamp  # noqa: F821 - one lamp a slide
        red = lamp[0] * (1.3 if number % 2 else 1)
        folder.add(f"{'ab'[number % 2]}/slide{number // 4}_{number}.png", tint=(red, 1, 1))
    assert folder.shortcuts()["border colour"].within_groups is True


def test_a_lamp_that_goes_with_the_class_is_not_the_object(folder: Folder):
    for number in range(240):
        slide = number // 4
        mostly = slide % 2  # three of a slide's four images are of one class, and the lamp is that class's
        label = mostly if number % 4 else 1 - mostly
        folder.add(f"{'ab'[label]}/slide{slide}_{number}.png", tint=(1.3, 1, 1) if mostly else (1, 1, 1))
    colour = folder.shortcuts()["border colour"]
    assert colour.within_groups is False
    assert "how the images were taken" in colour.sentence


def test_size_format_name_and_date(folder: Folder):
    for number in range(60):
        if number % 2:
            path = folder.add(f"a/{number}.png", size=30)
        else:
            path = folder.add(f"b/{number + 1000}.jpg", size=24, quality=90)
        os.utime(path, (1.7e9 + number % 2 * 1e6,) * 2)
    found = folder.shortcuts()
    for feature in ("image size", "file format", "file size", "file name", "file date"):
        assert found[feature].balanced_accuracy > 0.9, feature
    assert "brightness" not in found


def test_classes_that_are_numbered_from_1_each_have_none(folder: Folder):
    for label, count in (("a", 20), ("b", 120)):
        for number in range(count):
            lamp = folder.lamp()
            folder.add(f"{label}/cell_{number + 1}.png", tint=(lamp, lamp, lamp))
    assert folder.shortcuts() == {}


def test_few_slides_with_lamps_of_their_own_have_none(folder: Folder):
    for slide in range(16):
        lamp = (folder.lamp(), 1, folder.lamp())
        for number in range(6):
            folder.add(f"{'ab'[slide % 2]}/slide{slide}_{number}.png", tint=lamp)
    assert folder.shortcuts() == {}


def test_a_class_with_few_groups_says_nothing(folder: Folder):
    for number in range(40):
        folder.add(
            f"{'ab'[number % 2]}/slide{number // 10}_{number}.png", tint=(1, 1, 0.6) if number % 2 else (1, 1, 1)
        )
    assert folder.shortcuts() == {}


class TestOutliers:
    def findings(self, folder: Folder) -> list[tuple[tuple[str, ...], str]]:
        return [(finding.paths, finding.detail) for finding in folder.inspect().findings if finding.kind == "outlier"]

    def test_each_respect_has_its_words(self, folder: Folder):
        for number in range(100):
            lamp = folder.lamp()
            folder.add(f"{'ab'[number % 2]}/{number}.png", tint=(lamp, lamp, lamp))
        folder.add("a/large.png", size=90)
        folder.add("a/dark.png", tint=(0.05, 0.05, 0.05))
        folder.add("b/red.png", tint=(1.2, 0.7, 0.9))
        blurred = Image.open(folder.add("b/blurred.png", size=6)).resize((24, 24), Image.Resampling.BICUBIC)
        blurred.save(folder.root / "b/blurred.png")
        found = {paths[0]: detail for paths, detail in self.findings(folder)}
        assert set(found) == {"a/large.png", "a/dark.png", "b/red.png", "b/blurred.png"}
        assert "larger than usual (90 pixels a side; median of the class 24 pixels a side)" in found["a/large.png"]
        assert "darker than usual (brightness" in found["a/dark.png"]
        assert "redder than usual" in found["b/red.png"]
        assert "blurrier than usual (sharpness" in found["b/blurred.png"]

    def test_varied_and_small_classes_have_none(self, folder: Folder):
        for number in range(60):
            folder.add(f"a/{number}.png", size=24 if number % 10 else 90)
        for number in range(10):
            folder.add(f"b/{number}.png", size=24 if number else 90)
        assert self.findings(folder) == []


class TestNotes:
    def test_unequal_classes(self, folder: Folder):
        for number in range(24):
            folder.add(f"{'a' if number < 20 else 'b'}/{number}.png")
        assert "a has 5 times as many images as b (20 and 4)" in folder.inspect().notes[0].sentence

    def test_groups_of_one_class(self, folder: Folder):
        for number in range(48):
            slide = number // 4
            folder.add(f"{'ab'[slide % 2]}/slide{slide}_{number}.png")
        assert "100% of the 12 groups with several images hold a single class" in folder.inspect().notes[0].sentence

    def test_mixed_groups_are_as_they_should_be(self, folder: Folder):
        for number in range(48):
            folder.add(f"{'ab'[number % 2]}/slide{number // 4}_{number}.png")
        assert folder.inspect().notes == ()


def test_real_cells_differ_and_the_audit_says_that_it_is_the_cells(shared: Path):
    audit = audit_data_set(DataSettings(path=str(shared / "data/cell-types")))
    found = {shortcut.feature: shortcut for shortcut in audit.shortcuts}
    assert found["border colour"].within_groups is True
    assert found["file name"].within_groups is None
    assert not {"image size", "file format", "file date"} & set(found)
