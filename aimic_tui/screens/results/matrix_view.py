"""The confusion matrix, and the images behind one of its cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static

from aimic_tui.engine.text import plural, printable
from aimic_tui.screens.marking.controller import marking_bindings
from aimic_tui.screens.results.result_view import ResultView
from aimic_tui.screens.results.review_rows import review_thumbnails
from aimic_tui.widgets.matrix import ConfusionGrid
from aimic_tui.widgets.thumbnails import ThumbnailGrid
from aimic_tui.workspace.image_answers import ImageAnswers
from aimic_tui.workspace.image_review import ImageReview

MARKING_BINDINGS = marking_bindings(
    ("select", "exclude", "set_class", "note", "label_error", "reviewed"),
    shown=("exclude", "set_class", "label_error", "reviewed"),
)


class ReviewGrid(ThumbnailGrid):
    """Thumbnails of test images, to be decided about."""

    BINDINGS: ClassVar[list[BindingType]] = MARKING_BINDINGS

    def show_rows(self, review: ImageReview, rows: Sequence[int], *, classes: bool = False) -> None:
        """Show the images of some rows, with their names or their classes below them."""
        self.rule = review.answers.rule
        self.show(review_thumbnails(review, rows, classes=classes))

    def show_marks(self, review: ImageReview, rows: Sequence[int], *, classes: bool = False) -> None:
        """Write the signs of the same images again; the cursor stays."""
        self.items = review_thumbnails(review, rows, classes=classes)
        self.refresh()


class MatrixView(ResultView):
    """The matrix, and beside it the images of the cell with the cursor, the most confident answers first."""

    NAME: ClassVar[str] = "matrix"
    KEY: ClassVar[str] = "m"
    TITLE: ClassVar[str] = "Matrix"
    TOOLTIP: ClassVar[str] = "The confusion matrix"
    FOCUS: ClassVar[str] = "#matrix"

    @dataclass
    class ImagesOpened(Message):
        """The images of a cell are to be listed: their rows, a title for them, and the row to begin with."""

        title: str
        rows: Sequence[int]
        row: int

    def __init__(self) -> None:
        super().__init__()
        self._review: ImageReview | None = None
        self._rows: Sequence[int] = ()

    def compose(self) -> ComposeResult:
        """Yield the matrix and the images."""
        with Horizontal():
            yield ConfusionGrid(id="matrix")
            with Vertical(classes="side"):
                yield Static("", id="behind", classes="caption")
                yield ReviewGrid(empty="No image in this cell.")

    @property
    def focus_stops(self) -> list[Widget]:
        """The matrix, then the images."""
        return [self._matrix, self._grid]

    @property
    def _matrix(self) -> ConfusionGrid:
        return self.query_one("#matrix", ConfusionGrid)

    @property
    def _grid(self) -> ReviewGrid:
        return self.query_one(ReviewGrid)

    def refresh_network(self) -> None:
        """Draw the network's matrix."""
        assert self.session is not None
        counts = np.array(self.session.network(self.network).confusion)
        self._matrix.show(counts, self.session.figures.classes)

    # -- the images of a cell

    def show_review(self, review: ImageReview | None, problem: str = "") -> None:
        """Show the images behind the cell with the cursor, or say why there are none."""
        self._review = review
        if review is None:
            self._show_caption(Content.styled(printable(problem), "$warning"))
            self._rows = ()
            self._grid.show(())
        else:
            self._show_cell(review, *self._matrix.cursor)

    def show_marks(self) -> None:
        """Show the images' marks as they are now."""
        if self._review is not None:
            self._grid.show_marks(self._review, self._rows)

    @property
    def image_in_focus(self) -> str | None:
        """The image with the cursor while the images have the focus."""
        if self._review is None or not self._rows or not self._grid.has_focus:
            return None
        return self._review.answers.images[self._rows[self._grid.cursor]]

    def focus_next_image(self) -> None:
        """Go on to the next image."""
        self._grid.action_move(1)

    @on(ConfusionGrid.CellHighlighted)
    def _cell_highlighted(self, event: ConfusionGrid.CellHighlighted) -> None:
        event.stop()
        if self._review is not None:
            self._show_cell(self._review, event.row, event.column)

    def _show_cell(self, review: ImageReview, row: int, column: int) -> None:
        answers = review.answers
        if max(row, column) >= len(answers.classes):  # the matrix is still that of another run
            return
        self._rows = answers.in_cell(row, column).tolist()
        count = f"{plural(len(self._rows), 'image')}, most confident first" if self._rows else "none"
        self._show_caption(Content(f"{cell_title(answers, row, column)}: {count}"))
        self._grid.show_rows(review, self._rows)

    def _show_caption(self, words: Content) -> None:
        self.query_one("#behind", Static).update(words)

    @on(ConfusionGrid.CellSelected)
    def _cell_selected(self, event: ConfusionGrid.CellSelected) -> None:
        event.stop()
        if self._rows:
            self.post_message(self.SideShown(shown=True, focus=True))

    @on(ThumbnailGrid.Opened)
    def _image_opened(self, event: ThumbnailGrid.Opened) -> None:
        event.stop()
        if self._review is not None:
            title = cell_title(self._review.answers, *self._matrix.cursor)
            self.post_message(self.ImagesOpened(title, self._rows, self._rows[event.index]))


def cell_title(answers: ImageAnswers, row: int, column: int) -> str:
    """Name a cell of the matrix: `lymphocyte, correct`, `lymphocyte taken for monocyte`."""
    truth, predicted = printable(answers.classes[row]), printable(answers.classes[column])
    return f"{truth}, correct" if row == column else f"{truth} taken for {predicted}"
