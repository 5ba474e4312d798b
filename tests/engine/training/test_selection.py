"""Which epoch is the best, and when to stop."""

from __future__ import annotations

import math

from aimic_tui.engine.training.selection import EpochSelection


def observed(selection: EpochSelection, values: list[float], losses: list[float] | None = None) -> list[bool]:
    losses = losses or [1.0] * len(values)
    return [selection.observe(i, v, w) for i, (v, w) in enumerate(zip(values, losses, strict=True), start=1)]


def test_higher_is_better_except_for_the_loss() -> None:
    assert observed(EpochSelection("macro_f1", 5), [0.5, 0.7, 0.6]) == [True, True, False]
    assert observed(EpochSelection("loss", 5), [0.5, 0.7, 0.4]) == [True, False, True]


def test_among_equal_figures_the_lowest_loss_is_the_best_but_no_gain() -> None:
    selection = EpochSelection("accuracy", 2)
    assert observed(selection, [0.9, 0.9, 0.9], [0.5, 0.6, 0.4]) == [True, False, True]
    assert selection.best_epoch == 3
    assert selection.should_stop(3)


def test_it_stops_after_so_many_epochs_without_a_gain() -> None:
    selection = EpochSelection("accuracy", 3)
    for epoch, value in enumerate([0.5, 0.6, 0.6, 0.5, 0.6], start=1):
        assert not (epoch < 5 and selection.should_stop(epoch - 1))
        selection.observe(epoch, value, 1.0)
    assert not selection.should_stop(4)
    assert selection.should_stop(5)


def test_a_phase_that_begins_has_its_own_patience() -> None:
    selection = EpochSelection("accuracy", 3)
    observed(selection, [0.9, 0.1, 0.1, 0.1])
    assert selection.should_stop(4)
    assert not selection.should_stop(4, first=4)
    assert selection.should_stop(6, first=4)


def test_what_is_no_number_is_never_the_best_unless_there_is_nothing_else() -> None:
    selection = EpochSelection("accuracy", 3)
    assert observed(selection, [math.nan, 0.1, math.nan]) == [True, True, False]
    assert selection.best_epoch == 2


def test_it_goes_on_from_where_it_stood() -> None:
    one, other = EpochSelection("loss", 4), EpochSelection("loss", 4)
    observed(one, [0.5, 0.4, 0.6])
    other.load_state_dict(one.state_dict())
    assert other.best_epoch == 2
    assert one.observe(4, 0.39, 0.39) == other.observe(4, 0.39, 0.39) is True
