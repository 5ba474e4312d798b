"""The learning-rate range test of Set-up: its curve as it grows, and a mark on it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from aimic_tui.engine.experiment import Experiment
from aimic_tui.engine.formatting.numbers import rate
from aimic_tui.engine.progress import Progress
from aimic_tui.engine.runs.prepare.first_trial_answers import RangeTestAnswer
from aimic_tui.engine.setting_text import text_of
from aimic_tui.engine.text import one_line, plural, printable
from aimic_tui.widgets.chart import Chart, ChartData, Series
from aimic_tui.widgets.dialog import Dialog
from aimic_tui.widgets.frame import KeyLine, Rule
from aimic_tui.wording.progress import phase_words, progress_figures
from aimic_tui.workspace.range_test import RangeTestReport, RangeTestStep, run_range_test
from aimic_tui.workspace.trial_command import CommandRefused

_MARK_STEP = 10**0.1  # a tenth of a decade


@dataclass(frozen=True)
class RangeTestResult:
    """What Set-up takes from a range test.

    Attributes:
        rate: that was taken; None where the test was left.
        device, images_per_second: the speed that was measured, and where; None where the test did not end.
    """

    rate: float | None
    device: str = ""
    images_per_second: float | None = None


class RangeTestDialog(Dialog[RangeTestResult]):
    """The curve of a range test, and a mark on it that can be moved and taken."""

    DEFAULT_CSS = """
    RangeTestDialog { background: $background; }
    RangeTestDialog .line { padding: 0 1; height: auto; }
    RangeTestDialog Chart { margin: 1 1 0 1; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "take", "Use the rate", id="range.take", tooltip="Put the marked rate into the field"),
        Binding("left,h", "mark(-1)", "Lower", id="range.lower", tooltip="Move the mark to a lower rate"),
        Binding("right,l", "mark(1)", "Higher", id="range.higher", tooltip="Move the mark to a higher rate"),
        Binding(
            "s",
            "suggestion",
            "Suggested",
            show=False,
            id="range.suggested",
            tooltip="Move the mark to the suggested rate",
        ),
        Binding("r", "again", "Again", show=False, id="range.again", tooltip="Run the test again"),
        Binding("escape,q", "leave", "Leave", id="range.leave", tooltip="End the test and leave the field as it is"),
    ]

    def __init__(self, workspace: Path, experiment: Experiment, network: str) -> None:
        """Make the view.

        Args:
            workspace: of the app.
            experiment: what would be run.
            network: one of its networks.
        """
        super().__init__()
        self._workspace, self._experiment, self._network = workspace, experiment, network
        self._rates: list[float] = []
        self._losses: list[float] = []
        self._smoothed: list[float] = []
        self._answer: RangeTestAnswer | None = None
        self._mark: float | None = None
        self._message = ""
        self._warning = self._failed = False

    def compose(self) -> ComposeResult:
        """Draw the chart between what is tested and what came out."""
        with Vertical():
            yield Static("", id="tested", classes="line")
            yield Rule()
            yield Chart(ChartData("loss"))
            yield Static("", id="message", classes="line")
            yield Rule()
            yield KeyLine()

    def on_mount(self) -> None:
        """Begin."""
        training = self._experiment.training
        self.query_one("#tested", Static).update(
            Content.assemble(
                ("Learning rate  ", "bold"),
                f"{printable(self._network)} with {training.optimizer}, on the training images of fold 1",
            )
        )
        self.action_again()

    def action_again(self) -> None:
        """Run the test again."""
        self._rates, self._losses, self._smoothed = [], [], []
        self._answer, self._mark = None, None
        self._message, self._warning, self._failed = "Starting ...", False, False
        self._draw()
        self._run()

    @work(group="range-test", exclusive=True, exit_on_error=False)
    async def _run(self) -> None:
        try:
            answer = await run_range_test(self._workspace, self._experiment, self._network, self._report)
        except CommandRefused as problem:
            self._fail(problem.sentence)
        except OSError as error:
            self._fail(f"The test could not be started: {error.strerror or error}.")
        else:
            self._answer, self._mark = answer, answer.suggested
            self._rates, self._smoothed = list(answer.rates), list(answer.smoothed)
            self._losses = [math.nan if loss is None else loss for loss in answer.losses]
            self._message, self._warning = _answer_line(answer), answer.suggested is None
        self._draw()

    def _fail(self, sentence: str) -> None:
        self._message, self._failed, self._warning = sentence, True, True

    def _report(self, report: RangeTestReport) -> None:
        if isinstance(report, RangeTestStep):
            self._rates.append(report.rate)
            self._losses.append(report.loss)
            self._smoothed.append(report.smoothed)
        elif isinstance(report, Progress):
            figures = progress_figures(report)
            self._message = phase_words(report.phase).capitalize() + (f": {figures}" if figures else " ...")
        else:
            self._message = one_line(report)
        self._draw()

    # -- drawing

    def _draw(self) -> None:
        if not self.is_mounted:
            return
        marked = text_of(self._mark) if self._mark is not None else ""
        suggested = self._answer is not None and self._mark == self._answer.suggested
        self.query_one(Chart).show(
            ChartData(
                "loss over the learning rate",
                (
                    Series("each step", tuple(self._rates), self._losses_in_sight(), "faint"),
                    Series("smoothed", tuple(self._rates), tuple(self._smoothed), "first"),
                ),
                log=self._spans_decades(),
                log_x=True,
                mark=self._mark,
                mark_name=f"{marked} suggested" if suggested else marked,
                empty="the first steps take a while: the network is loaded",
            )
        )
        sign, style = ("! ", "$warning") if self._warning else ("", "")
        self.query_one("#message", Static).update(Content.styled(printable(sign + self._message), style))
        self.refresh_bindings()

    def _losses_in_sight(self) -> tuple[float, ...]:
        """Return the losses, cut off a little above the smoothed ones: a single outlier would flatten the curve."""
        top = 1.25 * max(self._smoothed, default=0.0)
        return tuple(min(loss, top) for loss in self._losses)

    def _spans_decades(self) -> bool:
        positive = [loss for loss in self._smoothed if loss > 0]
        return bool(positive) and max(positive) > 30 * min(positive)

    # -- the mark

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer the mark's keys when there is a curve to mark."""
        if action in ("mark", "take", "suggestion", "again"):
            return self._answer is not None or (action == "again" and self._failed)
        return True

    def action_mark(self, step: int) -> None:
        """Move the mark, within the rates that were tested."""
        if self._rates:
            now = self._mark or self._rates[len(self._rates) // 2]
            moved = min(max(now * _MARK_STEP**step, self._rates[0]), self._rates[-1])
            self._mark = _two_digits(moved)
            self._draw()

    def action_suggestion(self) -> None:
        """Mark what is suggested."""
        if self._answer is not None:
            self._mark = self._answer.suggested
            self._draw()

    def action_take(self) -> None:
        """Close with the marked rate."""
        if self._mark is None:
            self.notify("Nothing is marked yet: the arrow keys set the mark.", severity="warning", markup=False)
            return
        self.dismiss(self._result(self._mark))

    def action_leave(self) -> None:
        """Close; a test that still goes on is ended."""
        self.workers.cancel_group(self, "range-test")
        self.dismiss(self._result(None))

    def _result(self, taken: float | None) -> RangeTestResult:
        if self._answer is None:
            return RangeTestResult(taken)
        return RangeTestResult(taken, self._answer.device, self._answer.images_per_second)


def _answer_line(answer: RangeTestAnswer) -> str:
    steps = plural(len(answer.rates), "step")
    how = f"{steps} of {answer.batch_size} images{', until it diverged' if answer.diverged else ''}"
    speed = f", {rate(answer.images_per_second)}" if answer.images_per_second else ""
    return f"{answer.sentence}   ({how}{speed})"


def _two_digits(value: float) -> float:
    return round(value, 1 - math.floor(math.log10(value)))
