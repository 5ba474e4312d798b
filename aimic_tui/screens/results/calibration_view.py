"""Whether a network's probabilities can be trusted, of all classes or of one; what rejecting unsure images buys."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from aimic_tui.engine.errors import AimicError
from aimic_tui.engine.evaluation import calibration_words
from aimic_tui.engine.evaluation.class_calibration import ClassCalibrationCurves
from aimic_tui.engine.evaluation.interval import Interval
from aimic_tui.engine.evaluation.metric_titles import TITLES
from aimic_tui.engine.evaluation.metrics import Floats
from aimic_tui.engine.evaluation.run_results import Calibration, Rejection, ReliabilityBin
from aimic_tui.engine.formatting.numbers import PER_CENT, interval_text, number, percent
from aimic_tui.engine.text import printable
from aimic_tui.screens.results.result_view import ResultView
from aimic_tui.widgets.chart import Chart, ChartData, Role, Series
from aimic_tui.wording.class_calibration import METHOD, class_verdict, figure_text
from aimic_tui.workspace.results_session import ResultsSession

_PREDICTED = -1  # in place of a class's code: the predicted class of each image
_FEWEST = 5  # images in a bin of the reliability curve: fewer say nothing
_CORRECT, _ERRORS = "correct %, over confidence", "errors %, over answered"


class CalibrationView(ResultView):
    """Tables in words, the reliability curve, and the errors over the share of images that is answered."""

    NAME: ClassVar[str] = "calibration"
    KEY: ClassVar[str] = "a"
    TITLE: ClassVar[str] = "Calibration"
    TOOLTIP: ClassVar[str] = "Whether its probabilities can be trusted; again: of one class"
    FOCUS: ClassVar[str] = "#calibration-words"
    HAS_SIDE: ClassVar[bool] = True

    def compose(self) -> ComposeResult:
        """Yield the tables in words and two charts."""
        with Horizontal():
            with VerticalScroll(id="calibration-words"):
                yield Static("", classes="words")
            yield Chart(ChartData(_CORRECT), id="reliability")
            yield Chart(ChartData(_ERRORS), id="risk")

    def __init__(self) -> None:
        super().__init__()
        self._class = _PREDICTED

    def show_next(self) -> None:
        """Go on to the next class; before the first one stand the predicted classes of all images."""
        if self.session is not None:
            self._class = (self._class + 2) % (len(self.session.figures.classes) + 1) - 1
            self.refresh_network()

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
        self._class = min(self._class, len(self.session.figures.classes) - 1)
        if self._class != _PREDICTED:
            self._draw_class(self.session, self.network, self._class)
            return
        words.update(Content("\n").join([*calibration_lines(found), Content(""), *slope_lines(found)]))
        perfect = Series("perfect", (0.0, 100.0), (0.0, 100.0), "faint")
        before, after = (_points(bins) for bins in (found.reliability_before, found.reliability_after))
        curves = (perfect, Series("as trained", *before, "second"), Series("calibrated", *after))
        reliability.show(ChartData(_CORRECT, curves))
        coverage, errors = (tuple(100 * share for share in shares) for shares in (found.coverage, found.risk))
        risk.show(ChartData(_ERRORS, (Series("", coverage, errors),)))

    @work(group="class", exclusive=True, exit_on_error=False)
    async def _draw_class(self, session: ResultsSession, network: str, code: int) -> None:
        """Write slope and intercept of one class, and draw its curve over that of perfect calibration."""
        words, reliability = self.query_one("#calibration-words .words", Static), self.query_one("#reliability", Chart)
        name = printable(session.figures.classes[code])
        try:
            found = await session.class_calibration(network, code)
        except AimicError as problem:
            words.update(Content.styled(problem.sentence, "$warning"))
            return
        if (network, code) != (self.network, self._class):
            return  # another class was asked for meanwhile
        words.update(Content("\n").join(class_lines(name, found, session.figures.confidence)))
        reliability.show(ChartData(f"{name} %, over its probability", _class_series(found)))


def _class_series(found: ClassCalibrationCurves) -> tuple[Series, ...]:
    lines = [Series("perfect", (0.0, 100.0), (0.0, 100.0), "faint")]
    shown = found.after or found.before
    if shown is not None and shown.low is not None and shown.high is not None:
        lines += [_percent_line("band", shown.stated, edge, "faint") for edge in (shown.low, shown.high)]
    if found.before is not None:
        lines.append(_percent_line("as trained", found.before.stated, found.before.observed, "second"))
    if found.after is not None:
        lines.append(_percent_line("calibrated", found.after.stated, found.after.observed, "first"))
    return tuple(lines)


def _percent_line(name: str, stated: Floats, observed: Floats, role: Role) -> Series:
    return Series(name, tuple((100 * stated).tolist()), tuple((100 * observed).tolist()), role)


def class_lines(name: str, found: ClassCalibrationCurves, confidence: float) -> list[Content]:
    """Write the calibration of one class as lines.

    Args:
        name: of the class, printable.
    """
    figures, after = found.figures, found.after is not None
    lines = [
        Content.assemble((f"{name} against the rest", "bold"), ("   a: another class", "$text-muted")),
        Content.styled(f"{'':11}{'as trained':20}calibrated", "$text-muted"),
        Content(f"{'slope':11}{figure_text(figures.slope_before):20}{figure_text(figures.slope_after)}"),
        Content(f"{'intercept':11}{figure_text(figures.intercept_before):20}{figure_text(figures.intercept_after)}"),
        Content(f"{'Calibrated' if after else 'As trained'}: {class_verdict(figures, calibrated=after)}"),
        Content.styled(METHOD, "$text-muted"),
    ]
    shown = found.after or found.before
    if shown is None:
        return lines
    if shown.low is not None:
        note = f"Band: {percent(confidence, None)} over the whole range, {'calibrated' if after else 'as trained'}."
        lines.append(Content.styled(note, "$text-muted"))
    lines += [
        Content(""),
        Content.styled(f"{'images':>8}{'stated, %':>12}{'of the class, %':>18}", "$text-muted"),
        *(
            Content(f"{images:>8,}{number(100 * stated, 1):>12}{number(100 * share, 1):>18}")
            for stated, share, images in shown.bins
        ),
    ]
    return lines


def slope_lines(found: Calibration) -> list[Content]:
    """Write slope and intercept of each class, calibrated, as lines."""
    if not found.classes:
        return []
    width = min(18, max(6, *(len(printable(name)) for name in found.classes)) + 1)
    lines = [
        Content.assemble(("Calibrated, class by class", "bold"), ("   a: the curve of a class", "$text-muted")),
        Content.styled(f"{'class':{width}}{'slope':20}intercept", "$text-muted"),
    ]
    lines += [
        Content(
            f"{printable(name)[: width - 1]:{width}}{figure_text(of.slope_after):20}{figure_text(of.intercept_after)}"
        )
        for name, of in found.classes.items()
    ]
    return lines


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
    lines += [
        *(Content(line) for line in calibration_words.temperature_lines(found)),
        Content(""),
        Content.styled("Leave unsure images to a person", "bold"),
    ]
    if found.rejections:
        heading = f"{'errors':8}{'threshold':11}{'answered, %':20}errors among these, %"
        lines += [Content.styled(heading, "$text-muted"), *map(_rejection_line, found.rejections)]
    lines += [Content.styled(line, "$text-muted") for line in calibration_words.rejection_lines(found)]
    change = found.difference["log_loss"]
    if (change.value or 0) > 0:
        lines.append(Content.styled(f"! Calibration doesn't help here: log loss +{_text(change)}", "$warning"))
    return lines


def _rejection_line(rejection: Rejection) -> Content:
    max_error, threshold = f"≤ {percent(rejection.max_error, None)}", number(rejection.threshold)
    return Content(f"{max_error:8}{threshold:11}{_percents(rejection.answered):20}{_percents(rejection.error)}")


def _text(figure: Interval) -> str:
    return interval_text(figure.value, figure.low, figure.high)


def _percents(figure: Interval) -> str:
    return interval_text(figure.value, figure.low, figure.high, 1, scale=PER_CENT)
