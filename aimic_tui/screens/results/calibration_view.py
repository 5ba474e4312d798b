"""Whether a network's probabilities can be trusted, and what leaving unsure images to a person buys."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from aimic_tui.engine.evaluation.interval import Interval
from aimic_tui.engine.evaluation.metric_titles import TITLES
from aimic_tui.engine.evaluation.run_results import Calibration, Rejection, ReliabilityBin
from aimic_tui.engine.formatting.numbers import PER_CENT, interval_text, number, percent, range_text
from aimic_tui.screens.results.result_view import ResultView
from aimic_tui.widgets.chart import Chart, ChartData, Series

_FEWEST = 5  # images in a bin of the reliability curve: fewer say nothing
_CORRECT, _ERRORS = "correct %, over confidence", "errors %, over answered"


class CalibrationView(ResultView):
    """Tables in words, the reliability curve, and the errors over the share of images that is answered."""

    NAME: ClassVar[str] = "calibration"
    KEY: ClassVar[str] = "a"
    TITLE: ClassVar[str] = "Calibration"
    TOOLTIP: ClassVar[str] = "Whether its probabilities can be trusted"
    FOCUS: ClassVar[str] = "#calibration-words"
    HAS_SIDE: ClassVar[bool] = True

    def compose(self) -> ComposeResult:
        """Yield the tables in words and two charts."""
        with Horizontal():
            with VerticalScroll(id="calibration-words"):
                yield Static("", classes="words")
            yield Chart(ChartData(_CORRECT), id="reliability")
            yield Chart(ChartData(_ERRORS), id="risk")

    def refresh_network(self) -> None:
        """Write the tables and draw reliability and risk over coverage."""
        assert self.session is not None
        words = self.query_one("#calibration-words .words", Static)
        reliability, risk = self.query_one("#reliability", Chart), self.query_one("#risk", Chart)
        found = self.session.figures.calibration.get(self.network)
        if found is None:
            words.update("No validation predictions are stored for this network: there is no calibration to show.")
            reliability.show(ChartData(_CORRECT))
            risk.show(ChartData(_ERRORS))
            return
        words.update(Content("\n").join(calibration_lines(found)))
        perfect = Series("perfect", (0.0, 100.0), (0.0, 100.0), "faint")
        before, after = (_points(bins) for bins in (found.reliability_before, found.reliability_after))
        curves = (perfect, Series("as trained", *before, "second"), Series("calibrated", *after))
        reliability.show(ChartData(_CORRECT, curves))
        coverage, errors = (tuple(100 * share for share in shares) for shares in (found.coverage, found.risk))
        risk.show(ChartData(_ERRORS, (Series("", coverage, errors),)))


def _points(bins: Sequence[ReliabilityBin]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    known = [(one.confidence, one.accuracy) for one in bins if one.images >= _FEWEST]
    points = [(100 * x, 100 * y) for x, y in known if x is not None and y is not None]
    return tuple(x for x, _ in points), tuple(y for _, y in points)


def calibration_lines(found: Calibration) -> list[Content]:
    """Write a network's calibration as lines: errors before and after, temperatures, thresholds."""
    lines = [Content.styled(f"{'':18}{'as trained':20}calibrated", "$text-muted")]
    for metric in ("ece", "log_loss", "brier"):
        lines.append(Content(f"{TITLES[metric]:18}{_text(found.before[metric]):20}{_text(found.after[metric])}"))
    before, after = found.corrected.get("before"), found.corrected.get("after")
    if before is not None:
        lines.insert(2, Content(f"{'  without chance':18}{number(before):20}{number(after)}"))
    temperatures = range_text(temperature.value for temperature in found.temperatures)
    lines += [
        Content(f"{'temperatures':18}{temperatures}, on validation images"),
        Content(""),
        Content.assemble(
            ("Leave unsure images to a person", "bold"), (": thresholds set on validation images", "$text-muted")
        ),
        Content.styled(f"{'errors':8}{'threshold':14}{'answered, %':20}errors among these, %", "$text-muted"),
        *map(_rejection_line, found.rejections),
    ]
    change = found.difference["log_loss"]
    if (change.value or 0) > 0:
        lines.append(Content.styled(f"! Calibration doesn't help here: log loss +{_text(change)}", "$warning"))
    return lines


def _rejection_line(rejection: Rejection) -> Content:
    thresholds = range_text(threshold for threshold in rejection.thresholds if threshold is not None)
    max_error = f"≤ {percent(rejection.max_error, None)}"
    return Content(f"{max_error:8}{thresholds:14}{_percents(rejection.answered):20}{_percents(rejection.error)}")


def _text(figure: Interval) -> str:
    return interval_text(figure.value, figure.low, figure.high)


def _percents(figure: Interval) -> str:
    return interval_text(figure.value, figure.low, figure.high, 1, scale=PER_CENT)
