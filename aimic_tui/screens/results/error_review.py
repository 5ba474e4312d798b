"""The error review: from a cell of the matrix, or from a sorted list, to the images, and what is decided about them.

The keys that decide are those of the Data place, and what they decide is kept with the data set.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from textual import on, work
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Static

from aimic_tui.engine.data.audit.look_alikes import Looks
from aimic_tui.engine.data.listing.data_choice import DataChoice
from aimic_tui.engine.data.reading.input_rule import AS_STORED
from aimic_tui.engine.errors import AimicError
from aimic_tui.engine.text import plural, printable
from aimic_tui.screens.marking.controller import MarkingCommand, MarkingController, MarkingTarget, marking_bindings
from aimic_tui.screens.place import Place
from aimic_tui.screens.results.error_review_rows import (
    FILTERS,
    ORDERS,
    kept_by,
    probability_bars,
    review_columns,
    thumbnails_of,
    words_on,
)
from aimic_tui.widgets.big_table import BigTable
from aimic_tui.widgets.image_view import ImageView
from aimic_tui.widgets.large_image import LargeImage
from aimic_tui.widgets.table_column import Cell
from aimic_tui.widgets.table_rows import RowHighlighted, RowSelected
from aimic_tui.widgets.thumbnails import ThumbnailGrid
from aimic_tui.workspace.data_session import DataSession
from aimic_tui.workspace.network_opinions import Opinions, alike, look_alikes, looks_of
from aimic_tui.workspace.run_results import Judged

_COMMANDS: tuple[MarkingCommand, ...] = ("select", "exclude", "set_class", "note", "label_error", "reviewed")
_KEYS = marking_bindings(_COMMANDS, shown=("label_error", "set_class", "exclude", "reviewed"))
_ALIKE = Binding(
    "A", "screen.alike", "Alike", show=False, id="results.alike", tooltip="Images of its group, and answered alike"
)


class ReviewTable(BigTable):
    """The images in a list, to be decided about."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *_KEYS,
        Binding("o", "screen.next_order", "Order", id="results.order", tooltip="Sort by what is worth a look next"),
        Binding("f", "screen.next_filter", "Which", show=False, id="results.filter", tooltip="Show other images"),
        Binding("slash", "search", "Search", show=False, id="table.search", tooltip="Find the next row with a text"),
        _ALIKE,
    ]


class ReviewGrid(ThumbnailGrid):
    """Images behind a cell of the matrix, or like another one, to be decided about."""

    BINDINGS: ClassVar[list[BindingType]] = [*_KEYS, _ALIKE]


class ReviewPlace(Place):
    """A place with a list of judged images; a subclass draws the rest and says which run and network it is about."""

    def __init__(self) -> None:
        super().__init__()
        self._judged: Judged | None = None
        self._opinions: Opinions | None = None
        self._looks: Looks | None = None
        self._network = ""
        self._order = ORDERS[0]
        self._which = "wrong"
        self._within: tuple[str, NDArray[np.bool_]] | None = None  # a cell's or a group's images
        self._in_grid: list[int] = []
        self.session = DataSession()
        self.marking = MarkingController(self, self.session, self)

    # -- what is judged

    def _show_judged(self, judged: Judged, network: str) -> None:
        """Show what a network said of each image."""
        before = self._judged
        self._judged, self._network, self._within, self._looks = judged, network, None, None
        self.session.selected = frozenset()
        self._grid.rule = self.query_one(ImageView).rule = judged.rule
        self._list(anew=True)
        if before is None or before.data != judged.data or self.session.data is None:
            self.session.close("The data set is still being looked for. Try again in a moment.")
            self._find_data(judged)
        self._find_looks(judged)

    def _forget_judged(self) -> None:
        """Let go of the run before."""
        self._judged = self._opinions = self._looks = None
        self.session.close()
        self._grid.rule = self.query_one(ImageView).rule = AS_STORED

    def _show_opinions(self, opinions: Opinions) -> None:
        self._opinions = opinions
        self._list()

    @work(group="data", exclusive=True, exit_on_error=False)
    async def _find_data(self, judged: Judged) -> None:
        """Find the data set that the run is about, since marks are stored with it."""
        path = str(judged.data.get("path", ""))
        try:
            await self.session.open(DataChoice.from_table(path, judged.data), self.shell.workspace.marks_folder)
        except AimicError as problem:
            self.session.close(f"Nothing can be marked: {problem.sentence}")
        except OSError as problem:
            self.session.close(f"Nothing can be marked: {printable(path)} can't be read: {problem}.")
        else:
            self.show_marks()

    @work(group="looks", exclusive=True, exit_on_error=False)
    async def _find_looks(self, judged: Judged) -> None:
        """Recall what an audit measured of the images, so that those that look alike are found."""
        looks = await asyncio.to_thread(looks_of, judged, self.shell.workspace.cache_folder)
        if self._judged is judged:
            self._looks = looks

    @work(group="renew", exclusive=True, exit_on_error=False)
    async def _read_marks_again(self) -> None:
        """Take marks that another place made meanwhile."""
        try:
            changed = await self.session.reread_marks()
        except (AimicError, OSError) as problem:
            self.shell.tell(str(problem), "warning")
            return
        if changed:
            self.show_marks()

    # -- the list

    @property
    def _table(self) -> ReviewTable:
        return self.query_one(ReviewTable)

    @property
    def _grid(self) -> ReviewGrid:
        return self.query_one(ReviewGrid)

    def _list(self, *, anew: bool = False) -> None:
        """Write the list again; the cursor stays on its image, or goes on to the one that takes its place."""
        judged, table = self._judged, self._table
        if judged is None:
            return
        row, line = (None, 0) if anew else (table.row, table.rows.cursor)
        keep = kept_by(self._which, judged, self._opinions, self.session.data)
        words = [FILTERS[self._which]] if FILTERS[self._which] else []
        if self._within is not None:
            words.append(self._within[0])
            keep = keep & self._within[1]
        with self.app.batch_update():
            columns = review_columns(judged, self._opinions, self.session.data, self.session.selected, self._order)
            table.show(columns, len(judged.images))
            table.sort_by(self._order.key, descending=self._order.key != "fold")
            table.set_filter(", ".join(words), (lambda start, stop: keep[start:stop]) if words else None)
            if row is not None and keep[row]:
                table.go_to(row)
            else:
                table.rows.cursor = line

    def action_next_order(self) -> None:
        """Sort the images by the next thing."""
        several = self._opinions is not None and self._opinions.answers > 1
        orders = [order for order in ORDERS if several or order.key != "apart"]
        self._order = orders[(orders.index(self._order) + 1) % len(orders)] if self._order in orders else orders[0]
        self._list(anew=True)
        self.shell.tell(f"Sorted: {self._order.words}.")

    def action_next_filter(self) -> None:
        """Show other images."""
        names = list(FILTERS)
        if self._within is not None and self._which == "all":
            self._within = None
        self._which = names[(names.index(self._which) + 1) % len(names)]
        self._list(anew=True)

    def _show_within(self, words: str, rows: Sequence[int], at: int | None = None) -> None:
        """List the images of a cell or a group only; `f` shows all again."""
        assert self._judged is not None
        inside = np.zeros(len(self._judged.images), bool)
        inside[list(rows)] = True
        self._within, self._which = (words, inside), "all"
        self._list(anew=True)
        if at is not None:
            self._table.go_to(at)

    # -- one image

    @on(RowHighlighted, "#images")
    def _image_highlighted(self, event: RowHighlighted) -> None:
        event.stop()
        self._show_row()
        self.refresh_bindings()

    def _show_row(self) -> None:
        """Show the image of the row with the cursor, or the ones like it."""
        judged, row, view = self._judged, self._table.row, self.query_one(ImageView)
        if judged is None or row is None or not self.has_class("-images"):
            view.show_path(None)
            return
        if self.has_class("-alike"):
            self._show_alike(judged, row)
            return
        self.query_one("#behind", Static).update(Content(printable(judged.images[row])))
        view.show_path(judged.paths[row], self._words(row), probability_bars(judged, row))

    def _show_alike(self, judged: Judged, row: int) -> None:
        together, near = alike(judged, row)
        others = f"{plural(len(together), 'other')} of its group"
        if self._looks is not None and self._looks.known[row]:
            sets = look_alikes(judged, row, self._looks)
            kinds = [f"{len(rows)} of {printable(judged.classes[code])}" for code, rows in sets]
            words = f"In other groups look most like it: {', '.join(kinds)}; then {others}"
            shown = [*(other for _, rows in sets for other in rows), *together]
        else:
            words = f"{others}, then those with the most similar probabilities; once audited (1), those that look alike"
            shown = [*together, *near]
        self._show_grid(shown)
        self.query_one("#behind", Static).update(Content(words))

    def _words(self, row: int) -> list[Cell]:
        assert self._judged is not None
        return words_on(self._judged, row, self._opinions, self.session.data, self._network)

    def _show_grid(self, rows: Sequence[int], *, again: bool = False) -> None:
        assert self._judged is not None
        self._in_grid = list(rows)
        like = self.has_class("-alike")  # what it is matters there, not which it is
        items = thumbnails_of(self._judged, self._in_grid, self.session.data, self.session.selected, classes=like)
        if again:
            self._grid.items = items
            self._grid.refresh()
        else:
            self._grid.show(items)

    def action_alike(self) -> None:
        """Show the images that are like the one with the cursor, or the image again."""
        if not self.has_class("-images"):
            return
        self.toggle_class("-alike")
        if self.has_class("-narrow"):  # what stands beside the table is seen instead of it
            like = self.has_class("-alike")
            self.set_class(like, "-right")
            (self._grid if like else self._table).focus()
        self._show_row()

    @on(RowSelected, "#images")
    def _image_selected(self, event: RowSelected) -> None:
        event.stop()
        self._enlarge(self._table.shown.tolist(), self._table.rows.cursor)

    @work(exclusive=True, group="large")
    async def _enlarge(self, rows: list[int], at: int) -> None:
        judged = self._judged
        if judged is None or not rows:
            return

        def words(place: int) -> list[Cell]:
            row = rows[place]
            name: Cell = ((judged.images[row], "strong"),)
            return [name, *self._words(row), *probability_bars(judged, row)]

        large = LargeImage(len(rows), at, lambda place: judged.paths[rows[place]], words, judged.rule)
        looked_at = await self.app.push_screen_wait(large)
        if self._grid.has_focus:
            self._grid.cursor = looked_at
        else:
            self._table.go_to(rows[looked_at])

    # -- deciding

    def marking_target(self) -> MarkingTarget:
        """Return the image with the cursor, in the grid or in the list."""
        image = self._image
        return MarkingTarget(() if image is None else (image,))

    @property
    def _image(self) -> str | None:
        if self._judged is None:
            return None
        if self._grid.has_focus:
            return self._judged.images[self._in_grid[self._grid.cursor]] if self._in_grid else None
        row = self._table.row
        return None if row is None or not self._table.has_focus_within else self._judged.images[row]

    def action_mark(self, command: MarkingCommand) -> None:
        """Decide about images."""
        self.marking.run(command)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer decisions only where there is an image."""
        return self.marking.offers(parameters[0]) if action == "mark" else True

    def focus_next_image(self) -> None:
        """Go on to the next image."""
        if self._grid.has_focus:
            self._grid.action_move(1)
        else:
            self._table.rows.cursor += 1

    def show_marks(self) -> None:
        """Show the images with their marks, and which are selected."""
        at = self._grid.cursor
        self._list()
        if self._in_grid and self._judged is not None and not self.has_class("-alike"):
            self._show_grid(self._in_grid, again=True)
            self._grid.cursor = at
        if self.has_class("-images"):
            self._show_row()
        self.refresh_bindings()
