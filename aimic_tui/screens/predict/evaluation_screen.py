"""Evaluation: how good is a model on another laboratory's labelled images, and was it trained on some of them?"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from pathlib import Path
from typing import Any, ClassVar, cast

from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Static

from aimic_tui.engine.data.listing.data_source import DATA_SUFFIXES
from aimic_tui.engine.data.listing.recognize_layout import UnclearLayout
from aimic_tui.engine.errors import AimicError
from aimic_tui.engine.inference.evaluation_file import EvaluationResults
from aimic_tui.engine.text import plural, printable
from aimic_tui.screens.data.layout_prompt import LayoutPrompt
from aimic_tui.screens.place import Place
from aimic_tui.screens.predict.evaluation_form import EvaluationForm
from aimic_tui.screens.predict.evaluation_pane import NARROW, ResultPane
from aimic_tui.screens.predict.progress_line import progress_line
from aimic_tui.screens.predict.rows import draw_evaluation, unreadable_lines
from aimic_tui.widgets.dialog import ClosesOnce
from aimic_tui.widgets.dialogs import PathPrompt
from aimic_tui.widgets.frame import Rule
from aimic_tui.widgets.row_list import RowList
from aimic_tui.wording.paths import short_path
from aimic_tui.workspace.evaluation_job import EvaluationJob, EvaluationRow, LabelledImages
from aimic_tui.workspace.evaluation_session import EvaluationSession, FollowedEvaluation
from aimic_tui.workspace.model_choices import ModelChoice

_TICK = 0.5  # seconds between two looks at the progress


class EvaluationScreen(ClosesOnce, Place):
    """The earlier evaluations of a model, or one of them: its progress, then its results."""

    PLACE: ClassVar[str] = "predict"
    CSS_PATH = "evaluation_screen.tcss"
    AUTO_FOCUS: ClassVar[str | None] = None
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "Open", id="evaluation.open", tooltip="Open the evaluation in focus"),
        Binding("n", "new", "Evaluate", id="evaluation.new", tooltip="Evaluate the model on labelled images"),
        Binding(
            "x",
            "leave_out",
            "Leave out trained",
            id="evaluation.leave-out",
            tooltip="Evaluate again without the images that the model was trained on",
        ),
        Binding("s", "stop", "Stop", id="evaluation.stop", tooltip="Stop; nothing is saved"),
        Binding("r", "again", "Again", id="evaluation.again", tooltip="Evaluate on the same images again"),
        Binding("escape", "back", "Back", id="evaluation.back", tooltip="Back; a running evaluation continues"),
    ]

    def __init__(self, choice: ModelChoice, known: tuple[str, ...] = (), *, data: str | None = None) -> None:
        """Make the screen.

        Args:
            choice: the model to evaluate.
            known: folders of images that were used before, to choose from.
            data: the labelled images to ask about at once; None begins with the earlier evaluations.
        """
        super().__init__()
        self.session = EvaluationSession(self.shell.workspace, choice)
        self._choice, self._known, self._data = choice, known, data

    def compose_body(self) -> ComposeResult:
        """Yield the headline, the earlier evaluations, and what came of one."""
        with Horizontal(id="title-line"):
            yield Static("", id="title")
            yield Static("", id="progress")
        yield Rule()
        with Vertical(id="choose"):
            yield Static("", id="earlier-heading")
            yield RowList[EvaluationRow](draw_evaluation, lambda row: row.job.folder, id="earlier")
            yield Static("", id="unreadable")
        yield ResultPane()

    def on_mount(self) -> None:
        """List what there is; where there is nothing yet, ask at once."""
        self._list(ask=True)

    @property
    def _results(self) -> EvaluationResults | None:
        """What came of the open evaluation; None where none is open, or it has none yet."""
        opened = self.session.opened
        return opened.results if opened is not None else None

    # -- the earlier ones

    @work(exclusive=True, group="list", exit_on_error=False)
    async def _list(self, *, ask: bool = False) -> None:
        found, unreadable = await asyncio.gather(self.session.earlier(), self.session.unreadable())
        rows = self.query_one("#earlier", RowList)
        rows.show(found)
        self.query_one("#unreadable", Static).update(unreadable_lines(unreadable))
        if self.session.opened is not None:  # opened while the files were read: the headline is its own
            return
        self._title(f"Evaluate {self._choice.label}", "on another labelled data set")
        self.query_one("#progress", Static).update("")
        heading = Content.assemble(("Earlier evaluations", "bold"), ("   macro F1 there", "$text-muted"))
        nothing = Content.assemble(
            "This model has not been evaluated on other images yet.\n\n",
            ("n", "bold $primary"),
            " asks for labelled images: a folder with one subfolder per class, or a manifest. Classes are matched by "
            "name, and you are asked about the others.",
        )
        self.query_one("#earlier-heading", Static).update(heading if found else nothing)
        self.set_class(not found, "-none")
        rows.focus()
        self.refresh_bindings()
        if ask and (self._data is not None or not found):
            self.action_new()

    @on(RowList.Chosen)
    def action_open(self) -> None:
        """Open the evaluation in focus."""
        row = cast("EvaluationRow | None", self.query_one("#earlier", RowList).chosen)
        if row is not None:
            self._follow(row.job)

    # -- a new one

    @work(exclusive=True, group="question")
    async def action_new(self) -> None:
        """Ask for labelled images, then which class is which, and start."""
        if not self.may_change("evaluate a model"):
            return
        path = await self.app.push_screen_wait(
            PathPrompt(
                f"Labelled images to evaluate {self._choice.label} on",
                detail="A folder with one subfolder per class, or a manifest (.csv) that lists images.",
                value=self._data or "",
                suffixes=DATA_SUFFIXES,
                action="Use",
                known=self._known,
                check=lambda path: None if path.exists() else f"There is nothing at {printable(str(path))}.",
            )
        )
        if path is None:
            return
        self._data = path
        context = self.shell.context
        settings = context.data_settings if context.data_path == path else {}  # as chosen in Data
        data = await self._inspect(path, settings)
        if data is None:
            return
        options = await self.app.push_screen_wait(EvaluationForm(self._choice.label, self._choice.classes, data))
        if options is not None:
            self._start(self.session.start(data, options))

    async def _inspect(self, path: str, settings: Mapping[str, Any]) -> LabelledImages | None:
        """Find labelled images; ask what their folders mean where that is unclear. None where there are none."""
        try:
            return await self.session.inspect(path, settings)
        except UnclearLayout as problem:
            prompt = LayoutPrompt(problem.images, Path(path), str(settings.get("layout", "auto")), problem.sentence)
            layout = await self.app.push_screen_wait(prompt)
            return None if layout is None else await self._inspect(path, {**settings, "layout": layout})
        except (AimicError, OSError) as problem:
            words = problem.sentence if isinstance(problem, AimicError) else f"{printable(path)}: {problem}."
            self.shell.tell(f"The model can't be evaluated on these images. {words}", "error")
            return None

    @work(exclusive=True, group="start", exit_on_error=False)
    async def _start(self, starting: Coroutine[Any, Any, EvaluationJob]) -> None:
        """Wait for an evaluation's start, and show it."""
        try:
            job = await starting
        except OSError as problem:
            self.shell.tell(f"The evaluation could not be started: {problem}", "error")
        else:
            self._follow(job)

    # -- one of them

    @work(exclusive=True, group="follow", exit_on_error=False)
    async def _follow(self, job: EvaluationJob) -> None:
        """Show how an evaluation goes on until its process has ended, then what came of it."""
        evaluation = self.session.open(job)
        self.add_class("-one")
        self._title(short_path(Path(job.data)), f"evaluation of {job.label}")
        pane = self.query_one(ResultPane)
        pane.show_words("")
        pane.scroll_home(animate=False)
        pane.focus()
        while True:
            before = evaluation.state
            state = await evaluation.update()
            if state != before:
                self.refresh_bindings()
            if state != "finished":
                self.query_one("#progress", Static).update(progress_line(state, evaluation.progress))
            if state != "running":
                break
            await asyncio.sleep(_TICK)
        if state == "finished":
            await self._show_results(evaluation)
        elif state == "failed":
            pane.show_words(job.problem, "$error")
        else:
            pane.show_words("Stopped before there were figures. r starts it again.")

    async def _show_results(self, evaluation: FollowedEvaluation) -> None:
        pane = self.query_one(ResultPane)
        try:
            found = await evaluation.read_results()
        except AimicError as problem:
            pane.show_words(problem.sentence, "$error")
            return
        groups = plural(found.groups, "group")
        self.query_one("#progress", Static).update(progress_line("finished", None, found.images) + f" of {groups}")
        pane.show(evaluation)
        self.refresh_bindings()

    # -- other actions

    def action_leave_out(self) -> None:
        """Evaluate again without the images that the model was trained on."""
        opened = self.session.opened
        if opened is not None and self.may_change("evaluate a model"):
            self._start(self.session.start_without_trained(opened.job))

    def action_stop(self) -> None:
        """Stop the evaluation on the screen."""
        opened = self.session.opened
        if opened is not None and self.may_change("stop an evaluation"):
            opened.job.stop()
            self.shell.tell("Stopping after the current images. Nothing is saved; r starts it again.")

    def action_again(self) -> None:
        """Start the evaluation on the screen again."""
        opened = self.session.opened
        if opened is not None and self.may_change("evaluate a model"):
            self._start(self.session.restart(opened.job))

    def action_back(self) -> None:
        """Leave the evaluation for the list, or the list for the models; a running evaluation continues."""
        if self.session.opened is None:
            self.dismiss(None)
            return
        self.workers.cancel_group(self, "follow")
        self.session.close()
        self.remove_class("-one")
        self._list()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer only what makes sense now."""
        opened = self.session.opened
        state = opened.state if opened is not None else None
        if action == "open":
            return opened is None and bool(self.query_one("#earlier", RowList).rows)
        if action == "stop":
            return state == "running"
        if action == "again":
            return state in ("stopped", "failed")
        if action == "leave_out":
            found = self._results
            return found is not None and bool(found.trained) and not found.left_out_trained
        return True

    def on_resize(self, event: events.Resize) -> None:
        """Put the matrix and how the images differ below each other where there is no room for both."""
        self.set_class(event.size.width < NARROW, "-narrow")

    def _title(self, strong: str, rest: str) -> None:
        self.query_one("#title", Static).update(
            Content.assemble((printable(strong), "bold"), "   ", (printable(rest), "$text-muted"))
        )
