"""Figures in subgroups by a column, and whether they differ from the rest."""

from __future__ import annotations

import numpy as np
import pytest

from aimic_tui.engine.evaluation import subgroup_words
from aimic_tui.engine.evaluation.column_subgroups import ColumnSubgroups, column_subgroups
from aimic_tui.engine.evaluation.column_values import column_values
from aimic_tui.engine.evaluation.run_predictions import NetworkPredictions
from aimic_tui.engine.formatting.numbers import number
from tests.engine.evaluation.test_curves import network


def drawn(seed: int, *, groups: int = 45, images: int = 6, worse: float = 0.0) -> tuple[NetworkPredictions, list[str]]:
    """A network on groups of three sites; `worse` in logits at the first site."""
    random = np.random.default_rng(seed)
    codes = np.repeat(np.arange(groups), images).astype(np.int32)
    site = codes % 3
    labels = random.integers(0, 2, len(codes)).astype(np.int32)
    raw = random.normal(size=(len(codes), 2))
    raw[np.arange(len(codes)), labels] += 2.0 + 0.5 * random.normal(size=groups)[codes] - worse * (site == 0)
    tables = np.exp(raw) / np.exp(raw).sum(axis=1, keepdims=True)
    return network(labels, tables, codes), [("Bonn", "Kiel", "Ulm")[code] for code in site]


def of(net: NetworkPredictions, cells: list[str], column: str = "site") -> ColumnSubgroups:
    return column_subgroups(net, column_values(column, cells), resamples=300)


def test_a_site_that_is_worse_is_named_with_an_interval_below_0() -> None:
    net, cells = drawn(0, worse=2.5)
    found = of(net, cells)
    assert [one.name for one in found.subgroups] == ["Bonn", "Kiel", "Ulm"]
    assert [(one.images, one.groups) for one in found.subgroups] == [(90, 15)] * 3
    bonn = found.subgroups[0]
    right = net.probabilities[0].argmax(axis=1) == net.labels
    at_bonn = np.array(cells) == "Bonn"
    assert bonn.figures["accuracy"].value == pytest.approx(right[at_bonn].mean())
    difference = bonn.differences["accuracy"]
    assert difference.interval.value == pytest.approx(right[at_bonn].mean() - right[~at_bonn].mean())
    assert difference.interval.high is not None
    assert difference.interval.high < 0
    assert difference.shown
    assert subgroup_words.verdict(found, "accuracy", number).startswith(
        "By site, accuracy differs from that of the other images for Bonn (lower by 0."
    )


def test_sites_that_are_alike_are_seldom_said_to_differ() -> None:
    shown = [any(one.differences["accuracy"].shown for one in of(*drawn(seed)).subgroups) for seed in range(8)]
    assert sum(shown) <= 2


def test_images_of_one_group_on_both_sides_are_compared_as_pairs() -> None:
    random = np.random.default_rng(0)
    codes = np.repeat(np.arange(40), 10).astype(np.int32)
    scanner = np.tile([0, 1], 200)
    hard = np.repeat(random.random(40) < 0.5, 10)  # half of the slides are, by either scanner
    wrong = random.random(400) < np.where(hard, 0.7, 0.05) + 0.12 * scanner
    net = network(np.zeros(400, np.int32), np.where(wrong[:, None], [0.2, 0.8], [0.8, 0.2]), codes)
    found = of(net, ["ab"[code] for code in scanner], "scanner")
    assert found.shared_groups == 40
    first, second = (one.differences["accuracy"] for one in found.subgroups)
    assert (first.p, first.shown) == (second.p, True), "two subgroups are one comparison"
    width = first.interval.high - first.interval.low  # type: ignore[operator]
    alone = found.subgroups[0].figures["accuracy"]
    assert width < 1.3 * (alone.high - alone.low), "less than of two figures of different slides"  # type: ignore[operator]


def test_unknown_values_are_counted_and_left_out() -> None:
    net, cells = drawn(1)
    found = of(net, ["" if place < 12 else cell for place, cell in enumerate(cells)])
    assert found.unknown == 12
    assert sum(one.images for one in found.subgroups) == len(cells) - 12
    assert "12 test images are left out: no value is known, or rows contradict each other." in list(
        subgroup_words.remarks(found)
    )


def test_means_over_classes_need_every_class_on_both_sides() -> None:
    net, _ = drawn(2)
    found = of(net, ["ab"[label] for label in net.labels], "kind")
    assert all(one.figures["macro_f1"].value is None for one in found.subgroups)
    assert all(one.figures["accuracy"].value is not None for one in found.subgroups)
    assert "can't be compared: no subgroup has images of every class" in subgroup_words.verdict(
        found, "macro_f1", number
    )


def test_few_groups_on_a_side_are_not_tested() -> None:
    net, _ = drawn(3)
    found = of(net, ["rare" if group < 4 else "usual" for group in net.groups], "stain")
    rare = found.subgroups[0]
    assert (rare.groups, rare.differences["accuracy"].p, rare.differences["accuracy"].interval.low) == (4, None, None)
    assert "no difference in accuracy can be tested" in subgroup_words.verdict(found, "accuracy", number)
