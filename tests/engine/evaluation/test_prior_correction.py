"""Class weights are undone where they took hold, and probabilities are then right for the data."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from aimic_tui.engine.evaluation.calibration import reliability
from aimic_tui.engine.evaluation.class_calibration import class_calibration
from aimic_tui.engine.evaluation.prior_correction import confidence_of, corrected, prior_ratio
from aimic_tui.engine.evaluation.run_predictions import NetworkPredictions
from aimic_tui.engine.evaluation.temperature import fit_temperature, scaled

_SHARES = np.array([0.85, 0.12, 0.03])


def _drawn(random: np.random.Generator, images: int) -> tuple[np.ndarray, np.ndarray]:
    labels = random.choice(3, images, p=_SHARES)
    return labels.astype(np.int32), np.eye(3)[labels] * 1.5 + random.normal(0, 1, (images, 3))


def test_the_ratio_is_the_datas_share_over_the_one_that_training_gave() -> None:
    labels = np.repeat([0, 1, 2], [6, 3, 1]).astype(np.int32)
    for balance in ("weighted-loss", "oversample"):
        ratio = prior_ratio(balance, labels, 3)
        assert ratio is not None
        np.testing.assert_allclose(ratio, [1.8, 0.9, 0.3])
    assert prior_ratio("none", labels, 3) is None
    assert prior_ratio("undersample", labels, 3) is None
    absent = prior_ratio("weighted-loss", labels, 4)
    assert absent is not None
    assert absent[3] > 0


def test_correcting_is_bayess_rule_and_keeps_what_is_unknown() -> None:
    found = corrected(np.array([[0.5, 0.5], [np.nan, np.nan]]), np.array([1.8, 0.2]))
    np.testing.assert_allclose(found[0], [0.9, 0.1])
    assert np.isnan(found[1]).all()
    assert corrected(found, None) is found


def test_a_weighted_classifier_is_calibrated_for_the_data_whatever_it_exaggerates() -> None:
    random = np.random.default_rng(0)
    train, validation, test = (_drawn(random, images) for images in (3000, 1500, 6000))
    model = LogisticRegression(class_weight="balanced", max_iter=500).fit(train[1], train[0])
    boast = 2.0
    of_validation, of_test = (scaled(model.predict_proba(images), 1 / boast) for _, images in (validation, test))
    prior = prior_ratio("weighted-loss", train[0], 3)
    groups = np.arange(len(validation[0]), dtype=np.int32)
    fitted = fit_temperature(validation[0], of_validation, groups, prior)
    assert fitted.prior is prior
    assert fitted.value == pytest.approx(boast, rel=0.1)
    tables = [
        scaled(of_test, fitted.value, fitted.prior),
        scaled(of_test, fit_temperature(*validation_of(validation, of_validation)).value),
    ]
    network = NetworkPredictions(
        "",
        (0,),
        (1,),
        np.ones((1, len(test[0])), np.int64),
        np.arange(len(test[0])),
        test[0],
        np.arange(len(test[0]), dtype=np.int32),
        of_test[None],
        1,
    )
    undone, kept = (class_calibration(network, table[None]) for table in tables)
    for of in undone:
        assert of.slope_after.value == pytest.approx(1, abs=0.12)
        assert of.intercept_after.value == pytest.approx(0, abs=0.25)
    # Without it the rare class gets far too much probability.
    assert kept[2].intercept_after.high is not None
    assert kept[2].intercept_after.high < -0.5


def validation_of(drawn: tuple[np.ndarray, np.ndarray], said: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return drawn[0], said, np.arange(len(said), dtype=np.int32)


def test_weights_that_did_not_take_hold_are_not_undone() -> None:
    random = np.random.default_rng(1)
    train, validation = (_drawn(random, images) for images in (3000, 800))
    plain = LogisticRegression(max_iter=500).fit(train[1], train[0]).predict_proba(validation[1])
    fitted = fit_temperature(*validation_of(validation, plain), prior_ratio("weighted-loss", train[0], 3))
    assert fitted.prior is None


def test_the_predicted_class_stays_and_its_probability_may_be_the_smaller_one() -> None:
    table = np.array([[[0.4, 0.6], [0.9, 0.1]]])
    predicted = table.argmax(axis=2)
    after = corrected(table, np.array([1.8, 0.2]))
    assert confidence_of(after, predicted)[0, 0] == pytest.approx(0.12 / 0.84)
    bins = reliability(np.array([1, 0], np.int32), after, predicted)
    assert [(round(one.confidence, 3), one.accuracy) for one in bins if one.confidence is not None] == [
        (0.143, 1.0),
        (0.988, 1.0),
    ]
