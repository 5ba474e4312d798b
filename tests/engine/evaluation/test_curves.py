"""Curves are those of scikit-learn, their bands hold where they are given, and pooled and fold areas are told apart."""

from __future__ import annotations

import numpy as np
import pytest
import sklearn.metrics as reference
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from aimic_tui.engine.evaluation.curves import GRID, class_curves
from aimic_tui.engine.evaluation.metrics import Floats, Integers
from aimic_tui.engine.evaluation.run_predictions import NetworkPredictions


def network(labels: Integers, tables: Floats, groups: Integers | None = None, folds: int = 1) -> NetworkPredictions:
    sets = tables if tables.ndim == 3 else tables[None]
    n = len(labels)
    codes = np.arange(n, dtype=np.int32) if groups is None else groups
    of_folds = np.tile(codes % folds + 1, (len(sets), 1)).astype(np.int64)
    ones = (1,) * len(sets)
    return NetworkPredictions(
        "net", tuple(range(len(sets))), ones, of_folds, np.arange(n), labels, codes, sets, len(sets)
    )


def drawn(n: int, skill: float = 1.5, seed: int = 0, classes: int = 3) -> tuple[Integers, Floats]:
    random = np.random.default_rng(seed)
    labels = random.integers(0, classes, n).astype(np.int32)
    raw = random.normal(size=(n, classes))
    raw[np.arange(n), labels] += skill
    return labels, np.exp(raw) / np.exp(raw).sum(axis=1, keepdims=True)


@st.composite
def cases(draw: st.DrawFn) -> tuple[Integers, Floats]:
    images = draw(st.integers(2, 40))
    labels = draw(arrays.arrays(np.int32, images, elements=st.integers(0, 1)))
    raw = draw(arrays.arrays(np.int64, (images, 2), elements=st.integers(1, 6))).astype(float)
    return labels, raw / raw.sum(axis=1, keepdims=True)


@given(cases())
def test_curves_are_those_of_scikit_learn_with_ties_and_constant_scores(case: tuple[Integers, Floats]) -> None:
    labels, table = case
    found, macro = class_curves(network(labels, table), resamples=2)
    if len(set(labels.tolist())) < 2:
        assert found == [None, None]
        assert macro is None
        return
    curves = found[1]
    assert curves is not None
    false, true, _ = reference.roc_curve(labels, table[:, 1], drop_intermediate=False)
    keep = np.r_[np.diff(false) > 0, True]  # the upper end where the curve rises vertically
    np.testing.assert_allclose(curves.roc.values, np.interp(GRID, false[keep], true[keep]), atol=1e-12)
    precision, recall, _ = reference.precision_recall_curve(labels, table[:, 1])
    precision, recall = precision[:-1][::-1], recall[:-1][::-1]
    expected = [precision[np.argmax(recall >= max(at, 1e-9) - 1e-12)] for at in GRID]
    np.testing.assert_allclose(curves.precision_recall.values, expected, atol=1e-12)
    assert curves.share == labels.mean()


def test_the_area_below_the_drawn_curve_is_the_figures() -> None:
    labels, table = drawn(2000)
    found, macro = class_curves(network(labels, table), resamples=2)
    for code, curves in enumerate(found):
        assert curves is not None
        area = reference.auc(GRID, curves.roc.values)
        assert area == pytest.approx(reference.roc_auc_score(labels == code, table[:, code]), abs=0.005)
        assert curves.fold_auroc == pytest.approx(reference.roc_auc_score(labels == code, table[:, code]))
    assert macro is not None
    np.testing.assert_allclose(macro.roc.values, np.mean([one.roc.values for one in found if one], axis=0))


def test_a_band_is_around_its_curve_and_narrower_with_more_groups() -> None:
    widths = []
    for n in (60, 600):
        labels, table = drawn(n)
        (first, *_), macro = class_curves(network(labels, table))
        for curve in (first.roc, first.precision_recall, macro.roc):  # type: ignore[union-attr]
            assert curve.low is not None
            assert curve.high is not None
            assert (curve.low <= curve.values).all()
            assert (curve.values <= curve.high).all()
        widths.append(float(np.mean(first.roc.high - first.roc.low)))  # type: ignore[union-attr, operator]
    assert widths[1] < widths[0] / 2


def test_no_band_is_pretended_for_few_groups() -> None:
    labels, table = drawn(200)
    (first, *_), macro = class_curves(network(labels, table, (np.arange(200) % 9).astype(np.int32)))
    assert first is not None
    assert first.roc.low is None
    assert macro is not None
    assert macro.roc.low is None
    labels[(labels == 2) & (np.arange(200) > 20)] = 1
    groups = (np.arange(200) // 8).astype(np.int32)
    curves, macro = class_curves(network(labels, table, groups))
    assert curves[2] is not None
    assert curves[2].roc.low is None
    assert curves[0] is not None
    assert curves[0].roc.low is not None
    assert macro is not None
    assert macro.roc.low is None


def test_folds_that_mean_different_things_by_a_probability_are_seen_in_the_gap() -> None:
    labels, table = drawn(400, classes=2)
    pulled = table.copy()
    odd = np.arange(400) % 2 == 1  # the images of fold 2
    pulled[odd, 1] **= 4
    pulled[:, 0] = 1 - pulled[:, 1]
    (_, same), _ = class_curves(network(labels, table, folds=2), resamples=2)
    (_, torn), _ = class_curves(network(labels, pulled, folds=2), resamples=2)
    assert same is not None
    assert torn is not None
    assert torn.fold_auroc == pytest.approx(same.fold_auroc), "within a fold the order is the same"
    assert reference.auc(GRID, torn.roc.values) < torn.fold_auroc - 0.02


def test_several_sets_are_averaged() -> None:
    labels, table = drawn(100)
    other = drawn(100, skill=0.5)[1]
    both = class_curves(network(labels, np.stack([table, other])), resamples=2)[0][0]
    each = [class_curves(network(labels, one), resamples=2)[0][0] for one in (table, other)]
    expected = np.mean([one.roc.values for one in each if one], axis=0)
    np.testing.assert_allclose(both.roc.values, expected)  # type: ignore[union-attr]


def test_without_any_prediction_there_is_no_curve() -> None:
    labels, table = drawn(20)
    assert class_curves(network(labels, np.full_like(table, np.nan))) == ([None] * 3, None)
