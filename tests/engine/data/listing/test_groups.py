from __future__ import annotations

import pytest

from aimic_tui.engine.data.listing.groups import suggest_group


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
