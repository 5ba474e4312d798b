"""An open prediction: its table, the image of the row in focus, and how many images are of each class."""

from __future__ import annotations

from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Static

from aimic_tui.engine.data.reading.input_rule import InputRule
from aimic_tui.screens.predict.prediction_table import (
    FilterPrompt,
    PredictionTable,
    columns_of,
    confidence_of,
    counts_text,
    filters_of,
    probabilities_of,
    shares_text,
)
from aimic_tui.widgets.big_table import BigTable
from aimic_tui.widgets.frame import Rule
from aimic_tui.widgets.image_view import ImageView
from aimic_tui.widgets.large_image import LargeImage
from aimic_tui.widgets.table_column import Cell
from aimic_tui.workspace.followed_prediction import FollowedPrediction
from aimic_tui.workspace.prediction_rows import PredictionRows


class ImagePane(Vertical, can_focus=True):
    """The image of the row in focus; the keys that move over the rows work here too."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "screen.step(1)", "Down", show=False, id="predict.down", tooltip="The row below"),
        Binding("up,k", "screen.step(-1)", "Up", show=False, id="predict.up", tooltip="The row above"),
        Binding("enter", "screen.enlarge", "Large", show=False, id="predict.large", tooltip="Show the image large"),
    ]


class PredictionPanel(Vertical):
    """The rows of a prediction as they come, and what one can see of each."""

    def __init__(self) -> None:
        super().__init__()
        self._prediction: FollowedPrediction | None = None
        self._has_columns = False

    def compose(self) -> ComposeResult:
        """Yield the table, the image beside it and the counts below."""
        with Horizontal(id="table"):
            with Vertical(id="left"):
                yield PredictionTable(empty="The first rows appear when the network is loaded.")
            with ImagePane(id="right"):
                yield ImageView()
        yield Rule()
        yield Static("", id="counts")

    @property
    def table(self) -> PredictionTable:
        """The rows."""
        return self.query_one(PredictionTable)

    @property
    def _image(self) -> ImageView:
        return self.query_one(ImageView)

    def open(self, prediction: FollowedPrediction | None) -> None:
        """Show a prediction from its first row; None shows nothing."""
        self._prediction, self._has_columns = prediction, False
        self.table.show([], 0)
        self._image.show_path(None)
        self.query_one("#counts", Static).update("")

    def use_rule(self, rule: InputRule) -> None:
        """Show the images' stored values as the model gets them."""
        self._image.rule = rule

    def update_rows(self) -> None:
        """Show the rows that came."""
        if self._prediction is None or (rows := self._prediction.rows) is None:
            return
        draw = self.table.update if self._has_columns else self.table.show
        draw(columns_of(rows), rows.count)
        self._has_columns = True
        if not self._prediction.more:  # else each piece of a long table would count all rows before it again
            counts = [counts_text(rows, self._prediction.job.max_error)]
            if self._prediction.shares is not None:
                counts.append(shares_text(self._prediction.shares))
            self.query_one("#counts", Static).update(Content("\n").join(counts))

    @on(BigTable.RowHighlighted)
    def _highlighted(self, message: BigTable.RowHighlighted) -> None:
        message.stop()
        prediction, row = self._prediction, message.row
        if row is None or prediction is None or prediction.rows is None:
            self._image.show_path(None)
            return
        rows = prediction.rows
        below = probabilities_of(rows, row, max(3, self.screen.size.height // 3))
        self._image.show_path(prediction.job.image_path(rows.images[row]), _caption(rows, row), below)

    def step(self, by: int) -> None:
        """Move over the rows."""
        self.table.rows.action_move(by)

    @on(BigTable.RowSelected)
    @work(exclusive=True, group="large")
    async def enlarge(self) -> None:
        """Show the image of the row large; the arrows go on over the rows that are shown."""
        table, prediction = self.table, self._prediction
        if table.row is None or prediction is None or (rows := prediction.rows) is None:
            return
        shown = table.shown.copy()
        at = await self.app.push_screen_wait(
            LargeImage(
                len(shown),
                table.rows.cursor,
                lambda at: prediction.job.image_path(rows.images[shown[at]]),
                lambda at: [*_caption(rows, shown[at]), *probabilities_of(rows, shown[at], 8)],
                self._image.rule,
            )
        )
        table.go_to(int(shown[at]))

    @on(PredictionTable.FilterAsked)
    @work(exclusive=True, group="filter")
    async def _ask_filter(self) -> None:
        if self._prediction is None or self._prediction.rows is None:
            return
        chosen = await self.app.push_screen_wait(FilterPrompt(filters_of(self._prediction.rows)))
        if chosen is not None:
            self.table.set_filter(chosen.name, chosen.keep)


def _caption(rows: PredictionRows, row: int) -> list[Cell]:
    return [[(rows.images[row], "strong")], confidence_of(rows, row)]
