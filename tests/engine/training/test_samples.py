"""Samples: the very pixels that training will see."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image

from aimic_tui.engine.models.catalogue import find_network
from aimic_tui.engine.training.augmentation import Augmentation
from aimic_tui.engine.training.augmentation_ranges import PRESETS
from aimic_tui.engine.training.sample_sheet import Sheet
from aimic_tui.engine.training.samples import training_samples
from aimic_tui.engine.training.task import fold_parts, preprocessing_for
from tests.engine.training.small import CLASSES, make_task


def test_variants_are_the_trainings_own_by_seed_epoch_and_image(tmp_path: Path) -> None:
    task = make_task(tmp_path, seed=3)
    found = training_samples(task, count=5, epochs=[1, 4], presets=["cells"])
    preprocessing = preprocessing_for(task.experiment, find_network(task.network))
    mean, std = np.array(preprocessing.mean), np.array(preprocessing.std)
    augment = Augmentation(PRESETS["cells"], seed=3, mean=preprocessing.mean, std=preprocessing.std)
    for sample in found:
        index = task.data_set.images.index(sample.image)
        assert np.array_equal(sample.original, preprocessing.load(task.data_set.path(index)))
        for place, epoch in enumerate([1, 4]):
            pixels = torch.from_numpy(sample.original).permute(2, 0, 1)[None]
            inputs = augment(pixels, np.array([index]), epoch)[0].permute(1, 2, 0).numpy()
            expected = np.clip(np.round((inputs * std + mean) * 255), 0, 255).astype(np.uint8)
            assert np.abs(sample.variants["cells"][place].astype(int) - expected).max() <= 1


def test_all_classes_come_in_turn_and_only_training_images(tmp_path: Path) -> None:
    task = make_task(tmp_path)
    found = training_samples(task, count=7, epochs=[1], presets=["none", "flips"])
    assert [sample.label for sample in found] == [*CLASSES, *CLASSES, CLASSES[0]]
    train = {task.data_set.images[index] for index in fold_parts(task.split, 1, "honest").train}
    assert {sample.image for sample in found} <= train
    assert len({sample.image for sample in found}) == 7
    assert all(np.array_equal(sample.variants["none"][0], sample.original) for sample in found)


def test_more_than_there_are_gives_them_all(tmp_path: Path) -> None:
    task = make_task(tmp_path)
    found = training_samples(task, count=500, epochs=[1], presets=["none"])
    assert len(found) == len(fold_parts(task.split, 1, "honest").train)


def test_a_share_of_blur_applies_to_every_preset(tmp_path: Path) -> None:
    large = {"model__image_size": 160}
    sharp = training_samples(make_task(tmp_path, **large), count=3, epochs=[1], presets=["none"])
    soft = make_task(tmp_path, augmentation__blur=1.0, **large)
    blurred = training_samples(soft, count=3, epochs=[1], presets=["none"])
    for before, after in zip(sharp, blurred, strict=True):
        assert after.variants["none"].astype(float).std() < before.variants["none"].astype(float).std()


def test_a_sheet_has_each_tile_where_it_says(tmp_path: Path) -> None:
    found = training_samples(make_task(tmp_path), count=4, epochs=[1, 2, 3], presets=["flips"])
    sheet = Sheet.of(32, len(found), 3)
    file = tmp_path / "sheet.png"
    sheet.draw(found, "flips", file)
    with Image.open(file) as image:
        pixels = np.asarray(image.convert("RGB"))
    assert sheet.side == 96  # a small image is drawn three times as large, pixel by pixel
    for sample, top in zip(found, sheet.tops, strict=True):
        for left, tile in zip(sheet.lefts, [sample.original, *sample.variants["flips"]], strict=True):
            shown = pixels[top : top + 96, left : left + 96]
            assert np.array_equal(shown[1::3, 1::3], tile)


def test_large_images_are_drawn_smaller() -> None:
    assert Sheet.of(1024, 2, 2).side == 256
    assert Sheet.of(224, 2, 2).side == 224
