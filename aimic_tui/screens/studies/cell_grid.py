"""The grid of a study's cells: data sets down, protocols across, each with the state and progress of its run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.app import RenderResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.style import Style
from textual.widget import Widget

from aimic_tui.engine.formatting.numbers import number
from aimic_tui.engine.formatting.times import ago, duration
from aimic_tui.engine.study.plan import CellPlan
from aimic_tui.engine.text import one_line, plural, printable
from aimic_tui.screens.studies.rows import STYLES
from aimic_tui.widgets.bars import progress_bar
from aimic_tui.widgets.table_column import cut
from aimic_tui.wording.signs import SIGNS
from aimic_tui.workspace.runs_overview import RunRow
from aimic_tui.workspace.studies_overview import CellRow, StudyRow
from aimic_tui.workspace.studies_session import Plan
from aimic_tui.workspace.study_plan_lines import outdated_sentence

_WIDEST = 52  # columns of a cell
_COUNT = 7  # "131/400"


class CellGrid(Widget, can_focus=True):
    """Data sets times protocols; one cell is chosen."""

    DEFAULT_CSS = """
    CellGrid { height: auto; max-height: 12; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h", "move(0, -1)", "Previous", show=False, id="studies.left", tooltip="The previous protocol"),
        Binding("right,l", "move(0, 1)", "Protocol", show=False, id="studies.right", tooltip="The next protocol"),
        Binding("up,k", "move(-1, 0)", "Up", show=False, id="studies.up", tooltip="The data set above"),
        Binding("down,j", "move(1, 0)", "Down", show=False, id="studies.down", tooltip="The data set below"),
    ]

    @dataclass
    class Moved(Message):
        """Another cell is chosen."""

        cell: CellRow

    def __init__(self) -> None:
        super().__init__()
        self._row: StudyRow | None = None
        self._plan: Plan = {}
        self._data: list[str] = []
        self._protocols: list[str] = []
        self._at = (0, 0)

    def show(self, row: StudyRow, plan: Plan) -> None:
        """Show a study; the chosen cell stays."""
        if self._row is None or row.folder != self._row.folder:
            self._at = (0, 0)
        before = len(self._data)
        self._row, self._plan = row, plan
        self._data = list(dict.fromkeys(cell.data for cell in row.cells))
        self._protocols = list(dict.fromkeys(cell.protocol for cell in row.cells))
        self.refresh(layout=len(self._data) != before)

    @property
    def chosen(self) -> CellRow | None:
        """The cell with the cursor."""
        if self._row is None or not self._data:
            return None
        down, right = min(self._at[0], len(self._data) - 1), min(self._at[1], len(self._protocols) - 1)
        return self._cell(self._data[down], self._protocols[right])

    def _cell(self, data: str, protocol: str) -> CellRow | None:
        cells = self._row.cells if self._row is not None else ()
        return next((cell for cell in cells if (cell.data, cell.protocol) == (data, protocol)), None)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """A line a data set and one of headers."""
        return len(self._data) + 1

    def action_move(self, down: int, right: int) -> None:
        """Choose another cell."""
        if self._data:
            self._choose(self._at[0] + down, self._at[1] + right)

    def _choose(self, down: int, right: int) -> None:
        self._at = min(max(0, down), len(self._data) - 1), min(max(0, right), len(self._protocols) - 1)
        self.refresh()
        if (cell := self.chosen) is not None:
            self.post_message(self.Moved(cell))

    def on_click(self, event: events.Click) -> None:
        """Choose the cell that was clicked."""
        if (place := event.style.meta.get("cell")) is not None:
            self._choose(*place)

    def render(self) -> RenderResult:
        """Draw the grid."""
        if not self._data:
            return Content("")
        names = min(max([8, *(len(printable(name)) for name in self._data)]), 24) + 2
        each = min(_WIDEST, (self.size.width - names) // len(self._protocols))
        header = "data set".ljust(names) + "".join(self._heading(name).ljust(each) for name in self._protocols)
        lines = [Content.styled(header, "$text-muted")]
        room = max(1, self.size.height - 1)
        start = min(max(0, self._at[0] - room // 2), max(0, len(self._data) - room))
        for down in range(start, min(len(self._data), start + room)):
            parts = [Content(cut(printable(self._data[down]), names - 2).ljust(names))]
            parts += [self._drawn(down, right, each) for right in range(len(self._protocols))]
            lines.append(Content("").join(parts))
        return Content("\n").join(lines)

    def _heading(self, protocol: str) -> str:
        return protocol if protocol == "honest" else f"{protocol} (optimistic)"

    def _drawn(self, down: int, right: int, width: int) -> Content:
        cell = self._cell(self._data[down], self._protocols[right])
        if cell is None:
            return Content(" " * width)
        plan = self._plan.get((cell.data, cell.protocol))
        bar = 10 if width >= 40 else 0
        total = cell.trials if cell.trials is not None else plan.trials if plan is not None and plan.trials else None
        content = Content.assemble(
            (f"{SIGNS[cell.state]} ", STYLES.get(cell.state, "$text-muted" if cell.state == "queued" else "")),
            f"{cell.done}/{'–' if total is None else total}".ljust(_COUNT),
            " ",
            progress_bar(cell.fraction, bar, "$primary" if cell.state == "running" else "$secondary") if bar else "",
            " " if bar else "",
            (_words(cell, plan), STYLES.get(cell.state, "$text-muted")),
        ).truncate(width - 2, ellipsis=True, pad=True)
        if (down, right) == self._at:
            # The sign and the counts take the mark; a bar in reverse could not be read.
            content = content.stylize("bold reverse" if self.has_focus else "bold underline", 0, 2 + _COUNT)
        return Content.assemble(content, "  ").stylize(Style.from_meta({"cell": (down, right)}))


def _words(cell: CellRow, plan: CellPlan | None) -> str:
    """Say of a cell what its sign and its count leave open."""
    if cell.checking:
        return "checking images"
    if cell.state == "running":
        return "just started" if cell.seconds_left is None else f"{duration(cell.seconds_left)} left"
    if cell.state == "finished":
        return _figure(cell.runs)
    if plan is not None and plan.problem:
        return "not ready to run"
    left = f"at most {duration(plan.seconds)}" if plan is not None and plan.seconds is not None else ""
    if cell.state == "queued" and not cell.runs:
        return left
    return f"{cell.state}{f', {left}' if left else ''}"


def _figure(runs: tuple[RunRow, ...]) -> str:
    figures = [run.figure for run in runs if run.figure is not None]
    if not figures:
        return ""
    low, high = min(figure.lowest for figure in figures), max(figure.value for figure in figures)
    return f"F1 {number(high)}" if low == high else f"F1 {number(low)} to {number(high)}"


def cell_details(cell: CellRow, plan: CellPlan | None, width: int) -> Content:
    """Write what is known of one cell: its images, its runs, what is wrong."""
    facts = [f"{printable(cell.data)}, {cell.protocol}"]
    if plan is not None and plan.images:
        facts.append(f"{plural(plan.images, 'image')} of {plural(plan.classes, 'class', 'classes')}")
    lines = [Content.assemble((facts[0], "bold"), *("  " + fact for fact in facts[1:]))]
    for run in cell.runs:
        status = run.status
        style = STYLES.get(status.state, "")
        lines.append(
            Content.assemble(
                (f"{SIGNS[status.state]} ", style),
                printable(run.folder.name),
                (f"  {status.state} {ago(status.ended or status.started or status.created)}", "$text-muted"),
                (f"  {one_line(status.reason)}" if status.reason else "", style),
            )
        )
    if not cell.runs:
        lines.append(Content.styled("no run yet" + (", the images are being checked" * cell.checking), "$text-muted"))
    problem = cell.problem or (plan.problem if plan is not None else "")
    if problem:
        lines.append(Content.styled(f"! {one_line(problem)}", "$warning"))
    if cell.outdated:
        lines.append(Content.styled(outdated_sentence(cell.outdated), "$text-muted"))
    return Content("\n").join(line.truncate(width, ellipsis=True) for line in lines)
