"""Intervals hold the truth as often as they say, and are not given where they can't."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from aimic_tui.engine.evaluation.interval import FEWEST_GROUPS, FEWEST_GROUPS_OF_A_CLASS, Interval
from aimic_tui.engine.evaluation.interval_limits import t_quantile, wilson
from aimic_tui.engine.evaluation.intervals import BootstrapFigures, cluster_bootstrap, paired_difference
from aimic_tui.engine.evaluation.metrics import ALL_METRICS, CLASS_METRICS, Floats, Integers
from benchmarks.intervals import POPULATIONS, coverage

Groups = NDArray[np.int64]


def study(
    generator: np.random.Generator, groups: int, images_a_group: int = 4, likeness: float = 1.0, skill: float = 2.0
) -> tuple[Integers, Floats, Groups]:
    """Three classes; `likeness` is how much better or worse a whole group is than another."""
    codes = np.repeat(np.arange(groups), generator.integers(1, 2 * images_a_group, groups))
    labels = generator.integers(0, 3, len(codes)).astype(np.int32)
    raw = generator.normal(size=(len(codes), 3))
    raw[np.arange(len(codes)), labels] += skill + generator.normal(0, likeness, groups)[codes]
    table = np.exp(raw)
    return labels, table / table.sum(axis=1, keepdims=True), codes


def judged(seed: int = 0, **options: int) -> BootstrapFigures:
    return cluster_bootstrap(*study(np.random.default_rng(seed), 40), resamples=1000, **options)


def test_every_figure_has_an_interval_around_it() -> None:
    for name, interval in judged().overall.items():
        if name == "top_3_accuracy":
            assert interval == Interval(None), "of three classes, each is among three"
            continue
        assert interval.low is not None, name
        assert interval.low <= interval.value <= interval.high, name
        assert interval.low < interval.high, name
    for figures in judged().classes:
        assert all(figures[name].low is not None for name in CLASS_METRICS)


def test_the_same_seed_gives_the_same_limits_and_another_seed_others() -> None:
    assert judged(seed=1).overall == judged(seed=1).overall
    data = study(np.random.default_rng(1), 40)
    first = cluster_bootstrap(*data, resamples=1000, seed=1).overall
    second = cluster_bootstrap(*data, resamples=1000, seed=2).overall
    assert first["auroc"] != second["auroc"]
    assert first["auroc"].low == pytest.approx(second["auroc"].low, abs=0.02)


def test_images_that_come_in_groups_are_worth_less_than_as_many_alone() -> None:
    labels, table, groups = study(np.random.default_rng(3), 30, images_a_group=10, likeness=2.0)
    grouped = cluster_bootstrap(labels, table, groups, resamples=1000).overall
    alone = cluster_bootstrap(labels, table, np.arange(len(labels)), resamples=1000).overall
    for name in ("accuracy", "macro_f1", "auroc", "log_loss"):
        assert grouped[name].high - grouped[name].low > 1.2 * (alone[name].high - alone[name].low), name


def test_copies_of_images_in_a_group_narrow_nothing() -> None:
    labels, table, groups = study(np.random.default_rng(4), 40)
    once = cluster_bootstrap(labels, table, groups, resamples=1000).overall
    thrice = cluster_bootstrap(np.tile(labels, 3), np.tile(table, (3, 1)), np.tile(groups, 3), resamples=1000).overall
    for name in ("accuracy", "macro_f1", "auroc"):
        assert thrice[name].low == pytest.approx(once[name].low, abs=1e-9), name


def test_too_few_groups_get_no_interval() -> None:
    labels, table, groups = study(np.random.default_rng(5), FEWEST_GROUPS - 1)
    found = cluster_bootstrap(labels, table, groups, resamples=1000)
    assert found.overall["accuracy"].value is not None
    assert all(interval.low is interval.high is None for interval in found.overall.values())
    assert all(interval.low is None for figures in found.classes for interval in figures.values())


def test_a_class_in_too_few_groups_gets_no_interval_and_neither_do_the_means_over_classes() -> None:
    labels, table, groups = study(np.random.default_rng(6), 40)
    labels[(labels == 2) & (groups >= FEWEST_GROUPS_OF_A_CLASS - 1)] = 1
    found = cluster_bootstrap(labels, table, groups, resamples=1000)
    assert found.classes[2]["recall"].low is None
    assert found.classes[0]["recall"].low is not None
    assert found.overall["macro_f1"].low is None
    assert found.overall["accuracy"].low is not None


def test_no_error_at_all_is_not_taken_for_certainty() -> None:
    labels = np.arange(60, dtype=np.int32) % 3
    found = cluster_bootstrap(labels, np.eye(3)[labels] * 0.97 + 0.01, np.arange(60), resamples=1000)
    accuracy = found.overall["accuracy"]
    assert (accuracy.value, accuracy.high) == (1.0, 1.0)
    assert accuracy.low == pytest.approx(wilson(1.0, 60, degrees=59)[0])
    assert found.overall["macro_f1"].low < 0.97
    assert found.overall["auroc"].low is None  # nothing varies and there is no formula: none is pretended


def test_several_seeds_are_averaged() -> None:
    labels, table, groups = study(np.random.default_rng(7), 40)
    other = study(np.random.default_rng(7), 40, skill=1.0)[1]
    both = cluster_bootstrap(labels, np.stack([table, other]), groups, resamples=1000).overall
    first = cluster_bootstrap(labels, table, groups, resamples=1000).overall
    second = cluster_bootstrap(labels, other, groups, resamples=1000).overall
    for name in set(ALL_METRICS) - {"top_3_accuracy"}:
        assert both[name].value == pytest.approx((first[name].value + second[name].value) / 2), name


def test_the_difference_of_a_network_to_itself_is_nothing() -> None:
    for name, interval in paired_difference(judged(), judged()).items():
        assert interval.value == (None if name == "top_3_accuracy" else 0)
        assert interval.low is None


def test_a_better_network_is_shown_to_be_better() -> None:
    labels, table, groups = study(np.random.default_rng(8), 60)
    worse = (table + 1.0) / (table + 1.0).sum(axis=1, keepdims=True)
    worse[::4] = worse[::4, ::-1]
    a = cluster_bootstrap(labels, table, groups, resamples=1000)
    b = cluster_bootstrap(labels, worse, groups, resamples=1000)
    differences = paired_difference(a, b)
    assert differences["accuracy"].low > 0
    assert differences["log_loss"].high < 0
    assert differences["ece"].value is not None
    assert differences["ece"].low is None, "what chance adds to both does not cancel: none is pretended"


@pytest.mark.parametrize(("share", "images"), [(257 / 260, 260), (0.5, 10), (0.0, 20)])
def test_wilson_is_the_interval_of_the_books(share: float, images: int) -> None:
    expected = stats.binomtest(round(share * images), images).proportion_ci(method="wilson")
    assert wilson(share, images) == pytest.approx((expected.low, expected.high), abs=1e-6)


@pytest.mark.parametrize(
    ("probability", "degrees", "quantile"),
    [
        (0.975, 1, 12.7062),
        (0.975, 4, 2.7764),
        (0.975, 9, 2.2622),
        (0.975, 30, 2.0423),
        (0.95, 9, 1.8331),
        (0.995, 4, 4.6041),
        (0.995, 120, 2.6174),
        (0.975, math.inf, 1.9600),
    ],
)
def test_t_quantile_is_that_of_the_tables(probability: float, degrees: float, quantile: float) -> None:
    """Student's t as textbooks print it, four digits after the point."""
    assert t_quantile(probability, degrees) == pytest.approx(quantile, abs=5e-5)
    assert t_quantile(1 - probability, degrees) == pytest.approx(-t_quantile(probability, degrees))


def test_an_area_close_to_one_keeps_its_limits_below_it() -> None:
    random = np.random.default_rng(0)
    labels = (np.arange(200) < 30).astype(np.int32)
    score = random.normal(0, 1, 200) + 4.0 * labels
    chance = 1 / (1 + np.exp(-score))
    found = cluster_bootstrap(labels, np.stack([1 - chance, chance], axis=1), np.arange(200), resamples=1000)
    area = found.classes[1]["auroc"]
    assert 0.97 < area.value < 1
    assert area.low < area.value < area.high < 1
    assert area.value - area.low > 2 * (area.high - area.value)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", ["alone", "smears", "photographs", "patients"])
def test_the_truth_is_inside_as_often_as_promised(name: str) -> None:
    """100 studies of `benchmarks/intervals.py`: as many hold the truth as with 93 to 97 % of all studies they may."""
    studies = 100
    fewest, most = stats.binom.ppf(0.0005, studies, 0.93), stats.binom.ppf(0.9995, studies, 0.97)
    found = coverage(POPULATIONS[name], studies, 1000, 1)
    outside = {
        figure: share
        for figure, (share, _) in found.items()
        if not fewest <= round(share * studies) <= most and " of " not in figure
    }
    assert outside == {}
    # Figures of single classes rest on few images; there the bounds are wider, 90 to 99 %.
    assert {figure: share for figure, (share, _) in found.items() if share < 0.86} == {}
