"""Results: what did I learn, and can I believe it?"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import ClassVar

import numpy as np
from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Static

from aimic_tui.engine.run_folder import RunFolder
from aimic_tui.engine.text import plural, printable
from aimic_tui.screens.results.cost_views import ComparisonView, CostView, GroupsView
from aimic_tui.screens.results.curve_views import CalibrationView, CurvesView
from aimic_tui.screens.results.decision_view import DecisionView
from aimic_tui.screens.results.error_review import ReviewGrid, ReviewTable
from aimic_tui.screens.results.figure_tables import ClassesTable, FiguresTable
from aimic_tui.screens.results.following import FollowingPlace
from aimic_tui.screens.results.heading_lines import Part, best_lines, difference_line, head, parts_line
from aimic_tui.screens.results.network_table import NetworkTable
from aimic_tui.screens.results.result_view import ResultView
from aimic_tui.screens.results.robustness_view import RobustnessView
from aimic_tui.widgets.dialogs import PathPrompt
from aimic_tui.widgets.frame import Rule
from aimic_tui.widgets.image_view import ImageView
from aimic_tui.widgets.matrix import ConfusionGrid
from aimic_tui.widgets.thumbnails import ThumbnailGrid
from aimic_tui.workspace.processes import command_line, run_command
from aimic_tui.workspace.run_results import Judged, RunResults, write_tables

_PARTS = {
    "matrix": Part("m", "Matrix", "#matrix", "The confusion matrix"),
    "classes": Part("c", "Classes", "#classes", "The figures of each class, with how their intervals are made"),
    "figures": Part(
        "t", "Figures", "#figures-view", "All figures, with how their intervals are made; again: fold by fold"
    ),
    "images": Part("p", "Review", "#images", "The images, the worst errors first"),
    "curves": Part("u", "Curves", "#curves", "ROC and precision-recall; again: another class"),
    "calibration": Part("a", "Calibration", "#calibration-words", "Whether its probabilities can be believed"),
    "decision": Part("D", "Benefit", "#benefits", "What acting on its probabilities is worth; again: another class"),
    "comparison": Part("d", "Differences", "#pairs", "Which networks differ, and what choosing the best is worth"),
    "groups": Part("s", "Groups", "#groups", "Which patients, slides or smears the network fails on"),
    "costs": Part("i", "Costs", "#costs", "Which network when resources are short; again: another cost"),
    "robustness": Part("z", "Robustness", "#losses", "What blur, noise, light and stain cost; again: measure it"),
}


class ResultsScreen(FollowingPlace):
    """The figures of a run, as far as it has come, and the images behind them."""

    PLACE: ClassVar[str] = "results"
    CSS_PATH = "screen.tcss"
    AUTO_FOCUS = "#matrix"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide")]  # noqa: RUF012 - declared so by Textual

    BINDINGS: ClassVar[list[BindingType]] = [
        *(
            Binding(
                part.key,
                f"part({name!r})",
                part.name,
                show=name in ("images", "curves"),
                id=f"results.{name}",
                tooltip=part.tooltip,
            )
            for name, part in _PARTS.items()
        ),
        Binding("e", "report", "Report", id="results.report", tooltip="Write the run's report, one page"),
        Binding("v", "metric", "Figure", show=False, id="results.metric", tooltip="Draw the next figure's intervals"),
        Binding("w", "write", "Write", show=False, id="results.write", tooltip="Write the tables to a folder"),
        Binding("b", "networks", "Networks", show=False, id="results.networks", tooltip="To the table of networks"),
        Binding("escape", "back", "Back", show=False, id="results.back", tooltip="From the image back to the list"),
        Binding("tab", "other(1)", "Other part", show=False, id="results.other", tooltip="To the part beside it"),
        Binding("shift+tab", "other(-1)", show=False, id="results.other-back", tooltip="To the part before it"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._folder: RunFolder | None = None
        self._results: RunResults | None = None
        self._part = "matrix"
        self.add_class("-matrix")

    def compose_body(self) -> ComposeResult:
        """Yield the parts."""
        yield Static("", id="empty")
        yield Static("", id="head", classes="part")
        yield Rule().add_class("part", "upper")
        yield NetworkTable().add_class("part")
        yield Static("", id="difference", classes="part")
        yield Static("", id="parts", classes="part")
        yield Rule().add_class("part")
        with Horizontal(id="lower", classes="part"):
            with Vertical(id="left"):
                yield ConfusionGrid(id="matrix")
                yield ClassesTable(id="classes-view")
                yield FiguresTable(id="figures-view")
                yield ReviewTable(id="images", empty="No such image. f shows others.")
                yield CurvesView(id="curves")
                yield CalibrationView(id="calibration")
                yield DecisionView(id="decision")
                yield ComparisonView(id="comparison")
                yield GroupsView(id="groups-view")
                yield CostView(id="costs-view")
                yield RobustnessView(id="robustness")
            with Vertical(id="right"):
                yield Static("", id="behind")
                yield ReviewGrid(empty="No image in this cell.")
                yield ImageView()

    # -- reading

    @on(events.ScreenResume)
    def _resumed(self) -> None:
        """Read the run in hand, or the newest."""
        path = self.shell.context.run
        if path is None and (runs := self.shell.workspace.runs()):
            path = self.shell.context.run = runs[0].path
        if path is None:
            self._say_empty("No run yet. Press 2 to set one up.")
            return
        if self._folder is None or self._folder.path != Path(path):
            self._folder = RunFolder(Path(path))
            self._results = None
            self._forget_judged()
            self._say_empty(f"Reading {printable(Path(path).name)} ...")
        self._follow(self._folder)
        self._read_marks_again()

    @on(events.ScreenSuspend)
    def _suspended(self) -> None:
        """Nobody looks: read nothing."""
        self.workers.cancel_group(self, "follow")

    @on(FollowingPlace.Read)
    def _read(self, event: FollowingPlace.Read) -> None:
        event.stop()
        if self._folder is None or event.folder.path != self._folder.path:
            return
        if event.results is None:
            hint = "No trial is finished yet: figures come with the first one. 3 shows how far the run is."
            self._say_empty(event.problem or hint)
            return
        self.remove_class("-empty")
        self._results = event.results
        with self.app.batch_update():
            table = self.query_one(NetworkTable)
            before = table.chosen
            table.show(event.results)
            if table.chosen == before:
                self._show_network()
        if self.focused is None:
            self._focus_part()
        self._read_opinions(event.results.folder)

    def _say_empty(self, sentence: str) -> None:
        self.add_class("-empty")
        self.query_one("#empty", Static).update(Content(printable(sentence)))

    @on(NetworkTable.Chosen)
    def _network_chosen(self, event: NetworkTable.Chosen) -> None:
        event.stop()
        self._show_network()

    def _show_network(self) -> None:
        """Show the chosen network's parts, and read what it said of each image."""
        results, network = self._results, self.query_one(NetworkTable).chosen
        if results is None or network not in results.figures["networks"]:
            return
        of = results.figures["networks"][network]
        self._show_said(results, network)
        self.query_one("#matrix", ConfusionGrid).show(np.array(of["confusion"]), results.classes)
        self.query_one(ClassesTable).show(results, network)
        self.query_one(FiguresTable).show(results, network)
        self._show_view()
        self._read_judged(results.folder, network)

    @on(FollowingPlace.OpinionsRead)
    def _opinions_read(self, event: FollowingPlace.OpinionsRead) -> None:
        event.stop()
        if self._folder is not None and event.folder.path == self._folder.path:
            self._show_opinions(event.opinions)

    @on(FollowingPlace.JudgedRead)
    def _judged_read(self, event: FollowingPlace.JudgedRead) -> None:
        event.stop()
        if event.network != self.query_one(NetworkTable).chosen:
            return
        if event.judged is None:
            self._forget_judged()
            self.query_one("#behind", Static).update(Content.styled(printable(event.problem), "$warning"))
            return
        self._show_judged(event.judged, event.network)
        if self._part == "matrix":
            self._show_behind(*self.query_one("#matrix", ConfusionGrid).cursor)

    # -- what is said

    def _show_said(self, results: RunResults, network: str) -> None:
        """Say how the drawn figure is to be taken: its interval, differences, and what choosing the best does to it."""
        table = self.query_one(NetworkTable)
        other = next((name for name in table.order if name != network), None)
        self.query_one("#head", Static).update(head(results, network, table.metric))
        lines = [difference_line(results, network, other, table.metric), *best_lines(results, table.metric)]
        self.query_one("#difference", Static).update(Content("\n").join(lines))

    # -- the images behind a cell

    @on(ConfusionGrid.CellHighlighted)
    def _cell_highlighted(self, event: ConfusionGrid.CellHighlighted) -> None:
        event.stop()
        self._show_behind(event.row, event.column)

    def _show_behind(self, row: int, column: int) -> None:
        judged = self._judged
        if judged is None or row >= len(judged.classes) or self._part != "matrix":
            return
        behind = judged.behind(row, column).tolist()
        many = plural(len(behind), "image")
        what = _cell_words(judged, row, column)
        self.query_one("#behind", Static).update(f"{what}: {many}, surest first" if behind else f"{what}: none")
        self._show_grid(behind)

    @on(ConfusionGrid.CellSelected)
    def _cell_selected(self, event: ConfusionGrid.CellSelected) -> None:
        event.stop()
        if self._in_grid:
            self.add_class("-right")
            self._grid.focus()

    @on(ThumbnailGrid.Opened)
    def _thumbnail_opened(self, event: ThumbnailGrid.Opened) -> None:
        event.stop()
        judged, rows = self._judged, list(self._in_grid)
        if judged is None:
            return
        if self._part == "images":  # images like another one
            self._enlarge(rows, event.index)
            return
        cell = self.query_one("#matrix", ConfusionGrid).cursor
        self.action_part("images")
        self._show_within(_cell_words(judged, *cell), rows, rows[event.index])

    @on(GroupsView.Opened)
    def _group_opened(self, event: GroupsView.Opened) -> None:
        event.stop()
        judged = self._judged
        if judged is not None:
            self.action_part("images")
            rows = [row for row, group in enumerate(judged.groups) if group == event.group]
            self._show_within(f"group {printable(event.group)}", rows)

    # -- keys

    def action_part(self, part: str) -> None:
        """Show another part below the table; the key of the part that is shown goes on to the next thing of it."""
        shown = self.query_one(FiguresTable) if part == "figures" else self._view
        if part == self._part and shown is not None and shown.has_focus_within:
            shown.again()
            return
        for name in _PARTS:
            self.set_class(name == part, f"-{name}")
        self.remove_class("-right", "-alike")
        self.query_one(FiguresTable).remove_class("-folds")
        self.set_class(part != "matrix", "-viewing")
        self._part = part
        self._focus_part()
        self._show_view()
        if part == "images":
            self._show_row()
        elif part == "matrix":
            self._show_behind(*self.query_one("#matrix", ConfusionGrid).cursor)

    @property
    def _view(self) -> ResultView | None:
        """The view that is shown; None where the part is a table or the matrix."""
        return next((view for view in self.query(".view") if isinstance(view, ResultView) and view.display), None)

    def _show_view(self) -> None:
        """Have the view that is shown made for the chosen network, and say which parts there are."""
        table, results = self.query_one(NetworkTable), self._results
        self.query_one("#parts", Static).update(parts_line(_PARTS, self._part, self.size.width - 2))
        if results is not None and table.chosen in results.figures["networks"] and (view := self._view) is not None:
            view.show_network(results, table.chosen, table.metric)

    def _focus_part(self) -> None:
        self.query_one(_PARTS[self._part].focus).focus()

    def action_other(self, step: int) -> None:
        """Go round the table of networks, the part below and what stands beside it."""
        stops = ["NetworkTable", _PARTS[self._part].focus]
        if self._part == "matrix" or (self._part == "images" and self.has_class("-alike")):
            stops.append("ReviewGrid")
        elif self._part in ("images", "calibration", "decision", "costs") and self.has_class("-narrow"):
            self.toggle_class("-right")  # what stands there has no focus of its own
            return
        at = next((i for i, stop in enumerate(stops) if self.query_one(stop).has_focus_within), 0)
        wanted = stops[(at + step) % len(stops)]
        self.set_class(wanted == "ReviewGrid", "-right")
        self.query_one(wanted).focus()

    def action_back(self) -> None:
        """Go from what stands beside a part back to the part."""
        self.remove_class("-right", "-alike")
        self._focus_part()
        if self._part == "images":
            self._show_row()

    def action_networks(self) -> None:
        """Go to the table of networks."""
        self.remove_class("-right")
        self.query_one(NetworkTable).focus()

    def action_metric(self) -> None:
        """Draw the next figure's intervals."""
        table = self.query_one(NetworkTable)
        table.next_metric()
        if self._results is not None:
            self._show_said(self._results, table.chosen)
            self._show_view()

    @work(group="dialog", exclusive=True, exit_on_error=False)
    async def action_write(self) -> None:
        """Write the tables to a folder."""
        if self._results is None or not self.may_change("write tables"):
            return
        offered = self.shell.workspace.root / "tables" / self._results.folder.name
        path = await self.app.push_screen_wait(
            PathPrompt(
                "Write the tables to",
                detail="A folder: networks, classes, folds and matrices as CSV, everything as JSON.",
                value=str(offered),
                action="Save",
            )
        )
        if path is None:
            return
        try:
            files = await asyncio.to_thread(write_tables, self._results, Path(path))
        except OSError as error:
            self.shell.tell(f"{path} can't be written: {error.strerror}.", "error")
            return
        self.shell.tell(f"{plural(len(files), 'file')} written to {path}")

    @work(exclusive=True, group="report", exit_on_error=False)
    async def action_report(self) -> None:
        """Write the run's report into its folder."""
        if self._results is None or not self.may_change("write a report"):
            return
        folder = self._results.folder
        self.shell.tell("Writing the report ...")
        outcome = await run_command(command_line(self.shell.workspace.root, "report", str(folder.path)))
        if outcome.code == 0:
            self.shell.tell(f"The report is {folder.path / 'report.html'}")
        else:
            self.shell.tell(outcome.sentence, "error")


def _cell_words(judged: Judged, row: int, column: int) -> str:
    names = printable(judged.classes[row]), printable(judged.classes[column])
    return f"{names[0]}, said so" if row == column else f"{names[0]} taken for {names[1]}"
