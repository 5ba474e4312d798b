"""How figures read: rounded alike everywhere, dressed for a terminal or for print."""

from __future__ import annotations

import math
import re

from hypothesis import given
from hypothesis import strategies as st

from aimic_tui.engine.evaluation.interval import Interval
from aimic_tui.engine.formatting import numbers
from aimic_tui.engine.report import printed
from aimic_tui.engine.study.sentences import percent as study_percent

_FIGURES = st.floats(-2, 2, allow_nan=False)
_DIGITS = st.integers(0, 4)


def test_intervals_are_written_beside_their_figure() -> None:
    assert numbers.interval_text(0.934, 0.921, 0.946) == "0.934 [.921 .946]"
    assert numbers.interval_text(0.5, -0.02, 1.0) == "0.500 [-.020 1.000]"
    assert numbers.interval_text(0.934, None, None) == "0.934"
    assert numbers.interval_text(None, None, None) == "–"
    assert numbers.number(math.nan) == "–"
    assert numbers.interval_text(-0.0001, -0.0004, 0.0) == "0.000 [.000 .000]"


def test_in_print_intervals_are_in_parentheses_and_minus_signs_true() -> None:
    assert printed.interval(Interval(0.9, 0.8, 0.95)) == "0.900 (0.800 to 0.950)"
    assert printed.interval(Interval(-0.1, -0.2, 0.05), 2) == "−0.10 (−0.20 to 0.05)"
    assert printed.interval(Interval(0.9612, 0.95, 0.97), 1, scale=100) == "96.1 (95.0 to 97.0)"
    assert printed.interval(Interval(None)) == printed.interval(None) == "–"
    assert printed.number(-0.25, 2) == "−0.25"
    assert printed.number(-0.0001) == "0.000"


def test_shares_have_the_decimals_they_need() -> None:
    assert numbers.percent(0.95, None) == "95 %"
    assert numbers.percent(0.995, None) == "99.5 %"
    assert numbers.percent(0.57, None) == "57 %"
    assert numbers.percent(0.8749) == "87 %"
    assert numbers.percent(math.nan) == numbers.percent(None) == "–"


def test_small_p_values_are_bounds() -> None:
    assert [numbers.p_value(p) for p in (0.0009, 0.001, 0.0426, None)] == ["<0.001", "0.001", "0.043", "–"]


def figures_in(text: str) -> list[float]:
    """The numbers that a text shows, in their order."""
    return [float(found) for found in re.findall(r"-?(?:\d+)?\.?\d+", text.replace("−", "-"))]


@given(_FIGURES, _FIGURES, _FIGURES, _DIGITS)
def test_terminal_and_print_round_alike(value: float, low: float, high: float, digits: int) -> None:
    terminal = numbers.interval_text(value, low, high, digits)
    assert figures_in(terminal) == figures_in(printed.interval(Interval(value, low, high), digits))
    assert figures_in(terminal) == [float(f"{one:.{digits}f}") for one in (value, low, high)]
    assert not any(figure == 0 and math.copysign(1, figure) < 0 for figure in figures_in(terminal))


@given(st.floats(0, 1), _DIGITS)
def test_a_share_in_per_cent_is_the_same_alone_and_with_an_interval(share: float, digits: int) -> None:
    alone = figures_in(numbers.percent(share, digits))
    assert figures_in(numbers.interval_text(share, share, share, digits, scale=numbers.PER_CENT)) == alone * 3
    assert figures_in(printed.interval(Interval(share), digits, scale=numbers.PER_CENT)) == alone


@given(st.floats(-1, 1))
def test_a_study_rounds_its_shares_as_a_report_does(share: float) -> None:
    figure = Interval(share, share, share)
    assert study_percent(figure) == printed.interval(figure, 2, scale=numbers.PER_CENT)


def test_a_range_is_that_of_the_values_in_any_order() -> None:
    assert numbers.range_text([1.04, 0.906, 1.0]) == "0.91 to 1.04"
    assert numbers.range_text((0.1, 0.25), 1, scale=numbers.PER_CENT) == "10.0 to 25.0"
    assert numbers.range_text([]) == "–"


def test_amounts_of_any_size_have_three_figures() -> None:
    amounts = (0.012345, 41.23, 99.96, 1877.4, math.inf, None)
    assert [numbers.three_figures(one) for one in amounts] == ["0.0123", "41.2", "100", "1,877", "–", "–"]
