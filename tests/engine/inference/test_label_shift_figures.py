"""Figures for the estimated class shares: better where only the shares differ, and contradicted where more does."""

from __future__ import annotations

import json

import numpy as np
import pytest

from aimic_tui.engine.evaluation.interval import Interval
from aimic_tui.engine.evaluation.label_shift import recalibration
from aimic_tui.engine.evaluation.metrics import scores
from aimic_tui.engine.inference.class_map import ClassMap, match_classes
from aimic_tui.engine.inference.combined_calibration import CombinedCalibration
from aimic_tui.engine.inference.label_shift_figures import FIGURES, can_be_corrected, corrected_figures
from aimic_tui.engine.inference.label_shift_result import (
    EvaluatedShare,
    LabelShiftResult,
    label_shift_from_json,
    label_shift_to_json,
)

_CLASSES = ("a", "b", "c")
_PRIOR = np.array([0.7, 0.2, 0.1])
_HERE = np.array([0.1, 0.3, 0.6])


def _drawn(
    random: np.random.Generator, images: int, shares: np.ndarray, *, turned: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Labels, and two models' probabilities [2, n, c], right for the shares `_PRIOR` but twice too sure.

    Args:
        turned: whether images of each class look like those of the next one, as they never do under label shift.
    """
    labels = random.choice(3, images, p=shares)
    looks = (labels + turned) % 3
    logits = 1.3 * (1.3 * np.eye(3)[looks] + random.normal(0, 1, (images, 3))) + np.log(_PRIOR)
    raised = np.exp(2 * (logits - logits.max(axis=1, keepdims=True)))
    table = raised / raised.sum(axis=1, keepdims=True)
    return labels.astype(np.int32), np.stack([table, table])


def _calibration(random: np.random.Generator) -> CombinedCalibration:
    labels, members = _drawn(random, 800, _PRIOR)
    temperatures = CombinedCalibration((2.0, 2.0))
    known = temperatures.scaled(members).mean(axis=0)
    found = recalibration(labels, known, np.arange(len(labels), dtype=np.int32), _PRIOR)
    return CombinedCalibration((2.0, 2.0), recalibration=found)


def _corrected(
    labels: np.ndarray, members: np.ndarray, calibration: CombinedCalibration, classes: ClassMap | None = None
) -> LabelShiftResult:
    class_map = classes or match_classes(_CLASSES, dict.fromkeys(_CLASSES, 1))
    plain = class_map.probabilities(members.mean(axis=0))
    found = corrected_figures(
        labels,
        plain.argmax(axis=1).astype(np.int32),
        members,
        np.arange(len(labels), dtype=np.int32) // 2,
        class_map=class_map,
        calibration=calibration,
        resamples=300,
    )
    assert found is not None
    return found


def test_where_only_the_shares_differ_they_are_found_and_every_figure_gains() -> None:
    random = np.random.default_rng(0)
    calibration = _calibration(random)
    labels, members = _drawn(random, 600, _HERE)
    plain = scores(labels, members.mean(axis=0))
    found = _corrected(labels, members, calibration)
    assert found.caution == ""
    assert [share.true for share in found.shares] == pytest.approx((np.bincount(labels) / 600).tolist())
    for share in found.shares:
        assert share.estimated.value == pytest.approx(share.true, abs=0.1)
    assert abs(found.shares[0].predicted - found.shares[0].true) > 0.15
    assert tuple(found.figures) == FIGURES
    for name in ("accuracy", "macro_f1"):
        assert found.figures[name].low > plain[name]  # type: ignore[operator]
    for name in ("log_loss", "brier", "ece"):
        assert found.figures[name].high < plain[name]  # type: ignore[operator]


def test_labels_enter_the_figures_only() -> None:
    random = np.random.default_rng(1)
    calibration = _calibration(random)
    labels, members = _drawn(random, 200, _HERE)
    shuffled = random.permutation(labels)
    one, other = (_corrected(each, members, calibration) for each in (labels, shuffled))
    assert [share.estimated for share in one.shares] == [share.estimated for share in other.shares]
    assert one.figures["accuracy"] != other.figures["accuracy"]


def test_where_more_differs_the_labels_contradict_the_estimate() -> None:
    random = np.random.default_rng(2)
    calibration = _calibration(random)
    found = _corrected(*_drawn(random, 300, _HERE, turned=True), calibration)
    assert "don't rely on the corrected figures" in found.caution
    assert "c" in found.caution


def test_merged_classes_are_judged_as_one() -> None:
    random = np.random.default_rng(3)
    calibration = _calibration(random)
    labels, members = _drawn(random, 300, _HERE)
    class_map = match_classes(_CLASSES, {"a": 1, "rest": 1}, ("b=rest", "c=rest"))
    found = _corrected(np.minimum(labels, 1), members, calibration, class_map)
    assert [share.name for share in found.shares] == ["a", "rest"]
    assert sum(share.estimated.value or 0 for share in found.shares) == pytest.approx(1)
    assert found.shares[1].true == pytest.approx((labels > 0).mean())


def test_without_recalibration_or_of_few_images_there_is_none() -> None:
    calibration = _calibration(np.random.default_rng(4))
    assert not can_be_corrected(CombinedCalibration((1.0,)), 100)
    assert not can_be_corrected(calibration, 19)
    assert can_be_corrected(calibration, 20)


def test_it_is_stored_with_what_it_is_and_read_again() -> None:
    shares = EvaluatedShare("a", 0.4, 0.9, Interval(0.95, 0.8, 1.0)), EvaluatedShare("b", 0.6, 0.1, Interval(0.05))
    found = LabelShiftResult(shares, {"accuracy": Interval(0.5, 0.4, 0.6)})
    record = json.loads(json.dumps(label_shift_to_json(found)))
    assert label_shift_from_json(record) == found
    assert "label shift" in record["method"]
    assert record["caution"].startswith("The true share of a lies outside")
