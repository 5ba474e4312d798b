"""Run: is it going well, when is it done?"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Lock
from typing import ClassVar

from rich.text import Text
from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Log, Static

from aimic_tui.engine.errors import AimicError
from aimic_tui.engine.proposed_command import run_command
from aimic_tui.engine.run_folder import RunFolder, TrialKey
from aimic_tui.engine.runs.control import request_stop
from aimic_tui.engine.runs.follow.log_lines import LogLine
from aimic_tui.engine.runs.follow.snapshot import RunFollower, RunSnapshot, TrialSnapshot
from aimic_tui.engine.text import printable
from aimic_tui.screens.place import Place
from aimic_tui.screens.resuming import resume_run
from aimic_tui.screens.run.current_trial import trial_lines
from aimic_tui.screens.run.run_heading import run_lines
from aimic_tui.screens.run.system_use import system_table
from aimic_tui.screens.run.trial_charts import METRICS, loss_chart, metric_chart
from aimic_tui.screens.run.trial_grid import TrialGrid
from aimic_tui.widgets.chart import Chart, ChartData
from aimic_tui.widgets.dialogs import Confirm
from aimic_tui.widgets.frame import Rule

_PAUSE, _PAUSE_SLOW, _PAUSE_OVER = 0.5, 1.0, 2.0  # seconds between two reads; the last for a run that is over
_LEVEL_SIGNS = {"info": " ", "warning": "!", "error": "✗"}


class RunScreen(Place):
    """One run, followed by reading its folder."""

    PLACE: ClassVar[str] = "run"
    CSS_PATH = "screen.tcss"
    AUTO_FOCUS = "TrialGrid"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide")]  # noqa: RUF012 - declared so by Textual
    VERTICAL_BREAKPOINTS = [(0, "-short"), (30, "-tall")]  # noqa: RUF012

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "stop", "Stop", id="run.stop", tooltip="Stop the run; nothing finished is lost"),
        Binding("r", "resume", "Resume", id="run.resume", tooltip="Resume the run from its last checkpoints"),
        Binding("d", "detach", "Detach", id="run.detach", tooltip="Leave the app; the run goes on without it"),
        Binding("l", "log", "Log", id="run.log", tooltip="The run's log instead of the charts, and back"),
        Binding("c", "charts", "Charts", id="run.charts", tooltip="Draw the next metric"),
        Binding(
            "m",
            "machine",
            "Machine",
            id="run.machine",
            tooltip="Processors, GPUs and memory that the workers use, and back",
        ),
        Binding(
            "a",
            "again",
            "Again",
            show=False,
            id="run.again",
            tooltip="Set up another run with this run's settings",
        ),
        Binding("enter", "app.go('results')", "Results", show=False, id="run.results", tooltip="The figures so far"),
    ]

    class Followed(Message):
        """How the run stands now."""

        def __init__(self, snapshot: RunSnapshot) -> None:
            super().__init__()
            self.snapshot = snapshot

    def __init__(self) -> None:
        super().__init__()
        self._follower: RunFollower | None = None
        self._snapshot: RunSnapshot | None = None
        self._selected: TrialKey | None = None
        self._metric = 0
        self._last_line: LogLine | None = None
        self._reading = Lock()
        self.add_class("-second")

    def compose_body(self) -> ComposeResult:
        """Yield the parts."""
        yield Static("", id="empty")
        yield Static("", id="head", classes="part")
        yield Rule().add_class("part")
        yield TrialGrid().add_class("part")
        yield Rule().add_class("part")
        with Horizontal(id="charts", classes="part"):
            yield Chart(ChartData("loss"), id="loss")
            yield Chart(ChartData("macro F1"), id="metric")
        yield Log(id="log", max_lines=1000, classes="part")
        yield Static("", id="machine", classes="part")
        yield Rule().add_class("part")
        yield Static("", id="now", classes="part")

    # -- following

    @on(events.ScreenResume)
    def _resumed(self) -> None:
        """Follow the run in hand, or the newest."""
        path = self.shell.context.run
        if path is None and (runs := self.shell.workspace.runs()):
            path = self.shell.context.run = runs[0].path
        self.set_class(path is None, "-empty")
        if path is None:
            self.query_one("#empty", Static).update("No run yet. Press 2 to set one up.")
            return
        if self._follower is None or self._follower.folder.path != Path(path):
            self._follower = RunFollower(RunFolder(Path(path)))
            self._snapshot, self._selected, self._last_line = None, None, None
            self.query_one("#log", Log).clear()
            self.query_one("#head", Static).update(f"Reading {printable(Path(path).name)} ...")
        self._follow(self._follower)

    @on(events.ScreenSuspend)
    def _suspended(self) -> None:
        """Read nothing while nobody looks."""
        self.workers.cancel_group(self, "follow")

    @work(group="follow", exclusive=True, exit_on_error=False)
    async def _follow(self, follower: RunFollower) -> None:
        while True:
            # A follower belongs to one thread at a time, and a cancelled worker's last read may still be going on.
            snapshot = await asyncio.to_thread(_read_snapshot, follower, self._reading)
            self.post_message(self.Followed(snapshot))
            over = snapshot.status.state not in ("queued", "running", "stopping")
            await asyncio.sleep(_PAUSE_OVER if over else _PAUSE_SLOW if self.shell.slow_link else _PAUSE)

    @on(Followed)
    def _followed(self, event: Followed) -> None:
        event.stop()
        if self._follower is not None and event.snapshot.status.run == self._follower.folder.name:
            self._snapshot = event.snapshot
            self._draw()

    # -- drawing

    def _draw(self) -> None:
        snapshot = self._snapshot
        if snapshot is None:
            return
        trial = self._trial(snapshot)
        with self.app.batch_update():
            wide = self.has_class("-wide")
            self.query_one("#head", Static).update(run_lines(snapshot, trial, self.size.width, wide=wide))
            self.query_one(TrialGrid).show(snapshot, trial.key if trial else None)
            if trial is not None:
                self.query_one("#loss", Chart).show(loss_chart(trial))
                self.query_one("#metric", Chart).show(metric_chart(snapshot, trial, METRICS[self._metric]))
            self.query_one("#now", Static).update(trial_lines(snapshot, trial, tall=self.has_class("-tall")))
            if self.has_class("-machine"):
                self.query_one("#machine", Static).update(system_table(snapshot, self.size.width - 2))
            self._draw_log(snapshot.log)
        self.refresh_bindings()

    def _trial(self, snapshot: RunSnapshot) -> TrialSnapshot | None:
        """Return the selected trial; where none is selected the running one, else the last that was started."""
        for trial in snapshot.trials:
            if trial.key == self._selected:
                return trial
        running = [trial for trial in snapshot.trials if trial.status.state == "running"]
        begun = [trial for trial in snapshot.trials if trial.epochs]
        return next(iter(running or begun[-1:] or snapshot.trials), None)

    def _draw_log(self, lines: Sequence[LogLine]) -> None:
        new: list[LogLine] = []
        for line in reversed(lines):
            if line is self._last_line:
                break
            new.append(line)
        if new:
            self._last_line = new[0]
            self.query_one("#log", Log).write_lines(_log_text(line) for line in reversed(new))

    # -- keys

    @on(TrialGrid.Selected)
    def _trial_selected(self, event: TrialGrid.Selected) -> None:
        event.stop()
        self._selected = event.key
        self._draw()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Leave out what can't be done in the run's state."""
        state = self._snapshot.status.state if self._snapshot else ""
        if action == "stop":
            return state in ("queued", "running")
        if action == "resume":
            return state in ("stopped", "interrupted", "failed")
        return True

    def action_log(self) -> None:
        """Show the log instead of the charts, or the charts again."""
        shown = not self.has_class("-log")
        self.set_class(shown, "-log")
        self.remove_class("-machine")
        if shown:
            self.query_one("#log", Log).focus()
        else:
            self.query_one(TrialGrid).focus()

    def action_machine(self) -> None:
        """Show what the workers use instead of the charts, or the charts again."""
        self.set_class(not self.has_class("-machine"), "-machine")
        self.remove_class("-log")
        self.query_one(TrialGrid).focus()
        self._draw()

    def action_charts(self) -> None:
        """Draw the next metric; where there is room for one chart only, the loss takes its turn."""
        if self.has_class("-log") or self.has_class("-machine"):
            self.remove_class("-log", "-machine")
            self.query_one(TrialGrid).focus()
            return
        if self.has_class("-narrow") and self.has_class("-second") and self._metric == len(METRICS) - 1:
            self.remove_class("-second").add_class("-first")
        elif self.has_class("-first"):
            self.remove_class("-first").add_class("-second")
            self._metric = 0
        else:
            self._metric = (self._metric + 1) % len(METRICS)
        self._draw()

    @work(group="dialog", exclusive=True, exit_on_error=False)
    async def action_stop(self) -> None:
        """Ask, then stop the run."""
        if self._follower is None or not self.may_change("stop a run"):
            return
        folder = self._follower.folder
        question = f"Stop {folder.title}?"
        detail = "It stops at the next step. Finished epochs are kept; r resumes from there."
        if await self.app.push_screen_wait(Confirm(question, detail, yes="Stop", no="Leave it running")):
            await self._do(request_stop, folder)

    @work(group="resume", exclusive=True, exit_on_error=False)
    async def action_resume(self) -> None:
        """Resume the run."""
        if self._follower is not None and self.may_change("resume a run"):
            await resume_run(self, self._follower.folder)

    async def _do(self, action: Callable[[RunFolder], object], folder: RunFolder) -> None:
        try:
            await asyncio.to_thread(action, folder)
        except AimicError as problem:
            self.shell.tell(problem.sentence, "error")
        except OSError as error:
            self.shell.tell(f"{folder.path} can't be written: {error.strerror}.", "error")

    def action_again(self) -> None:
        """Set up a run with the settings of this one."""
        if self._follower is not None and self.may_change("start a run"):
            self.shell.context.start_from = self._follower.folder.experiment_file
            self.shell.go("set-up")

    def action_detach(self) -> None:
        """Leave the app and say how to come back."""
        if self._follower is None:
            self.app.exit()
            return
        folder = self._follower.folder
        alive = self._snapshot is not None and self._snapshot.status.alive
        state = f"The run {printable(folder.name)} goes on without the app. " if alive else ""
        self.app.exit(message=Text(f"{state}{run_command('watch', folder)} shows it again."))


def _read_snapshot(follower: RunFollower, lock: Lock) -> RunSnapshot:
    with lock:
        return follower.snapshot()


def _log_text(line: LogLine) -> str:
    who = f"{line.trial}: " if line.trial else ""
    return f"{line.time.astimezone():%H:%M:%S} {_LEVEL_SIGNS[line.level]} {who}{line.text}"
