from __future__ import annotations

import io
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from aimic_tui.engine.data.audit import near_duplicates as near
from aimic_tui.engine.data.audit.audit_data_set import audit_data_set
from aimic_tui.engine.data.audit.image_check import check_images, group_duplicates, near_duplicates
from aimic_tui.engine.data.audit.near_duplicates import NearPair, near_pairs, perceptual_hashes
from aimic_tui.engine.data.listing.find_data_set import find_data_set
from aimic_tui.engine.data.reading.pixels import THUMB, thumbnail
from aimic_tui.engine.errors import Interrupted
from aimic_tui.engine.experiment import DataSettings

TURNS = [
    None,
    *(
        Image.Transpose[name]
        for name in ("ROTATE_90", "ROTATE_180", "ROTATE_270", "FLIP_LEFT_RIGHT", "FLIP_TOP_BOTTOM")
    ),
    Image.Transpose.TRANSPOSE,
    Image.Transpose.TRANSVERSE,
]


def cell(seed: int, size: int = 96) -> Image.Image:
    """Draw a stained cell in the middle of a bright field: all of them alike but for shape and grain."""
    random = np.random.default_rng(seed)
    image = Image.new("RGB", (size, size), (225, 215, 220))
    draw = ImageDraw.Draw(image)
    at, radius = random.uniform(0.45, 0.55, 2) * size, random.uniform(0.3, 0.4) * size
    draw.ellipse([*(at - radius), *(at + radius)], fill=(190, 150, 200))
    for _ in range(4):
        place = at + random.normal(0, 0.12 * size, 2)
        wide, high = random.uniform(0.06, 0.18, 2) * size
        draw.ellipse([place[0] - wide, place[1] - high, place[0] + wide, place[1] + high], fill=(90, 40, 130))
    grain = Image.fromarray(random.integers(0, 256, (size, size, 3), dtype=np.uint8)).filter(
        ImageFilter.GaussianBlur(1)
    )
    return Image.blend(image.filter(ImageFilter.GaussianBlur(1)), grain, 0.12)


def squeezed(image: Image.Image, quality: int = 60) -> Image.Image:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return Image.open(file)


def found(images: list[Image.Image]) -> list[NearPair]:
    arrays = [np.asarray(image.convert("RGB")) for image in images]
    thumbs = np.stack([thumbnail(image.convert("L")) for image in images])
    return near_pairs(thumbs, np.arange(len(images)), lambda index: arrays[index])


def pairs(images: list[Image.Image]) -> list[tuple[int, int]]:
    return [(pair.first, pair.second) for pair in found(images)]


def test_the_hash_is_the_same_in_all_eight_orientations():
    thumbs = [thumbnail((cell(1) if turn is None else cell(1).transpose(turn)).convert("L")) for turn in TURNS]
    hashes = perceptual_hashes(np.stack(thumbs), np.arange(len(thumbs)))
    assert np.abs(hashes - hashes[0]).max() < 0.01
    assert np.abs(perceptual_hashes(thumbnail(cell(2).convert("L"))[None], np.arange(1)) - hashes[0]).max() > 0.1


@pytest.mark.parametrize("turn", TURNS)
def test_a_copy_is_found_in_any_orientation(turn):
    others = [cell(seed) for seed in range(30)]
    copy = others[7] if turn is None else others[7].transpose(turn)
    (pair,) = found([*others, squeezed(copy)])
    assert (pair.first, pair.second) == (7, 30)
    assert pair.distance < 0.1


def test_a_crop_is_found_whichever_is_the_crop():
    others = [cell(seed) for seed in range(30)]
    crop = others[7].crop((5, 2, 92, 90))
    assert pairs([*others, squeezed(crop.transpose(Image.Transpose.ROTATE_90))]) == [(7, 30)]
    assert pairs([squeezed(crop), *others]) == [(0, 8)]


def test_another_size_brightness_and_contrast_are_still_the_picture():
    others = [cell(seed) for seed in range(30)]
    darker = others[7].resize((70, 70)).point(lambda value: 10 + value * 0.7)
    assert pairs([*others, darker]) == [(7, 30)]


def test_cells_that_look_alike_are_not_copies():
    assert pairs([cell(seed) for seed in range(150)]) == []


def test_flat_pictures_are_not_copies_and_few_pictures_are_no_trouble():
    flat = [Image.new("RGB", (40, 40), (shade,) * 3) for shade in range(200, 210)]
    assert pairs(flat) == []
    assert pairs([cell(1)]) == []
    assert near_pairs(np.zeros((0, THUMB, THUMB), np.uint8), np.zeros(0, np.int64), lambda _: np.zeros(0)) == []


def test_many_pictures_are_searched_by_hashing(monkeypatch):
    monkeypatch.setattr(near, "_EXACT", 10)
    others = [cell(seed) for seed in range(60)]
    copies = [squeezed(others[seed].transpose(turn)) for seed, turn in enumerate(TURNS[1:])]
    assert pairs([*others, *copies]) == [(seed, 60 + seed) for seed in range(7)]


def test_stripes_have_nothing_to_align_along_and_do_no_harm():
    stripes = [Image.fromarray(np.tile(np.arange(64, dtype=np.uint8) // width % 2 * 200, (64, 1))) for width in (4, 9)]
    assert pairs([*stripes, *(cell(seed) for seed in range(5))]) == []


def test_it_can_be_stopped():
    thumbs = np.stack([thumbnail(cell(seed).convert("L")) for seed in (1, 1, 2)])
    with pytest.raises(Interrupted):
        near_pairs(thumbs, np.arange(3), lambda _: np.asarray(cell(1)), should_stop=lambda: True)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in range(24):
        place = tmp_path / "cells" / "ab"[number % 2]
        place.mkdir(parents=True, exist_ok=True)
        cell(number).save(place / f"slide{number // 4}_{number}.png")
    return tmp_path / "cells"


class TestFindings:
    def inspect(self, folder: Path) -> list[tuple[str, tuple[str, ...], str]]:
        audit = audit_data_set(DataSettings(path=str(folder)))
        return [(finding.kind, finding.paths, finding.detail) for finding in audit.findings]

    def test_copies_in_one_class(self, folder: Path):
        squeezed(cell(0).transpose(Image.Transpose.ROTATE_90)).save(folder / "a/slide5_90.jpg")
        ((kind, paths, detail),) = self.inspect(folder)
        assert (kind, paths) == ("near-duplicate", ("a/slide0_0.png", "a/slide5_90.jpg"))
        assert detail.startswith("2 nearly identical images, distance 0.0")
        assert detail.endswith("in 2 groups (slide0, slide5)")

    def test_copies_under_another_label_and_sets_of_them(self, folder: Path):
        (folder / "a/slide0_91.png").write_bytes((folder / "a/slide0_0.png").read_bytes())
        squeezed(cell(0).transpose(Image.Transpose.ROTATE_180)).save(folder / "b/slide0_92.jpg")
        paths = ("a/slide0_0.png", "a/slide0_91.png", "b/slide0_92.jpg")
        conflict, exact, nearly = self.inspect(folder)
        assert conflict == ("label-conflict", paths, "nearly the same image with the labels a, b")
        assert exact[:2] == ("duplicate", paths[:2])
        assert nearly[:2] == ("near-duplicate", paths)
        assert "distance up to 0." in nearly[2]


def test_a_run_keeps_them_in_one_group(folder: Path):
    squeezed(cell(3).transpose(Image.Transpose.TRANSPOSE)).save(folder / "a/slide5_90.jpg")
    data_set = find_data_set(DataSettings(path=str(folder)))
    checks = check_images(data_set)
    copies = near_duplicates(data_set, checks)
    assert [(data_set.images[pair.first], data_set.images[pair.second]) for pair in copies] == [
        ("a/slide5_90.jpg", "b/slide0_3.png")
    ]
    joined = group_duplicates(data_set, checks.digests, copies)
    group_of: Callable[[str], int] = lambda name: int(joined.groups[joined.images.index(name)])  # noqa: E731
    assert group_of("a/slide5_90.jpg") == group_of("b/slide0_3.png") == group_of("a/slide0_0.png")
    assert len(joined.group_names) == len(data_set.group_names) - 1


def test_cells_that_were_photographed_twice_are_found_and_no_others(shared: Path):
    audit = audit_data_set(DataSettings(path=str(shared / "data/wbc-subtypes")))
    sets = [finding.paths for finding in audit.findings if finding.kind == "near-duplicate"]
    assert len(sets) == 14  # looked at one by one: each is one cell, in two photographs
    assert ("neutrophil/smear00230.jpg", "neutrophil/smear00257.jpg") in sets


def test_planted_copies_among_real_cells_are_all_found_and_nothing_else_is(shared: Path, tmp_path: Path):
    shutil.copytree(shared / "data/wbc-subtypes", tmp_path / "cells")
    random = np.random.default_rng(5)
    files = sorted((tmp_path / "cells").glob("*/*.jpg"))
    classes = sorted({file.parent.name for file in files})
    planted = []
    for number, index in enumerate(random.choice(len(files), 40, replace=False)):
        with Image.open(files[index]) as image:
            copy = image.transpose(list(Image.Transpose)[random.integers(7)])
        if number % 2:
            left, top, right, bottom = random.integers(0, 15, 4).tolist()  # of 240 pixels: up to 6 % a side
            copy = copy.crop((left, top, 240 - right, 240 - bottom))
        other = classes[(classes.index(files[index].parent.name) + 1) % len(classes)]
        copy.save(tmp_path / f"cells/{other}/smear9{number:04}.jpg", quality=int(random.integers(40, 90)))
        planted.append({f"{files[index].parent.name}/{files[index].name}", f"{other}/smear9{number:04}.jpg"})
    findings = audit_data_set(DataSettings(path=str(tmp_path / "cells"))).findings
    for kind in ("near-duplicate", "label-conflict"):
        sets = [set(finding.paths) for finding in findings if finding.kind == kind]
        assert all(any(pair <= found for found in sets) for pair in planted), kind
        others = sum("smear9" not in "".join(found) for found in sets)
        assert others <= (14 if kind == "near-duplicate" else 0)  # 14 cells were photographed twice
