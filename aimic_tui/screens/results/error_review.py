"""The error review: a sorted list of test images, and beside it the one with the cursor or those similar to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from aimic_tui.engine.text import plural, printable
from aimic_tui.screens.results.matrix_view import MARKING_BINDINGS, ReviewGrid
from aimic_tui.screens.results.result_view import ResultView
from aimic_tui.screens.results.review_rows import image_facts, probability_bars, review_columns
from aimic_tui.widgets.big_table import BigTable
from aimic_tui.widgets.image_view import ImageView
from aimic_tui.widgets.large_image import LargeImage
from aimic_tui.widgets.table_column import Cell
from aimic_tui.widgets.table_rows import RowHighlighted, RowSelected
from aimic_tui.widgets.thumbnails import ThumbnailGrid
from aimic_tui.workspace.image_review import ImageReview
from aimic_tui.workspace.similar_images import look_alikes, similar_rows


class ReviewTable(BigTable, inherit_bindings=False):
    """The images in a list; sorting, filtering and notes have keys of the review's own."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "search", "Search", show=False, id="table.search", tooltip="Find the next row with a text"),
        Binding(
            "N", "next_match(-1)", "Previous match", show=False, id="table.previous", tooltip="Go to the previous match"
        ),
        Binding("y", "copy", "Copy", show=False, id="table.copy", tooltip="Copy the row to the clipboard"),
    ]


class ErrorReview(ResultView):
    """The list, and beside it an image with what the networks answered, or the images similar to it."""

    NAME: ClassVar[str] = "images"
    KEY: ClassVar[str] = "p"
    TITLE: ClassVar[str] = "Review"
    TOOLTIP: ClassVar[str] = "The images, the most confident errors first"
    FOCUS: ClassVar[str] = "#images"
    HAS_SIDE: ClassVar[bool] = True

    BINDINGS: ClassVar[list[BindingType]] = [
        *MARKING_BINDINGS,
        Binding("o", "next_order", "Order", id="results.order", tooltip="Sort by what is worth a look next"),
        Binding("f", "next_filter", "Which", show=False, id="results.filter", tooltip="Show other images"),
        Binding(
            "A", "similar", "Similar", show=False, id="results.alike", tooltip="Images of its group and similar ones"
        ),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._review: ImageReview | None = None
        self._similar: Sequence[int] = ()

    def compose(self) -> ComposeResult:
        """Yield the list, and what stands beside it."""
        with Horizontal():
            yield ReviewTable(id="images", empty="No such image. f shows others.")
            with Vertical(classes="side"):
                yield Static("", id="review-caption", classes="caption")
                yield ReviewGrid(empty="No similar image.")
                yield ImageView()

    @property
    def focus_stops(self) -> list[Widget]:
        """The list and, where they are shown, the similar images."""
        return [self.table, self._grid] if self._shows_similar else [self.table]

    @property
    def table(self) -> ReviewTable:
        """The list."""
        return self.query_one(ReviewTable)

    @property
    def _grid(self) -> ReviewGrid:
        return self.query_one(ReviewGrid)

    @property
    def _shows_similar(self) -> bool:
        return self.has_class("-similar")

    def refresh_network(self) -> None:
        """Do nothing: answers about images come in `show_review`."""

    # -- the list

    def show_review(self, review: ImageReview | None) -> None:
        """List the images of a review from its first one on; None where there is none."""
        self._review = review
        if review is None:
            self.table.show([], 0)
            self.query_one(ImageView).show_path(None)
            return
        self.query_one(ImageView).rule = review.answers.rule
        self._show_list(review)

    def show_selection(self, title: str, rows: Sequence[int], row: int | None = None) -> None:
        """List the images of a cell or a group only, and go to one of them; `f` lists all again."""
        if self._review is not None:
            self._review.limit_to(title, rows)
            self._show_list(self._review)
            if row is not None:
                self.table.go_to(row)

    def show_marks(self) -> None:
        """List the images anew as they are marked and known now; the cursor stays on its image, or on its line."""
        review, table = self._review, self.table
        if review is None:
            return
        row, line = table.row, table.rows.cursor
        self._show_list(review)
        if row is not None and review.listed[row]:
            table.go_to(row)
        else:
            table.rows.cursor = line
        if self._shows_similar:
            self._grid.show_marks(review, self._similar, classes=True)
        else:
            self._show_side()

    def _show_list(self, review: ImageReview) -> None:
        table, listed, title = self.table, review.listed, review.title
        with self.app.batch_update():
            table.show(review_columns(review), len(review.answers.images))
            table.sort_by(review.order.key, descending=review.order.key != "fold")
            table.set_filter(title, (lambda start, stop: listed[start:stop]) if title else None)

    def action_next_order(self) -> None:
        """Sort the images by the next thing."""
        if self._review is not None:
            order = self._review.next_order()
            self._show_list(self._review)
            self.notify(f"Sorted: {order.words}.", markup=False)

    def action_next_filter(self) -> None:
        """List other images."""
        if self._review is not None:
            self._review.next_filter()
            self._show_list(self._review)

    # -- beside it

    @on(RowHighlighted, "#images")
    def _image_highlighted(self, event: RowHighlighted) -> None:
        event.stop()
        self._show_side()
        self.screen.refresh_bindings()

    def _show_side(self) -> None:
        """Show the image of the row with the cursor, or the ones similar to it; nothing while nobody sees it."""
        review, row, image = self._review, self.table.row, self.query_one(ImageView)
        if review is None or row is None or not self.display:
            image.show_path(None)
        elif self._shows_similar:
            self._show_similar(review, row)
        else:
            answers = review.answers
            self._show_caption(printable(answers.images[row]))
            image.show_path(answers.paths[row], image_facts(review, row), probability_bars(review, row))

    def _show_similar(self, review: ImageReview, row: int) -> None:
        same_group, similar = similar_rows(review.answers, row)
        others = f"{plural(len(same_group), 'other image')} of its group"
        if review.appearances is not None and review.appearances.known[row]:
            classes = review.answers.classes
            sets = look_alikes(review.answers, row, review.appearances)
            counts = [f"{len(rows)} of {printable(classes[code])}" for code, rows in sets]
            caption = f"Most similar in other groups: {', '.join(counts)}; then {others}"
            self._similar = [*(near for _, rows in sets for near in rows), *same_group]
        else:
            caption = f"{others}, then those with similar probabilities; by their looks once audited (1)"
            self._similar = [*same_group, *similar]
        self._grid.show_rows(review, self._similar, classes=True)
        self._show_caption(caption)

    def _show_caption(self, words: str) -> None:
        self.query_one("#review-caption", Static).update(Content(words))

    def on_show(self) -> None:
        """Show the image now that it is seen."""
        self._show_side()

    def action_similar(self) -> None:
        """Show the images similar to the one with the cursor, or the image again."""
        self.toggle_class("-similar")
        self._show_side()
        self.post_message(self.SideShown(shown=self._shows_similar, focus=False))

    def close_side(self) -> None:
        """Show the image again instead of similar ones."""
        if self._shows_similar:
            self.remove_class("-similar")
            self._show_side()

    @on(RowSelected, "#images")
    def _image_selected(self, event: RowSelected) -> None:
        event.stop()
        self._show_large(self.table.shown.tolist(), self.table.rows.cursor)

    @on(ThumbnailGrid.Opened)
    def _similar_opened(self, event: ThumbnailGrid.Opened) -> None:
        event.stop()
        self._show_large(list(self._similar), event.index)

    @work(exclusive=True, group="large")
    async def _show_large(self, rows: list[int], index: int) -> None:
        review = self._review
        if review is None or not rows:
            return
        answers = review.answers

        def facts(index: int) -> list[Cell]:
            name: Cell = ((answers.images[rows[index]], "strong"),)
            return [name, *image_facts(review, rows[index]), *probability_bars(review, rows[index])]

        large = LargeImage(len(rows), index, lambda index: answers.paths[rows[index]], facts, answers.rule)
        last = await self.app.push_screen_wait(large)
        if self._grid.has_focus:
            self._grid.cursor = last
        else:
            self.table.go_to(rows[last])

    # -- marking

    @property
    def image_in_focus(self) -> str | None:
        """The image with the cursor, in the list or among the similar ones."""
        if self._review is None:
            return None
        images = self._review.answers.images
        if self._grid.has_focus:
            return images[self._similar[self._grid.cursor]] if self._similar else None
        row = self.table.row
        return None if row is None or not self.table.has_focus_within else images[row]

    def focus_next_image(self) -> None:
        """Go on to the next image."""
        if self._grid.has_focus:
            self._grid.action_move(1)
        else:
            self.table.rows.cursor += 1
