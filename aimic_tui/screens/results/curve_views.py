"""Views of one network's probabilities: ROC and precision-recall curves, calibration, what leaving images out buys."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from aimic_tui.engine.evaluation.curves import GRID, ClassCurves, Curve, class_curves
from aimic_tui.engine.evaluation.metric_titles import TITLES
from aimic_tui.engine.text import NOTHING, printable
from aimic_tui.screens.results.result_view import ResultView
from aimic_tui.widgets.chart import Chart, ChartData, Series
from aimic_tui.wording.numbers import interval_text, number, percent, range_text

_FEWEST = 5  # images in a bin of the reliability curve: fewer say nothing
_PERCENT: tuple[float, ...] = tuple((100 * GRID).tolist())
_Curves = tuple[list[ClassCurves | None], ClassCurves | None]


class CurvesView(ResultView, can_focus=True):
    """ROC and precision-recall curves of a class against the rest, with bands and areas."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right,l", "step(1)", "Class", id="results.next-class", tooltip="The curves of the next class"),
        Binding("left,h", "step(-1)", show=False, id="results.class-before", tooltip="The curves of the class before"),
    ]

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._class = -1  # the classes' mean
        self._found: _Curves | None = None

    def compose(self) -> ComposeResult:
        """Yield the areas in words and both charts."""
        yield from super().compose()
        with Horizontal():
            yield Chart(ChartData("ROC"), id="roc")
            yield Chart(ChartData("precision-recall"), id="precision-recall")

    async def figures(self) -> _Curves:
        """Draw the curves of redrawn groups."""
        assert self.results is not None
        confidence = float(self.results.figures["confidence"])
        return await asyncio.to_thread(class_curves, await self.tested(), confidence=confidence)

    def again(self) -> None:
        """Go on to the next class."""
        self.action_step(1)

    def action_step(self, step: int) -> None:
        """Go on to another class; before the first one stands the mean of all."""
        if self._found is None:
            return
        count = len(self._found[0])
        self._class = (self._class + 1 + step) % (count + 1) - 1
        self.draw(self._found)

    def draw(self, found: _Curves) -> None:
        """Draw one class, or the mean of all."""
        assert self.results is not None
        self._found = found
        each, macro = found
        self._class = min(self._class, len(each) - 1)
        curves = macro if self._class < 0 else each[self._class]
        name = "mean of all classes" if self._class < 0 else printable(self.results.classes[self._class])
        figures = self.results.figures["networks"][self.network]
        of = figures["pooled"] if self._class < 0 else figures["classes"][self.results.classes[self._class]]
        title = Content.assemble((name, "bold"), ("   ←→ another class", "$text-muted"))
        if curves is None:
            self.tell(Content.assemble(title, "\nNo image in it, or none outside it, was tested: it has no curve."))
            for chart in ("#roc", "#precision-recall"):
                self.query_one(chart, Chart).show(ChartData("", empty="no curve"))
            return
        confidence = percent(self.results.figures["confidence"], None)
        band = "; the band holds point by point" if curves.roc.low is not None else ""
        share = "" if math.isnan(curves.share) else f" Guessing has a precision of {percent(curves.share)}."
        lines = [
            title,
            Content(
                f"AUROC {_figure(of['auroc'])} over all folds, {number(curves.fold_auroc)} within them · average "
                f"precision {_figure(of['average_precision'])}, {number(curves.fold_average_precision)} within"
            ),
            Content.styled(
                f"{confidence} intervals: bootstrap over groups (AUROC: logit, average precision: BCa){band}.{share} "
                "Clearly less over all folds than within: their networks mean different things by one probability.",
                "$text-muted",
            ),
        ]
        self.tell(Content("\n").join(lines))
        chance = Series("chance", (0.0, 100.0), (0.0, 100.0), "faint")
        roc = ChartData("sensitivity %, over 100 - specificity", (chance, *_lines(curves.roc)))
        self.query_one("#roc", Chart).show(roc)
        self.query_one("#precision-recall", Chart).show(
            ChartData("precision %, over sensitivity", _lines(curves.precision_recall))
        )


def _lines(curve: Curve) -> tuple[Series, ...]:
    lines = []
    if curve.low is not None and curve.high is not None:
        for edge in (curve.low, curve.high):
            lines.append(Series("band", _PERCENT, tuple((100 * edge).tolist()), "second"))
    return (*lines, Series("", _PERCENT, tuple((100 * curve.values).tolist())))


def _figure(figure: Mapping[str, float | None]) -> str:
    return interval_text(figure.get("value"), figure.get("low"), figure.get("high"))


class CalibrationView(ResultView):
    """Whether probabilities can be believed, before and after the temperature, and what leaving unsure images buys."""

    def compose(self) -> ComposeResult:
        """Yield the tables in words and two charts."""
        with Horizontal():
            with VerticalScroll(id="calibration-words"):
                yield Static("", classes="words")
            yield Chart(ChartData("right, %"), id="reliability")
            yield Chart(ChartData("wrong, %"), id="risk")

    def tell(self, words: Content | str) -> None:
        """Write the words at the left."""
        self.query_one("#calibration-words .words", Static).update(words)

    async def figures(self) -> Mapping[str, Any] | None:
        """Take what the run's figures hold."""
        assert self.results is not None
        found: Mapping[str, Any] | None = (self.results.figures.get("calibration") or {}).get(self.network)
        return found

    def draw(self, found: Mapping[str, Any] | None) -> None:
        """Write the tables and draw reliability and risk over coverage."""
        reliability, risk = self.query_one("#reliability", Chart), self.query_one("#risk", Chart)
        if found is None:
            self.tell("No fold of this network has kept what it said of its validation images: nothing to judge by.")
            reliability.show(ChartData("right, %"))
            risk.show(ChartData("wrong, %"))
            return
        self.tell(Content("\n").join(calibration_lines(found)))
        perfect = Series("believable", (0.0, 100.0), (0.0, 100.0), "faint")
        before, after = (_bins(found[f"reliability_{when}"]) for when in ("before", "after"))
        reliability.show(
            ChartData(
                "right %, over how sure",
                (perfect, Series("as trained", *before, "second"), Series("calibrated", *after)),
            )
        )
        coverage = tuple(100 * share for share in found["coverage"])
        risk.show(
            ChartData("wrong %, over answered", (Series("", coverage, tuple(100 * share for share in found["risk"])),))
        )


def _bins(rows: Sequence[Mapping[str, Any]]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    known = [row for row in rows if row["images"] >= _FEWEST]
    return tuple(100 * row["confidence"] for row in known), tuple(100 * row["accuracy"] for row in known)


def calibration_lines(found: Mapping[str, Any]) -> list[Content]:
    """Write a network's calibration as lines: errors before and after, temperatures, thresholds."""
    lines = [Content.styled(f"{'':18}{'as trained':20}calibrated", "$text-muted")]
    for metric in ("ece", "log_loss", "brier"):
        cells = [_figure(found[when][metric]) for when in ("before", "after")]
        lines.append(Content(f"{TITLES[metric]:18}{cells[0]:20}{cells[1]}"))
    corrected = found.get("corrected") or {}
    if corrected.get("before") is not None:
        lines.insert(2, Content(f"{'  without chance':18}{number(corrected['before']):20}{number(corrected['after'])}"))
    values = [row["value"] for row in found["temperatures"]]
    lines += [
        Content(f"{'temperatures':18}{range_text(values)}, on validation images"),
        Content(""),
        Content.assemble(("Leave unsure images to a person", "bold"), (": thresholds of validation", "$text-muted")),
        Content.styled(f"{'wrong':8}{'below':14}{'answered, %':20}wrong of these, %", "$text-muted"),
    ]
    for row in found["rejections"]:
        known = [value for value in row["thresholds"] if value is not None]
        below = range_text(known) if known else NOTHING
        answered, error = (_hundred(row[key]) for key in ("answered", "error"))
        wanted = f"≤ {percent(row['wanted'], None)}"
        lines.append(Content(f"{wanted:8}{below:14}{answered:20}{error}"))
    change = found["difference"]["log_loss"]
    if (change["value"] or 0) > 0:
        lines.append(Content.styled(f"! Calibrated is no better here: log loss +{_figure(change)}", "$warning"))
    by = "inverted test, BCa twice, shares: Wilson; over redrawn groups"
    return [*lines, Content.styled(f"Intervals: {by}", "$text-muted")]


def _hundred(figure: Mapping[str, float | None]) -> str:
    ends = [figure[end] for end in ("value", "low", "high")]
    value, low, high = (None if end is None else 100 * end for end in ends)
    return interval_text(value, low, high, 1)
