"""Results: what did I learn, and can I believe it?"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import ClassVar, cast

from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import ContentSwitcher, Static

from aimic_tui.engine.run_folder import RunFolder, run_title
from aimic_tui.engine.text import plural, printable
from aimic_tui.screens.marking.controller import MarkingCommand
from aimic_tui.screens.place import Place
from aimic_tui.screens.results.calibration_view import CalibrationView
from aimic_tui.screens.results.classes_view import ClassesView
from aimic_tui.screens.results.comparison_view import ComparisonView
from aimic_tui.screens.results.costs_view import CostsView
from aimic_tui.screens.results.curves_view import CurvesView
from aimic_tui.screens.results.decision_view import DecisionView
from aimic_tui.screens.results.error_review import ErrorReview
from aimic_tui.screens.results.figures_view import FiguresView
from aimic_tui.screens.results.groups_view import GroupsView
from aimic_tui.screens.results.matrix_view import MatrixView
from aimic_tui.screens.results.methods_view import MethodsView
from aimic_tui.screens.results.network_ranking import NetworkRanking
from aimic_tui.screens.results.result_view import ResultView
from aimic_tui.screens.results.review_controller import ReviewController
from aimic_tui.screens.results.robustness_view import RobustnessView
from aimic_tui.screens.results.run_heading import baseline_warnings, choice_content, difference_line, run_lines
from aimic_tui.widgets.dialogs import PathPrompt
from aimic_tui.widgets.frame import Rule
from aimic_tui.widgets.parts_line import Part, parts_line
from aimic_tui.workspace.processes import command_line, run_command
from aimic_tui.workspace.result_tables import write_result_tables
from aimic_tui.workspace.results_session import ResultsSession, ResultsUpdate

VIEWS: tuple[type[ResultView], ...] = (
    MatrixView,
    ClassesView,
    FiguresView,
    ErrorReview,
    CurvesView,
    CalibrationView,
    DecisionView,
    ComparisonView,
    GroupsView,
    CostsView,
    RobustnessView,
    MethodsView,
)
_PARTS = {view.NAME: Part(view.KEY, view.TITLE, view.FOCUS, view.TOOLTIP) for view in VIEWS}
_ON_THE_BOTTOM_LINE = (ErrorReview, CurvesView)


class ResultsScreen(Place):
    """The figures of a run, as far as it has come, and the images behind them.

    It holds a session with the run's results and a controller of its images. Below the ranking of networks stands one
    of `VIEWS`.
    """

    PLACE: ClassVar[str] = "results"
    CSS_PATH = "screen.tcss"
    AUTO_FOCUS = "#matrix"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide")]  # noqa: RUF012 - declared so by Textual

    BINDINGS: ClassVar[list[BindingType]] = [
        *(
            Binding(
                view.KEY,
                f"view({view.NAME!r})",
                view.TITLE,
                show=view in _ON_THE_BOTTOM_LINE,
                id=f"results.{view.NAME}",
                tooltip=view.TOOLTIP,
            )
            for view in VIEWS
        ),
        Binding("e", "report", "Report", id="results.report", tooltip="Write the run's report, one page"),
        Binding("v", "metric", "Figure", show=False, id="results.metric", tooltip="Rank by the next figure"),
        Binding("w", "write", "Write", show=False, id="results.write", tooltip="Write the tables to a folder"),
        Binding("b", "networks", "Networks", show=False, id="results.networks", tooltip="To the ranking of networks"),
        Binding("escape", "back", "Back", show=False, id="results.back", tooltip="From the image back to the list"),
        Binding("tab", "focus_other(1)", "Next part", show=False, id="results.other", tooltip="To the next part"),
        Binding("shift+tab", "focus_other(-1)", show=False, id="results.other-back", tooltip="To the previous part"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.session: ResultsSession | None = None
        self.images = ReviewController(self)

    def compose_body(self) -> ComposeResult:
        """Yield the run, its networks and the views."""
        yield Static("", id="empty")
        yield Static("", id="head", classes="part")
        yield Rule().add_class("part", "upper")
        yield NetworkRanking().add_class("part")
        yield Static("", id="difference", classes="part")
        yield Static("", id="views", classes="part")
        yield Rule().add_class("part")
        with Vertical(id="lower", classes="part"), ContentSwitcher(initial=f"{VIEWS[0].NAME}-view"):
            for view in VIEWS:
                yield view()

    # -- the run

    @on(events.ScreenResume)
    def _resumed(self) -> None:
        """Follow the run in hand, or the newest."""
        path = self.shell.context.run
        if path is None and (runs := self.shell.workspace.runs()):
            path = self.shell.context.run = runs[0].path
        if path is None:
            self._show_empty("No run yet. Press 2 to set one up.")
            return
        if self.session is None or self.session.folder.path != Path(path):
            self.session = ResultsSession(RunFolder(Path(path)), self.shell.workspace)
            self.images.close()
            self._show_empty(f"Reading {printable(run_title(Path(path).name))} ...")
        self._follow(self.session)
        self.images.reread_marks()

    @on(events.ScreenSuspend)
    def _suspended(self) -> None:
        """Read nothing while nobody looks."""
        self.workers.cancel_group(self, "follow")

    @work(group="follow", exclusive=True, exit_on_error=False)
    async def _follow(self, session: ResultsSession) -> None:
        async for update in session.follow():
            self._show_update(session, update)

    def _show_update(self, session: ResultsSession, update: ResultsUpdate) -> None:
        if update.results is None:
            hint = "No trial is finished yet: figures come with the first one. 3 shows how far the run is."
            self._show_empty(update.message or hint)
            return
        self.remove_class("-empty")
        ranking = self.query_one(NetworkRanking)
        with self.app.batch_update():
            ranking.show(update.results)
            self._show_network(session)
        if self.focused is None:
            self._view.focus_stops[0].focus()

    def _show_empty(self, sentence: str) -> None:
        self.add_class("-empty")
        self.query_one("#empty", Static).update(Content(printable(sentence)))

    @on(NetworkRanking.Selected)
    def _network_selected(self, event: NetworkRanking.Selected) -> None:
        event.stop()
        if self.session is not None:
            self._show_network(self.session)

    def _show_network(self, session: ResultsSession) -> None:
        """Show the selected network in all parts, and read what it answered about each image."""
        self._show_heading(session)
        self._show_view()
        self.images.read(session, self.query_one(NetworkRanking).selected)

    def _show_heading(self, session: ResultsSession) -> None:
        """Say what the drawn figure is worth: its interval, differences, and what selecting the best does to it."""
        ranking, results = self.query_one(NetworkRanking), session.figures
        network, metric = ranking.selected, ranking.metric
        assert session.status is not None
        self.query_one("#head", Static).update(run_lines(results, session.status, network, metric))
        other = next((name for name in ranking.order if name != network), None)
        lines = [
            *baseline_warnings(results, network),
            difference_line(results, network, other, metric),
            *choice_content(results, metric),
        ]
        self.query_one("#difference", Static).update(Content("\n").join(lines))

    # -- its images

    @on(MatrixView.ImagesOpened)
    def _images_opened(self, event: MatrixView.ImagesOpened) -> None:
        event.stop()
        self.action_view(ErrorReview.NAME)
        self.query_one(ErrorReview).show_selection(event.title, event.rows, event.row)

    @on(GroupsView.Opened)
    def _group_opened(self, event: GroupsView.Opened) -> None:
        event.stop()
        if (review := self.images.review) is not None:
            rows = [row for row, group in enumerate(review.answers.groups) if group == event.group]
            self.action_view(ErrorReview.NAME)
            self.query_one(ErrorReview).show_selection(f"group {printable(event.group)}", rows)

    def action_mark(self, command: MarkingCommand) -> None:
        """Decide about the images in focus."""
        self.images.marking.run(command)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer decisions only where there is an image."""
        if action == "mark":
            return self.images.marking.offers(parameters[0])
        return super().check_action(action, parameters)

    # -- the views

    @property
    def _view(self) -> ResultView:
        """The view that is shown."""
        return cast("ResultView", self.query_one(f"#{self.query_one(ContentSwitcher).current}"))

    def _show_view(self) -> None:
        """Show the selected network in the view."""
        view, ranking = self._view, self.query_one(NetworkRanking)
        self._show_names()
        if self.session is not None and self.session.results is not None:
            view.show_network(self.session, ranking.selected, ranking.metric)

    @on(events.Resize)
    def _show_names(self) -> None:
        """Write the views' names, with their keys where there is room."""
        self.query_one("#views", Static).update(parts_line(_PARTS, self._view.NAME, self.size.width - 2))

    def action_view(self, name: str) -> None:
        """Show another view; the key of the one that is shown goes on to the next thing of it."""
        view = self._view
        if name == view.NAME and view.has_focus_within:
            view.show_next()
            return
        self._close_side()
        self.query_one(ContentSwitcher).current = f"{name}-view"
        self.set_class(name != MatrixView.NAME, "-viewing")
        self._view.focus_stops[0].focus()
        self._show_view()

    @on(ResultView.SideShown)
    def _side_shown(self, event: ResultView.SideShown) -> None:
        event.stop()
        self.set_class(event.shown, "-side")
        if event.focus or self.has_class("-narrow"):
            self._view.focus_stops[-1 if event.shown else 0].focus()

    def _close_side(self) -> None:
        self.remove_class("-side")
        self._view.close_side()

    def action_focus_other(self, step: int) -> None:
        """Go round the ranking of networks, the view and what stands beside it."""
        view = self._view
        if len(view.focus_stops) == 1 and view.HAS_SIDE and self.has_class("-narrow"):
            self.toggle_class("-side")  # what stands there has no focus of its own
            return
        stops = [self.query_one(NetworkRanking), *view.focus_stops]
        index = next((index for index, stop in enumerate(stops) if stop.has_focus_within), 0)
        index = (index + step) % len(stops)
        self.set_class(index > 1, "-side")
        stops[index].focus()

    def action_back(self) -> None:
        """Go from what stands beside a view back to the view."""
        self._close_side()
        self._view.focus_stops[0].focus()

    def action_networks(self) -> None:
        """Go to the ranking of networks."""
        self.remove_class("-side")
        self.query_one(NetworkRanking).focus()

    def action_metric(self) -> None:
        """Rank by the next figure."""
        self.query_one(NetworkRanking).next_metric()
        if self.session is not None and self.session.results is not None:
            self._show_heading(self.session)
            self._show_view()

    # -- files

    @work(group="dialog", exclusive=True, exit_on_error=False)
    async def action_write(self) -> None:
        """Write the tables to a folder."""
        session = self.session
        if session is None or session.results is None or not self.may_change("write tables"):
            return
        path = await self.app.push_screen_wait(
            PathPrompt(
                "Write the tables to",
                detail="A folder: networks, classes, folds and matrices as CSV, everything as JSON.",
                value=str(self.shell.workspace.root / "tables" / session.folder.name),
                action="Save",
            )
        )
        if path is None:
            return
        try:
            files = await asyncio.to_thread(write_result_tables, session.figures, Path(path))
        except OSError as error:
            self.shell.tell(f"{path} can't be written: {error.strerror}.", "error")
            return
        self.shell.tell(f"{plural(len(files), 'file')} written to {path}")

    @work(exclusive=True, group="report", exit_on_error=False)
    async def action_report(self) -> None:
        """Write the run's report into its folder."""
        if self.session is None or self.session.results is None or not self.may_change("write a report"):
            return
        folder = self.session.folder
        self.shell.tell("Writing the report ...")
        outcome = await run_command(command_line(self.shell.workspace.root, "report", str(folder.path)))
        if outcome.code == 0:
            self.shell.tell(f"The report is {folder.report_file}")
        else:
            self.shell.tell(outcome.sentence, "error")
