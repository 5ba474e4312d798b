"""Which patients, slides or smears a network fails on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.message import Message

from aimic_tui.engine.evaluation.subgroups import GroupFigures
from aimic_tui.engine.formatting.numbers import number, p_value
from aimic_tui.engine.text import printable
from aimic_tui.screens.results.result_view import ComputedView, interval_cell
from aimic_tui.widgets.big_table import BigTable
from aimic_tui.widgets.table_column import Cell, Column
from aimic_tui.widgets.table_rows import RowSelected
from aimic_tui.wording import groups
from aimic_tui.wording.signs import SIGNS
from aimic_tui.workspace.results_session import ResultsSession


class GroupsView(ComputedView[Mapping[str, GroupFigures]]):
    """The groups of images, the one with the lowest accuracy first."""

    NAME: ClassVar[str] = "groups"
    KEY: ClassVar[str] = "s"
    TITLE: ClassVar[str] = "Groups"
    TOOLTIP: ClassVar[str] = "Which patients, slides or smears the network fails on"
    FOCUS: ClassVar[str] = "#groups"

    @dataclass
    class Opened(Message):
        """The images of a group are to be shown."""

        group: str

    def __init__(self) -> None:
        super().__init__()
        self._names: Sequence[str] = ()

    def compose(self) -> ComposeResult:
        """Yield a sentence and the groups."""
        yield from super().compose()
        yield BigTable(id="groups", empty="")

    async def compute(self, session: ResultsSession) -> Mapping[str, GroupFigures]:
        """Get each group's figures."""
        return await session.groups(self.network)

    def draw(self, found: Mapping[str, GroupFigures]) -> None:
        """List the groups, the worst first."""
        self._names, rows = list(found), list(found.values())
        self.show_words(_summary(rows))

        def sign(row: GroupFigures) -> Cell:
            return (("!", "attention"),) if row.worse else " "

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

    @on(RowSelected, "#groups")
    def _selected(self, event: RowSelected) -> None:
        event.stop()
        self.post_message(self.Opened(self._names[event.row]))


def _summary(rows: Sequence[GroupFigures]) -> Content:
    said = groups.verdict(rows)
    if not any(row.p is not None for row in rows):
        return Content(said)
    sign, colour = ("attention", "$warning") if any(row.worse for row in rows) else ("finished", "$success")
    return Content.assemble(
        (f"{SIGNS[sign]} ", colour), (f"{said} ", "bold"), (f"{groups.LIMIT} enter: its images.", "$text-muted")
    )
