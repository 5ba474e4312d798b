"""Which numbers in names say when an image was taken, and which only count images."""

from __future__ import annotations

import numpy as np

from aimic_tui.engine.data.audit.file_numbers import file_numbers


def singles(count: int) -> np.ndarray:
    return np.arange(count)


def test_a_counter_in_each_class_says_nothing_of_the_class() -> None:
    labels = np.repeat([0, 1], [40, 400])
    names = [f"img_{number:04d}.png" for number in [*range(1, 41), *range(1, 401)]]
    found = file_numbers(names, labels, singles(440))
    for label in (0, 1):
        assert abs(np.median(found[labels == label, 0]) - 0.5) < 0.05
        assert found[labels == label].min() >= 0
        assert found[labels == label].max() <= 1
    assert (np.diff(found[labels == 1, 0]) > 0).all(), "the order within a class is kept"


def test_it_need_not_be_without_gaps() -> None:
    random = np.random.default_rng(0)
    numbers = [*sorted(random.choice(50, 40, replace=False)), *sorted(random.choice(500, 400, replace=False))]
    labels = np.repeat([0, 1], [40, 400])
    found = file_numbers([f"{number + 1}.png" for number in numbers], labels, singles(440))
    assert found.max() <= 1


def test_one_counter_is_kept_whether_classes_are_mixed_or_one_after_the_other() -> None:
    names = [f"{number}.png" for number in range(1, 201)]
    for labels in (np.arange(200) % 2, np.arange(200) // 100, np.arange(200) > 20):
        assert file_numbers(names, labels.astype(int), singles(200))[:, 0].tolist() == list(range(1, 201))


def test_the_number_of_a_photograph_is_kept_and_that_of_its_cells_is_an_order() -> None:
    groups = np.repeat(np.arange(30), 8)
    names = [f"smear{group + 1:03d}_{cell}.png" for group in range(30) for cell in range(8)]
    labels = (np.arange(240) % 8 > 5).astype(int)
    found = file_numbers(names, labels, groups)
    assert found[:, 0].tolist() == (groups + 1).tolist()
    assert found[labels == 1, 1].min() > 0.7
    assert found[labels == 0, 1].max() < 0.8


def test_names_without_numbers_have_none() -> None:
    assert file_numbers(["a.png", "b.png"], np.array([0, 1]), singles(2)).tolist() == [[0, 0], [0, 0]]
