"""Random numbers that depend on what they are for."""

from __future__ import annotations

import numpy as np

from aimic_tui.engine.training.randomness import Stream, seed_for, shuffled, uniforms


def test_a_samples_numbers_do_not_depend_on_the_others_in_the_batch() -> None:
    together = uniforms(Stream.AUGMENTATION, 3, 5, np.array([7, 1, 900_000]), 6)
    alone = uniforms(Stream.AUGMENTATION, 3, 5, np.array([900_000]), 6)
    assert np.array_equal(together[2:], alone)


def test_another_seed_epoch_sample_or_purpose_gives_other_numbers() -> None:
    sample = np.array([4])
    base = uniforms(Stream.AUGMENTATION, 0, 1, sample, 4)
    for other in (
        uniforms(Stream.AUGMENTATION, 1, 1, sample, 4),
        uniforms(Stream.AUGMENTATION, 0, 2, sample, 4),
        uniforms(Stream.AUGMENTATION, 0, 1, sample + 1, 4),
        uniforms(Stream.ORDER, 0, 1, sample, 4),
    ):
        assert not np.isclose(base, other).any()


def test_numbers_are_uniform_and_unrelated() -> None:
    numbers = uniforms(Stream.AUGMENTATION, 0, 1, np.arange(20_000), 3)
    assert numbers.min() >= 0 and numbers.max() < 1
    counts = np.stack([np.histogram(column, bins=20, range=(0, 1))[0] for column in numbers.T])
    assert np.all(np.abs(counts - 1000) < 5 * np.sqrt(1000))
    between = np.corrcoef(np.column_stack([numbers, np.roll(numbers, 1, axis=0)]).T) - np.eye(6)
    assert np.abs(between).max() < 0.03


def test_an_order_holds_every_sample_once_and_changes_with_the_epoch() -> None:
    samples = np.arange(100) * 3
    first, second = (shuffled(Stream.ORDER, 0, epoch, samples) for epoch in (1, 2))
    assert sorted(first) == sorted(second) == list(samples)
    assert not np.array_equal(first, second)
    assert np.array_equal(first, shuffled(Stream.ORDER, 0, 1, samples))


def test_seeds_fit_torch_and_differ() -> None:
    seeds = {seed_for(Stream.STEP, 0, epoch, step) for epoch in range(50) for step in range(50)}
    assert len(seeds) == 2500
    assert all(0 <= seed < 2**63 for seed in seeds)
