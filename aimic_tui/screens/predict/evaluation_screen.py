"""A model on another laboratory's labelled images: what is it worth there, and what of it does the model know?"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, ClassVar, cast

import numpy as np
from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from aimic_tui.engine.errors import AimicError
from aimic_tui.engine.evaluation.predictions import Predictions
from aimic_tui.engine.formatting.numbers import number
from aimic_tui.engine.inference.evaluation_file import EvaluationResults
from aimic_tui.engine.text import plural, printable
from aimic_tui.screens.place import Place
from aimic_tui.screens.predict.evaluation_form import EvaluationForm
from aimic_tui.screens.predict.evaluation_view import classes_table, differing_text, figures_table, verdict_text
from aimic_tui.screens.predict.progress_line import progress_line
from aimic_tui.screens.predict.rows import draw_evaluation
from aimic_tui.widgets.dialogs import PathPrompt
from aimic_tui.widgets.frame import Rule
from aimic_tui.widgets.large_image import LargeImage
from aimic_tui.widgets.matrix import ConfusionGrid
from aimic_tui.widgets.row_list import RowList
from aimic_tui.widgets.table_column import Cell
from aimic_tui.wording.paths import short_path
from aimic_tui.workspace.evaluation_job import EvaluationJob, EvaluationRow
from aimic_tui.workspace.evaluation_session import EvaluationSession, FollowedEvaluation
from aimic_tui.workspace.model_choices import ModelChoice

_NARROW = 110  # columns below which the matrix and how the images differ stand below each other
_TICK = 0.5  # seconds between two looks at the progress


class ResultPane(VerticalScroll, can_focus=True):
    """What came of it, from the verdict down; scrolls where it is longer than the screen."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "scroll_down", "Down", show=False, id="evaluation.down", tooltip="Further down"),
        Binding("up,k", "scroll_up", "Up", show=False, id="evaluation.up", tooltip="Back up"),
        Binding("pagedown,ctrl+d,space", "page_down", show=False, id="evaluation.page-down", tooltip="A page down"),
        Binding("pageup,ctrl+u", "page_up", show=False, id="evaluation.page-up", tooltip="A page up"),
        Binding("home,g", "scroll_home", show=False, id="evaluation.top", tooltip="To the verdict"),
        Binding("end,G", "scroll_end", show=False, id="evaluation.end", tooltip="To the end"),
    ]


class EvaluationScreen(Place):
    """The earlier evaluations of a model, or one of them: as it is made, then what came of it."""

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
        with ResultPane(id="result"):
            yield Static("", id="verdict")
            with Vertical(id="all-figures"):
                yield Static("", id="figures")
                yield Static("", id="classes")
                with Horizontal(id="lower"):
                    with Vertical(id="cells"):
                        yield ConfusionGrid(id="matrix")
                        yield Static("", id="behind")
                    yield Static("", id="differing")
                yield Static("", id="saved-in")

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
        found = await self.session.earlier()
        rows = self.query_one("#earlier", RowList)
        rows.show(found)
        if self.session.opened is not None:  # opened while the files were read: the headline is its own
            return
        self._title(f"Evaluate {self._choice.label}", "on another labelled data set")
        self.query_one("#progress", Static).update("")
        heading = Content.assemble(("Earlier evaluations", "bold"), ("   macro F1 there", "$text-muted"))
        nothing = Content.assemble(
            "This model has not been evaluated on other images yet.\n\n",
            ("n", "bold $primary"),
            " asks for labelled images: a folder with one sub-folder per class, or a manifest. Classes are matched by "
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
                detail="A folder with a folder of images for each class, or a manifest (.csv) that lists images.",
                value=self._data or "",
                suffixes=(".csv", ".tsv", ".npz"),
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
        try:
            data = await self.session.inspect(path, settings)
        except (AimicError, OSError) as problem:
            words = problem.sentence if isinstance(problem, AimicError) else f"{printable(path)}: {problem}."
            self.shell.tell(f"The model can't be evaluated on these images. {words}", "error")
            return
        options = await self.app.push_screen_wait(EvaluationForm(self._choice.label, self._choice.classes, data))
        if options is not None:
            self._start(self.session.start(data, options))

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
        self.set_class(True, "-one")
        self.set_class(False, "-has-results")
        self._title(short_path(Path(job.data)), f"evaluation of {job.label}")
        self.query_one("#verdict", Static).update("")
        pane = self.query_one(ResultPane)
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
        else:
            words = job.problem if state == "failed" else "Stopped before there were figures. r starts it again."
            self.query_one("#verdict", Static).update(
                Content.styled(printable(words), "$error" if state == "failed" else "")
            )

    async def _show_results(self, evaluation: FollowedEvaluation) -> None:
        try:
            found = await evaluation.read_results()
        except AimicError as problem:
            self.query_one("#verdict", Static).update(Content.styled(problem.sentence, "$error"))
            return
        groups = plural(found.groups, "group")
        self.query_one("#progress", Static).update(progress_line("finished", None, found.images) + f" of {groups}")
        self.query_one("#matrix", ConfusionGrid).show(np.array(found.confusion), found.class_names)
        folder = printable(short_path(evaluation.job.folder))
        self.query_one("#saved-in", Static).update(Content.styled(f"Saved in {folder}", "$text-muted"))
        self.add_class("-has-results")
        self._draw()
        self.refresh_bindings()

    def _draw(self) -> None:
        """Write what depends on the width."""
        found = self._results
        if found is None:
            return
        narrow = self.size.width < _NARROW
        width = max(60, self.size.width - (3 if narrow else 5))  # without paddings and the scroll bar
        self.query_one("#verdict", Static).update(verdict_text(found))
        self.query_one("#figures", Static).update(figures_table(found, width))
        self.query_one("#classes", Static).update(classes_table(found, width))
        self.query_one("#differing", Static).update(differing_text(found, width if narrow else width // 2 - 2))

    # -- the images behind the matrix

    @on(ConfusionGrid.CellHighlighted)
    def _cell_highlighted(self, event: ConfusionGrid.CellHighlighted) -> None:
        event.stop()
        if (found := self._results) is not None:
            label, predicted = (printable(found.class_names[code]) for code in (event.row, event.column))
            many = f"{plural(event.count, 'image')}; tab and enter show them" if event.count else "no image"
            self.query_one("#behind", Static).update(f"{label}, predicted {predicted}: {many}")

    @on(ConfusionGrid.CellSelected)
    @work(exclusive=True, group="images", exit_on_error=False)
    async def _cell_selected(self, event: ConfusionGrid.CellSelected) -> None:
        event.stop()
        opened = self.session.opened
        if opened is None or opened.results is None or not event.count:
            return
        try:
            images = await opened.images_of(event.row, event.column)
        except AimicError as problem:
            self.shell.tell(problem.sentence, "error")
            return
        names, rows = images.predictions.images, images.rows
        if rows:
            await self.app.push_screen_wait(
                LargeImage(
                    len(rows),
                    0,
                    lambda at: images.root / names[rows[at]],
                    lambda at: _caption(images.predictions, rows[at]),
                    images.rule,
                )
            )

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
        self.remove_class("-one", "-has-results")
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
        """Lay the figures out anew."""
        self.set_class(event.size.width < _NARROW, "-narrow")
        self._draw()

    def _title(self, strong: str, rest: str) -> None:
        self.query_one("#title", Static).update(
            Content.assemble((printable(strong), "bold"), "   ", (printable(rest), "$text-muted"))
        )


def _caption(predictions: Predictions, row: int) -> list[Cell]:
    codes = predictions.labels[row], predictions.predicted[row]
    label, predicted = (predictions.classes[int(code)] for code in codes)
    return [
        [(predictions.images[row], "strong")],
        [
            (label, ""),
            ("  predicted ", "muted"),
            (predicted, "primary" if predicted == label else "attention"),
            (f"  {number(float(predictions.confidence[row]))}", "strong"),
        ],
    ]
