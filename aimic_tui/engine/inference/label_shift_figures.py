"""The figures of an evaluation with probabilities corrected to the estimated class shares of its images.

A model is used where classes are rarer or more frequent than in its data. What its figures lose there comes partly from
the class shares alone, and that part can be had back without a label (`label_shift`): the figures beside the plain ones
show how much. The labels enter the figures only, neither the estimate nor the correction.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from aimic_tui.engine.evaluation.intervals import cluster_bootstrap
from aimic_tui.engine.evaluation.label_shift import FEWEST_IMAGES, class_shares, estimated_shares, recalibrated
from aimic_tui.engine.evaluation.metrics import Floats, Integers
from aimic_tui.engine.evaluation.prior_correction import corrected
from aimic_tui.engine.inference.class_map import ClassMap
from aimic_tui.engine.inference.combined_calibration import CombinedCalibration
from aimic_tui.engine.inference.label_shift_result import EvaluatedShare, LabelShiftResult

FIGURES = ("accuracy", "macro_f1", "log_loss", "brier", "ece")


def can_be_corrected(calibration: CombinedCalibration, images: int) -> bool:
    """Whether class shares can be estimated: every model has a recalibration, and there are images enough."""
    return calibration.recalibration is not None and images >= FEWEST_IMAGES


def corrected_figures(
    labels: Integers,
    predicted: Integers,
    members: Floats,
    groups: NDArray[np.int32],
    *,
    class_map: ClassMap,
    calibration: CombinedCalibration,
    resamples: int = 2000,
    confidence: float = 0.95,
    seed: int = 0,
    on_resamples: Callable[[int], None] = lambda _: None,
) -> LabelShiftResult | None:
    """Return the estimated class shares of images, and the figures with probabilities for them.

    Args:
        labels, predicted: int [n], codes of `class_map.classes`.
        members: float [models, n, c], each model's probabilities for its own classes, no NaN.
        groups: int [n], any codes.
        class_map: that the models are evaluated by.
        calibration: of the models.
        resamples, confidence, seed, on_resamples: of the intervals, as for `cluster_bootstrap`.

    Returns:
        None where that can't be done (`can_be_corrected`).
    """
    refined = calibration.recalibration
    if refined is None:
        return None
    calibrated = calibration.for_data(calibration.scaled(members)).mean(axis=0)
    shares = class_shares(
        class_map.classes,
        predicted,
        calibrated,
        refined,
        merged=class_map.of_model,
        groups=groups,
        confidence=confidence,
        seed=seed,
    )
    if shares is None:
        return None
    refitted = recalibrated(calibrated, refined.value)
    adapted = corrected(refitted, estimated_shares(refitted, refined.prior) / refined.prior)
    figures = cluster_bootstrap(
        labels,
        class_map.probabilities(adapted),
        groups,
        resamples=resamples,
        confidence=confidence,
        seed=seed,
        on_resamples=on_resamples,
    )
    true = np.bincount(labels, minlength=len(class_map.classes)) / len(labels)
    return LabelShiftResult(
        tuple(
            EvaluatedShare(share.name, float(true[code]), share.counted, share.estimated)
            for code, share in enumerate(shares)
        ),
        {name: figures.overall[name] for name in FIGURES},
    )
