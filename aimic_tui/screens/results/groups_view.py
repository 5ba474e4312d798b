"""Which patients, slides or smears a network fails on, and how it does in subgroups by a column of the manifest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.message import Message

from aimic_tui.engine.evaluation import subgroup_words
from aimic_tui.engine.evaluation.column_subgroups import METRICS, ColumnSubgroups
from aimic_tui.engine.evaluation.metric_titles import TITLES
from aimic_tui.engine.evaluation.subgroups import GroupFigures
from aimic_tui.engine.formatting.numbers import number, p_value
from aimic_tui.engine.text import listed, printable
from aimic_tui.screens.results.result_view import ComputedView, interval_cell
from aimic_tui.widgets.big_table import BigTable
from aimic_tui.widgets.table_column import Cell, Column
from aimic_tui.widgets.table_rows import RowSelected
from aimic_tui.wording import groups
from aimic_tui.wording.signs import SIGNS
from aimic_tui.workspace.results_session import ResultsSession

_WORSE: Cell = (("!", "attention"),)
_WIDE = 90  # columns of the screen in which subgroups have room for their numbers of images


@dataclass(frozen=True)
class GroupsFound:
    """What the view shows.

    Attributes:
        columns: of the manifest, by which there are subgroups.
        groups: the run's groups, the one with the lowest accuracy first.
        subgroups: by one of the columns; None shows the groups.
    """

    columns: Sequence[str]
    groups: Mapping[str, GroupFigures]
    subgroups: ColumnSubgroups | None


class GroupsView(ComputedView[GroupsFound]):
    """The groups of images, the one with the lowest accuracy first; its key goes on to the subgroups by each column."""

    NAME: ClassVar[str] = "groups"
    KEY: ClassVar[str] = "s"
    TITLE: ClassVar[str] = "Groups"
    TOOLTIP: ClassVar[str] = "Which slides or patients it fails on; again: by sex, site, age (columns of the manifest)"
    FOCUS: ClassVar[str] = "#groups"

    @dataclass
    class Opened(Message):
        """The images of a group are to be shown."""

        group: str

    def __init__(self) -> None:
        super().__init__()
        self._names: Sequence[str] = ()
        self._column: str | None = None

    def compose(self) -> ComposeResult:
        """Yield a sentence and the groups."""
        yield from super().compose()
        yield BigTable(id="groups", empty="")

    async def compute(self, session: ResultsSession) -> GroupsFound:
        """Get each group's figures, or those of the subgroups by the chosen column."""
        columns = await session.columns()
        found = await session.groups(self.network)
        if self._column not in columns:
            self._column = None
        subgroups = await session.subgroups(self.network, self._column) if self._column is not None else None
        return GroupsFound(columns, found, subgroups)

    def show_next(self) -> None:
        """Go on to the subgroups by the next column of the manifest, or back to the groups."""
        if self.found is None or not self.found.columns:
            return
        order = [None, *self.found.columns]
        self._column = order[(order.index(self._column) + 1) % len(order)] if self._column in order else None
        self.refresh_network()

    def draw(self, found: GroupsFound) -> None:
        """List the groups, the worst first, or the subgroups in the column's order."""
        if found.subgroups is None:
            self._draw_groups(found)
        else:
            self._draw_subgroups(found.subgroups)

    def _draw_groups(self, found: GroupsFound) -> None:
        self._names, rows = list(found.groups), list(found.groups.values())
        self.show_words(_summary(rows, found.columns))

        def sign(row: GroupFigures) -> Cell:
            return _WORSE if row.worse else " "

        columns = [
            Column("worse", " ", rows, sign, width=1),
            Column("group", "group", self._names, printable, keep_end=True),
            Column("images", "images", [row.images for row in rows], "{:,}".format, "right", 7, descending=True),
            Column("wrong", "wrong", [row.wrong for row in rows], "{:g}".format, "right", 7, descending=True),
            Column(
                "accuracy",
                "accuracy",
                [row.accuracy for row in rows],
                interval_cell,
                width=20,
                sort_by=[f"{row.accuracy.value or 0:.6f}" for row in rows],
            ),
            Column("limit", "limit", [row.limit for row in rows], number, "right", 5),
            Column("p", "p adjusted", [row.p for row in rows], p_value, "right", 10),
        ]
        self.query_one("#groups", BigTable).show(columns, len(rows))

    def _draw_subgroups(self, found: ColumnSubgroups) -> None:
        metric = self.metric if self.metric in METRICS else METRICS[0]
        self._names, rows = (), found.subgroups
        shown = any(row.differences[metric].shown for row in rows)
        self.show_words(
            Content.assemble(
                (f"{SIGNS['attention']} ", "$warning") if shown else "",
                (f"{subgroup_words.verdict(found, metric, number)} ", "bold"),
                (" ".join([*subgroup_words.remarks(found), f"{self.KEY}: the next column."]), "$text-muted"),
            )
        )
        differences = [row.differences[metric] for row in rows]
        columns = [
            Column(
                "value",
                printable(found.column),
                [f"{'!' if row.differences[metric].shown else ' '} {printable(row.name)}" for row in rows],
            ),
            Column("groups", "groups", [row.groups for row in rows], "{:,}".format, "right", 6, descending=True),
            Column("figure", TITLES[metric], [row.figures[metric] for row in rows], interval_cell, width=18),
            Column("difference", "minus others", [one.interval for one in differences], interval_cell, width=20),
            Column("p", "p adj.", [one.p for one in differences], p_value, "right", 6),
        ]
        if self.size.width >= _WIDE:  # else the values' names would be cut
            images = [row.images for row in rows]
            columns.insert(1, Column("images", "images", images, "{:,}".format, "right", 6, descending=True))
        self.query_one("#groups", BigTable).show(columns, len(rows))

    @on(RowSelected, "#groups")
    def _selected(self, event: RowSelected) -> None:
        event.stop()
        if self._names:
            self.post_message(self.Opened(self._names[event.row]))


def _summary(rows: Sequence[GroupFigures], columns: Sequence[str]) -> Content:
    said = groups.verdict(rows)
    more = f" {GroupsView.KEY} again: by {listed([printable(column) for column in columns])}." if columns else ""
    if not any(row.p is not None for row in rows):
        return Content.assemble(said, (more, "$text-muted"))
    sign, colour = ("attention", "$warning") if any(row.worse for row in rows) else ("finished", "$success")
    return Content.assemble(
        (f"{SIGNS[sign]} ", colour),
        (f"{said} ", "bold"),
        (f"{groups.LIMIT} enter: its images.{more}", "$text-muted"),
    )
