"""The folds are scikit-learn's, found faster; shares keep groups whole."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aimic_tui.engine.data.splitting.folds import Codes, k_folds, sample_share


@st.composite
def grouped_images(draw: st.DrawFn) -> tuple[Codes, Codes]:
    """Labels and groups: 2 to 4 classes with at least 6 groups each, of which some hold other classes too."""
    classes = draw(st.integers(2, 4))
    labels: list[int] = []
    groups: list[int] = []
    for label in range(classes):
        for _ in range(draw(st.integers(6, 12))):
            group = max(groups, default=-1) + 1
            own = [label] * draw(st.integers(1, 6)) + draw(st.lists(st.integers(0, classes - 1), max_size=2))
            labels += own
            groups += [group] * len(own)
    return np.array(labels, np.int32), np.array(groups, np.int32)


@pytest.mark.filterwarnings("ignore:The least populated class")
@settings(max_examples=60, deadline=None)
@given(grouped_images(), st.integers(2, 5), st.integers(0, 2**31 - 1))
def test_folds_are_those_of_scikit_learn(images: tuple[Codes, Codes], folds: int, seed: int) -> None:
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    labels, groups = images
    for of in (groups, np.arange(len(labels), dtype=np.int32)):
        maker = StratifiedKFold if len(np.unique(of)) == len(of) else StratifiedGroupKFold
        expected = np.zeros(len(labels), np.intp)
        divider = maker(n_splits=folds, shuffle=True, random_state=seed)
        for fold, (_, test) in enumerate(divider.split(labels, labels, None if maker is StratifiedKFold else of)):
            expected[test] = fold
        if len(np.unique(expected * len(labels) + labels)) == folds * len(np.unique(labels)):  # no fold lacks a class
            assert (k_folds(labels, of, folds, seed) == expected).all()


@settings(max_examples=60, deadline=None)
@given(grouped_images(), st.integers(2, 5), st.integers(0, 10_000))
def test_groups_stay_whole_and_folds_alike(images: tuple[Codes, Codes], folds: int, seed: int) -> None:
    labels, groups = images
    found = k_folds(labels, groups, folds, seed)
    assert set(found) == set(range(folds))
    for group in np.unique(groups):
        assert len(set(found[groups == group])) == 1
    largest = np.bincount(groups).max()
    assert np.ptp(np.bincount(found)) <= 3 * largest


@settings(max_examples=60, deadline=None)
@given(grouped_images(), st.floats(0.1, 0.6), st.integers(0, 10_000))
def test_a_share_keeps_groups_whole_and_holds_every_class(images: tuple[Codes, Codes], share: float, seed: int) -> None:
    labels, groups = images
    taken = sample_share(labels, groups, share, np.random.default_rng(seed))
    for group in np.unique(groups):
        assert len(set(taken[groups == group])) == 1
    for label in np.unique(labels):
        assert set(taken[labels == label]) == {False, True}
        # Groups are whole, so a class can miss its share by about what its largest groups hold.
        wanted, largest = share * (labels == label).sum(), np.bincount(groups).max()
        assert abs(taken[labels == label].sum() - wanted) <= 2 * largest


def test_many_groups_hit_the_share_and_the_proportions() -> None:
    random = np.random.default_rng(0)
    groups = random.integers(0, 2000, 20_000).astype(np.int32)
    labels = np.where(random.random(20_000) < 0.8, groups % 5, random.integers(0, 5, 20_000)).astype(np.int32)
    taken = sample_share(labels, groups, 0.15, random)
    folds = k_folds(labels, groups, 5, 1)
    for label in range(5):
        assert taken[labels == label].mean() == pytest.approx(0.15, abs=0.001)
        assert np.bincount(folds[labels == label]) / (labels == label).sum() == pytest.approx(
            np.full(5, 0.2), abs=0.002
        )
