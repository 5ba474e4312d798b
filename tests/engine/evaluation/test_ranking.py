"""Ranks over data sets are those of Demsar (2006) and of scipy; few data sets show little."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import stats

from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.evaluation import ranking
from aimic_tui.engine.evaluation.ranking import diagram_lines, friedman, permutation_p, rank_networks

# Demsar (2006), Table 2: AUC of four trees on fourteen data sets (voting's last to the rank that is printed beside it).
NAMES = ("C4.5", "C4.5+m", "C4.5+cf", "C4.5+m+cf")
TREES = {
    "adult": (0.763, 0.768, 0.771, 0.798),
    "breast cancer": (0.599, 0.591, 0.590, 0.569),
    "breast cancer wisconsin": (0.954, 0.971, 0.968, 0.967),
    "cmc": (0.628, 0.661, 0.654, 0.657),
    "ionosphere": (0.882, 0.888, 0.886, 0.898),
    "iris": (0.936, 0.931, 0.916, 0.931),
    "liver disorders": (0.661, 0.668, 0.609, 0.685),
    "lung cancer": (0.583, 0.583, 0.563, 0.625),
    "lymphography": (0.775, 0.838, 0.866, 0.875),
    "mushroom": (1.000, 1.000, 1.000, 1.000),
    "primary tumor": (0.940, 0.962, 0.965, 0.962),
    "rheum": (0.619, 0.666, 0.614, 0.669),
    "voting": (0.972, 0.981, 0.975, 0.974),
    "wine": (0.957, 0.978, 0.946, 0.970),
}
FIGURES = {name: dict(zip(NAMES, row, strict=True)) for name, row in TREES.items()}


def test_demsars_example_has_demsars_ranks_and_critical_differences() -> None:
    found = rank_networks(FIGURES, "auroc")
    assert found.average_ranks == pytest.approx((3.143, 2.000, 2.893, 1.964), abs=5e-4)
    assert found.critical_difference == pytest.approx(1.25, abs=0.005)
    assert rank_networks(FIGURES, "auroc", alpha=0.1).critical_difference == pytest.approx(1.12, abs=0.005)
    # His chi-square, 9.28, and F, 3.69, leave ties uncorrected.
    average = np.array(found.average_ranks)
    chi_square = 12 * 14 / (4 * 5) * ((average**2).sum() - 4 * 5**2 / 4)
    assert chi_square == pytest.approx(9.28, abs=0.01)
    assert 13 * chi_square / (14 * 3 - chi_square) == pytest.approx(3.69, abs=0.01)
    assert found.chi_square == pytest.approx(stats.friedmanchisquare(*np.array(list(TREES.values())).T).statistic)
    assert found.p < 0.05
    assert not any(pair.differ for pair in found.pairs), "Nemenyi's test shows no pair at 5 %, as he says"
    tenth = rank_networks(FIGURES, "auroc", alpha=0.1)
    assert {(pair.a, pair.b) for pair in tenth.pairs if pair.differ} == {("C4.5", "C4.5+m"), ("C4.5", "C4.5+m+cf")}


@pytest.mark.parametrize(
    ("networks", "expected"), [(2, 1.960), (3, 2.343), (4, 2.569), (5, 2.728), (8, 3.031), (10, 3.164)]
)
def test_the_quantiles_are_those_of_demsars_table_5(networks: int, expected: float) -> None:
    values = np.random.default_rng(0).random((12, networks))
    figures = {str(number): {f"n{k}": float(v) for k, v in enumerate(row)} for number, row in enumerate(values)}
    found = rank_networks(figures, "auroc")
    assert found.critical_difference / math.sqrt(networks * (networks + 1) / 72) == pytest.approx(expected, abs=1.5e-3)


@given(arrays.arrays(np.int64, st.tuples(st.integers(2, 8), st.integers(3, 6)), elements=st.integers(0, 5)))
def test_friedmans_statistic_is_scipys_with_ties(values: np.ndarray) -> None:
    ranks = stats.rankdata(-values, axis=1)
    chi_square, f = friedman(ranks)
    if (ranks == ranks[0, 0]).all():
        assert (chi_square, f) == (0.0, 0.0)
        return
    assert chi_square == pytest.approx(stats.friedmanchisquare(*values.T).statistic, abs=1e-9)
    sets, count = values.shape
    left = sets * (count - 1) - chi_square
    assert f == (math.inf if left < 1e-9 else pytest.approx((sets - 1) * chi_square / left))


@pytest.mark.parametrize(
    ("sets", "networks", "expected"), [(2, 3, 1 / 6), (3, 3, 1 / 36), (4, 2, 1 / 8), (2, 2, 1 / 2)]
)
def test_agreement_of_few_data_sets_is_as_likely_as_counting_says(sets: int, networks: int, expected: float) -> None:
    assert permutation_p(np.tile(np.arange(1.0, networks + 1), (sets, 1))) == pytest.approx(expected)


def test_friedmans_exact_table_is_met() -> None:
    """Chi-square 6.0 of three networks over four data sets: P 0.069; 6.5: 0.042; 8.0: 0.0046 (Friedman 1937)."""
    one, other = (1.0, 2.0, 3.0), (1.0, 3.0, 2.0)
    table = {
        6.0: ((one, one, other, other), 0.069),
        6.5: ((one, other, other, other), 0.042),
        8.0: ((one,) * 4, 0.0046),
    }
    for chi_square, (ranks, expected) in table.items():
        assert friedman(np.array(ranks))[0] == pytest.approx(chi_square)
        assert permutation_p(np.array(ranks)) == pytest.approx(expected, abs=6e-4)


def test_drawn_arrangements_say_what_counted_ones_do(monkeypatch: pytest.MonkeyPatch) -> None:
    ranks = np.array([[1, 2, 3], [1, 3, 2], [2, 1, 3], [1.5, 1.5, 3], [1, 2, 3]])
    counted = permutation_p(ranks)
    monkeypatch.setattr(ranking, "_COUNT_ALL_UP_TO", 0)
    assert permutation_p(ranks) == pytest.approx(counted, abs=0.005)
    assert permutation_p(ranks) == permutation_p(ranks)


def test_nemenyis_p_meets_the_critical_difference() -> None:
    found = rank_networks(FIGURES, "auroc", alpha=0.1)
    for pair in found.pairs:
        assert pair.differ == (pair.p < 0.1) == (abs(pair.difference) > found.critical_difference)


def test_lower_may_be_better() -> None:
    figures = {name: {"a": 0.1, "b": 0.2} for name in "pqr"}
    assert rank_networks(figures, "log_loss", lower_is_better=True).average_ranks == (1.0, 2.0)
    assert rank_networks(figures, "auroc").average_ranks == (2.0, 1.0)


def test_only_networks_with_a_figure_on_every_data_set_count() -> None:
    figures = {"p": {"a": 0.1, "b": 0.2, "c": None}, "q": {"a": 0.1, "b": 0.2, "c": 0.3, "d": 0.4}}
    assert rank_networks(figures, "auroc").networks == ("a", "b")
    with pytest.raises(InputProblem, match="at least two data sets"):
        rank_networks({"p": {"a": 0.1, "b": 0.2}}, "auroc")
    with pytest.raises(InputProblem, match="1 network with this metric"):
        rank_networks({"p": {"a": 0.1, "b": 0.2}, "q": {"a": 0.1}}, "auroc")


def test_bars_join_networks_of_which_no_two_differ() -> None:
    values = np.tile(np.arange(5.0), (30, 1)) + np.random.default_rng(1).normal(0, 0.9, (30, 5))
    figures = {str(number): {f"n{k}": float(v) for k, v in enumerate(row)} for number, row in enumerate(values)}
    found = rank_networks(figures, "auroc")
    ordered = [found.average_ranks[place] for place in found.by_rank]
    assert found.groups
    assert found.groups[0][0] == 0 or ordered[1] - ordered[0] > found.critical_difference
    for start, end in found.groups:
        assert ordered[end] - ordered[start] <= found.critical_difference
        assert end == 4 or ordered[end + 1] - ordered[start] > found.critical_difference
    starts, ends = zip(*found.groups, strict=True)
    assert all(later > earlier for of in (starts, ends) for earlier, later in pairwise(of)), "no bar lies in another"


@pytest.mark.slow
def test_networks_that_are_alike_are_told_apart_as_rarely_as_promised() -> None:
    random = np.random.default_rng(0)
    false = [0, 0]
    for _ in range(300):
        rows = random.random((10, 4))
        found = rank_networks({str(n): {f"n{k}": v for k, v in enumerate(row)} for n, row in enumerate(rows)}, "auroc")
        false[0] += found.p < 0.05
        false[1] += any(pair.differ for pair in found.pairs)
    assert all(5 <= count <= 27 for count in false), false


def test_the_diagram_in_text_has_a_line_a_network_and_the_critical_difference() -> None:
    lines = diagram_lines(rank_networks(FIGURES, "auroc"), 72)
    assert all(len(line) <= 90 for line in lines)
    assert "CD 1.25" in lines[1]
    assert [line.split()[0] for line in lines[2:]] == ["C4.5+m+cf", "C4.5+m", "C4.5+cf", "C4.5"]
    assert all("●" in line for line in lines[2:])
