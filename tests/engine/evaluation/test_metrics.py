"""Figures agree with scikit-learn and with formulas written a second way, on ordinary and on degenerate inputs."""

from __future__ import annotations

import math

import numpy as np
import pytest
import sklearn.metrics as reference
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from aimic_tui.engine.evaluation.metrics import (
    ALL_METRICS,
    CALIBRATION_BINS,
    CLASS_METRICS,
    TOPS,
    Floats,
    Integers,
    Scorer,
    class_scores,
    confusion,
    scores,
)


@st.composite
def predictions(draw: st.DrawFn) -> tuple[Integers, Floats]:
    """1 to 40 images of 2 to 5 classes, with ties, classes without images and networks that say one thing only."""
    images, classes = draw(st.integers(1, 40)), draw(st.integers(2, 5))
    labels = draw(arrays.arrays(np.int32, images, elements=st.integers(0, classes - 1)))
    # Few distinct values make ties likely.
    raw = draw(arrays.arrays(np.int64, (images, classes), elements=st.integers(1, 6))).astype(float)
    return labels, raw / raw.sum(axis=1, keepdims=True)


def random_predictions(images: int = 300, classes: int = 4, seed: int = 0) -> tuple[Integers, Floats]:
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, classes, images).astype(np.int32)
    raw = generator.normal(size=(images, classes))
    raw[np.arange(images), labels] += 1.2
    table = np.exp(raw)
    return labels, table / table.sum(axis=1, keepdims=True)


def mean_over_present(values: list[float]) -> float:
    return float(np.mean(values)) if values else math.nan


def by_scikit_learn(labels: Integers, table: Floats) -> dict[str, float]:
    classes = table.shape[1]
    said = table.argmax(axis=1)
    present = [code for code in range(classes) if (labels == code).any()]
    both = [code for code in present if (labels != code).any()]
    kept = {"labels": present, "average": "macro", "zero_division": 0.0}
    one_vs_rest = [reference.accuracy_score(labels == code, said == code) for code in range(classes)]
    return {
        "accuracy": reference.accuracy_score(labels, said),
        "balanced_accuracy": reference.recall_score(labels, said, **kept),
        "one_vs_rest_accuracy": float(np.mean(one_vs_rest)),
        "macro_precision": reference.precision_score(labels, said, **kept),
        "macro_recall": reference.recall_score(labels, said, **kept),
        "macro_f1": reference.f1_score(labels, said, **kept),
        "auroc": mean_over_present([reference.roc_auc_score(labels == code, table[:, code]) for code in both]),
        "average_precision": mean_over_present(
            [reference.average_precision_score(labels == code, table[:, code]) for code in present]
        ),
        "log_loss": reference.log_loss(labels, table, labels=list(range(classes))),
        "brier": float(((table - np.eye(classes)[labels]) ** 2).sum(axis=1).mean()),
    }


@given(predictions())
def test_figures_are_those_of_scikit_learn(case: tuple[Integers, Floats]) -> None:
    labels, table = case
    found = scores(labels, table)
    for name, expected in by_scikit_learn(labels, table).items():
        value = found[name]
        if math.isnan(expected):
            assert value is None, name
        else:
            assert value == pytest.approx(expected, abs=1e-12), name


@given(predictions())
def test_coefficients_are_those_of_scikit_learn_where_they_are_defined(case: tuple[Integers, Floats]) -> None:
    labels, table = case
    said = table.argmax(axis=1)
    found = scores(labels, table)
    if len({*labels.tolist()}) > 1 and len({*said.tolist()}) > 1:
        assert found["matthews"] == pytest.approx(reference.matthews_corrcoef(labels, said), abs=1e-12)
    else:
        assert found["matthews"] is None
    if len({*labels.tolist(), *said.tolist()}) > 1:
        assert found["kappa"] == pytest.approx(reference.cohen_kappa_score(labels, said), abs=1e-12)
    else:
        assert found["kappa"] is None


@given(predictions())
def test_calibration_error_is_the_sum_over_its_bins(case: tuple[Integers, Floats]) -> None:
    labels, table = case
    confidence, right = table.max(axis=1), table.argmax(axis=1) == labels
    error = 0.0
    for number in range(CALIBRATION_BINS):
        low, high = number / CALIBRATION_BINS, (number + 1) / CALIBRATION_BINS
        inside = (np.ceil(confidence * CALIBRATION_BINS) == number + 1) & (confidence > low - 1e-9)
        if inside.any():
            assert (confidence[inside] <= high + 1e-9).all()
            error += inside.mean() * abs(right[inside].mean() - confidence[inside].mean())
    assert scores(labels, table)["ece"] == pytest.approx(error, abs=1e-12)


@given(predictions())
def test_top_k_counts_images_whose_class_is_among_the_k_first(case: tuple[Integers, Floats]) -> None:
    labels, table = case
    found = scores(labels, table)
    for name, k in TOPS.items():
        if k >= table.shape[1]:
            assert found[name] is None
            continue
        # A stable sort of the negated probabilities lets the lower code go first among equals.
        first = np.argsort(-table, axis=1, kind="stable")[:, :k]
        assert found[name] == pytest.approx((first == labels[:, None]).any(axis=1).mean())


def test_top_k_is_scikit_learns_without_ties() -> None:
    labels, table = random_predictions(classes=5)
    for name, k in TOPS.items():
        expected = reference.top_k_accuracy_score(labels, table, k=k, labels=range(5))
        assert scores(labels, table)[name] == pytest.approx(expected)


@given(predictions())
def test_each_class_has_the_figures_of_scikit_learn(case: tuple[Integers, Floats]) -> None:
    labels, table = case
    said = table.argmax(axis=1)
    for code, found in enumerate(class_scores(labels, table)):
        truth, answer = labels == code, said == code
        assert found["support"] == truth.sum()
        assert found["predicted"] == answer.sum()
        assert found["one_vs_rest_accuracy"] == pytest.approx((truth == answer).mean())
        if truth.any():
            assert found["recall"] == pytest.approx(reference.recall_score(truth, answer))
            if answer.any():
                assert found["precision"] == pytest.approx(reference.precision_score(truth, answer))
            else:
                assert found["precision"] is None
            assert found["f1"] == pytest.approx(reference.f1_score(truth, answer))
            assert found["average_precision"] == pytest.approx(reference.average_precision_score(truth, table[:, code]))
        else:
            assert found["recall"] is found["f1"] is found["auroc"] is found["average_precision"] is None
        if truth.all():
            assert found["specificity"] is found["auroc"] is None
        else:
            assert found["specificity"] == pytest.approx(reference.recall_score(~truth, ~answer))
        if answer.all():
            assert found["negative_predictive_value"] is None
        else:
            expected = reference.precision_score(~truth, ~answer, zero_division=0.0)
            assert found["negative_predictive_value"] == pytest.approx(expected)


@given(predictions(), st.randoms(use_true_random=False))
def test_a_weight_of_two_is_the_image_twice(case: tuple[Integers, Floats], random: object) -> None:
    labels, table = case
    times = np.random.default_rng(len(labels)).integers(0, 4, len(labels))
    weighted = scores(labels, table, times.astype(float))
    repeated = scores(np.repeat(labels, times), np.repeat(table, times, axis=0))
    for name in ALL_METRICS:
        if repeated[name] is None:
            assert weighted[name] is None, name
        else:
            assert weighted[name] == pytest.approx(repeated[name], abs=1e-9), name


def test_many_weightings_at_once_are_each_as_if_alone() -> None:
    labels, table = random_predictions()
    weights = np.random.default_rng(1).integers(0, 3, (700, len(labels))).astype(float)
    overall, classes = Scorer(labels, table).all_figures(weights)
    for row in (0, 300, 699):
        alone = scores(labels, table, weights[row])
        assert {name: overall[name][row] for name in ALL_METRICS} == pytest.approx(alone)
        for code, figures in enumerate(class_scores(labels, table, weights[row])):
            assert {name: classes[name][row, code] for name in CLASS_METRICS} == pytest.approx(
                {name: figures[name] for name in CLASS_METRICS}
            )


def test_the_published_accuracy_counts_each_error_in_two_classes() -> None:
    labels, table = random_predictions(classes=5)
    found = scores(labels, table)
    assert found["accuracy"] is not None
    assert found["one_vs_rest_accuracy"] == pytest.approx(1 - 2 * (1 - found["accuracy"]) / 5)


def test_images_without_a_label_or_a_prediction_do_not_count() -> None:
    labels, table = random_predictions(images=50)
    more_labels = np.r_[labels, -1, 2].astype(np.int32)
    more_rows = np.vstack([table, [0.7, 0.1, 0.1, 0.1], np.full(4, np.nan)])
    assert scores(more_labels, more_rows) == scores(labels, table)


def test_without_any_image_nothing_is_defined() -> None:
    nothing = scores(np.zeros(0, dtype=np.int32), np.zeros((0, 3)))
    assert nothing == dict.fromkeys(ALL_METRICS)


def test_a_network_that_always_says_the_same_is_worth_a_coin() -> None:
    labels = np.array([0, 0, 0, 1], dtype=np.int32)
    found = scores(labels, np.tile([0.75, 0.25], (4, 1)))
    assert found["accuracy"] == 0.75
    assert found["balanced_accuracy"] == 0.5
    assert found["auroc"] == 0.5
    assert found["macro_precision"] == pytest.approx(0.375), "the class never predicted counts as 0 in the mean"
    assert class_scores(labels, np.tile([0.75, 0.25], (4, 1)))[1]["precision"] is None
    assert found["ece"] == pytest.approx(0.0)


def test_a_certain_error_costs_a_finite_log_loss() -> None:
    found = scores(np.array([0], dtype=np.int32), np.array([[0.0, 1.0]]))
    assert found["log_loss"] == pytest.approx(-math.log(np.finfo(float).eps))


def test_confusion_has_truth_in_rows_and_leaves_the_unknown_out() -> None:
    truth = np.array([0, 0, 1, 2, -1], dtype=np.int32)
    said = np.array([0, 1, 1, 0, 2], dtype=np.int32)
    assert confusion(truth, said, 3).tolist() == [[1, 1, 0], [0, 1, 0], [1, 0, 0]]


def test_the_figures_that_programs_rely_on_have_their_names() -> None:
    """`aimic results --json` and `aimic evaluate --json` promise these; more may follow."""
    promised = {
        *("accuracy", "balanced_accuracy", "one_vs_rest_accuracy", "macro_precision", "macro_recall", "macro_f1"),
        *("auroc", "average_precision", "log_loss", "ece"),
    }
    found = scores(*random_predictions())
    assert promised <= set(found)
    assert all(found[name] is not None for name in promised)
