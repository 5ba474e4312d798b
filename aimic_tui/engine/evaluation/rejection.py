"""From which probability on few images are wrong: thresholds that hold a maximum error rate, and how sure that is.

The images from a threshold on are *answered*, the others rejected. Whether their true error exceeds a wanted rate is
tested threshold by threshold, in a fixed sequence that starts with the surest images and ends where a test fails (Learn
then Test: Angelopoulos, Bates, Candès, Jordan and Lei 2025, Annals of Applied Statistics 19, 1641; selective
classification with a bound: Geifman and El-Yaniv 2017, NeurIPS). The last threshold that passed is taken. Where
images are independent, in at most 1 - `CONFIDENCE` of all models a threshold is taken whose true error is larger,
whatever the errors look like. Taking the largest threshold at which few errors are *seen*, as was done before, exceeds
the rate for 25 to 50 % of models.

- The thresholds are given by counts of the surest images, each count 5 % larger than the one before: no label has a
  say.
- A test needs so many images; the sequence starts where it could pass without any error. Where there is room it starts
  a second time, at `_SECOND_START` of the images, so that one wrong label among the surest ones doesn't end everything:
  each start gets half of the level, and hands it on along thresholds that pass (the fallback procedure: Wiens and
  Dmitrienko 2005, Journal of Biopharmaceutical Statistics 15, 929).
- The test is binomial with an effective number of images (Korn and Graubard 1998, Survey Methodology 24, 193), since
  images of a group tend to be right or wrong together. Their correlation is that of all errors, its upper 80 % limit,
  or the one among the answered images where that is larger. Several predictions of one image (seeds, repeats) count as
  of one group, and never as more than one image.

What this can't see: errors that come as whole groups among sure images, when no such group was tested. As many groups
without an error as `images_needed` asks of images would exclude it; with fewer it is an assumption, and
`rests_on_groups` says so.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aimic_tui.engine.evaluation.calibration_words import CONFIDENCE
from aimic_tui.engine.evaluation.metrics import Floats, Integers
from aimic_tui.engine.evaluation.prior_correction import confidence_of

_SECOND_START = 0.4
_GROWTH = 1.05
_CORRELATION_LEVEL = 0.2  # the share of studies whose correlation is larger than its limit
_RATES = (0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4)  # what may be asked for instead


@dataclass(frozen=True, eq=False)
class ErrorsByThreshold:
    """Errors among the surest images, by threshold; everything that a threshold for a wanted rate follows from.

    Attributes:
        thresholds: float [m], descending probabilities of the predicted class.
        images: float [m], images at or above each; the mean over several predictions of each image.
        errors: float [m], how many of them are wrong, likewise.
        expected: float [m], as how many independent images they count by the correlation of all errors.
        effective: float [m], the same or fewer, where the errors among them are correlated more.
        groups: the effective number of groups, (sum n)^2 / sum n^2.
    """

    thresholds: Floats
    images: Floats
    errors: Floats
    expected: Floats
    effective: Floats
    groups: float


def errors_by_threshold(
    labels: Integers, probabilities: Floats, groups: Integers, predicted: NDArray[np.intp] | None = None
) -> ErrorsByThreshold | None:
    """Count the errors among the surest images of a test.

    Args:
        labels: int [n], codes; -1 where unknown (such images don't count).
        probabilities: float [sets, n, c], calibrated, of images that no network of the set was trained on and that
            chose nothing; NaN rows where there is no prediction.
        groups: int [n], any codes.
        predicted: int [sets, n], the predicted classes where these are not the most probable ones (class weights
            undone); an image is as sure as the probability of its predicted class.

    Returns:
        None without any image that has a label and a prediction.
    """
    known = (labels >= 0)[None] & ~np.isnan(probabilities).any(axis=2)
    if not known.any():
        return None
    truth = np.broadcast_to(labels, known.shape)[known]
    said = probabilities[known].argmax(axis=1) if predicted is None else predicted[known]
    sure = confidence_of(probabilities[known], said)
    order = np.argsort(-sure, kind="stable")
    sure = sure[order]
    wrong = (said != truth)[order].astype(np.float64)
    codes = np.unique(np.broadcast_to(groups, known.shape)[known], return_inverse=True)[1][order]
    repeated = len(sure) / int(known.any(axis=0).sum())
    ends = _counts(sure)
    errors = np.cumsum(wrong)[ends - 1]
    correlation = _correlation_limit(wrong, codes)
    expected, effective = np.empty(len(ends)), np.empty(len(ends))
    for row, end in enumerate(ends):
        expected[row], effective[row] = _effective(wrong[:end], codes[:end], correlation)
    images = ends / repeated
    sizes = np.bincount(codes)
    return ErrorsByThreshold(
        sure[ends - 1],
        images,
        errors / repeated,
        np.minimum(expected, images),
        np.minimum(effective, images),
        float(len(sure) ** 2 / (sizes.astype(np.float64) ** 2).sum()),
    )


def choose_threshold(found: ErrorsByThreshold, max_error: float) -> float | None:
    """Return the probability from which on images are answered; None where no threshold passes.

    Args:
        max_error: the largest error among the answered images, 0 to 1, both excluded.
    """
    level = 1 - CONFIDENCE
    needed = images_needed(max_error, level / 2)
    second = _SECOND_START * float(found.expected.max())
    starts = {needed: level / 2, second: level / 2}
    if second < 2 * needed:
        starts = {images_needed(max_error, level): level}
    levels = np.zeros(len(found.thresholds))
    for images, share in starts.items():
        reached = np.flatnonzero(found.expected >= images)
        if not len(reached):
            return None
        levels[reached[0]] += share
    p_values = _p_values(found, max_error)
    chosen, handed_on = None, 0.0
    for row in range(int(np.flatnonzero(levels)[0]), len(levels)):
        available = levels[row] + handed_on
        passed = available > 0 and p_values[row] <= available
        handed_on = available if passed else 0.0
        if passed:
            chosen = float(found.thresholds[row])
    return chosen


def smallest_rate(found: ErrorsByThreshold) -> float | None:
    """Return the smallest of some round error rates that a threshold is found for, None where there is none."""
    return next((rate for rate in _RATES if choose_threshold(found, rate) is not None), None)


def images_needed(max_error: float, level: float = 1 - CONFIDENCE) -> float:
    """Return how many independent images without any error show that the error is at most `max_error`, 0 to 1."""
    return math.log(level) / math.log1p(-max_error)


def rests_on_groups(found: ErrorsByThreshold, max_error: float) -> bool:
    """Whether groups are too few to exclude, without any assumption, that more than `max_error` of them fail whole."""
    return found.groups < images_needed(max_error)


def _counts(sure: Floats) -> NDArray[np.int64]:
    """Return how many of the surest images each threshold answers: int [m], growing; equally sure ones together."""
    wanted = [1]
    while wanted[-1] < len(sure):
        wanted.append(min(len(sure), max(wanted[-1] + 1, round(wanted[-1] * _GROWTH))))
    return np.unique(np.searchsorted(-sure, -sure[np.array(wanted) - 1], side="right"))


def _correlation_limit(wrong: Floats, codes: NDArray[np.intp]) -> float:
    """Return an upper limit of the correlation of errors within groups, 0 to 1.

    The design effect is the variance of the error rate over groups, as a multiple of what independent images would have
    (Rao and Scott 1992, Biometrics 48, 577); its limit is that of a variance with the effective number of groups.
    """
    from scipy.stats import chi2

    sizes = np.bincount(codes).astype(np.float64)
    spread = float((sizes**2).sum() / sizes.sum())  # images in the group of a random image
    groups = float(sizes.sum() ** 2 / (sizes**2).sum())
    deviations = wrong - wrong.mean()
    within = float((deviations**2).sum())
    if spread <= 1:
        return 0.0
    if within == 0 or groups < 2:
        return 1.0
    between = float((np.bincount(codes, weights=deviations) ** 2).sum())
    limit = between / within * groups / float(chi2.ppf(_CORRELATION_LEVEL, groups - 1))
    return min(1.0, max(0.0, (limit - 1) / (spread - 1)))


def _effective(wrong: Floats, codes: NDArray[np.intp], correlation: float) -> tuple[float, float]:
    """Return as how many independent images some count: by a correlation, and by that of their own errors if larger."""
    sizes = np.bincount(codes).astype(np.float64)
    spread = float((sizes**2).sum() / sizes.sum())
    expected = 1 + (spread - 1) * correlation
    deviations = wrong - wrong.mean()
    within = float((deviations**2).sum())
    own = float((np.bincount(codes, weights=deviations) ** 2).sum()) / within if within > 0 else 0.0
    return len(wrong) / expected, len(wrong) / max(expected, min(own, spread))


def _p_values(found: ErrorsByThreshold, max_error: float) -> Floats:
    """Return, float [m], how probable so few errors are where the true rate is `max_error`: P(Binomial <= errors).

    Of a fractional number of images, by the beta distribution that Clopper and Pearson's limits rest on.
    """
    from scipy.special import betainc

    share = found.errors / found.images
    wrong = share * found.effective
    right = np.maximum(found.effective - wrong, 1e-12)  # of nothing but errors none is right
    p_values: Floats = betainc(right, wrong + 1, 1 - max_error)
    return p_values
