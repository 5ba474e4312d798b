"""Groups of unequal size: intervals hold the truth, or say why there is none, and name who holds most images."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from aimic_tui.engine.evaluation.grouped_sample import _blocks
from aimic_tui.engine.evaluation.interval_limits import ResampledFigure, effective_number, share_limits, t_quantile
from aimic_tui.engine.evaluation.intervals import (
    BootstrapFigures,
    LargestGroup,
    cluster_bootstrap,
    paired_difference,
    share_interval,
)
from aimic_tui.engine.evaluation.metrics import Floats, Integers


def judged(sizes: NDArray[np.int64], *, seed: int = 0, resamples: int = 500) -> BootstrapFigures:
    return cluster_bootstrap(*study(np.random.default_rng(seed), sizes), resamples=resamples)


def study(random: np.random.Generator, sizes: NDArray[np.int64]) -> tuple[Integers, Floats, NDArray[np.int64]]:
    """Two classes, of which every group holds both, if it is large enough."""
    groups = np.repeat(np.arange(len(sizes)), sizes)
    labels = (np.arange(len(groups)) % 2).astype(np.int32)
    chance = random.uniform(0.2, 1.0, len(groups))
    first = np.where(labels == 0, chance, 1 - chance)
    return labels, np.stack([first, 1 - first], axis=1), groups


def test_the_effective_number_is_that_of_equal_groups() -> None:
    assert effective_number(np.full(12, 5)) == pytest.approx(12)
    assert effective_number(np.array([40, *[1] * 40])) == pytest.approx(80**2 / (40**2 + 40))
    assert effective_number(np.zeros(0)) == 0


def test_a_group_with_nearly_all_images_leaves_no_interval_and_says_why() -> None:
    found = judged(np.array([200, *[4] * 20]))
    assert found.effective_groups == pytest.approx(280**2 / (200**2 + 20 * 16))
    assert found.largest_group == LargestGroup(0, 200 / 280)
    assert found.largest_group.dominant
    for figure in (found.overall["accuracy"], found.overall["macro_f1"], found.classes[1]["recall"]):
        assert figure.value is not None
        assert figure.low is None
        assert figure.missing == "unequal groups"


def test_a_class_that_one_group_holds_has_no_interval_and_neither_have_means_over_classes() -> None:
    groups = np.repeat(np.arange(30), 10)
    labels = np.zeros(300, np.int32)
    labels[groups == 0] = 1
    labels[10:60:10] = 1  # of the second class ten images are in one group, and one in each of five others
    table = np.where(labels[:, None] == np.arange(2), 0.8, 0.2)
    table[::7] = table[::7, ::-1]
    found = cluster_bootstrap(labels, table, groups, resamples=500)
    assert found.classes[1]["recall"].missing == "unequal groups of a class"
    assert found.overall["macro_f1"].missing == "unequal groups of a class"
    assert found.overall["accuracy"].low is not None


def test_the_same_holds_for_a_share() -> None:
    groups = np.r_[np.zeros(90, np.int64), np.arange(1, 31)]
    hits = (np.arange(120) % 3 > 0).astype(np.float64)
    assert share_interval(hits, np.ones(120), groups).missing == "unequal groups"
    assert share_interval(hits[90:95], np.ones(5), groups[90:95]).missing == "few groups"


def test_the_larger_of_both_variances_counts() -> None:
    random = np.random.default_rng(2)
    narrow = ResampledFigure(0.8, random.normal(0.8, 0.01, 1000), np.full(20, 0.8), 20, 0.95)
    wide = ResampledFigure(0.8, narrow.resamples, np.r_[0.6, np.full(19, 0.81)], 20, 0.95)
    assert narrow.widening == pytest.approx(np.sqrt(20 / 19))
    assert wide.variance == pytest.approx((0.2**2 + 19 * 0.01**2) * 19 / 20)
    limits = share_limits(narrow, 1000), share_limits(wide, 1000)
    assert limits[1].high - limits[1].low > 5 * (limits[0].high - limits[0].low)


def test_a_large_group_is_left_out_alone_where_the_others_go_in_blocks() -> None:
    sizes = np.r_[3000, np.full(600, 5), 700]
    blocks = _blocks(sizes, seed=3)
    assert (blocks == blocks[0]).sum() == (blocks == blocks[-1]).sum() == 1
    counts = np.bincount(blocks)
    assert len(counts) == 200
    assert counts.min() >= 1
    assert counts.max() <= 4
    even = np.bincount(_blocks(np.full(600, 5), seed=3))
    assert (even == 3).all()


def test_half_the_images_in_one_group_don_t_make_intervals_too_narrow() -> None:
    """Of 120 studies as many hold the truth as with 93 % or more of all they may; the bootstrap alone: 80 %."""
    random = np.random.default_rng(4)
    sizes = np.r_[160, np.full(40, 4)]
    groups = np.repeat(np.arange(41), sizes)
    inside = 0
    for number in range(120):
        rate = random.beta(8, 2, 41)  # of groups that are right in 80 % on average
        right = (random.random(len(groups)) < rate[groups]).astype(np.float64)
        found = share_interval(right, np.ones(len(groups)), groups, resamples=500, seed=number)
        assert found.low is not None
        assert found.high is not None
        inside += found.low <= 0.8 <= found.high
    assert inside >= 105  # 0.05 % of binomial(120, 0.93) lie below 102


def test_a_large_group_widens_differences_as_the_jackknife_says() -> None:
    random = np.random.default_rng(5)
    labels, table, groups = study(random, np.r_[160, np.full(40, 4)])
    worse = np.where((random.random(len(labels)) < 0.1)[:, None], table[:, ::-1], table)
    worse[groups == 0] = table[groups == 0]  # only the small groups show a difference
    pair = [cluster_bootstrap(labels, one, groups, resamples=500) for one in (table, worse)]
    difference = paired_difference(*pair)["accuracy"]
    changes = pair[0].jackknife["accuracy"] - pair[1].jackknife["accuracy"] - difference.value
    error = np.sqrt(40 / 41 * (changes**2).sum())
    reach = t_quantile(0.975, pair[0].effective_groups - 1) * error
    assert difference.value > 0
    assert difference.high - difference.low > 1.6 * reach, "as far on both sides, but for the bounds and the skewness"
    assert difference.low < 0


def test_a_rare_class_without_an_error_widens_means_over_classes() -> None:
    labels = np.repeat([0, 1, 2], [150, 140, 10]).astype(np.int32)
    groups = np.arange(300) % 60
    said = labels.copy()
    said[:6], said[150:154] = 1, 0
    table = np.eye(3)[said] * 0.9 + 0.1 / 3
    found = cluster_bootstrap(labels, table, groups, resamples=500)
    recall = found.overall["macro_recall"]
    of_rare = found.classes[2]["recall"]
    assert of_rare.value == 1
    assert of_rare.low is not None
    assert recall.low is not None
    assert recall.low <= recall.value - (1 - of_rare.low) / 3, "the rare class may have errors that were not seen"
    assert recall.high < 1


def test_few_errors_don_t_make_losses_certain() -> None:
    labels = (np.arange(400) % 2).astype(np.int32)
    table = np.eye(2)[labels] * 0.98 + 0.01
    table[0] = table[0, ::-1]
    found = cluster_bootstrap(labels, table, np.arange(400) % 80, resamples=500)
    seen = 1 - found.overall["accuracy"].value
    possible = 1 - found.overall["accuracy"].low
    loss = found.overall["log_loss"]
    assert loss.high >= loss.value + (possible - seen) * -np.log(0.01) - 1e-12
