"""The learning-rate range test of Set-up: `aimic learning-rate` in a process of its own, its curve as it grows."""

from __future__ import annotations

import asyncio
import json
import math
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.experiment import Experiment
from aimic_tui.engine.files import write_atomically
from aimic_tui.engine.progress import Progress, ReportProgress
from aimic_tui.engine.text import one_line, plural, printable
from aimic_tui.widgets.chart import Chart, ChartData, Series
from aimic_tui.widgets.field import text_of
from aimic_tui.widgets.frame import KeyLine, Rule
from aimic_tui.wording.numbers import rate
from aimic_tui.wording.progress import phase_words, progress_figures
from aimic_tui.workspace.followed_command import follow_command

_MARK_STEP = 10**0.1  # a tenth of a decade


@dataclass(frozen=True)
class Tested:
    """What Set-up takes from a range test.

    Attributes:
        rate: that was taken; None where the test was left.
        network, device, images_per_second: what was timed by the way; the speed is None where the test did not end.
    """

    rate: float | None
    network: str
    device: str = ""
    images_per_second: float | None = None


async def follow_range_test(
    workspace: Path,
    experiment: Experiment,
    network: str,
    report: ReportProgress,
    on_event: Callable[[dict[str, Any]], None],
) -> dict[str, Any]:
    """Have a range test made; cancelled, the process is ended.

    Args:
        report: hears how far it is.
        on_event: hears the other events of `aimic learning-rate --events`.

    Returns:
        The answer of `aimic learning-rate --json`.

    Raises:
        InputProblem: the command refused; with its sentence.
        OSError: the process could not be started.
    """
    with tempfile.TemporaryDirectory(prefix="aimic-range-", ignore_cleanup_errors=True) as folder:
        file = Path(folder) / "experiment.toml"
        await asyncio.to_thread(write_atomically, file, experiment.to_toml())
        arguments = [str(file), "--network", network, "--json"]
        answer = await follow_command(workspace, "learning-rate", *arguments, report=report, on_event=on_event)
    if answer.error is not None:
        raise InputProblem(answer.error.sentence)
    found: dict[str, Any] = json.loads(answer.text)
    return found


class RangeTestScreen(ModalScreen[Tested]):
    """The curve of a range test, and a mark on it that can be moved and taken."""

    DEFAULT_CSS = """
    RangeTestScreen { background: $background; }
    RangeTestScreen .line { padding: 0 1; height: auto; }
    RangeTestScreen Chart { margin: 1 1 0 1; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "take", "Take the rate", id="range.take", tooltip="Put the marked rate into the field"),
        Binding("left,h", "mark(-1)", "Lower", id="range.lower", tooltip="Move the mark to a lower rate"),
        Binding("right,l", "mark(1)", "Higher", id="range.higher", tooltip="Move the mark to a higher rate"),
        Binding("s", "suggestion", "Suggested", show=False, id="range.suggested", tooltip="Mark what is suggested"),
        Binding("r", "again", "Again", show=False, id="range.again", tooltip="Make the test anew"),
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
        self._answer: dict[str, Any] | None = None
        self._mark: float | None = None
        self._said = ""

    def compose(self) -> ComposeResult:
        """Draw the chart between what is tested and what came out."""
        with Vertical():
            yield Static("", id="tested", classes="line")
            yield Rule()
            yield Chart(ChartData("loss"))
            yield Static("", id="said", classes="line")
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
        """Make the test anew."""
        self._rates, self._losses, self._smoothed = [], [], []
        self._answer, self._mark = None, None
        self._said = "Starting ..."
        self._draw()
        self._run()

    @work(group="range-test", exclusive=True, exit_on_error=False)
    async def _run(self) -> None:
        try:
            answer = await follow_range_test(
                self._workspace, self._experiment, self._network, self._show_progress, self._hear
            )
        except InputProblem as problem:
            self._said = f"! {problem.sentence}"
        except OSError as error:
            self._said = f"! The test could not be started: {error.strerror or error}."
        else:
            self._answer, self._mark = answer, answer["suggested"]
            self._rates, self._losses, self._smoothed = answer["rates"], answer["losses"], answer["smoothed"]
            self._said = self._sentence(answer)
        self._draw()

    def _show_progress(self, progress: Progress) -> None:
        figures = progress_figures(progress)
        self._said = phase_words(progress.phase).capitalize() + (f": {figures}" if figures else " ...")
        self._draw()

    def _hear(self, event: dict[str, Any]) -> None:
        if event["event"] == "message":
            self._said = one_line(str(event["text"]))
        elif event["event"] == "step":
            self._rates.append(event["rate"])
            self._losses.append(event["loss"])
            self._smoothed.append(event["smoothed"])
        self._draw()

    def _sentence(self, answer: dict[str, Any]) -> str:
        steps = plural(len(answer["rates"]), "step")
        how = f"{steps} of {answer['batch_size']} images{', until it diverged' if answer['diverged'] else ''}"
        speed = f", {rate(answer['images_per_second'])}" if answer["images_per_second"] else ""
        return f"{'' if answer['suggested'] else '! '}{answer['sentence']}   ({how}{speed})"

    # -- drawing

    def _draw(self) -> None:
        if not self.is_mounted:
            return
        marked = text_of(self._mark) if self._mark is not None else ""
        suggested = self._answer is not None and self._mark == self._answer["suggested"]
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
        style = "$warning" if self._said.startswith("!") else ""
        self.query_one("#said", Static).update(Content.styled(printable(self._said), style))
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
            return self._answer is not None or (action == "again" and self._said.startswith("!"))
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
            self._mark = self._answer["suggested"]
            self._draw()

    def action_take(self) -> None:
        """Close with the marked rate."""
        if self._mark is None:
            self.notify("There is no mark to take: the arrows set one.", severity="warning", markup=False)
            return
        self.dismiss(self._tested(self._mark))

    def action_leave(self) -> None:
        """Close; a test that still goes on is ended."""
        self.workers.cancel_group(self, "range-test")
        self.dismiss(self._tested(None))

    def _tested(self, taken: float | None) -> Tested:
        answer = self._answer or {}
        return Tested(taken, self._network, str(answer.get("device", "")), answer.get("images_per_second"))


def _two_digits(value: float) -> float:
    return round(value, 1 - math.floor(math.log10(value)))
