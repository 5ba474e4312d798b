"""Tests of differences: right where the answer is known, and level under the null."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest, ttest_1samp

from aimic_tui.engine.evaluation.metrics import Floats
from aimic_tui.engine.evaluation.paired_tests import corrected_t, mcnemar, paired_randomisation
from aimic_tui.engine.holm import holm


@given(st.integers(0, 60), st.integers(0, 60))
@settings(max_examples=40, deadline=None)
def test_with_single_images_it_is_mcnemars_own_test(only_a: int, only_b: int) -> None:
    right_a = np.array([[True] * only_a + [False] * only_b + [True] * 5])
    right_b = np.array([[False] * only_a + [True] * only_b + [True] * 5])
    found = mcnemar(right_a, right_b, np.arange(right_a.shape[1], dtype=np.int32))
    assert (found.only_a, found.only_b) == (only_a, only_b)
    if only_a + only_b:
        reference = binomtest(only_a, only_a + only_b)
        assert found.p_exact == pytest.approx(reference.pvalue)
        point = (
            binomtest(only_a, only_a + only_b, alternative="less").pvalue
            + binomtest(only_a, only_a + only_b, alternative="greater").pvalue
        )
        # P(X = b) is what both tails count.
        weight = 0.5 if only_a == only_b else 1.0
        assert found.p_mid == pytest.approx(reference.pvalue - weight * (point - 1))
    else:
        assert found.p_exact == 1.0


def test_images_of_one_group_count_once() -> None:
    right_a, right_b = np.ones((1, 20), bool), np.zeros((1, 20), bool)
    alone = mcnemar(right_a, right_b, np.arange(20, dtype=np.int32))
    together = mcnemar(right_a, right_b, np.repeat(np.arange(4), 5).astype(np.int32))
    assert alone.p_exact == pytest.approx(2 / 2**20)
    assert together.p_exact == pytest.approx(2 / 2**4)


def test_the_corrected_t_test_is_the_plain_one_with_a_larger_variance() -> None:
    differences = [0.02, 0.05, -0.01, 0.04, 0.03]
    plain = ttest_1samp(differences, 0)
    found = corrected_t(differences, 0.25)
    assert found.t == pytest.approx(plain.statistic * np.sqrt(0.2 / 0.45))
    assert found.p is not None
    assert found.p > plain.pvalue
    assert corrected_t([0.1], 0.25).p is None
    assert corrected_t([0.0, 0.0, 0.0], 0.25).p == 1.0
    assert corrected_t([0.1, 0.1, 0.1], 0.25).p is None, "no variance, nothing to judge by"


def test_holms_adjustment() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, None, 0.9]) == [1.0, None, 1.0]
    assert holm([]) == []


def test_the_randomisation_of_accuracy_agrees_with_the_exact_test() -> None:
    labels, a, b, groups = _study(np.random.default_rng(3), 30, 4, skill_b=1.6)
    p = paired_randomisation(labels, a[None], b[None], groups, "accuracy", rounds=4999)
    right = [(table.argmax(axis=1) == labels)[None] for table in (a, b)]
    assert p == pytest.approx(mcnemar(right[0], right[1], groups).p_exact, abs=0.02)


def test_what_is_surely_different_is_found_and_what_is_the_same_is_not() -> None:
    labels, a, b, groups = _study(np.random.default_rng(4), 40, 4, skill_b=-0.5)
    for metric in ("macro_f1", "auroc", "log_loss"):
        different = paired_randomisation(labels, a[None], b[None], groups, metric, rounds=499)
        assert different == pytest.approx(1 / 500), metric
        assert paired_randomisation(labels, a[None], a[None], groups, metric, rounds=99) == 1.0


@pytest.mark.slow
@pytest.mark.parametrize("metric", ["macro_f1", "auroc"])
def test_equal_networks_are_called_different_as_seldom_as_promised(metric: str) -> None:
    random = np.random.default_rng(5)
    false = {"randomisation": 0, "mcnemar exact": 0, "mcnemar mid": 0}
    fooled = 0  # McNemar's own test, which takes every image of a group for independent
    studies = 600 if metric == "macro_f1" else 300
    for study in range(studies):
        labels, a, b, groups = _study(random, 30, 4)
        p = paired_randomisation(labels, a[None], b[None], groups, metric, rounds=199, seed=study)
        assert p is not None
        right_a, right_b = ((table.argmax(axis=1) == labels)[None] for table in (a, b))
        found = mcnemar(right_a, right_b, groups)
        fooled += mcnemar(right_a, right_b, np.arange(len(labels), dtype=np.int32)).p_mid <= 0.05
        false["randomisation"] += p <= 0.05
        false["mcnemar exact"] += found.p_exact <= 0.05
        false["mcnemar mid"] += found.p_mid <= 0.05
    # Three standard errors above 5 %: 0.077 of 600, 0.088 of 300.
    limit = 0.05 + 3 * np.sqrt(0.05 * 0.95 / studies)
    assert all(count / studies <= limit for count in false.values()), false
    assert fooled / studies > limit
    assert false["randomisation"] / studies >= 0.02, "a test that never speaks is no test"


@pytest.mark.slow
def test_folds_that_share_their_training_images_do_not_fool_the_corrected_test() -> None:
    """Nearest-mean classifiers on two equally informative halves of the features, cross-validated, over and over."""
    random = np.random.default_rng(6)
    corrected = plain = 0
    studies = 1500
    for _ in range(studies):
        labels = np.arange(60) % 2
        features = random.normal(size=(60, 8)) + 0.5 * labels[:, None]
        fold_of = random.permutation(60) % 10
        differences = []
        for fold in range(10):
            tested = fold_of == fold
            right = []
            for half in (slice(0, 4), slice(4, 8)):
                means = [features[~tested & (labels == code), half].mean(axis=0) for code in (0, 1)]
                far = [((features[tested, half] - mean) ** 2).sum(axis=1) for mean in means]
                right.append(((far[1] < far[0]) == labels[tested]).mean())
            differences.append(float(right[0] - right[1]))
        found = corrected_t(differences, 1 / 9)
        corrected += found.p is not None and found.p <= 0.05
        plain += float(ttest_1samp(differences, 0).pvalue) <= 0.05
    assert corrected / studies <= 0.067, (corrected, plain)
    assert corrected < plain


def _study(
    random: np.random.Generator, groups: int, images: int, *, skill_b: float = 1.0
) -> tuple[np.ndarray, Floats, Floats, np.ndarray]:
    """Two networks of equal skill (unless said) whose errors agree in part; a group has one class, as patients have."""
    n = groups * images
    codes = np.repeat(np.arange(groups), images).astype(np.int32)
    labels = (codes % 3).astype(np.int32)
    hard = random.normal(size=(groups, 3))[codes]  # what both find hard
    tables = []
    for skill in (1.0, skill_b):
        own = random.normal(size=(groups, 3))[codes]  # what this network finds hard in a group
        raw = 0.7 * hard + 0.7 * own + random.normal(size=(n, 3))
        raw[np.arange(n), labels] += skill
        raised = np.exp(raw)
        tables.append(raised / raised.sum(axis=1, keepdims=True))
    return labels, tables[0], tables[1], codes
