"""A temperature mends what is wrong, and leaves what isn't."""

from __future__ import annotations

import numpy as np
import pytest

from aimic_tui.engine.evaluation.metrics import Floats, Integers
from aimic_tui.engine.evaluation.temperature import FittedTemperature, fit_temperature, scaled


def drawn(n: int, boast: float, seed: int = 0) -> tuple[Integers, Floats]:
    """Labels that come with exactly the chances of some logits, and probabilities `boast` times too sure."""
    random = np.random.default_rng(seed)
    logits = random.normal(0, 2, (n, 3))
    chances = np.exp(logits)
    chances /= chances.sum(axis=1, keepdims=True)
    labels = (random.random(n)[:, None] > chances.cumsum(axis=1)).sum(axis=1).clip(0, 2).astype(np.int32)
    return labels, scaled(chances, 1 / boast)


def fitted(labels: Integers, said: Floats) -> FittedTemperature:
    return fit_temperature(labels, said, np.arange(len(labels), dtype=np.int32))


def log_loss(labels: Integers, said: Floats) -> float:
    return float(-np.log(said[np.arange(len(labels)), labels]).mean())


@pytest.mark.parametrize("boast", [0.5, 1.5, 3.0])
def test_hundreds_of_images_undo_what_was_boasted(boast: float) -> None:
    assert fitted(*drawn(4000, boast)).value == pytest.approx(boast, rel=0.05)


@pytest.mark.parametrize("images", [33, 100, 400])
def test_calibrated_networks_lose_next_to_nothing_on_new_images(images: int) -> None:
    new, said = drawn(20_000, 1.0, seed=999)
    losses = [log_loss(new, scaled(said, fitted(*drawn(images, 1.0, seed)).value)) for seed in range(40)]
    assert np.mean(losses) - log_loss(new, said) < 0.15 / images  # by likelihood alone it is more than 0.4 / images


def test_networks_that_boast_get_most_of_the_gain_from_33_images() -> None:
    new, said = drawn(20_000, 2.5, seed=999)
    before, best = log_loss(new, said), log_loss(new, scaled(said, 2.5))
    after = np.mean([log_loss(new, scaled(said, fitted(*drawn(33, 2.5, seed)).value)) for seed in range(40)])
    assert (before - after) / (before - best) > 0.7


def test_it_stays_1_where_held_out_images_gain_nothing() -> None:
    kept = [fitted(*drawn(33, 1.0, seed)).value == 1.0 for seed in range(40)]
    assert np.mean(kept) > 0.6


def test_images_of_one_group_are_one_witness() -> None:
    labels, said = drawn(100, 3.0)
    assert fit_temperature(labels, said, np.zeros(100, np.int32)).value == 1.0, "nothing is held out"
    alike = np.repeat(np.arange(2, dtype=np.int32), 50)
    assert fit_temperature(labels, said, alike).value > 1.5


@pytest.mark.parametrize("right", [True, False])
def test_a_fit_that_would_run_to_its_bound_is_said(right: bool) -> None:
    labels = np.full(6, 0 if right else 1, np.int32)
    found = fitted(labels, np.tile([0.7, 0.2, 0.1], (6, 1)))
    assert found.at_bound
    assert 0.3 < found.value < 3
    assert not fitted(*drawn(100, 1.0)).at_bound


def test_certainty_of_zero_and_one_is_no_obstacle() -> None:
    found = fitted(np.array([0, 1, 1], np.int32), np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]]))
    assert 1 <= found.value <= 20
    assert np.isfinite(scaled(np.array([[1.0, 0.0]]), found.value)).all()
