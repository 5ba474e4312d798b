"""What acting on a network's probabilities is worth: the decision curve of a class against the rest."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content

from aimic_tui.engine.evaluation.calibration import calibrated
from aimic_tui.engine.evaluation.decision import THRESHOLDS, DecisionCurve, decision_curve
from aimic_tui.engine.evaluation.tested import read_validations
from aimic_tui.engine.text import printable
from aimic_tui.screens.results_data import stamp_of_run
from aimic_tui.screens.results_opinions import tested_run
from aimic_tui.screens.results_view import ResultView
from aimic_tui.widgets.big_table import BigTable
from aimic_tui.widgets.chart import Chart, ChartData, Role, Series
from aimic_tui.widgets.table_column import Cell, Column
from aimic_tui.wording import interval_text, number, percent

_SHOWN = (0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)
_PER = 100  # images, that net benefits are written for
_DEEPEST = -0.25  # of the share of cases: how far below none the chart goes


@dataclass(frozen=True, eq=False)
class Decision:
    """A class's curve, and whether it is of calibrated probabilities."""

    curve: DecisionCurve | None
    calibrated: bool


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

        def made() -> Decision:
            table = calibrated(network, read_validations(folder.path, run, network))
            curve = decision_curve(
                network.labels,
                network.probabilities if table is None else table,
                network.groups,
                positive=case,
                confidence=float(figures["confidence"]),
                seed=int(run.experiment.get("seed", 0)),
            )
            return Decision(curve, table is not None)

        return await asyncio.to_thread(made)

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
        self.tell(Content("\n").join([title, *self._words(curve, found)]))
        places = [int(np.argmin(np.abs(THRESHOLDS - shown))) for shown in _SHOWN]
        table.show(_columns(curve, places), len(places))
        chart.show(_chart(curve))

    def _words(self, curve: DecisionCurve, found: Decision) -> Iterator[Content]:
        assert self.results is not None
        confidence = 100 * float(self.results.figures["confidence"])
        better = stretches(curve.gain > 0)
        shown = stretches(curve.gain_low > 0) if curve.gain_low is not None else ""
        if curve.gain_low is None:
            said = (
                f"better than both from {better}; too few groups for an interval"
                if better
                else "never better than both"
            )
        elif shown:
            said = f"better than both from {better}, shown to be from {shown}"
        else:
            said = f"better than both from {better}, but not shown to be" if better else "not better than both anywhere"
        yield Content.assemble("Against acting on every image, or on none: ", (f"{said}.", "bold"))
        yield Content.styled(
            f"Net benefit (Vickers and Elkin): cases found in {_PER} images, less actions for nothing, weighed by the "
            f"probability from which on one acts. {confidence:g} % intervals: bootstrap over groups, point by point. "
            f"Probabilities {'calibrated' if found.calibrated else 'as trained, not calibrated'}; "
            f"{percent(curve.share)} of these images are cases, elsewhere it is another share.",
            "$text-muted",
        )


def stretches(where: NDArray[np.bool_]) -> str:
    """Write the thresholds at which something is so: `2 to 35 %, 60 %`; "" where it is nowhere.

    Args:
        where: bool, one for each of `THRESHOLDS`.
    """
    padded = np.concatenate([[False], where, [False]])
    starts, ends = np.flatnonzero(padded[1:] & ~padded[:-1]), np.flatnonzero(padded[:-1] & ~padded[1:]) - 1
    found = [
        f"{100 * THRESHOLDS[start]:.0f}" + (f" to {100 * THRESHOLDS[end]:.0f}" if end > start else "")
        for start, end in zip(starts, ends, strict=True)
    ]
    return f"{', '.join(found)} %" if found else ""


def _columns(curve: DecisionCurve, places: list[int]) -> list[Column]:
    thresholds = [float(THRESHOLDS[place]) for place in places]
    network = [_figure(curve.network, curve.low, curve.high, place) for place in places]
    gain = [_figure(curve.gain, curve.gain_low, curve.gain_high, place) for place in places]
    return [
        Column("from", "act from", thresholds, percent, "right", 8),
        Column("weight", "1 missed =", thresholds, _weight, "right", 11),
        Column("network", "by the network", network, _per_images, width=19),
        Column("everyone", "on all", [float(curve.everyone[place]) for place in places], _per_hundred, "right", 8),
        Column("gain", "gain over both", gain, _per_images, width=19),
    ]


def _figure(
    values: NDArray[np.float64], low: NDArray[np.float64] | None, high: NDArray[np.float64] | None, place: int
) -> dict[str, float | None]:
    ends = (None, None) if low is None or high is None else (_PER * float(low[place]), _PER * float(high[place]))
    return {"value": _PER * float(values[place]), "low": ends[0], "high": ends[1]}


def _weight(threshold: float) -> str:
    """How many actions for nothing one missed case is worth."""
    odds = (1 - threshold) / threshold
    return f"{odds:.0f} false" if odds >= 10 else f"{odds:.2g} false"


def _per_hundred(benefit: float) -> str:
    return number(_PER * benefit, 1)


def _per_images(figure: Mapping[str, float | None]) -> Cell:
    value, _, ends = interval_text(figure["value"], figure["low"], figure["high"], 1).partition(" ")
    return ((value, "strong"), (f" {ends}" if ends else "", "muted"))


def _chart(curve: DecisionCurve) -> ChartData:
    """Draw what lies above a little below 0: acting on every image falls without end."""
    percents = 100 * THRESHOLDS
    floor = _PER * _DEEPEST * curve.share

    def line(name: str, values: NDArray[np.float64], role: Role) -> Series:
        kept = _PER * values >= floor
        return Series(name, tuple(percents[kept].tolist()), tuple((_PER * values[kept]).tolist()), role)

    drawn = [line("on every image", curve.everyone, "faint"), Series("on none", (0.0, 100.0), (0.0, 0.0), "faint")]
    if curve.low is not None and curve.high is not None:
        drawn += [line("band", curve.low, "second"), line("band", curve.high, "second")]
    return ChartData("net benefit", (*drawn, line("by the network", curve.network, "first")))
