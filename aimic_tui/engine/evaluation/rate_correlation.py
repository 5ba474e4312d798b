"""How sensitivity and specificity of a class vary together over groups."""

from __future__ import annotations

import numpy as np

from aimic_tui.engine.evaluation.metrics import Floats, Integers
from aimic_tui.engine.evaluation.simultaneous_bands import correlation_of, ratio_deviations


def rate_correlation(labels: Integers, probabilities: Floats, groups: Integers, code: int) -> float:
    """Return the correlation of the estimates of sensitivity and specificity, by the jackknife over groups.

    A slide on which everything is called the class has a high sensitivity and a low specificity: below 0.

    Args:
        labels: int [n], codes; -1 where unknown.
        probabilities: float [sets, n, c]; NaN where there is no prediction.
        groups: int [n], any codes.
        code: the class's.

    Returns:
        -1 to 1; 0 where one of the two does not vary, or rests on a single group.
    """
    known = (labels >= 0) & ~np.isnan(probabilities).any(axis=(0, 2))
    _, codes = np.unique(groups[known], return_inverse=True)
    case = labels[known] == code
    said = (probabilities[:, known].argmax(axis=2) == code).mean(axis=0)
    deviations = []
    for which, right in ((case, said), (~case, 1 - said)):
        sizes: Floats = np.bincount(codes, weights=which).astype(np.float64)
        if (sizes > 0).sum() < 2:
            return 0.0
        hits: Floats = np.bincount(codes, weights=which * right).astype(np.float64)
        deviations.append(ratio_deviations(hits, sizes))
    return float(correlation_of(*deviations))
