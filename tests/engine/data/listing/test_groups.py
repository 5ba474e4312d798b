from __future__ import annotations

import pytest

from aimic_tui.engine.data.listing.groups import dividing_folders, suggest_group


@pytest.mark.parametrize(
    ("make", "pattern"),
    [
        (lambda i: f"{'abc'[i % 3]}/smear{i % 40:05}_{i:02}.jpg", r"^(smear\d+)"),
        (lambda i: f"{'abc'[i % 3]}/slide{i % 9}cell{i}.jpg", r"^(slide\d+)"),
        (lambda i: f"{'abc'[i % 3]}/P{i % 9}_S{i % 30}_{i}.jpg", r"^(P\d+)"),
        (lambda i: f"{'abc'[i % 3]}/patient {i % 9}/{i}.jpg", r"^[^/]+/([^/]+)/"),
        (lambda i: f"{'ab'[i % 2]}/UID_{'H' * (i % 2)}{i % 40}_{i}_1_{'ab'[i % 2]}.bmp", r"^(UID[_\-. ]+[^_\-. ]+)"),
        (lambda i: f"{'abc'[i % 3]}/smear{i}.jpg", r"^(smear\d+)"),  # the word says what is counted
        (lambda i: f"{'abc'[i % 3]}/{i // 3}.jpg", None),  # each class counts from 0 again
        (
            lambda i: f"{'abc'[i % 3]}/blk-{i * 7919:x}-TCGA-AA-A{i % 9:03}-01Z-00-DX1.png",
            "(TCGA-[A-Z0-9]{2}-[A-Z0-9]{4})",
        ),
        (lambda i: f"{'abc'[i % 3]}/{i}_Patient{i % 9}.png", r"(?i)(?<![a-z])(patient[_\-. ]*\d+)"),
        (lambda i: f"{'abc'[i % 3]}/cell {i} slide_{i % 9} x{i}.png", r"(?i)(?<![a-z])(slide[_\-. ]*\d+)"),
        (lambda i: f"{'abc'[i % 3]}/cell{i}_impatient{i % 9}.png", None),
        (lambda i: f"{'abc'[i % 3]}/img{i}.jpg", None),
        (lambda i: f"{'abc'[i % 3]}/Im{i:03}_{i % 2}.tif", None),  # two fields, but each image has its own first
        (lambda i: f"{'abc'[i % 3]}/{'XYZ'[i % 3]}1_{i}.jpg", None),  # the class again
        (lambda i: f"{'abc'[i % 3]}/{hash((i, 7)):x}.jpg", None),
    ],
)
def test_the_pattern_that_names_show(make, pattern):
    assert suggest_group([make(i) for i in range(300)]) == pattern


def test_a_flat_manifest_is_judged_by_its_labels():
    images = [f"slide{i % 10}_{i}.png" for i in range(100)]
    assert suggest_group(images, ["ab"[i % 2] for i in range(100)]) == r"^(slide\d+)"


def test_few_names_show_nothing():
    assert suggest_group([]) is None
    assert suggest_group(["a/b.jpg"]) is None


@pytest.mark.parametrize(
    "folder",
    [
        lambda i: f"{i // 100 * 100 + 1:04}-{i // 100 * 100 + 100:04}",
        lambda i: f"{i // 100 * 100}_{i // 100 * 100 + 99}",
        lambda i: f"part_{i // 100}",
        lambda i: f"chunk{i // 100:02}",
        lambda i: f"{i // 100}",
        lambda i: "0001-1000",
    ],
)
def test_folders_that_only_divide_the_files_of_a_class_are_no_groups(folder):
    images = [f"{label}/{folder(i)}/{label}_{i:05}.jpg" for label in ("BLA", "EBO", "NGS") for i in range(350)]
    labels = [image[:3] for image in images]
    assert suggest_group(images) is None
    assert dividing_folders(images, labels) == tuple(sorted({image.split("/")[1] for image in images}))


@pytest.mark.parametrize(
    "name",
    [
        lambda i: f"p{i // 17}/{i}.jpg",  # patients, whose files are numbered on
        lambda i: f"{i // 17 if i < 100 else i // 40}/{i}.jpg",  # portions of different size are patients rather
        lambda i: f"batch{i // 100}/{i}.jpg",  # stained together
        lambda i: f"{i % 9}/{i}.jpg",
        lambda i: f"{10 + i % 9}-{20 + i % 7}/{i:05}.jpg",  # the files' numbers have nothing to do with it
    ],
)
def test_folders_of_patients_stay_groups(name):
    images = [f"{label}/{name(i)}" for label in ("blast", "normal") for i in range(350)]
    assert suggest_group(images) == r"^[^/]+/([^/]+)/"
    assert dividing_folders(images, [image.partition("/")[0] for image in images]) == ()


@pytest.mark.parametrize(
    "folders",
    ["40X 100X 200X 400X", "train val test", "original augmented cropped", "fold1 fold2 fold3", "left right mid"],
)
def test_parts_copies_and_kinds_within_the_classes_are_no_groups(folders):
    names = folders.split()
    assert suggest_group([f"{label}/{names[i % len(names)]}/{i}.png" for label in "ab" for i in range(90)]) is None


def test_the_patients_below_other_folders_are_found():
    folders = [f"{'ab'[p % 2]}/SOB/{'xyz'[p % 3]}/SOB_{p}" for p in range(12)]
    images = [f"{folder}/{zoom}X/{i}.png" for folder in folders for zoom in (40, 100) for i in range(4)]
    assert suggest_group(images) == r"^[^/]+/[^/]+/[^/]+/([^/]+)/"


def test_numbers_that_each_folder_counts_anew_are_no_groups():
    assert (
        suggest_group(
            [f"{part}/{label}/{i}.png" for part in ("train", "test") for label in "ab" for i in range(30)],
            list("a" * 30 + "b" * 30) * 2,
            above=2,
        )
        is None
    )
