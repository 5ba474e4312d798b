"""Which images make which batch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from aimic_tui.engine.data.data_set import DataSet, Part
from aimic_tui.engine.data.splitting.make_split import make_split
from aimic_tui.engine.experiment import SplitSettings
from aimic_tui.engine.training.batches import Batch, Loader, Throughput, batches_of_epoch

LABELS = np.array([0] * 10 + [1] * 4 + [2] * 2, dtype=np.int32)


ALL = np.arange(16)


def epoch(train: np.ndarray = ALL, **changes: object) -> list[Batch]:
    options: dict = {"oversample": False, "shuffle": True, "batch_size": 4, "drop_last": False, "seed": 0, "epoch": 1}
    return batches_of_epoch(train, LABELS, **(options | changes))


def shown(batches: list[Batch]) -> list[int]:
    return [int(sample) for batch in batches for sample in batch.samples]


def test_every_image_is_shown_once_in_an_order_of_the_epochs_own() -> None:
    assert sorted(shown(epoch())) == list(range(16))
    assert shown(epoch()) == shown(epoch()) != shown(epoch(epoch=2))
    assert shown(epoch(shuffle=False)) == list(range(16))


@pytest.mark.parametrize(
    ("images", "drop_last", "sizes"),
    [
        (16, False, [4, 4, 4, 4]),
        (15, False, [4, 4, 4, 3]),
        (15, True, [4, 4, 4]),
        (13, False, [4, 4, 4]),  # batch norm can't learn from one image
        (3, True, [3]),  # the only batch is never left out
    ],
)
def test_the_last_batch(images: int, drop_last: bool, sizes: list[int]) -> None:
    assert [len(batch) for batch in epoch(np.arange(images), drop_last=drop_last)] == sizes


def test_oversampling_shows_all_classes_equally_often_each_repetition_varied_anew() -> None:
    batches = epoch(oversample=True)
    samples = np.array(shown(batches))
    assert np.bincount(LABELS[samples]).tolist() == [10, 10, 10]
    draws = np.concatenate([batch.draws for batch in batches])
    assert len(set(draws.tolist())) == len(draws)
    assert np.array_equal(draws % len(LABELS), samples)
    assert set(shown(epoch(oversample=True))) == set(range(16))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 2), min_size=30, max_size=60), st.integers(0, 1000), st.integers(2, 3))
def test_oversampling_repeats_training_images_only(labels: list[int], seed: int, folds: int) -> None:
    codes = np.array([*labels, *[0, 1, 2] * 4], np.int32)
    images = tuple(f"{number:03}.png" for number in range(len(codes)))
    alone = np.arange(len(codes), dtype=np.int32)
    data_set = DataSet(Path("/images"), images, ("a", "b", "c"), codes, alone, images, "none")
    split = make_split(data_set, SplitSettings(folds=folds, inner_folds=2), "oversample", seed)
    for fold in range(1, folds + 1):
        for inner in range(3):
            train = split.indices(fold, Part.TRAIN, inner)
            batches = batches_of_epoch(
                train, codes, oversample=True, shuffle=True, batch_size=8, drop_last=False, seed=seed, epoch=1
            )
            assert set(shown(batches)) <= set(train.tolist())
            others = [split.indices(fold, part, inner) for part in (Part.VALIDATION, Part.TEST)]
            for images_of_part in others:  # each is there once, and never in training
                assert len(set(images_of_part.tolist())) == len(images_of_part)
                assert not set(shown(batches)) & set(images_of_part.tolist())


class Numbered:
    """Images whose pixels are their place."""

    def batch(self, indices: np.ndarray) -> np.ndarray:
        return np.broadcast_to(indices.astype(np.uint8)[:, None, None, None], (len(indices), 2, 2, 3)).copy()


def test_the_loader_gives_the_images_of_each_batch_in_order() -> None:
    places = np.array([5, 4, 3, 2, 1, 0])
    loader = Loader(Numbered(), places, torch.device("cpu"))
    throughput = Throughput()
    found = list(loader.load([np.array([0, 1]), np.array([2]), np.array([3, 4, 5])], throughput))
    assert [images[:, 0, 0, 0].tolist() for images in found] == [[5, 4], [3], [2, 1, 0]]
    assert found[0].shape == (2, 3, 2, 2)
    assert 0 <= throughput.take()[1] <= 1


def test_an_unreadable_image_is_the_error_of_the_batch_that_asked_for_it() -> None:
    class Broken(Numbered):
        def batch(self, indices: np.ndarray) -> np.ndarray:
            if 2 in indices:
                raise OSError("no such image")
            return super().batch(indices)

    loading = Loader(Broken(), np.arange(6), torch.device("cpu")).load([np.array([0]), np.array([2]), np.array([3])])
    assert next(loading).shape[0] == 1
    with pytest.raises(OSError, match="no such image"):
        next(loading)
