"""Intervals over repeats hold what they promise; taking repeated predictions for new images would not."""

from __future__ import annotations

import numpy as np
import pytest

from aimic_tui.engine.evaluation.intervals import cluster_bootstrap
from aimic_tui.engine.evaluation.metrics import Floats, Integers, scores

REPEATS, CLASSES, STUDIES = 4, 3, 120
FIGURES = ("accuracy", "macro_f1")


def study(random: np.random.Generator, groups: int) -> tuple[Integers, Floats, Integers]:
    """Five images a group; what is hard about a group and an image is so in every repeat, the rest is luck."""
    of_image = np.repeat(np.arange(groups), 5).astype(np.int32)
    labels = random.integers(0, CLASSES, len(of_image)).astype(np.int32)
    shared = random.normal(0, 0.7, (groups, CLASSES))[of_image] + random.normal(0, 0.8, (len(labels), CLASSES))
    raw = shared + random.normal(0, 0.6, (REPEATS, len(labels), CLASSES))
    raw[:, np.arange(len(labels)), labels] += 1.6
    shares = np.exp(raw)
    return labels, shares / shares.sum(axis=2, keepdims=True), of_image


@pytest.mark.slow
def test_the_truth_is_inside_as_often_as_promised() -> None:
    labels, everyone, _ = study(np.random.default_rng(999), 20_000)
    found = [scores(labels, table) for table in everyone]
    truth = {name: np.mean([figures[name] for figures in found]) for name in FIGURES}
    inside = {(how, name): 0 for how in ("together", "as new") for name in FIGURES}
    for number in range(STUDIES):
        labels, tables, groups = study(np.random.default_rng(number), 50)
        judged = {
            "together": cluster_bootstrap(labels, tables, groups, resamples=1000),
            "as new": cluster_bootstrap(
                np.tile(labels, REPEATS),
                tables.reshape(-1, CLASSES),
                np.concatenate([groups + 50 * repeat for repeat in range(REPEATS)]).astype(np.int32),
                resamples=1000,
            ),
        }
        for how, name in inside:
            figure = judged[how].overall[name]
            assert figure.low is not None
            assert figure.high is not None
            inside[how, name] += figure.low <= truth[name] <= figure.high
    for name in FIGURES:
        assert 107 <= inside["together", name] <= 119, inside  # 95 % of 120 is 114
        assert inside["as new", name] < 104, inside
