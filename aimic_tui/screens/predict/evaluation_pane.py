"""The results of one evaluation: the verdict, the figures, the confusion matrix and the images behind it."""

from __future__ import annotations

from typing import ClassVar, cast

import numpy as np
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from aimic_tui.engine.errors import AimicError
from aimic_tui.engine.evaluation.predictions import Predictions
from aimic_tui.engine.formatting.numbers import number
from aimic_tui.engine.text import plural, printable
from aimic_tui.screens.predict.evaluation_view import (
    classes_table,
    differing_text,
    figures_table,
    label_shift_text,
    verdict_text,
)
from aimic_tui.widgets.large_image import LargeImage
from aimic_tui.widgets.matrix import ConfusionGrid
from aimic_tui.widgets.table_column import Cell
from aimic_tui.wording.paths import short_path
from aimic_tui.workspace.context import Shell
from aimic_tui.workspace.evaluation_session import FollowedEvaluation

NARROW = 110  # columns below which the matrix and how the images differ stand below each other


class ResultPane(VerticalScroll, can_focus=True):
    """What came of it, from the verdict down; scrolls where it is longer than the screen."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "scroll_down", "Down", show=False, id="evaluation.down", tooltip="Further down"),
        Binding("up,k", "scroll_up", "Up", show=False, id="evaluation.up", tooltip="Back up"),
        Binding("pagedown,ctrl+d,space", "page_down", show=False, id="evaluation.page-down", tooltip="A page down"),
        Binding("pageup,ctrl+u", "page_up", show=False, id="evaluation.page-up", tooltip="A page up"),
        Binding("home,g", "scroll_home", show=False, id="evaluation.top", tooltip="To the verdict"),
        Binding("end,G", "scroll_end", show=False, id="evaluation.end", tooltip="To the end"),
    ]

    def __init__(self) -> None:
        super().__init__(id="result")
        self._evaluation: FollowedEvaluation | None = None

    def compose(self) -> ComposeResult:
        """Yield the verdict and, where there are results, the rest."""
        yield Static("", id="verdict")
        with Vertical(id="all-figures"):
            yield Static("", id="figures")
            yield Static("", id="classes")
            with Horizontal(id="lower"):
                with Vertical(id="cells"):
                    yield ConfusionGrid(id="matrix")
                    yield Static("", id="behind")
                yield Static("", id="differing")
            yield Static("", id="label-shift")
            yield Static("", id="saved-in")

    def show_words(self, words: str, style: str = "") -> None:
        """Show a sentence in place of results."""
        self._evaluation = None
        self.remove_class("-has-results")
        self.query_one("#verdict", Static).update(Content.styled(printable(words), style))

    def show(self, evaluation: FollowedEvaluation) -> None:
        """Show an evaluation whose results are read."""
        found = evaluation.results
        assert found is not None
        self._evaluation = evaluation
        self.query_one("#matrix", ConfusionGrid).show(np.array(found.confusion), found.class_names)
        folder = printable(short_path(evaluation.job.folder))
        self.query_one("#saved-in", Static).update(Content.styled(f"Saved in {folder}", "$text-muted"))
        self.add_class("-has-results")
        self._draw()

    def on_resize(self) -> None:
        """Lay the figures out anew."""
        self._draw()

    def _draw(self) -> None:
        """Write what depends on the screen's width."""
        if self._evaluation is None or (found := self._evaluation.results) is None:
            return
        columns = self.screen.size.width
        narrow = columns < NARROW
        width = max(60, columns - (3 if narrow else 5))  # without paddings and the scroll bar
        self.query_one("#verdict", Static).update(verdict_text(found))
        self.query_one("#figures", Static).update(figures_table(found, width))
        self.query_one("#classes", Static).update(classes_table(found, width))
        by_shares = self.query_one("#label-shift", Static)
        by_shares.display = found.label_shift is not None
        by_shares.update(label_shift_text(found))
        self.query_one("#differing", Static).update(differing_text(found, width if narrow else width // 2 - 2))

    @on(ConfusionGrid.CellHighlighted)
    def _cell_highlighted(self, event: ConfusionGrid.CellHighlighted) -> None:
        event.stop()
        if self._evaluation is not None and (found := self._evaluation.results) is not None:
            label, predicted = (printable(found.class_names[code]) for code in (event.row, event.column))
            many = f"{plural(event.count, 'image')}; tab and enter show them" if event.count else "no image"
            self.query_one("#behind", Static).update(f"{label}, predicted {predicted}: {many}")

    @on(ConfusionGrid.CellSelected)
    @work(exclusive=True, group="images", exit_on_error=False)
    async def _cell_selected(self, event: ConfusionGrid.CellSelected) -> None:
        event.stop()
        if self._evaluation is None or not event.count:
            return
        try:
            images = await self._evaluation.images_of(event.row, event.column)
        except AimicError as problem:
            cast("Shell", self.app).tell(problem.sentence, "error")
            return
        names, rows = images.predictions.images, images.rows
        if rows:
            await self.app.push_screen_wait(
                LargeImage(
                    len(rows),
                    0,
                    lambda at: images.root / names[rows[at]],
                    lambda at: _caption(images.predictions, rows[at]),
                    images.rule,
                )
            )


def _caption(predictions: Predictions, row: int) -> list[Cell]:
    codes = predictions.labels[row], predictions.predicted[row]
    label, predicted = (predictions.classes[int(code)] for code in codes)
    return [
        [(predictions.images[row], "strong")],
        [
            (label, ""),
            ("  predicted ", "muted"),
            (predicted, "primary" if predicted == label else "attention"),
            (f"  {number(float(predictions.confidence[row]))}", "strong"),
        ],
    ]
