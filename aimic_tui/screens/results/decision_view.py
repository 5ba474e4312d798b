"""What acting on a network's probabilities is worth: the decision curve of a class against the rest."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content

from aimic_tui.engine.evaluation.decision import THRESHOLDS, Decision, DecisionCurve
from aimic_tui.engine.evaluation.interval import Interval
from aimic_tui.engine.formatting.numbers import number, percent
from aimic_tui.engine.text import printable
from aimic_tui.screens.results.result_view import ComputedView, interval_cell
from aimic_tui.widgets.big_table import BigTable
from aimic_tui.widgets.chart import Chart, ChartData, Role, Series
from aimic_tui.widgets.table_column import Cell, Column
from aimic_tui.wording.decision import PER, benefit, benefit_note, shown_thresholds, verdict, weight
from aimic_tui.workspace.results_session import ResultsSession

_DEEPEST = -0.25  # of the share of positive images: how far below 0 the chart goes


class DecisionView(ComputedView[Decision]):
    """At which thresholds acting on a network's probabilities pays, for a class against the rest."""

    NAME: ClassVar[str] = "decision"
    KEY: ClassVar[str] = "D"
    TITLE: ClassVar[str] = "Benefit"
    TOOLTIP: ClassVar[str] = "What acting on its probabilities is worth; again: another class"
    FOCUS: ClassVar[str] = "#benefits"
    HAS_SIDE: ClassVar[bool] = True

    def __init__(self) -> None:
        super().__init__()
        self._class: int | None = None

    def compose(self) -> ComposeResult:
        """Yield the verdict in words, benefits at some thresholds, and the curve."""
        yield from super().compose()
        with Horizontal():
            yield BigTable(id="benefits", empty="")
            yield Chart(ChartData("net benefit"), id="decision-curve")

    @property
    def _positive(self) -> int:
        """The class that asks for action: of two the second, as in the report."""
        assert self.session is not None
        count = len(self.session.figures.classes)
        return (1 if count == 2 else 0) if self._class is None else min(self._class, count - 1)

    async def compute(self, session: ResultsSession) -> Decision:
        """Get the curve."""
        return await session.decision(self.network, self._positive)

    def show_next(self) -> None:
        """Go on to the next class."""
        if self.session is not None:
            self._class = (self._positive + 1) % len(self.session.figures.classes)
            self.refresh_network()

    def draw(self, found: Decision) -> None:
        """Say at which thresholds acting on the network pays, list benefits and draw the curve."""
        assert self.session is not None
        name = printable(self.session.figures.classes[self._positive])
        title = Content.assemble((f"Positive class: {name}", "bold"), ("   D: another class", "$text-muted"))
        curve = found.curve
        table, chart = self.query_one("#benefits", BigTable), self.query_one("#decision-curve", Chart)
        if curve is None or not 0 < curve.share < 1:
            self.show_words(Content.assemble(title, f"\nNo test image of {name}, or none of another class: no curve."))
            table.show([], 0)
            chart.show(ChartData("", empty="no curve"))
            return
        self.show_words(
            Content("\n").join([title, Content(verdict(curve)), Content.styled(benefit_note(found), "$text-muted")])
        )
        indices = shown_thresholds()
        table.show(_columns(curve, indices), len(indices))
        chart.show(_chart(curve))


def _columns(curve: DecisionCurve, indices: list[int]) -> list[Column]:
    thresholds = [float(THRESHOLDS[index]) for index in indices]
    network = [benefit(curve.network, curve.low, curve.high, index) for index in indices]
    gain = [benefit(curve.gain, curve.gain_low, curve.gain_high, index) for index in indices]
    return [
        Column("threshold", "threshold", thresholds, percent, "right", 9),
        Column("weight", "1 missed =", thresholds, weight, "right", 11),
        Column("network", "by the network", network, _benefit_cell, width=19),
        Column("everyone", "on all", [float(curve.everyone[index]) for index in indices], _per_hundred, "right", 8),
        Column("gain", "gain over both", gain, _benefit_cell, width=19),
    ]


def _per_hundred(benefit: float) -> str:
    return number(PER * benefit, 1)


def _benefit_cell(figure: Interval) -> Cell:
    return interval_cell(figure, 1)


def _chart(curve: DecisionCurve) -> ChartData:
    """Draw what lies above a little below 0: acting on every image falls without end."""
    percents = 100 * THRESHOLDS
    floor = PER * _DEEPEST * curve.share

    def line(name: str, values: NDArray[np.float64], role: Role) -> Series:
        shown = PER * values >= floor
        return Series(name, tuple(percents[shown].tolist()), tuple((PER * values[shown]).tolist()), role)

    lines = [line("on every image", curve.everyone, "faint"), Series("on none", (0.0, 100.0), (0.0, 0.0), "faint")]
    if curve.low is not None and curve.high is not None:
        lines += [line("band", curve.low, "second"), line("band", curve.high, "second")]
    return ChartData("net benefit", (*lines, line("by the network", curve.network, "first")))
