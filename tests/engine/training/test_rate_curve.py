"""The curve of a range test: what it suggests, and by which rule."""

from __future__ import annotations

import numpy as np
import pytest

from aimic_tui.engine.training.rate_curve import has_diverged, rising_rates, smoothed, suggest


def valley(bottom: float, steps: int = 100, noise: float = 0.0) -> tuple[list[float], list[float]]:
    """Losses that fall towards `bottom` and rise steeply behind it."""
    rates = rising_rates(1e-6, 1.0, steps)
    place = np.log10(rates / bottom)
    losses = 1.4 - 1.2 * np.exp(-(place**2) / 0.5) + np.clip(place - 0.8, 0, None) ** 2
    losses += np.random.default_rng(0).normal(0, noise, steps) if noise else 0
    return rates.tolist(), losses.tolist()


def test_each_rate_is_the_same_factor_above_the_one_before() -> None:
    rates = rising_rates(1e-6, 1.0, 61)
    assert rates[0] == pytest.approx(1e-6)
    assert rates[-1] == pytest.approx(1.0)
    assert np.diff(np.log10(rates)) == pytest.approx(0.1)


@pytest.mark.parametrize("noise", [0.0, 0.1])
def test_a_tenth_of_the_minimum_is_suggested_where_the_loss_rises_again(noise: float) -> None:
    rates, losses = valley(3e-3, noise=noise)
    found = suggest(rates, losses, 100)
    assert found.rule == "a tenth of the minimum"
    assert found.rate == pytest.approx(3e-4, rel=0.4)
    assert found.minimum == pytest.approx(3e-3, rel=0.4)
    assert found.steepest is not None
    assert found.steepest < found.minimum
    assert "a tenth of" in found.sentence


def test_the_steepest_descent_is_suggested_where_the_range_ended_before_the_minimum() -> None:
    rates = rising_rates(1e-6, 1e-2, 80)
    losses = 1.4 - 1.2 / (1 + np.exp(-4 * (np.log10(rates) + 3)))  # falls fastest at 1e-3
    found = suggest(rates.tolist(), losses.tolist(), 80)
    assert found.rule == "steepest descent"
    assert found.rate == pytest.approx(1e-3, rel=0.3)
    assert found.minimum is None


def test_noise_around_a_level_suggests_nothing() -> None:
    random = np.random.default_rng(1)
    losses = (1.386 + random.normal(0, 0.01, 100)).tolist()
    found = suggest(rising_rates(1e-6, 1, 100).tolist(), losses, 100)
    assert found.rate is None
    assert "never clearly fell" in found.sentence


def test_too_few_finite_steps_suggest_nothing() -> None:
    assert suggest([1e-6, 1e-5], [1.0, 0.9], 100).rate is None


def test_smoothing_keeps_a_level_and_moves_no_minimum() -> None:
    assert smoothed([2.0] * 50, 100) == pytest.approx(2.0)
    _, losses = valley(1e-3, steps=101)
    assert abs(int(smoothed(losses, 101).argmin()) - int(np.argmin(losses))) <= 1


def test_diverged_is_far_above_the_lowest_or_worse_than_knowing_nothing() -> None:
    assert not has_diverged(np.array([]))
    assert not has_diverged(np.array([1.4, 1.0, 0.9, 1.3]))
    assert has_diverged(np.array([1.4, 1.0, 0.2, 0.9]))
    assert has_diverged(np.array([1.4, 1.3, 1.2, 2.2]))
