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
from textual.message import Message
from textual.widgets import Static

from aimic_tui.engine.data.audit.look_alikes import Looks
from aimic_tui.engine.data.listing.data_choice import DataChoice
from aimic_tui.engine.data.listing.marks import marks_stamp
from aimic_tui.engine.data.reading.input_rule import AS_STORED
from aimic_tui.engine.errors import AimicError
from aimic_tui.engine.text import plural, printable
from aimic_tui.screens.marking.deciding_place import DecidingPlace, marking_keys
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
from aimic_tui.workspace.data_session import OpenData, open_data, renewed
from aimic_tui.workspace.network_opinions import Opinions, alike, look_alikes, looks_of
from aimic_tui.workspace.run_results import Judged

_DECISIONS = ("choose", "exclude", "relabel", "note", "doubt", "reviewed")
_KEYS = [
    key
    for key in marking_keys("doubt", "relabel", "exclude", "reviewed")
    if isinstance(key, Binding) and key.action.removeprefix("screen.") in _DECISIONS
]
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


class ReviewPlace(DecidingPlace):
    """A place with a list of judged images; a subclass draws the rest and says which run and network it is about."""

    class DataFound(Message):
        """The data set behind the run is listed, or a sentence says why it could not be."""

        def __init__(self, judged: Judged, data: OpenData | None, problem: str = "") -> None:
            super().__init__()
            self.judged = judged
            self.data = data
            self.problem = problem

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
        self._stamp = (0, 0, 0)
        self._no_marks = "The data set is still being looked for. Try again in a moment."

    # -- what is judged

    def _show_judged(self, judged: Judged, network: str) -> None:
        """Show what a network said of each image."""
        before = self._judged
        self._judged, self._network, self._within, self._looks = judged, network, None, None
        self._chosen = frozenset()
        self._grid.rule = self.query_one(ImageView).rule = judged.rule
        self._list(anew=True)
        if before is None or before.data != judged.data or self._data is None:
            self._data = None
            self._find_data(judged)
        self._find_looks(judged)

    def _forget_judged(self) -> None:
        """Let go of the run before."""
        self._judged = self._opinions = self._looks = self._data = None
        self._grid.rule = self.query_one(ImageView).rule = AS_STORED

    def _show_opinions(self, opinions: Opinions) -> None:
        self._opinions = opinions
        self._list()

    @work(thread=True, group="data", exclusive=True, exit_on_error=False)
    def _find_data(self, judged: Judged) -> None:
        """Find the data set that the run is about, since marks are kept with it."""
        path = str(judged.data.get("path", ""))
        try:
            data = open_data(DataChoice.from_table(path, judged.data), self.shell.workspace.marks_folder)
        except AimicError as problem:
            self.post_message(self.DataFound(judged, None, problem.sentence))
        except OSError as problem:
            self.post_message(self.DataFound(judged, None, f"{printable(path)} can't be read: {problem}."))
        else:
            self.post_message(self.DataFound(judged, data))

    @work(group="looks", exclusive=True, exit_on_error=False)
    async def _find_looks(self, judged: Judged) -> None:
        """Recall what an audit measured of the images, so that those that look alike are found."""
        looks = await asyncio.to_thread(looks_of, judged, self.shell.workspace.cache_folder)
        if self._judged is judged:
            self._looks = looks

    @on(DataFound)
    def _data_found(self, event: DataFound) -> None:
        event.stop()
        if self._judged is None or event.judged.data != self._judged.data:
            return
        self._no_marks = f"Nothing can be marked: {event.problem}"
        if event.data is not None:
            self._decided(event.data)

    @work(group="renew", exclusive=True, exit_on_error=False)
    async def _read_marks_again(self) -> None:
        """Take marks that another place made meanwhile."""
        data = self._data
        if data is None or marks_stamp(data.file) == self._stamp:
            return
        try:
            after = await asyncio.to_thread(renewed, data)
        except (AimicError, OSError) as problem:
            self.shell.tell(str(problem), "warning")
            return
        if self._data is data:
            self._decided(after)

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
        keep = kept_by(self._which, judged, self._opinions, self._data)
        words = [FILTERS[self._which]] if FILTERS[self._which] else []
        if self._within is not None:
            words.append(self._within[0])
            keep = keep & self._within[1]
        with self.app.batch_update():
            columns = review_columns(judged, self._opinions, self._data, self._chosen, self._order)
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
        return words_on(self._judged, row, self._opinions, self._data, self._network)

    def _show_grid(self, rows: Sequence[int], *, again: bool = False) -> None:
        assert self._judged is not None
        self._in_grid = list(rows)
        like = self.has_class("-alike")  # what it is matters there, not which it is
        items = thumbnails_of(self._judged, self._in_grid, self._data, self._chosen, classes=like)
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

    def _images(self) -> tuple[str, ...]:
        if self._chosen:
            return tuple(sorted(self._chosen))
        image = self._image
        return () if image is None else (image,)

    @property
    def _image(self) -> str | None:
        if self._judged is None:
            return None
        if self._grid.has_focus:
            return self._judged.images[self._in_grid[self._grid.cursor]] if self._in_grid else None
        row = self._table.row
        return None if row is None or not self._table.has_focus_within else self._judged.images[row]

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer decisions only where there is an image, and say where none can be kept."""
        if action in _DECISIONS:
            return bool(self._images())
        return super().check_action(action, parameters)

    def may_change(self, what: str) -> bool:
        """Tell whether things may be changed, and the data set is there for marks."""
        if what == "mark images" and self._data is None:
            self.shell.tell(self._no_marks, "warning")
            return False
        return super().may_change(what)

    def action_choose(self) -> None:
        """Choose the image for the next key and go on to the next one, or unchoose it."""
        image = self._image
        if image is None:
            return
        self._chosen = self._chosen ^ {image}
        self._decided_shown()
        if self._grid.has_focus:
            self._grid.action_move(1)
        else:
            self._table.rows.cursor += 1

    def _decided(self, data: OpenData) -> None:
        self._data, self._stamp = data, marks_stamp(data.file)
        self._decided_shown()

    def _decided_shown(self) -> None:
        at = self._grid.cursor
        self._list()
        if self._in_grid and self._judged is not None and not self.has_class("-alike"):
            self._show_grid(self._in_grid, again=True)
            self._grid.cursor = at
        if self.has_class("-images"):
            self._show_row()
        self.refresh_bindings()
