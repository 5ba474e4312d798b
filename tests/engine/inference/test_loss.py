"""The loss elsewhere, judged against a margin: reassuring only where a larger loss is ruled out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from aimic_tui.engine.evaluation.interval import Interval
from aimic_tui.engine.evaluation.intervals import BootstrapFigures, cluster_bootstrap
from aimic_tui.engine.evaluation.metrics import ALL_METRICS, CLASS_METRICS
from aimic_tui.engine.inference.loss import (
    HomeComparison,
    compare_with_home,
    difference,
    judge_loss,
    two_sided_p,
)

NONE = Interval(None)


def figures(groups: int = 100, classes: tuple[Interval, ...] = (), **overall: Interval) -> BootstrapFigures:
    return BootstrapFigures(
        {**dict.fromkeys(ALL_METRICS, NONE), **overall},
        tuple({**dict.fromkeys(CLASS_METRICS, NONE), "recall": recall} for recall in classes),
        {},
        {},
        groups,
        0.95,
        effective_with=(groups,) * len(classes),
        effective=dict.fromkeys(ALL_METRICS, groups),
    )


def judged(low: float, value: float, high: float, *, margin: float = 0.05, metric: str = "macro_f1") -> Any:
    """Judge a difference here - home."""
    here, home = figures(**{metric: Interval(0.8, 0.75, 0.85)}), figures(**{metric: Interval(0.8, 0.79, 0.81)})
    return judge_loss(metric, here, home, Interval(value, low, high), margin)


@pytest.mark.parametrize(
    ("low", "value", "high", "verdict"),
    [
        (-0.21, -0.05, 0.11, "open"),  # holds 0, and much more
        (-0.21, 0.0, 0.21, "open"),
        (-0.05, 0.0, 0.05, "open"),  # the margin itself is not ruled out
        (-0.049, 0.0, 0.05, "within margin"),
        (-0.04, -0.025, -0.01, "small loss"),
        (-0.06, -0.035, -0.01, "loss"),
        (-0.3, -0.2, -0.1, "loss"),
        (0.01, 0.1, 0.2, "gain"),
    ],
)
def test_only_a_loss_beyond_the_margin_that_is_ruled_out_is_fine(
    low: float, value: float, high: float, verdict: str
) -> None:
    assert judged(low, value, high).verdict == verdict
    assert judged(-high, -value, -low, metric="log_loss").verdict == verdict  # where lower is better


def test_a_wider_margin_is_ruled_out_sooner() -> None:
    assert judged(-0.08, 0.0, 0.08).verdict == "open"
    assert judged(-0.08, 0.0, 0.08, margin=0.1).verdict == "within margin"
    assert judged(-0.08, 0.0, 0.08).p_margin > 0.05 > judged(-0.08, 0.0, 0.08, margin=0.1).p_margin


def test_p_is_below_the_level_exactly_where_the_interval_has_no_0() -> None:
    for degrees in (9, 30, 1000):
        assert two_sided_p(Interval(0.1, 0.0, 0.25), degrees, 0.95) == pytest.approx(0.05)
        assert two_sided_p(Interval(-0.1, -0.3, 0.0), degrees, 0.95) == pytest.approx(0.05)
        assert two_sided_p(Interval(0.1, 0.01, 0.25), degrees, 0.95) < 0.05  # type: ignore[operator]
    assert two_sided_p(Interval(0.0, -0.1, 0.1), 50, 0.95) == pytest.approx(1)
    assert two_sided_p(Interval(0.1), 50, 0.95) is None


def test_the_uncertainty_at_home_counts() -> None:
    here, sure, unsure = Interval(0.8, 0.7, 0.9), Interval(0.9, 0.89, 0.91), Interval(0.9, 0.8, 0.99)
    narrow, wide = difference("accuracy", here, sure), difference("accuracy", here, unsure)
    assert narrow.high is not None
    assert narrow.high < 0.01
    assert wide.high is not None
    assert wide.high == pytest.approx(-0.1 + np.hypot(0.1, 0.1))
    assert difference("ece", here, sure) == Interval(pytest.approx(-0.1))  # type: ignore[arg-type]


def remark(here: BootstrapFigures, home: BootstrapFigures, margin: float = 0.05) -> tuple[HomeComparison, str]:
    found = compare_with_home(here, home, margin)
    return found, found.loss_remark().sentence


def test_an_open_verdict_says_what_remains_possible_and_how_many_groups_would_tell() -> None:
    here, home = figures(24, macro_f1=Interval(0.85, 0.7, 0.95)), figures(300, macro_f1=Interval(0.9, 0.88, 0.92))
    found, sentence = remark(here, home)
    assert found.loss_remark().kind == "open"
    assert "too few images to tell. A loss of up to 0.201 remains possible" in sentence
    needed = found.loss.groups_needed
    assert needed is not None
    # With so many, an interval around 0 stays within 1.96 / (1.96 + 0.84) of the margin, the power being 80 %.
    assert np.hypot(0.15 * np.sqrt(24 / needed), 0.02) == pytest.approx(0.05 * 1.96 / 2.80, rel=0.02)
    assert f"about {needed} groups would be needed to rule out more than 0.05" in sentence
    unsure = figures(20, macro_f1=Interval(0.9, 0.8, 0.97))
    assert "for want of test images at home" in remark(here, unsure)[1]


def test_what_is_fine_says_what_is_ruled_out_and_a_loss_whom_it_is_about() -> None:
    home = figures(1000, macro_f1=Interval(0.9, 0.89, 0.91))
    found, sentence = remark(figures(1000, macro_f1=Interval(0.895, 0.87, 0.92)), home)
    assert found.loss_remark().kind == "fine"
    assert "no loss beyond the margin of 0.05; more than 0.032 is ruled out (97.5 %)" in sentence
    found, sentence = remark(figures(1000, macro_f1=Interval(0.7, 0.65, 0.75)), home)
    assert found.loss_remark().kind == "attention"
    assert "a loss of 0.200 (0.149 to 0.251) for this trained model, on images like these" in sentence
    found, sentence = remark(figures(9, macro_f1=Interval(0.7)), home)
    assert found.loss_remark().kind == "open"
    assert "too few groups" in sentence


def test_classes_are_named_only_where_it_is_shown_for_so_many() -> None:
    home = tuple([Interval(0.9, 0.88, 0.92)] * 8)
    overall = {"macro_f1": Interval(0.85, 0.8, 0.9)}
    worse, slightly = Interval(0.5, 0.4, 0.6), Interval(0.82, 0.75, 0.89)  # the second: p = 0.03 by itself
    rest = [Interval(0.9, 0.85, 0.95)] * 6
    names = tuple("abcdefgh")
    found = compare_with_home(figures(100, (worse, slightly, *rest), **overall), figures(100, home, **overall), 0.05)
    named = found.classes_remark(names)
    assert named is not None
    assert named.kind == "attention"
    assert "a (0.50 against 0.90, p <0.001)" in named.sentence
    assert "b (" not in named.sentence
    assert "adjusted for 8 classes" in named.sentence
    few = compare_with_home(figures(100, (slightly,), **overall), figures(100, home[:1], **overall), 0.05)
    alone = few.classes_remark(names)
    assert alone is not None, "a single class needs no adjusting"
    assert compare_with_home(figures(100, (home[0],)), figures(100, home[:1]), 0.05).classes_remark(names) is None


def test_small_sets_with_a_true_loss_are_hardly_ever_called_fine() -> None:
    """24 images, accuracy 0.9 at home and 0.788 here: the old verdict reassured in 84 % of such sets."""
    random = np.random.default_rng(0)

    def predictions(images: int, right: float) -> BootstrapFigures:
        labels = np.arange(images) % 2
        predicted = np.where(random.random(images) < right, labels, 1 - labels)
        said = np.where(np.arange(2) == predicted[:, None], 0.8, 0.2)
        return cluster_bootstrap(labels.astype(np.int32), said, np.arange(images, dtype=np.int32), resamples=300)

    home = predictions(400, 0.9)
    kinds = [compare_with_home(predictions(24, 0.788), home, 0.05).loss_remark().kind for _ in range(30)]
    assert kinds.count("fine") <= 1
    assert kinds.count("open") >= 15
