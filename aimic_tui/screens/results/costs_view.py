"""Which network when resources are short: a figure against each cost, and the networks on the Pareto front."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content

from aimic_tui.engine.evaluation.metric_titles import TITLES
from aimic_tui.engine.evaluation.metrics import LOWER_IS_BETTER
from aimic_tui.engine.evaluation.pareto import Cost, front
from aimic_tui.engine.evaluation.run_results import RunResults
from aimic_tui.engine.formatting.numbers import three_figures
from aimic_tui.engine.text import printable
from aimic_tui.screens.results.result_view import ComputedView, interval_cell
from aimic_tui.widgets.big_table import BigTable
from aimic_tui.widgets.chart import Chart, ChartData, Series
from aimic_tui.widgets.table_column import Cell, Column
from aimic_tui.workspace.results_session import ResultsSession


class CostsView(ComputedView[list[Cost]]):
    """The networks with all their costs, and one cost drawn."""

    NAME: ClassVar[str] = "costs"
    KEY: ClassVar[str] = "i"
    TITLE: ClassVar[str] = "Costs"
    TOOLTIP: ClassVar[str] = "Which network when resources are short; again: another cost"
    FOCUS: ClassVar[str] = "#costs"
    HAS_SIDE: ClassVar[bool] = True

    def __init__(self) -> None:
        super().__init__()
        self._drawn = 0

    def compose(self) -> ComposeResult:
        """Yield a sentence, all costs in a table, and a chart of one."""
        yield from super().compose()
        with Horizontal():
            yield BigTable(id="costs", empty="")
            yield Chart(ChartData(""), id="front")

    async def compute(self, session: ResultsSession) -> list[Cost]:
        """Get what the networks cost."""
        return await session.costs()

    def show_next(self) -> None:
        """Draw the next cost."""
        if self.found:
            self._drawn = (self._drawn + 1) % len(self.found)
            self.draw(self.found)

    def draw(self, found: list[Cost]) -> None:
        """Draw the figure against one cost, and write all."""
        assert self.session is not None
        table, chart = self.query_one("#costs", BigTable), self.query_one("#front", Chart)
        if not found:
            self.show_words("Needs two networks with measured costs.")
            table.show([], 0)
            chart.show(ChartData("", empty=""))
            return
        results, metric = self.session.figures, self.metric
        values = {name: network.pooled[metric].value for name, network in results.networks.items()}
        first = self._drawn % len(found)
        costs = [*found[first:], *found[:first]]  # the one that is drawn stands first
        fronts = [front(values, cost, lower_is_better=metric in LOWER_IS_BETTER) for cost in costs]
        cost, best = costs[0], fronts[0]
        self.show_words(
            Content.assemble(
                ("◆ ", "$primary"),
                f"best trade-off of {TITLES[metric]} and ",
                (cost.title, "bold"),
                f": {', '.join(map(printable, best))}. ",
                (f"{cost.source[:1].upper()}{cost.source[1:]}. i: the next cost.", "$text-muted"),
            )
        )
        table.show(_columns(results, metric, costs, fronts), len(results.networks))
        chart.show(_chart(values, metric, cost, best))


def _columns(results: RunResults, metric: str, costs: Sequence[Cost], fronts: Sequence[Sequence[str]]) -> list[Column]:
    names = list(results.networks)
    figures = [network.pooled[metric] for network in results.networks.values()]
    columns = [
        Column("network", "network", names, printable, width=22),
        Column("figure", TITLES[metric], figures, interval_cell, width=20),
    ]
    for index, (cost, best) in enumerate(zip(costs, fronts, strict=True)):
        cells = [(cost.values.get(name), name in best) for name in names]
        width = max(10, min(len(cost.title), 22))
        columns.append(Column(f"cost-{index}", cost.title, cells, _cost_cell, "right", width))
    return columns


def _cost_cell(cell: tuple[float | None, bool]) -> Cell:
    value, best = cell
    return ((three_figures(value), "strong" if best else ""), (" ◆" if best else "  ", "primary"))


def _chart(values: Mapping[str, float | None], metric: str, cost: Cost, best: Sequence[str]) -> ChartData:
    known = {
        name: (cost.values[name], value) for name, value in values.items() if value is not None and name in cost.values
    }
    line = sorted(known[name] for name in best)
    points = [Series(name, (x,), (y,), "first" if name in best else "second") for name, (x, y) in known.items()]
    joined = [Series("front", [x for x, _ in line], [y for _, y in line], "faint")] if len(line) > 1 else []
    return ChartData(f"{TITLES[metric]} over {cost.title}", (*joined, *points), log_x=True)
