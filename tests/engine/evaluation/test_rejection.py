"""A threshold for a maximum error rate holds it, whatever luck the images bring."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import binom

from aimic_tui.engine.evaluation.metrics import Floats, Integers
from aimic_tui.engine.evaluation.rejection import (
    ErrorsByThreshold,
    choose_threshold,
    errors_by_threshold,
    images_needed,
    rests_on_groups,
    smallest_rate,
)


def counted(
    sure: Floats, right: NDArray[np.bool_], groups: Integers | None = None, times: int = 1
) -> ErrorsByThreshold:
    """Of two classes: images whose first class, of probability `sure` above 1/2, is right or wrong; `times` sets."""
    table = np.repeat(np.stack([sure, 1 - sure], axis=1)[None], times, axis=0)
    codes = np.arange(len(sure), dtype=np.int32) if groups is None else groups
    found = errors_by_threshold(np.where(right, 0, 1).astype(np.int32), table, codes)
    assert found is not None
    return found


def drawn(n: int, seed: int, *, size: int = 1, alike: float = 0.0) -> tuple[Floats, NDArray[np.bool_], Integers]:
    """Draw images whose sureness tells their error only on average; groups are better or worse as a whole."""
    random = np.random.default_rng(seed)
    groups = (np.arange(n) // size).astype(np.int32)
    sure = 1 - random.random(n) ** 2 / 2
    logit = np.log(sure / (1 - sure)) + alike * random.normal(size=n)[groups]
    return sure, random.random(n) < 1 / (1 + np.exp(-logit)), groups


def test_the_first_test_takes_as_many_images_as_pass_without_an_error() -> None:
    assert math.ceil(images_needed(0.05)) == 45
    assert binom.cdf(0, 45, 0.05) <= 0.1 < binom.cdf(0, 44, 0.05)
    sure = np.linspace(0.99, 0.6, 44)
    assert choose_threshold(counted(sure, np.ones(44, bool)), 0.05) is None
    sure = np.linspace(0.99, 0.6, 60)
    assert choose_threshold(counted(sure, np.ones(60, bool)), 0.05) == pytest.approx(0.6)


def test_it_ends_at_the_first_test_that_fails() -> None:
    sure = np.linspace(0.99, 0.6, 80)
    right = np.ones(80, bool)
    right[50:53] = False  # 3 among 53 pass no 5 %; 3 among 80 pass no 5 % either
    threshold = choose_threshold(counted(sure, right), 0.05)
    assert threshold is not None
    assert sure[50] < threshold <= sure[44]


def test_equally_sure_images_are_answered_together() -> None:
    sure = np.repeat([0.9, 0.7], [60, 40])
    right = np.r_[np.ones(60, bool), np.zeros(40, bool)]
    assert choose_threshold(counted(sure, right), 0.05) == 0.9
    np.testing.assert_array_equal(counted(sure, right).images, [60, 100])


def test_one_wrong_label_among_the_surest_images_does_not_end_everything() -> None:
    sure = np.linspace(0.999, 0.6, 1000)
    right = np.ones(1000, bool)
    right[3:1000:70] = False
    found = choose_threshold(counted(sure, right), 0.05)
    assert found == pytest.approx(0.6)


def test_images_of_a_group_that_err_together_count_as_few() -> None:
    sure = np.linspace(0.99, 0.6, 200)
    groups = (np.arange(200) % 20).astype(np.int32)
    together = groups >= 2  # two groups of ten are wrong as a whole
    spread = np.arange(200) % 9 != 0
    apart = counted(sure, spread, groups)
    alike = counted(sure, together, groups)
    assert alike.expected.max() < 25
    assert apart.expected.max() > 100
    assert rests_on_groups(alike, 0.05)
    assert not rests_on_groups(counted(sure, spread), 0.05)


def test_repeated_predictions_of_an_image_are_no_further_images() -> None:
    sure, right, _ = drawn(100, 1)
    once, thrice = counted(sure, right), counted(sure, right, times=3)
    assert thrice.images.max() == once.images.max() == 100
    assert thrice.errors.max() == pytest.approx(once.errors.max())
    assert (thrice.effective <= thrice.images + 1e-9).all()


def test_the_smallest_rate_within_reach_is_named() -> None:
    sure = np.linspace(0.99, 0.6, 60)
    assert smallest_rate(counted(sure, np.ones(60, bool))) == 0.05
    assert smallest_rate(counted(sure, np.zeros(60, bool))) is None
    assert errors_by_threshold(np.array([-1], np.int32), np.array([[[0.5, 0.5]]]), np.zeros(1, np.int32)) is None


@pytest.mark.parametrize(("size", "alike"), [(1, 0.0), (5, 1.0)])
def test_at_most_a_tenth_of_models_exceeds_the_rate(size: int, alike: float) -> None:
    exceeded, answered, studies = 0, 0, 150
    everyone, right, _ = drawn(200_000, 10**6, size=size, alike=alike)
    for study in range(studies):
        threshold = choose_threshold(counted(*drawn(400, study, size=size, alike=alike)), 0.1)
        if threshold is None:
            continue  # nothing is answered: no error rate, not an error rate of 0
        exceeded += bool((~right[everyone >= threshold]).mean() > 0.1)
        answered += 1
    assert answered > studies / 2
    assert exceeded / answered <= 0.1
