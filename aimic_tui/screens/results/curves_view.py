"""ROC and precision-recall curves of a class against the rest, with bands and areas."""

from __future__ import annotations

import math
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.widget import Widget

from aimic_tui.engine.evaluation.curves import GRID, ClassCurves, Curve
from aimic_tui.engine.evaluation.interval import Interval
from aimic_tui.engine.formatting.numbers import interval_text, number, percent
from aimic_tui.engine.text import printable
from aimic_tui.screens.results.result_view import ComputedView
from aimic_tui.widgets.chart import Chart, ChartData, Series
from aimic_tui.workspace.results_session import ResultsSession

_PERCENT: tuple[float, ...] = tuple((100 * GRID).tolist())
_MEAN = -1  # in place of a class's code: the mean of all classes
_CLEARLY_LESS = 0.01  # of an area, pooled over the folds

_Curves = tuple[list[ClassCurves | None], ClassCurves | None]


class CurvesView(ComputedView[_Curves], can_focus=True):
    """Both curves of one class, or of the mean of all."""

    NAME: ClassVar[str] = "curves"
    KEY: ClassVar[str] = "u"
    TITLE: ClassVar[str] = "Curves"
    TOOLTIP: ClassVar[str] = "ROC and precision-recall; again: another class"
    FOCUS: ClassVar[str] = "CurvesView"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right,l", "step(1)", "Class", id="results.next-class", tooltip="The curves of the next class"),
        Binding(
            "left,h", "step(-1)", show=False, id="results.class-before", tooltip="The curves of the previous class"
        ),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._class = _MEAN

    @property
    def focus_stops(self) -> list[Widget]:
        """The view itself."""
        return [self]

    def compose(self) -> ComposeResult:
        """Yield the areas in words and both charts."""
        yield from super().compose()
        with Horizontal():
            yield Chart(ChartData("ROC"), id="roc")
            yield Chart(ChartData("precision-recall"), id="precision-recall")

    async def compute(self, session: ResultsSession) -> _Curves:
        """Get the curves of all classes."""
        return await session.curves(self.network)

    def show_next(self) -> None:
        """Go on to the next class."""
        self.action_step(1)

    def action_step(self, step: int) -> None:
        """Go on to another class; before the first one stands the mean of all."""
        if self.found is not None:
            count = len(self.found[0])
            self._class = (self._class + 1 + step) % (count + 1) - 1
            self.draw(self.found)

    def draw(self, found: _Curves) -> None:
        """Draw one class, or the mean of all."""
        assert self.session is not None
        each, mean = found
        self._class = min(self._class, len(each) - 1)
        results, network = self.session.figures, self.session.network(self.network)
        if self._class == _MEAN:
            curves, name, areas = mean, "mean of all classes", network.pooled
        else:
            label = results.classes[self._class]
            curves, name, areas = each[self._class], printable(label), network.classes[label].figures
        title = Content.assemble((name, "bold"), ("   ←→ another class", "$text-muted"))
        if curves is None:
            self.show_words(Content.assemble(title, "\nNo test image of this class, or none of another: no curve."))
            for chart in ("#roc", "#precision-recall"):
                self.query_one(chart, Chart).show(ChartData("", empty="no curve"))
            return
        lines = [title, *_area_lines(areas["auroc"], areas["average_precision"], curves, results.confidence)]
        self.show_words(Content("\n").join(lines))
        chance = Series("chance", (0.0, 100.0), (0.0, 100.0), "faint")
        roc = ChartData("sensitivity %, over 100 - specificity", (chance, *_lines(curves.roc)))
        self.query_one("#roc", Chart).show(roc)
        precision_recall = ChartData("precision %, over sensitivity", _lines(curves.precision_recall))
        self.query_one("#precision-recall", Chart).show(precision_recall)


def _area_lines(auroc: Interval, average_precision: Interval, curves: ClassCurves, confidence: float) -> list[Content]:
    areas = (
        f"AUROC {_text(auroc)} all folds pooled, {number(curves.fold_auroc)} within folds · average precision "
        f"{_text(average_precision)}, {number(curves.fold_average_precision)} within folds"
    )
    notes = []
    if curves.roc.low is not None:
        notes.append(f"Bands: {percent(confidence, None)}, point by point.")
    if not math.isnan(curves.share):
        notes.append(f"Guessing has a precision of {percent(curves.share)}.")
    lines = [Content(areas), Content.styled(" ".join(notes), "$text-muted")]
    if auroc.value is not None and curves.fold_auroc - auroc.value > _CLEARLY_LESS:
        lines.append(
            Content.styled("! Lower when pooled than within folds: the folds aren't calibrated alike.", "$warning")
        )
    return lines


def _lines(curve: Curve) -> tuple[Series, ...]:
    band = [] if curve.low is None or curve.high is None else [curve.low, curve.high]
    edges = [Series("band", _PERCENT, tuple((100 * edge).tolist()), "second") for edge in band]
    return (*edges, Series("", _PERCENT, tuple((100 * curve.values).tolist())))


def _text(figure: Interval) -> str:
    return interval_text(figure.value, figure.low, figure.high)
