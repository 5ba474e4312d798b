"""A spread over folds that dwarfs the interval is noticed; one that chance explains is not."""

from __future__ import annotations

import math

import numpy as np
import pytest

from aimic_tui.engine.evaluation.fold_spread import fold_spread
from aimic_tui.engine.evaluation.interval import Interval
from aimic_tui.engine.evaluation.run_results import FoldFigures

FIGURE = Interval(0.7, 0.66, 0.74)


def folds(*values: float | None, repeat: int = 1, seed: int = 0) -> list[FoldFigures]:
    first = 1 + (repeat - 1) * len(values)
    return [
        FoldFigures(fold=first + at, repeat=repeat, seed=seed, images=40, only_class=None, values={"accuracy": value})
        for at, value in enumerate(values)
    ]


def test_folds_far_apart_dwarf_the_interval() -> None:
    found = fold_spread(folds(0.9, 0.5, 0.85, 0.48, 0.77), "accuracy", FIGURE)
    assert found is not None
    assert found.folds == 5
    assert found.sd == pytest.approx(np.std([0.9, 0.5, 0.85, 0.48, 0.77], ddof=1))
    assert found.by_chance == pytest.approx(math.sqrt(5) * 0.04 / 1.96, abs=1e-5)
    assert found.between == pytest.approx(math.sqrt(found.sd**2 - found.by_chance**2))
    assert found.dwarfs_interval


def test_chance_alone_rarely_warns() -> None:
    random = np.random.default_rng(0)
    error = math.sqrt(5) * 0.04 / 1.96
    warned = sum(
        fold_spread(folds(*random.normal(0.7, error, 5)), "accuracy", FIGURE).dwarfs_interval for _ in range(1000)
    )
    assert warned <= 20


def test_seeds_are_averaged_and_repeats_are_more_folds_of_the_same_groups() -> None:
    seeds = folds(0.6, 0.7, 0.8) + folds(0.8, 0.7, 0.6, seed=1)
    assert fold_spread(seeds, "accuracy", FIGURE).sd == pytest.approx(0)
    repeats = folds(0.6, 0.7, 0.8) + folds(0.7, 0.7, 0.7, repeat=2)
    assert fold_spread(repeats, "accuracy", FIGURE).sd == pytest.approx(0.1 / math.sqrt(2))
    assert fold_spread(repeats, "accuracy", FIGURE).folds == 3


def test_nothing_is_said_without_an_interval_or_with_two_folds() -> None:
    assert fold_spread(folds(0.6, 0.7, 0.8), "accuracy", Interval(0.7)) is None
    assert fold_spread(folds(0.6, 0.8), "accuracy", FIGURE) is None
    assert fold_spread(folds(0.6, 0.8, None), "accuracy", FIGURE) is None
