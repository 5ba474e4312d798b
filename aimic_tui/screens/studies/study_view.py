"""An open study: how it stands, its cells, and the tables of what is finished."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from aimic_tui.engine.evaluation.metric_titles import TITLES
from aimic_tui.engine.study.study_results import StudyResults
from aimic_tui.screens.studies.cell_grid import CellGrid, cell_details
from aimic_tui.screens.studies.figure_tables import (
    FIGURES,
    Line,
    figure_columns,
    figure_lines,
    gap_columns,
    gap_lines,
    rank_columns,
    sentences_above,
    summary,
)
from aimic_tui.screens.studies.rows import head
from aimic_tui.widgets.big_table import BigTable
from aimic_tui.widgets.frame import Rule
from aimic_tui.widgets.parts_line import Part, parts_line
from aimic_tui.widgets.table_column import Column
from aimic_tui.widgets.table_rows import RowSelected
from aimic_tui.workspace.studies_overview import CellRow, StudyRow
from aimic_tui.workspace.studies_session import Plan, StudyTables

PARTS = {
    "cells": Part("c", "Cells", "CellGrid", "The progress of each data set and protocol"),
    "figures": Part(
        "i", "Figures", "#study-table", "Figures with intervals beside published ones; again: next protocol"
    ),
    "gap": Part("d", "Gap", "#study-table", "What the published protocol adds to the honest one"),
    "ranks": Part("a", "Ranks", "#study-table", "Networks ranked over the data sets; again: the next protocol"),
}
_UNTESTED = "Nothing is tested yet. Figures appear with the first finished trial."


class StudyView(Vertical):
    """One study. What is written comes from its rows and tables; the place reads and makes those."""

    @dataclass
    class RunWanted(Message):
        """A run is to be looked at, by its folder's name."""

        run: str

    def __init__(self) -> None:
        super().__init__(id="study")
        self.part = "cells"
        self.metric = FIGURES[0]
        self._row: StudyRow | None = None
        self._tables: StudyTables | None = None
        self._plan: Plan = {}
        self._left: float | None = None
        self._note = ""
        self._protocol = 0
        self._lines: Sequence[Line] = ()
        self._drawn: object = None
        self.add_class("-cells")

    def compose(self) -> ComposeResult:
        """Yield the head, the parts' names, and the parts."""
        yield Static("", id="study-head")
        yield Static("", id="study-parts")
        yield Rule()
        yield CellGrid()
        yield Static("", id="cell-details")
        yield Static("", id="study-words")
        yield BigTable(id="study-table", empty=_UNTESTED)

    # -- what the place calls

    def show(self, row: StudyRow, tables: StudyTables | None, plan: Plan, left: float | None, note: str) -> None:
        """Show a study as it stands.

        Args:
            row: the study.
            tables: its figures, None where there are none.
            plan: what its cells amount to, as far as it is known.
            left: seconds until all of it is done at most, None where that is not known.
            note: what is to be said of the tables: that they are being made, or why they can't be.
        """
        if self._row is None or self._row.folder != row.folder:
            self._protocol, self._drawn = 0, None
        self._row, self._tables, self._plan, self._left, self._note = row, tables, plan, left, note
        self.draw()

    def go_to(self, part: str) -> None:
        """Show a part; where it is shown already, go on to the next protocol."""
        if part == self.part:
            self._protocol += 1
        self.remove_class(f"-{self.part}")
        self.part = part
        self.add_class(f"-{part}")
        self.draw()
        self.query_one(PARTS[part].focus).focus()

    def next_metric(self) -> None:
        """Show the next figure."""
        self.metric = FIGURES[(FIGURES.index(self.metric) + 1) % len(FIGURES)]
        self.draw()

    @property
    def cell(self) -> CellRow | None:
        """The cell with the cursor."""
        return self.query_one(CellGrid).chosen

    def on_resize(self) -> None:
        """Draw in the new width."""
        self._drawn = None
        self.draw()

    # -- drawing

    def draw(self) -> None:
        """Draw the part that is shown."""
        row = self._row
        if row is None:
            return
        width = max(40, self.size.width)
        self.query_one("#study-head", Static).update(head(row, width, self._left))
        self.query_one("#study-parts", Static).update(parts_line(PARTS, self.part, width))
        if self.part == "cells":
            self.query_one(CellGrid).show(row, self._plan)
            self._draw_details()
        else:
            self._draw_table(width)

    def _draw_details(self) -> None:
        cell = self.cell
        details = self.query_one("#cell-details", Static)
        if cell is None:
            details.update("")
        else:
            plan = self._plan.get((cell.data, cell.protocol))
            parts = [cell_details(cell, plan, max(40, self.size.width))]
            if self._tables is not None and (found := summary(self._tables.results)):
                parts += [Content(""), found]
            details.update(Content("\n").join(parts))

    @on(CellGrid.Moved)
    def _cell_moved(self, event: CellGrid.Moved) -> None:
        event.stop()
        self._draw_details()

    def _draw_table(self, width: int) -> None:
        words, table = self.query_one("#study-words", Static), self.query_one("#study-table", BigTable)
        tables = self._tables
        notes = [Content.styled(self._note, "$text-muted")] if self._note else []
        if tables is None:
            tested = self._row is not None and self._row.tested
            words.update(Content("\n").join(notes))
            table.rows.empty = "" if tested else _UNTESTED  # where something is, the note says why there is no table
            if self._drawn is not None:
                table.show([], 0)
            self._drawn = None
            return
        protocols = tables.results.protocols
        protocol = protocols[self._protocol % len(protocols)]
        said = [*notes, sentences_above(tables.results, self.part, protocol)]
        if self.part == "figures":
            more = f"i: {protocols[(self._protocol + 1) % len(protocols)]} · " if len(protocols) > 1 else ""
            title = TITLES[self.metric]
            said.append(Content.styled(f"{title[0].upper()}{title[1:]}, %. {more}v: the next figure", "$text-muted"))
        words.update(Content("\n").join(said))
        shown = (self._row.folder if self._row else None, tables.written, self.part, protocol, self.metric, width)
        if shown == self._drawn:
            return
        self._drawn = shown
        columns, count = self._columns(tables.results, protocol, width)
        table.show(columns, count)

    def _columns(self, results: StudyResults, protocol: str, width: int) -> tuple[list[Column], int]:
        self._lines = ()
        if self.part == "ranks":
            ranking = results.rankings.get(protocol)
            return rank_columns(ranking, width) if ranking else ([], 0)
        if self.part == "gap":
            self._lines = gap_lines(results)
            return (gap_columns(results, self._lines, width) if self._lines else []), len(self._lines)
        self._lines = figure_lines(results, protocol, self.metric)
        return (figure_columns(self._lines, self.metric, width) if self._lines else []), len(self._lines)

    @on(RowSelected, "#study-table")
    def _selected(self, event: RowSelected) -> None:
        event.stop()
        if event.row < len(self._lines) and self._lines[event.row].run:
            self.post_message(self.RunWanted(self._lines[event.row].run))
