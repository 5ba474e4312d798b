"""How many errors a group may have if it is like the others: funnel limits that know how much groups differ.

Groups of one population (patients, slides, sites) differ: some are harder. A group is judged against that spread, and
not against the mean of the others alone. The error rate of a group is taken to be drawn from a distribution whose mean
and spread are unknown; the chance of so many errors or more is averaged over what the other groups say of the two
(their posterior), which keeps it honest where groups are few. The group itself is left out, so that it can't hide in a
spread that it made.

Sources: cross-validatory predictive p-values, Marshall and Spiegelhalter 2003; funnel limits with overdispersion,
Spiegelhalter 2005. Two shapes of the distribution are tried, since few groups can't tell which one is right: beta (the
errors are then beta-binomial) and logistic in the logit (a random intercept, with tails heavier than a normal one's).
The larger chance counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.special import betainc, expit, logit, ndtr, xlog1py, xlogy

from aimic_tui.engine.evaluation.metrics import Floats

_LOGITS = 8.0  # error rates from expit(-8) to expit(8) are told apart
_FINEST, _COARSEST = 0.02, 0.1  # steps between them, in the logit
_MEANS = np.linspace(-4, 4, 13)  # in standard errors around the rate of all groups together
_WIDEST = 1.5  # a standard error, in the logit
# Spreads that are tried, and how likely they are beforehand. Of the beta: the intraclass correlation, seldom above .3
# where groups are patients or slides. Of the logistic: the standard deviation in the logit.
_CORRELATIONS = np.array([0, 0.01, 0.025, 0.05, 0.08, 0.12, 0.17, 0.23, 0.3, 0.4, 0.5, 0.65])
_DEVIATIONS = np.array([0, 0.2, 0.4, 0.65, 0.9, 1.15, 1.45, 1.8, 2.2, 2.7, 3.4, 4.2])
_CORRELATION_POWER = 5  # density proportional to (1 - correlation)^5
_DEVIATION_SCALE = 1.5  # half-normal
_NO_SPREAD = 4.0  # how much more likely no spread at all is beforehand than the grid alone would make it
_LOGISTIC_SD = np.pi / np.sqrt(3)


@dataclass(frozen=True, eq=False)
class GroupSpread:
    """What the other groups say of each of `g` groups: the distributions that its error rate may come from.

    Attributes:
        images: float [g].
        wrong: float [g], 0 to `images`; not whole where it is a mean over sets of predictions.
        rates: float [r], error rates, ascending.
        chances: float [shapes, g, r]: how likely each rate is for a group like the others, summing to 1 over r.
    """

    images: Floats
    wrong: Floats
    rates: Floats
    chances: Floats

    def p_values(self) -> Floats:
        """float [g]: the chance of as many errors or more, were the group like the others.

        Of a number of errors that is not whole, as of the next smaller one.
        """
        return self._chance_of(np.floor(self.wrong + 1e-9))

    def most_wrong(self, level: float) -> Floats:
        """float [g]: the largest whole number of errors whose chance (of it or more) is above `level`, 0 to 1."""
        low, high = np.zeros_like(self.images), self.images + 1  # the chance is above at low, not above at high
        while (high - low).max(initial=0) > 1:
            middle = np.floor((low + high) / 2)
            above = self._chance_of(middle) > level
            low, high = np.where(above, middle, low), np.where(above, high, np.maximum(middle, low + 1))
        return low

    def _chance_of(self, wrong: Floats) -> Floats:
        """float [g]: the chance of `wrong` errors or more, by the shape that gives the larger one."""
        # P(K >= k) of a binomial is the regularised incomplete beta function I_p(k, n - k + 1).
        tails = betainc(np.maximum(wrong, 1)[:, None], np.maximum(self.images - wrong, 0)[:, None] + 1, self.rates)
        tails[wrong <= 0] = 1.0
        tails[wrong > self.images] = 0.0
        found: Floats = np.einsum("sgr,gr->sg", self.chances, tails).max(axis=0)
        return found


def spread_of_others(images: Floats, wrong: Floats) -> GroupSpread:
    """Work out, for each of `g` groups, how the error rate of a group like the others is distributed.

    Args:
        images: float [g], above 0.
        wrong: float [g], 0 to `images`.
    """
    pairs, of_group, times = np.unique(np.stack([images, wrong]), axis=1, return_inverse=True, return_counts=True)
    some, errors = pairs[0][:, None], pairs[1][:, None]
    step = float(np.clip(1 / np.sqrt(images.max(initial=1)), _FINEST, _COARSEST))
    edges = np.linspace(-_LOGITS, _LOGITS, round(2 * _LOGITS / step) + 1)
    rates = expit((edges[:-1] + edges[1:]) / 2)
    likelihood = xlogy(errors, rates) + xlog1py(some - errors, -rates)
    likelihood = np.exp(likelihood - likelihood.max(axis=1, keepdims=True))
    chances = []
    for shape in (_beta, _logistic):
        candidates = list(shape(images, wrong, edges))
        shares = np.concatenate([of_rates for of_rates, _ in candidates], axis=1)  # [r, candidates]
        prior = np.concatenate([logs for _, logs in candidates])
        each = np.log(likelihood @ shares + np.finfo(np.float64).tiny)  # [pairs, candidates]
        of_others = prior + times @ each - each
        posterior = np.exp(of_others - of_others.max(axis=1, keepdims=True))
        posterior /= posterior.sum(axis=1, keepdims=True)
        chances.append(posterior @ shares.T)
    return GroupSpread(images, wrong, rates, np.stack(chances)[:, of_group.ravel()])


_Candidates = Iterator[tuple[Floats, Floats]]


def _beta(images: Floats, wrong: Floats, edges: Floats) -> _Candidates:
    """Yield, for each spread, the shares of the rates [r, means] and the means' logarithmic prior densities [means]."""
    below = expit(edges)[:, None]
    for correlation, width in zip(_CORRELATIONS, _widths(_CORRELATIONS), strict=True):
        logits, error = _means(images, wrong, float(correlation))
        mean = expit(logits)
        if correlation == 0:
            cumulative = _at_a_point(edges, logits)
        else:
            size = 1 / correlation - 1
            cumulative = betainc(mean * size, (1 - mean) * size, below)
        density = width * (1 - correlation) ** _CORRELATION_POWER
        yield _shares(cumulative), np.log(density * error) + _jeffreys(mean)


def _logistic(images: Floats, wrong: Floats, edges: Floats) -> _Candidates:
    """Yield as `_beta` does."""
    rate = _rate(images, wrong)
    for deviation, width in zip(_DEVIATIONS, _widths(_DEVIATIONS), strict=True):
        between = deviation**2 * rate * (1 - rate)  # the delta method
        logits, error = _means(images, wrong, float(between / (1 + between)))
        if deviation == 0:
            cumulative = _at_a_point(edges, logits)
        else:
            # A mean in the logit whose mean rate is about expit(logits): Zeger, Liang and Albert 1988.
            centre = logits * np.sqrt(1 + (16 * np.sqrt(3) / (15 * np.pi)) ** 2 * deviation**2)
            cumulative = expit((edges[:, None] - centre) / (deviation / _LOGISTIC_SD))
        density = width * np.exp(-0.5 * (deviation / _DEVIATION_SCALE) ** 2)
        yield _shares(cumulative), np.log(density * error) + _jeffreys(expit(logits))


def _rate(images: Floats, wrong: Floats) -> float:
    return float((wrong.sum() + 0.5) / (images.sum() + 1))


def _means(images: Floats, wrong: Floats, correlation: float) -> tuple[Floats, float]:
    """Return means to try, in the logit, and their standard error, by Kish's design effect."""
    rate, total = _rate(images, wrong), images.sum()
    effect = 1 + (np.square(images).sum() / total - 1) * correlation
    error = float(min(_WIDEST, np.sqrt(effect / (total * rate * (1 - rate)))))
    return logit(rate) + _MEANS * error, error


def _jeffreys(mean: Floats) -> Floats:
    """The logarithm of the prior density of a mean rate, Beta(1/2, 1/2), as a density of its logit."""
    found: Floats = 0.5 * np.log(mean * (1 - mean))
    return found


def _at_a_point(edges: Floats, logits: Floats) -> Floats:
    """A cumulative distribution that lies close to a point, spread over the two rates beside it."""
    found: Floats = ndtr((edges[:, None] - logits) / ((edges[1] - edges[0]) / 3))
    return found


def _shares(cumulative: Floats) -> Floats:
    """Shares of the rates from a cumulative distribution at their edges; the outermost rates take what lies beyond."""
    cumulative[0], cumulative[-1] = 0.0, 1.0
    return np.diff(cumulative, axis=0)


def _widths(values: Floats) -> Floats:
    """The weights of the trapezoidal rule, larger for no spread."""
    steps = np.diff(values, prepend=values[0], append=values[-1])
    found: Floats = (steps[:-1] + steps[1:]) / 2
    found[0] *= _NO_SPREAD
    return found
