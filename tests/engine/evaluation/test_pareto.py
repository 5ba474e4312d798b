from __future__ import annotations

from aimic_tui.engine.evaluation.pareto import Cost, front, worth_noting

MERITS = {"big": 0.95, "good": 0.94, "poor": 0.80, "small": 0.85, "unknown": 0.99, "untested": None}
SIZE = Cost("parameters", "catalogue", {"big": 20, "good": 10, "poor": 15, "small": 2, "untested": 1})


def test_the_front_holds_what_no_other_beats_the_cheapest_first() -> None:
    assert front(MERITS, SIZE) == ("small", "good", "big")


def test_equal_networks_are_both_on_it_and_equal_merit_at_more_cost_is_not() -> None:
    assert front({"a": 0.9, "b": 0.9, "c": 0.9}, Cost("", "", {"a": 1, "b": 1, "c": 2})) == ("a", "b")


def test_a_loss_is_better_when_lower() -> None:
    assert front({"a": 0.2, "b": 0.5}, Cost("", "", {"a": 2, "b": 1}), lower_is_better=True) == ("b", "a")
    assert front({"a": 0.5, "b": 0.2}, Cost("", "", {"a": 2, "b": 1}), lower_is_better=True) == ("b",)


def test_a_cost_of_one_network_compares_nothing() -> None:
    lone = Cost("seconds", "measured", {"big": 1.0, "untested": 2.0})
    assert worth_noting(MERITS, [SIZE, lone]) == [SIZE]
