"""Foreseen intervals are as wide as those that predictions get, and the groups that are needed are enough."""

from __future__ import annotations

import numpy as np
import pytest

from aimic_tui.engine.evaluation.foreseen_intervals import SampleSize
from aimic_tui.engine.evaluation.interval import Interval
from aimic_tui.engine.evaluation.interval_limits import wilson
from aimic_tui.engine.evaluation.intervals import cluster_bootstrap
from aimic_tui.engine.evaluation.metrics import Floats, Integers
from aimic_tui.engine.evaluation.sample_size import forecast_sample_size, group_table

NAMES = ("basophil", "eosinophil", "monocyte", "neutrophil")


def images(
    groups: int, sizes: int | Integers, shares: list[float], *, mixed: bool, seed: int = 0
) -> tuple[Integers, Integers]:
    """Return labels and groups; each group holds images of all classes (`mixed`), or of one."""
    random = np.random.default_rng(seed)
    codes = np.repeat(np.arange(groups), sizes).astype(np.int32)
    labels = random.choice(len(shares), len(codes), p=shares)
    if not mixed:
        labels = random.choice(len(shares), groups, p=shares)[codes]
    return labels.astype(np.int32), codes


def predictions(labels: Integers, groups: Integers, level: float, icc: float, seed: int) -> Floats:
    """Recognise an image with a chance that varies from group to group, else guess by the classes' frequencies.

    The macro recall is `level` on average.
    """
    random = np.random.default_rng(seed + 1000)  # not the numbers that the labels were drawn with
    classes, count = int(labels.max()) + 1, int(groups.max()) + 1
    known = 1 - (1 - level) * classes / (classes - 1)
    chances = np.full(count, known)
    if icc > 0:
        strength = 1 / icc - 1
        chances = random.beta(known * strength, (1 - known) * strength, count)
    shares = np.bincount(labels, minlength=classes) / len(labels)
    guesses = random.choice(classes, len(labels), p=shares)
    said = np.where(random.random(len(labels)) < chances[groups], labels, guesses)
    return np.where(np.arange(classes) == said[:, None], 0.9, 0.1 / (classes - 1))


def half(figure: Interval) -> float:
    assert figure.low is not None and figure.high is not None
    return (figure.high - figure.low) / 2


def forecast(labels: Integers, groups: Integers, **options: float) -> SampleSize:
    classes = int(labels.max()) + 1
    return forecast_sample_size(group_table(labels, groups, classes), NAMES[:classes], **options)


@pytest.mark.parametrize(
    ("groups", "size", "shares", "mixed", "icc"),
    [
        (60, 4, [0.4, 0.3, 0.2, 0.1], True, 0.1),
        (120, 3, [0.5, 0.3, 0.2], False, 0.3),
        (200, 1, [0.7, 0.3], True, 0.0),
    ],
)
def test_intervals_become_as_wide_as_foreseen(
    groups: int, size: int, shares: list[float], mixed: bool, icc: float
) -> None:
    ratios: dict[str, list[float]] = {"accuracy": [], "balanced_accuracy": [], "macro_f1": []}
    for seed in range(5):
        labels, codes = images(groups, size, shares, mixed=mixed, seed=seed)
        found = cluster_bootstrap(labels, predictions(labels, codes, 0.9, icc, seed), codes, resamples=200)
        for metric, of_metric in ratios.items():
            value = found.overall[metric].value
            assert value is not None
            foreseen = forecast(labels, codes, expect=value, icc=icc).figure(metric)
            assert foreseen.half_width is not None
            of_metric.append(half(found.overall[metric]) / foreseen.half_width)
    for metric, of_metric in ratios.items():
        assert 0.8 < float(np.mean(of_metric)) < 1.2, metric


def test_the_interval_of_an_area_becomes_as_wide_as_foreseen() -> None:
    ratios = []
    for seed in range(6):
        random = np.random.default_rng(seed + 1000)
        labels, codes = images(150, 1, [0.6, 0.4], mixed=True, seed=seed)
        scores = random.exponential(np.where(labels == 1, 9.0, 1.0))  # an area of 9 / (9 + 1), Hanley and McNeil's case
        said = scores / (1 + scores)
        found = cluster_bootstrap(labels, np.column_stack([1 - said, said]), codes, resamples=200).overall["auroc"]
        assert found.value is not None
        foreseen = forecast(labels, codes, expect=found.value).figure("auroc").half_width
        assert foreseen is not None
        ratios.append(half(found) / foreseen)
    assert 0.8 < float(np.mean(ratios)) < 1.2


def test_independent_images_have_wilsons_interval() -> None:
    labels, codes = images(400, 1, [0.5, 0.5], mixed=True)
    figure = forecast(labels, codes, expect=0.8).figure("accuracy")
    assert (figure.low, figure.high) == pytest.approx(wilson(0.8, 400, degrees=399))


def test_equal_groups_have_kishs_design_effect() -> None:
    labels, codes = images(100, 5, [0.5, 0.5], mixed=True)
    figure = forecast(labels, codes, expect=0.8, icc=0.25).figure("accuracy")
    assert (figure.low, figure.high) == pytest.approx(wilson(0.8, 500 / (1 + 4 * 0.25), degrees=99))


def test_unequal_groups_and_a_larger_correlation_widen_everything() -> None:
    even, uneven = np.full(60, 5), np.concatenate([np.full(59, 2), [182]])
    for metric in ("accuracy", "macro_f1", "auroc"):
        widths = []
        for sizes, icc in ((even, 0.0), (even, 0.1), (even, 0.4)):
            labels, codes = images(60, sizes, [0.5, 0.5], mixed=True)
            widths.append(forecast(labels, codes, icc=icc).figure(metric).half_width or 0)
        assert 0 < widths[0] < widths[1] < widths[2]
    labels, codes = images(60, uneven, [0.5, 0.5], mixed=True)
    dominated = forecast(labels, codes, icc=0.1).figure("accuracy")
    assert dominated.half_width is None
    assert "worth 2.7 equal ones; 3 are needed" in dominated.reason


def test_as_many_groups_as_are_needed_are_enough_and_fewer_are_not() -> None:
    labels, codes = images(50, 4, [0.4, 0.3, 0.2, 0.1], mixed=True)
    table = group_table(labels, codes, 4)
    wanted = forecast_sample_size(table, NAMES, width=0.03)
    for figure in wanted.figures:
        needed = figure.groups_needed
        assert needed is not None and needed > 50
    macro, accuracy = wanted.figure("macro_f1"), wanted.figure("accuracy")
    assert (macro.groups_needed or 0) > (accuracy.groups_needed or 0)
    times = 1 + (accuracy.groups_needed or 0) // 50
    more = forecast_sample_size(np.tile(table, (times, 1)), NAMES).figure("accuracy").half_width
    fewer = forecast_sample_size(np.tile(table, (times - 2, 1)), NAMES).figure("accuracy").half_width
    assert more is not None and fewer is not None
    assert more <= 0.03 < fewer


def test_too_few_groups_are_named_and_how_many_it_takes() -> None:
    labels, codes = images(8, 10, [0.5, 0.5], mixed=True)
    found = forecast(labels, codes, width=0.2)
    assert {figure.half_width for figure in found.figures} == {None}
    assert found.figure("accuracy").reason == "8 groups; 10 are needed"
    assert found.figure("accuracy").groups_needed == 10

    labels, codes = images(40, 3, [0.5, 0.5], mixed=False)
    labels[codes >= 37] = 2  # three groups of a third class
    labels[(codes < 37) & (labels == 2)] = 0
    found = forecast(labels, codes)
    assert found.figure("accuracy").half_width is not None
    assert found.figure("macro_f1").reason == "monocyte is in 3 groups; 5 are needed"
    assert (found.smallest_class, found.smallest_groups, found.smallest_images) == ("monocyte", 3, 9)


def test_numbers_that_make_no_sense_are_refused() -> None:
    labels, codes = images(40, 3, [0.5, 0.5], mixed=True)
    for options in ({"expect": 0.4}, {"icc": 1.5}, {"width": 0.0}):
        with pytest.raises(ValueError, match="between"):
            forecast(labels, codes, **options)
    with pytest.raises(ValueError, match="two classes"):
        forecast_sample_size(np.array([[3, 0], [2, 0]]), NAMES[:2])
