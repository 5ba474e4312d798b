"""Intervals drawn on one scale."""

from __future__ import annotations

import math

import pytest

from aimic_tui.widgets.interval_bar import Scale, axis, bar, common_scale
from aimic_tui.widgets.ticks import linear_ticks, log_ticks


def test_a_bar_has_its_ends_and_its_value_where_they_stand() -> None:
    scale = Scale(0.0, 1.0)
    assert bar(0.5, 0.2, 0.8, scale, 11) == "  ├──●──┤  "
    assert bar(0.5, None, None, scale, 11) == "     ●     "
    assert bar(None, None, None, scale, 11) == " " * 11
    assert bar(math.nan, 0.1, 0.2, scale, 5) == " " * 5


def test_a_value_at_the_end_of_its_interval_is_still_seen() -> None:
    assert bar(1.0, 0.9, 1.0, Scale(0.0, 1.0), 11) == "         ├●"


def test_the_common_scale_holds_every_end_and_never_leaves_its_limits() -> None:
    scale = common_scale([0.93, 0.91, 0.951, None, math.nan, 0.998])
    assert scale.low <= 0.91
    assert 0.998 <= scale.high <= 1
    assert common_scale([]) == Scale(0, 1)
    assert common_scale([1.0]).high == 1
    assert common_scale([0.0]).low == 0


def test_values_close_together_do_not_fill_the_width() -> None:
    scale = common_scale([0.900, 0.901])
    assert scale.high - scale.low >= 0.05


def test_ticks_stand_over_their_values() -> None:
    scale = Scale(0.9, 1.0)
    line = axis(scale, 41)
    assert len(line) == 41
    assert line.index(".95") in range(scale.column(0.95, 41) - 1, scale.column(0.95, 41) + 1)
    assert bar(0.95, None, None, scale, 41).index("●") == line.index(".95") + 1


@pytest.mark.parametrize("span", [(0.0, 1.0), (0.83, 0.97), (1, 57), (-3, 4), (1e-9, 2e-9), (0, 1e6)])
@pytest.mark.parametrize("most", [1, 2, 5, 9])
def test_linear_ticks_are_few_and_within(span: tuple[float, float], most: int) -> None:
    ticks = linear_ticks(*span, most)
    assert 1 <= len(ticks) <= most
    assert ticks == sorted(set(ticks))


@pytest.mark.parametrize("span", [(-2.0, 0.3), (-0.1, 0.0), (-9.0, 3.0), (0.05, 0.06)])
@pytest.mark.parametrize("most", [2, 3, 6])
def test_log_ticks_are_few(span: tuple[float, float], most: int) -> None:
    assert 1 <= len(log_ticks(*span, most)) <= max(most, 2)
