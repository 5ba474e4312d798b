"""Class shares of images without labels are estimated with limits that hold the truth."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pytest

from aimic_tui.engine.evaluation.label_shift import (
    ClassShare,
    Recalibration,
    class_shares,
    estimated_shares,
    joined,
    recalibrated,
    recalibration,
)

_PRIOR = np.array([0.6, 0.3, 0.1])
_NAMES = ("a", "b", "c")


def _drawn(random: np.random.Generator, images: int, shares: object) -> tuple[np.ndarray, np.ndarray]:
    """Labels, and probabilities that are right for the shares `_PRIOR`."""
    labels = random.choice(3, images, p=shares)  # type: ignore[call-overload]
    logits = 1.6 * (1.6 * np.eye(3)[labels] + random.normal(0, 1, (images, 3))) + np.log(_PRIOR)
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    return labels.astype(np.int32), raised / raised.sum(axis=1, keepdims=True)


def test_the_shares_are_those_of_the_images_and_counting_is_off() -> None:
    shares = [0.15, 0.25, 0.6]
    _, table = _drawn(np.random.default_rng(0), 20_000, shares)
    np.testing.assert_allclose(estimated_shares(table, _PRIOR), shares, atol=0.015)
    counted = np.bincount(table.argmax(axis=1)) / len(table)
    assert np.abs(counted - shares).max() > 0.1
    # It is the maximum of the likelihood: each share is the mean of the probabilities corrected to the shares.
    found = estimated_shares(table, _PRIOR)
    weighted = table * found / _PRIOR
    np.testing.assert_allclose((weighted / weighted.sum(axis=1, keepdims=True)).mean(axis=0), found, atol=1e-4)


def test_a_class_that_got_too_much_probability_is_put_right_by_labelled_images() -> None:
    random = np.random.default_rng(1)
    labels, table = _drawn(random, 4000, _PRIOR)
    wrong = recalibrated(table, np.array([np.log(0.5), 0.0, 1.0]))  # too sure, and class c too often
    groups = np.arange(4000, dtype=np.int32)
    found = recalibration(labels, wrong, groups, _PRIOR)
    np.testing.assert_allclose(recalibrated(wrong, found.value), table, atol=0.06)
    few = recalibration(labels[:100], wrong[:100], groups[:100], _PRIOR)
    assert np.trace(few.covariance) > 5 * np.trace(found.covariance)


def test_limits_hold_the_truth() -> None:
    shares, held, studies = (0.3, 0.3, 0.4), np.zeros(3), 60
    for study in range(studies):
        random = np.random.default_rng(study)
        shift = np.r_[random.normal(0, 0.3), random.normal(0, 0.3, 2)]  # what this network gets wrong
        labels, table = _drawn(random, 150, _PRIOR)
        found = recalibration(labels, recalibrated(table, shift), np.arange(150, dtype=np.int32), _PRIOR)
        _, new = _drawn(random, 200, shares)
        new = recalibrated(new, shift)
        estimated = class_shares(_NAMES, new.argmax(axis=1), new, found, resamples=80, seed=study)
        assert estimated is not None
        for code, share in enumerate(estimated):
            assert share.estimated.low is not None
            assert share.estimated.high is not None
            held[code] += share.estimated.low <= shares[code] <= share.estimated.high
    assert (held / studies > 0.88).all()


def test_a_class_that_no_image_shows_may_still_be_rare() -> None:
    random = np.random.default_rng(4)
    labels, table = _drawn(random, 3000, _PRIOR)
    found = recalibration(labels, table, np.arange(3000, dtype=np.int32), _PRIOR)
    sure = np.tile([0.999998, 1e-6, 1e-6], (60, 1))
    estimated = class_shares(_NAMES, np.zeros(60, np.int64), sure, found)
    assert estimated is not None
    assert estimated[2].estimated.value == pytest.approx(0, abs=1e-3)
    assert estimated[2].estimated.high == pytest.approx(1 - 0.025 ** (1 / 60), abs=0.005)


def test_few_images_get_none_and_every_model_must_have_its_recalibration() -> None:
    found = Recalibration(np.zeros(3), np.eye(3), _PRIOR)
    _, table = _drawn(np.random.default_rng(2), 19, _PRIOR)
    assert class_shares(_NAMES, table.argmax(axis=1), table, found) is None
    assert joined([]) is None
    assert joined([found, None]) is None
    both = joined([found, found])
    assert both is not None
    assert both.covariance[0, 0] == pytest.approx(0.5)


def test_shares_of_merged_classes_are_sums_and_their_limits_narrower_than_the_sum_of_limits() -> None:
    random = np.random.default_rng(6)
    labels, table = _drawn(random, 600, _PRIOR)
    found = recalibration(labels, table, np.arange(600, dtype=np.int32), _PRIOR)
    _, new = _drawn(random, 300, [0.3, 0.3, 0.4])
    predicted, merged = new.argmax(axis=1), np.array([0, 1, 1])
    each = class_shares(_NAMES, predicted, new, found)
    both = class_shares(("a", "b and c"), merged[predicted], new, found, merged=merged)
    assert each is not None
    assert both is not None
    assert [share.name for share in both] == ["a", "b and c"]
    assert both[0].estimated == each[0].estimated
    b, c, of_both = each[1].estimated, each[2].estimated, both[1].estimated
    assert of_both.value == pytest.approx(b.value + c.value)  # type: ignore[operator]
    assert of_both.high - of_both.low < b.high + c.high - b.low - c.low  # type: ignore[operator]
    assert both[1].counted == pytest.approx(each[1].counted + each[2].counted)
    assert ClassShare.from_json(asdict(both[1])) == both[1]
