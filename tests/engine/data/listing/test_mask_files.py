"""Masks beside the images over which they were drawn."""

from __future__ import annotations

from pathlib import Path

import pytest

from aimic_tui.engine.data.listing.data_source import DataSource
from aimic_tui.engine.data.listing.find_data_set import scan_data_set
from aimic_tui.engine.data.listing.mask_files import find_masks
from tests.engine.data.listing.test_find_data_set import touch


@pytest.mark.parametrize(
    ("image", "mask"),
    [
        ("a/benign (1).png", "a/benign (1)_mask.png"),  # BUSI
        ("a/benign (1).png", "a/benign (1)_mask_1.png"),
        ("a/s [x=1,y=0].jpg", "a/s [x=1,y=0]-labelled.png"),  # QuPath
        ("a/1.TIF", "a/1_Segmentation.png"),
    ],
)
def test_what_is_named_as_the_mask_of_an_image_beside_it(image: str, mask: str) -> None:
    assert find_masks([image, mask]) == [mask]


def test_masks_without_their_image_and_other_names_are_images() -> None:
    assert find_masks(["a/1_mask.png", "b/1.png", "a/label.png", "a/unmasked.png", "a/un.png", "a/2.png"]) == []


def test_masks_have_no_class_and_that_is_said(tmp_path: Path) -> None:
    images = [f"{label}/{at}.png" for label in ("benign", "normal") for at in range(4)]
    touch(tmp_path, *images, *(name.replace(".png", "_mask.png") for name in images))
    found = scan_data_set(DataSource(str(tmp_path)))
    assert found.data_set.images == tuple(sorted(images))
    assert found.data_set.group_rule == "none"
    assert len(found.unlabelled) == len(images)
    assert [note.kind for note in found.notes] == ["masks-beside-images"]
    assert "8 images are named as masks" in found.notes[0].sentence
