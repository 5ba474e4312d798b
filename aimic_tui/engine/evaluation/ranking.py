"""Do several networks differ over several data sets: Friedman's test, and Nemenyi's, which says which (Demsar 2006).

A data set is one observation: on each one the networks are ranked by a figure, the best one first, equal ones sharing
their mean rank. Ranks of different data sets can be averaged, figures can't. Two networks differ at level alpha where
their average ranks are further apart than the critical difference

    CD = q_alpha sqrt(k (k + 1) / (6 N)),

k networks on N data sets, q_alpha being the upper quantile of the studentised range of k means with infinite degrees
of freedom, divided by sqrt(2) (`scipy.stats.studentized_range`; Demsar's Table 5 to three digits). Whether the
networks differ at all is decided by the permutation distribution of Friedman's statistic: its chi-square approximation
is too timid for few data sets. Iman and Davenport's F (1980) is reported beside it. With five or fewer data sets even
large differences are rarely shown. Ranks know nothing of sizes: whether two networks are equivalent in practice is what
the Bayesian signed-rank test says of each pair (`bayesian_signed_rank`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, permutations, product

import numpy as np

from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.evaluation.bayesian_signed_rank import PracticalDifference, bayesian_signed_rank
from aimic_tui.engine.evaluation.margin import checked_margin
from aimic_tui.engine.evaluation.metrics import Floats
from aimic_tui.engine.text import plural

_COUNT_ALL_UP_TO = 50_000  # arrangements
_DRAWN, _AT_ONCE = 20_000, 2_000


@dataclass(frozen=True)
class RankedPair:
    """Two networks over all data sets.

    Attributes:
        difference: of the average ranks, a - b; below 0 where a is better.
        p: Nemenyi's, which is adjusted for all pairs.
        differ: whether they are further apart than the critical difference.
        practical: the probabilities that the figure of a is lower than that of b, equivalent or higher; None in what
            an earlier version wrote.
    """

    a: str
    b: str
    difference: float
    p: float
    differ: bool
    practical: PracticalDifference | None = None


@dataclass(frozen=True)
class Ranking:
    """Networks over several data sets.

    Attributes:
        metric: of `metrics.ALL_METRICS`.
        data_sets: their names, in the order of the rows.
        networks: in the order of the columns.
        values: the figure, a row a data set, a column a network.
        ranks: the same of the ranks, 1 is the best.
        average_ranks: one a network.
        chi_square: Friedman's statistic.
        f: Iman and Davenport's; infinite where all data sets rank the networks alike.
        p: of Friedman's statistic, by permutation.
        critical_difference: of average ranks.
        pairs: every two networks.
        groups: places in the order of average rank, from and to (both included), of networks next to each other of
            which no two differ: the bars of the diagram. A network that differs from all others is in none.
        alpha: the level.
        margin: the largest difference of the figure that is of no importance.
    """

    metric: str
    data_sets: tuple[str, ...]
    networks: tuple[str, ...]
    values: tuple[tuple[float, ...], ...]
    ranks: tuple[tuple[float, ...], ...]
    average_ranks: tuple[float, ...]
    chi_square: float
    f: float
    p: float
    critical_difference: float
    pairs: tuple[RankedPair, ...]
    groups: tuple[tuple[int, int], ...]
    alpha: float
    margin: float

    @property
    def by_rank(self) -> list[int]:
        """Places of the networks, the best one first."""
        return sorted(range(len(self.networks)), key=lambda place: (self.average_ranks[place], place))


def rank_networks(
    figures: Mapping[str, Mapping[str, float | None]],
    metric: str,
    *,
    lower_is_better: bool = False,
    alpha: float = 0.05,
    margin: float | None = None,
) -> Ranking:
    """Rank networks over data sets.

    Args:
        figures: data set -> network -> its figure there.
        metric: what the figure is.
        alpha: level of the tests, 0 to 1.
        margin: the largest difference of no importance, None for the metric's default.

    Raises:
        UsageProblem: the margin can't be one.
        InputProblem: there are fewer than two data sets, or fewer than two networks that have a figure on all of them.
    """
    data_sets = tuple(figures)
    if len(data_sets) < 2:
        raise InputProblem("Networks are ranked over at least two data sets. Name runs on different ones.")
    first, *others = figures.values()
    networks = tuple(
        name for name, value in first.items() if value is not None and all(o.get(name) is not None for o in others)
    )
    if len(networks) < 2:
        raise InputProblem(
            f"{plural(len(networks), 'network')} with this metric on all of the {len(data_sets)} data sets: two or "
            "more must be tested on each of them to be ranked."
        )
    values = np.array([[float(of[name] or 0.0) for name in networks] for of in figures.values()])
    ranks = np.array([_ranks(row if lower_is_better else -row) for row in values])
    average = ranks.mean(axis=0)
    chi_square, f = friedman(ranks)
    count, sets = len(networks), len(data_sets)
    margin = checked_margin(margin, metric)
    from scipy.stats import studentized_range

    error = math.sqrt(count * (count + 1) / (6 * sets))
    critical = float(studentized_range.ppf(1 - alpha, count, np.inf)) / math.sqrt(2) * error
    pairs = tuple(
        RankedPair(
            networks[a],
            networks[b],
            float(average[a] - average[b]),
            float(studentized_range.sf(abs(average[a] - average[b]) / error * math.sqrt(2), count, np.inf)),
            bool(abs(average[a] - average[b]) > critical),
            bayesian_signed_rank((values[:, a] - values[:, b]).tolist(), margin),
        )
        for a, b in combinations(range(count), 2)
    )
    return Ranking(
        metric,
        data_sets,
        networks,
        tuple(map(tuple, values.tolist())),
        tuple(map(tuple, ranks.tolist())),
        tuple(average.tolist()),
        chi_square,
        f,
        permutation_p(ranks),
        critical,
        pairs,
        _groups(np.sort(average), critical),
        alpha,
        margin,
    )


def friedman(ranks: Floats) -> tuple[float, float]:
    """Return Friedman's chi-square and Iman and Davenport's F of ranks float [data sets, networks].

    Ties are corrected for: the chi-square is k - 1 times the share of the ranks' sum of squares that is between
    networks, N (k - 1) sum_j (R_j - (k + 1) / 2)^2 / sum_ij (r_ij - (k + 1) / 2)^2, which without ties is Demsar's.
    Where every data set calls all networks equal, both are 0.
    """
    sets, count = ranks.shape
    middle = (count + 1) / 2
    spread = float(((ranks - middle) ** 2).sum())
    if spread == 0:
        return 0.0, 0.0
    between = float(((ranks.mean(axis=0) - middle) ** 2).sum())
    chi_square = sets * sets * (count - 1) * between / spread
    left = sets * (count - 1) - chi_square
    return chi_square, math.inf if left < 1e-9 else (sets - 1) * chi_square / left


def permutation_p(ranks: Floats) -> float:
    """Return the share of arrangements whose Friedman statistic is at least that of `ranks`.

    Under the hypothesis that the networks are alike each data set's ranks fall to them in any order. All arrangements
    are counted where they are few (the first data set's order may stay: only the others' relative to it matter), else
    20,000 drawn ones, always the same, and the arrangement itself (Phipson and Smyth 2010: p is never 0).

    Args:
        ranks: float [data sets, networks].
    """
    sets, count = ranks.shape
    squares = (ranks.sum(axis=0) ** 2).sum()  # rises with the statistic: all else is the same in each arrangement
    if math.factorial(count) ** (sets - 1) <= _COUNT_ALL_UP_TO:
        orders = [np.array(order) for order in permutations(range(count))]
        others = product(*([row[order] for order in orders] for row in ranks[1:]))
        sums = np.array([ranks[0] + np.sum(rows, axis=0) for rows in others])
        return float(((sums**2).sum(axis=1) >= squares - 1e-9).mean())
    random = np.random.default_rng(0)
    at_least = 1
    for _ in range(_DRAWN // _AT_ONCE):
        drawn = random.permuted(np.broadcast_to(ranks, (_AT_ONCE, sets, count)), axis=2)
        at_least += int(((drawn.sum(axis=1) ** 2).sum(axis=1) >= squares - 1e-9).sum())
    return at_least / (_DRAWN + 1)


def _ranks(values: Floats) -> Floats:
    """Rank float [k], the smallest first; equal ones share their mean rank."""
    below = (values[None] < values[:, None] - 1e-12).sum(axis=1)
    same = (np.abs(values[None] - values[:, None]) <= 1e-12).sum(axis=1)
    ranks: Floats = below + (same + 1) / 2
    return ranks


def _groups(ordered: Floats, critical: float) -> tuple[tuple[int, int], ...]:
    found: list[tuple[int, int]] = []
    for start, rank in enumerate(ordered):
        end = int(np.searchsorted(ordered, rank + critical + 1e-12, side="right")) - 1
        if end > start and (not found or end > found[-1][1]):
            found.append((start, end))
    return tuple(found)


def diagram_lines(ranking: Ranking, width: int = 72) -> Sequence[str]:
    """Draw the critical-difference diagram as text: an axis of ranks, a line a network, a bar a group.

    Args:
        width: columns, at least 40.
    """
    order = ranking.by_rank
    count = len(order)
    names = [ranking.networks[place] for place in order]
    margin = min(max(map(len, names)), width // 2) + 8
    span = width - margin

    def column(rank: float) -> int:
        return round((rank - 1) / max(count - 1, 1) * (span - 1))

    scale = [" "] * span
    for number in range(1, count + 1):
        for offset, digit in enumerate(str(number)):
            if column(number) + offset < span:
                scale[column(number) + offset] = digit
    reach = min(column(1 + ranking.critical_difference), span - 1)
    lines = [
        " " * margin + "".join(scale).rstrip(),
        " " * margin
        + "├"
        + "─" * max(0, reach - 1)
        + ("┤" if reach else "")
        + f" CD {ranking.critical_difference:.2f}",
    ]
    for at, (place, name) in enumerate(zip(order, names, strict=True)):
        rank = ranking.average_ranks[place]
        row = [" "] * span
        for start, end in ranking.groups:
            if start <= at <= end:
                first, last = (column(ranking.average_ranks[order[edge]]) for edge in (start, end))
                for spot in range(first, last + 1):
                    row[spot] = "─"
        row[column(rank)] = "●"
        shown = name if len(name) <= margin - 8 else name[: margin - 9] + "…"
        lines.append(f"{shown:<{margin - 8}} {rank:6.2f} " + "".join(row).rstrip())
    return lines
