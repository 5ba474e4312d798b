"""Results: what did I learn, and can I believe it?"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import ClassVar

import numpy as np
from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from aimic_tui.engine.data.intensity import AS_STORED
from aimic_tui.engine.errors import AimicError, InputProblem
from aimic_tui.engine.runs.folder import RunFolder
from aimic_tui.engine.runs.status import read_status
from aimic_tui.engine.text import printable
from aimic_tui.process import command_line, run_command
from aimic_tui.screens.place import Place
from aimic_tui.screens.results_data import (
    METRIC_NAMES,
    Judged,
    RunResults,
    has_predictions,
    read_judged,
    read_results,
    results_from,
    write_tables,
)
from aimic_tui.screens.results_table import NetworkTable
from aimic_tui.screens.results_tables import choice_line, class_columns, fold_columns, head, image_columns
from aimic_tui.screens.run_grid import short
from aimic_tui.widgets.big_table import BigTable, Cell
from aimic_tui.widgets.dialogs import PathPrompt
from aimic_tui.widgets.frame import Rule
from aimic_tui.widgets.image_view import ImageView
from aimic_tui.widgets.matrix import ConfusionGrid
from aimic_tui.widgets.table_column import cut
from aimic_tui.widgets.table_rows import RowHighlighted, RowSelected
from aimic_tui.widgets.thumbnails import Thumbnail, ThumbnailGrid
from aimic_tui.wording import plural

_PAUSE = 2.0  # seconds between two looks at a run that is going on
_PARTS = {"matrix": "Matrix", "classes": "Classes", "folds": "Folds", "images": "Images"}
_FOCUS = {"matrix": "#matrix", "classes": "#classes", "folds": "#folds", "images": "#images"}


class ResultsScreen(Place):
    """The figures of a run, as far as it has come, and the images behind them."""

    PLACE: ClassVar[str] = "results"
    CSS_PATH = "results.tcss"
    AUTO_FOCUS = "#matrix"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide")]  # noqa: RUF012 - declared so by Textual

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("m", "part('matrix')", "Matrix", id="results.matrix", tooltip="The confusion matrix"),
        Binding("c", "part('classes')", "Classes", id="results.classes", tooltip="The figures of each class"),
        Binding("t", "part('folds')", "Folds", id="results.folds", tooltip="The figures of each fold"),
        Binding("p", "part('images')", "Predictions", id="results.images", tooltip="What was said of each image"),
        Binding("e", "report", "Report", id="results.report", tooltip="Write the run's report, one page"),
        Binding("v", "metric", "Figure", show=False, id="results.metric", tooltip="Draw the next figure's intervals"),
        Binding("w", "write", "Write", show=False, id="results.write", tooltip="Write the tables to a folder"),
        Binding("b", "networks", "Networks", show=False, id="results.networks", tooltip="To the table of networks"),
        Binding("escape", "back", "Back", show=False, id="results.back", tooltip="From the image back to the list"),
        Binding("tab", "other(1)", "Other part", show=False, id="results.other", tooltip="To the part beside it"),
        Binding("shift+tab", "other(-1)", show=False, id="results.other-back", tooltip="To the part before it"),
    ]

    class Read(Message):
        """Figures were read (None: no trial is finished), or a sentence says why they could not be."""

        def __init__(self, folder: RunFolder, results: RunResults | None, problem: str = "") -> None:
            super().__init__()
            self.folder = folder
            self.results = results
            self.problem = problem

    class JudgedRead(Message):
        """What a network said about each image was read."""

        def __init__(self, network: str, judged: Judged | None, problem: str = "") -> None:
            super().__init__()
            self.network = network
            self.judged = judged
            self.problem = problem

    def __init__(self) -> None:
        super().__init__()
        self._folder: RunFolder | None = None
        self._results: RunResults | None = None
        self._judged: Judged | None = None
        self._behind: np.ndarray = np.zeros(0, np.intp)
        self._part = "matrix"
        self.add_class("-matrix")

    def compose_body(self) -> ComposeResult:
        """Yield the parts."""
        yield Static("", id="empty")
        yield Static("", id="head", classes="part")
        yield Rule().add_class("part", "upper")
        yield NetworkTable().add_class("part")
        yield Static("", id="difference", classes="part")
        yield Rule().add_class("part")
        with Horizontal(id="lower", classes="part"):
            with Vertical(id="left"):
                yield ConfusionGrid(id="matrix")
                yield BigTable(id="classes")
                yield BigTable(id="folds")
                yield BigTable(id="images", empty="No image was judged yet.")
            with Vertical(id="right"):
                yield Static("", id="behind")
                yield ThumbnailGrid(empty="No image in this cell.")
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
            self._results, self._judged = None, None
            self._say_empty(f"Reading {printable(Path(path).name)} ...")
        self._follow(self._folder)

    @on(events.ScreenSuspend)
    def _suspended(self) -> None:
        """Nobody looks: read nothing."""
        self.workers.cancel_group(self, "follow")

    @work(group="follow", exclusive=True, exit_on_error=False)
    async def _follow(self, folder: RunFolder) -> None:
        seen: object = None
        while True:
            mark = _mark(folder)
            if mark != seen:
                seen = mark
                try:
                    results = await asyncio.to_thread(read_results, folder)
                    if results is None and await asyncio.to_thread(has_predictions, folder):
                        results = await self._made_anew(folder)
                    self.post_message(self.Read(folder, results))
                except AimicError as problem:
                    self.post_message(self.Read(folder, None, problem.sentence))
            await asyncio.sleep(_PAUSE)

    async def _made_anew(self, folder: RunFolder) -> RunResults | None:
        """Have the figures made from the predictions: the run's own file of them is missing or damaged."""
        outcome = await run_command(
            command_line(self.shell.workspace.root, "results", str(folder.path), "--json"),
        )
        if outcome.code != 0:
            raise InputProblem(outcome.sentence)
        return results_from(folder, read_status(folder), json.loads(outcome.stdout))

    @on(Read)
    def _read(self, event: Read) -> None:
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
            self.query_one("#head", Static).update(head(event.results))
            table = self.query_one(NetworkTable)
            before = table.chosen
            table.show(event.results)
            if table.chosen == before:
                self._show_network()
        if self.focused is None:
            self.query_one(_FOCUS[self._part]).focus()

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
        self._show_difference(results, network)
        self.query_one("#matrix", ConfusionGrid).show(np.array(of["confusion"]), results.classes)
        self.query_one("#classes", BigTable).show(class_columns(results, network), len(results.classes))
        self.query_one("#folds", BigTable).show(fold_columns(of["folds"]), len(of["folds"]))
        self._read_judged(results.folder, network)

    @work(group="judged", exclusive=True, exit_on_error=False)
    async def _read_judged(self, folder: RunFolder, network: str) -> None:
        try:
            self.post_message(self.JudgedRead(network, await asyncio.to_thread(read_judged, folder, network)))
        except AimicError as problem:
            self.post_message(self.JudgedRead(network, None, problem.sentence))

    @on(JudgedRead)
    def _judged_read(self, event: JudgedRead) -> None:
        event.stop()
        if event.network != self.query_one(NetworkTable).chosen:
            return
        self._judged = event.judged
        self.query_one(ThumbnailGrid).rule = self.query_one(ImageView).rule = (
            AS_STORED if event.judged is None else event.judged.rule
        )
        if event.judged is None:
            self.query_one("#behind", Static).update(Content.styled(printable(event.problem), "$warning"))
            return
        self.query_one("#images", BigTable).show(image_columns(event.judged), len(event.judged.images))
        self._show_behind(*self.query_one("#matrix", ConfusionGrid).cursor)

    # -- what is said

    def _show_difference(self, results: RunResults, network: str) -> None:
        lines = [self._difference(results, network), *choice_line(results, self.query_one(NetworkTable).metric)]
        self.query_one("#difference", Static).update(Content("\n").join(lines))

    def _difference(self, results: RunResults, network: str) -> Content:
        """Compare the chosen network with the best other one by the drawn figure."""
        table = self.query_one(NetworkTable)
        other = next((name for name in table.order if name != network), None)
        if other is None:
            return Content("One network: there is none to compare it with.")
        for pair in results.figures["pairs"]:
            if {pair["a"], pair["b"]} == {network, other}:
                found = pair["differences"][table.metric]
                sign = 1 if pair["a"] == network else -1
                ends = sorted(sign * found[end] for end in ("low", "high") if found[end] is not None)
                if found["value"] is None or len(ends) != 2:
                    break
                shown = ends[0] > 0 or ends[1] < 0
                said = "Different" if shown else "Not shown to differ"
                interval = f"{sign * found['value']:+.3f} [{ends[0]:+.3f}, {ends[1]:+.3f}]"
                text = f"{printable(network)} − {printable(other)}, {METRIC_NAMES[table.metric]} {interval}"
                return Content.assemble((f"{said}: ", "bold"), (text, "$foreground"), f" on {pair['images']:,} images")
        return Content(f"{printable(network)} and {printable(other)} have no tested images in common yet.")

    # -- the images behind a cell

    @on(ConfusionGrid.CellHighlighted)
    def _cell_highlighted(self, event: ConfusionGrid.CellHighlighted) -> None:
        event.stop()
        self._show_behind(event.row, event.column)

    def _show_behind(self, row: int, column: int) -> None:
        judged = self._judged
        if judged is None or row >= len(judged.classes):
            return
        self._behind = judged.behind(row, column)
        names = printable(judged.classes[row]), printable(judged.classes[column])
        what = f"{names[0]}, said so" if row == column else f"{names[0]} taken for {names[1]}"
        many = plural(len(self._behind), "image")
        self.query_one("#behind", Static).update(
            f"{what}: {many}, surest first" if len(self._behind) else f"{what}: none"
        )
        sign = "" if row == column else "!"
        items = [
            Thumbnail(judged.paths[i], f"{Path(judged.images[i]).name} {short(sure)}", sign, "attention")
            for i, sure in zip(self._behind, judged.confidence[self._behind].tolist(), strict=True)
        ]
        self.query_one(ThumbnailGrid).show(items)

    @on(ConfusionGrid.CellSelected)
    def _cell_selected(self, event: ConfusionGrid.CellSelected) -> None:
        event.stop()
        if len(self._behind):
            self.add_class("-right")
            self.query_one(ThumbnailGrid).focus()

    @on(ThumbnailGrid.Opened)
    def _thumbnail_opened(self, event: ThumbnailGrid.Opened) -> None:
        event.stop()
        self.remove_class("-right")
        self.action_part("images")
        self.query_one("#images", BigTable).go_to(int(self._behind[event.index]))

    @on(RowHighlighted, "#images")
    def _image_highlighted(self, event: RowHighlighted) -> None:
        event.stop()
        view, judged = self.query_one(ImageView), self._judged
        if judged is None or event.row is None or self._part != "images":
            view.show_path(None)
            return
        self._show_image(event.row, judged, view)

    @on(RowSelected, "#images")
    def _image_selected(self, event: RowSelected) -> None:
        event.stop()
        self.add_class("-right")

    def _show_image(self, row: int, judged: Judged, view: ImageView) -> None:
        truth, said = judged.classes[judged.labels[row]], judged.said[row]
        self.query_one("#behind", Static).update(Content(printable(judged.images[row])))
        shares = judged.probabilities[row]
        order = np.argsort(-np.nan_to_num(shares))
        below: list[Cell] = []
        for code in order[:8]:
            line = f"{cut(printable(judged.classes[code]), 18):18} {short(float(shares[code])):>6}"
            below.append(((line, "strong" if code == said else ""),))
        right = said == judged.labels[row]
        words: list[Cell] = [
            ((f"truth {printable(truth)}", ""),),
            (("✓ right" if right else "! wrong", "" if right else "attention"),),
            ((f"group {printable(judged.groups[row])}, fold {judged.folds[row]}", "muted"),),
        ]
        view.show_path(judged.paths[row], words, below)

    # -- keys

    def action_part(self, part: str) -> None:
        """Show another part below the table."""
        for name in _PARTS:
            self.set_class(name == part, f"-{name}")
        self.remove_class("-right")
        self._part = part
        self.query_one(_FOCUS[part]).focus()
        if part == "images" and self._judged is not None:
            row = self.query_one("#images", BigTable).row
            if row is not None:
                self._show_image(row, self._judged, self.query_one(ImageView))
        elif part == "matrix":
            self._show_behind(*self.query_one("#matrix", ConfusionGrid).cursor)

    def action_other(self, step: int) -> None:
        """Go round the table of networks, the part below and what stands beside it."""
        stops = ["NetworkTable", _FOCUS[self._part], *(["ThumbnailGrid"] if self._part == "matrix" else [])]
        at = next((i for i, stop in enumerate(stops) if self.query_one(stop).has_focus_within), 0)
        wanted = stops[(at + step) % len(stops)]
        self.set_class(wanted == "ThumbnailGrid", "-right")
        self.query_one(wanted).focus()

    def action_back(self) -> None:
        """Go from what stands beside a part back to the part."""
        self.remove_class("-right")
        self.query_one(_FOCUS[self._part]).focus()

    def action_networks(self) -> None:
        """Go to the table of networks."""
        self.remove_class("-right")
        self.query_one(NetworkTable).focus()

    def action_metric(self) -> None:
        """Draw the next figure's intervals."""
        table = self.query_one(NetworkTable)
        table.next_metric()
        if self._results is not None:
            self._show_difference(self._results, table.chosen)

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


def _mark(folder: RunFolder) -> tuple[int, ...]:
    """Return what changes when a run's figures or its state do."""
    marks = []
    for path in (folder.results_file, folder.status_file):
        try:
            facts = path.stat()
            marks += [facts.st_ino, facts.st_mtime_ns, facts.st_size]
        except OSError:
            marks.append(0)
    return tuple(marks)
