"""What acting on a network's probabilities is worth: the decision curve of a class against the rest."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content

from aimic_tui.engine.evaluation.decision import THRESHOLDS, Decision, DecisionCurve, decision_of
from aimic_tui.engine.text import printable
from aimic_tui.screens.results.result_view import ResultView
from aimic_tui.widgets.big_table import BigTable
from aimic_tui.widgets.chart import Chart, ChartData, Role, Series
from aimic_tui.widgets.table_column import Cell, Column
from aimic_tui.wording.decision import PER, benefit, method_words, shown_places, verdict, weight
from aimic_tui.wording.numbers import interval_text, number, percent
from aimic_tui.workspace.network_opinions import tested_run
from aimic_tui.workspace.run_results import stamp_of_run

_DEEPEST = -0.25  # of the share of cases: how far below none the chart goes


class DecisionView(ResultView):
    """From which probabilities on it pays to act by the network, for a class against the rest."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._class: int | None = None

    def compose(self) -> ComposeResult:
        """Yield the verdict in words, benefits at some probabilities, and the curve."""
        yield from super().compose()
        with Horizontal():
            yield BigTable(id="benefits", empty="")
            yield Chart(ChartData("net benefit"), id="decision-curve")

    @property
    def _case(self) -> int:
        """The class that asks for action: of two the second, as in the report."""
        assert self.results is not None
        count = len(self.results.classes)
        return (1 if count == 2 else 0) if self._class is None else min(self._class, count - 1)

    def key(self) -> object:
        """Return what the curve depends on."""
        return self.network, self._case

    async def figures(self) -> Decision:
        """Draw the curve of redrawn groups."""
        assert self.results is not None
        folder, figures, case = self.results.folder, self.results.figures, self._case
        run = await asyncio.to_thread(tested_run, folder.path, stamp_of_run(folder))
        network = await self.tested()

        confidence = float(figures["confidence"])
        return await asyncio.to_thread(
            lambda: decision_of(folder.path, run, network, positive=case, confidence=confidence)
        )

    def again(self) -> None:
        """Go on to the next class."""
        if self.results is not None:
            self._class = (self._case + 1) % len(self.results.classes)
            self.show_network(self.results, self.network, self.metric)

    def draw(self, found: Decision) -> None:
        """Say where acting by the network pays, list benefits and draw the curve."""
        assert self.results is not None
        name = printable(self.results.classes[self._case])
        title = Content.assemble((f"{name} is the case", "bold"), ("   D: another class", "$text-muted"))
        curve = found.curve
        table, chart = self.query_one("#benefits", BigTable), self.query_one("#decision-curve", Chart)
        if curve is None or not 0 < curve.share < 1:
            self.tell(Content.assemble(title, f"\nNo image of {name}, or none of another class, was tested: no curve."))
            table.show([], 0)
            chart.show(ChartData("", empty="no curve"))
            return
        said, method = verdict(curve), method_words(found, float(self.results.figures["confidence"]))
        words = Content.assemble("Against acting on every image, or on none: ", (f"{said}.", "bold"))
        self.tell(Content("\n").join([title, words, Content.styled(method, "$text-muted")]))
        places = shown_places()
        table.show(_columns(curve, places), len(places))
        chart.show(_chart(curve))


def _columns(curve: DecisionCurve, places: list[int]) -> list[Column]:
    thresholds = [float(THRESHOLDS[place]) for place in places]
    network = [benefit(curve.network, curve.low, curve.high, place) for place in places]
    gain = [benefit(curve.gain, curve.gain_low, curve.gain_high, place) for place in places]
    return [
        Column("from", "act from", thresholds, percent, "right", 8),
        Column("weight", "1 missed =", thresholds, weight, "right", 11),
        Column("network", "by the network", network, _per_images, width=19),
        Column("everyone", "on all", [float(curve.everyone[place]) for place in places], _per_hundred, "right", 8),
        Column("gain", "gain over both", gain, _per_images, width=19),
    ]


def _per_hundred(benefit: float) -> str:
    return number(PER * benefit, 1)


def _per_images(figure: Mapping[str, float | None]) -> Cell:
    value, _, ends = interval_text(figure["value"], figure["low"], figure["high"], 1).partition(" ")
    return ((value, "strong"), (f" {ends}" if ends else "", "muted"))


def _chart(curve: DecisionCurve) -> ChartData:
    """Draw what lies above a little below 0: acting on every image falls without end."""
    percents = 100 * THRESHOLDS
    floor = PER * _DEEPEST * curve.share

    def line(name: str, values: NDArray[np.float64], role: Role) -> Series:
        kept = PER * values >= floor
        return Series(name, tuple(percents[kept].tolist()), tuple((PER * values[kept]).tolist()), role)

    drawn = [line("on every image", curve.everyone, "faint"), Series("on none", (0.0, 100.0), (0.0, 0.0), "faint")]
    if curve.low is not None and curve.high is not None:
        drawn += [line("band", curve.low, "second"), line("band", curve.high, "second")]
    return ChartData("net benefit", (*drawn, line("by the network", curve.network, "first")))
