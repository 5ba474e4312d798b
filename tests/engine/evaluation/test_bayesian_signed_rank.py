"""The Bayesian signed-rank test where its probabilities can be worked out by hand, and as its authors compute it."""

from __future__ import annotations

import math

import numpy as np
import pytest

from aimic_tui.engine.evaluation.bayesian_signed_rank import bayesian_signed_rank


def test_one_large_difference() -> None:
    """Above has chance 1 - w0^2, w0 ~ Beta(0.5, 1): the larger one for w0 < sqrt(1/2), which is 0.5^0.25 probable."""
    found = bayesian_signed_rank([0.3], 0.01)
    assert found.above == pytest.approx(0.5**0.25, abs=0.006)
    assert found.rope == pytest.approx(1 - 0.5**0.25, abs=0.006)
    assert found.below == 0


def test_one_difference_whose_mean_with_the_prior_is_within_the_margin() -> None:
    """Above has chance (1 - w0)^2 only: it is the larger one for w0 < 1 - sqrt(1/2)."""
    found = bayesian_signed_rank([0.015], 0.01)
    assert found.above == pytest.approx(math.sqrt(1 - math.sqrt(0.5)), abs=0.006)
    assert found.below == 0


def test_differences_within_the_margin_are_equivalent_for_sure() -> None:
    assert bayesian_signed_rank([0.01, -0.005, 0.0], 0.01).rope == 1


def test_the_sides_change_places_with_the_networks() -> None:
    differences = [0.05, 0.03, -0.01, 0.08, 0.002]
    there, back = bayesian_signed_rank(differences, 0.01), bayesian_signed_rank([-one for one in differences], 0.01)
    assert (there.above, there.rope, there.below) == (back.below, back.rope, back.above)
    assert there.above + there.rope + there.below == pytest.approx(1)


def test_it_is_what_its_authors_compute() -> None:
    """Their loop over all pairs (BayesianSignedRank.R), with other draws."""
    differences, margin, draws = [0.04, -0.025, 0.012, 0.03, -0.001, 0.06], 0.01, 4000
    places = [0.0, *differences]
    wins = np.zeros(3)
    for weights in np.random.default_rng(5).dirichlet([0.5, *[1.0] * len(differences)], size=draws):
        chances = np.zeros(3)
        for one, weight in zip(places, weights, strict=True):
            for other, of_other in zip(places, weights, strict=True):
                part = 2 if one + other > 2 * margin else 1 if one + other > -2 * margin else 0
                chances[part] += weight * of_other
        wins[chances.argmax()] += 1
    found = bayesian_signed_rank(differences, margin)
    assert (found.below, found.rope, found.above) == pytest.approx(tuple(wins / draws), abs=0.03)
