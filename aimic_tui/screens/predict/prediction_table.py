"""The table of predictions, each row in words, and which of them one should look at oneself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from aimic_tui.engine.evaluation.interval_limits import wilson
from aimic_tui.engine.evaluation.label_shift import ClassShare
from aimic_tui.engine.formatting.numbers import PER_CENT, count_text, interval_text, number, percent, range_text
from aimic_tui.engine.text import printable
from aimic_tui.widgets.big_table import BigTable, Column
from aimic_tui.widgets.dialog import Dialog
from aimic_tui.widgets.frame import KeyLine, Rule
from aimic_tui.widgets.row_list import RowList
from aimic_tui.widgets.table_column import Cell
from aimic_tui.wording.signs import SIGNS, bar_text
from aimic_tui.workspace.prediction_rows import PredictionRows

UNSURE = 0.6  # a prediction of less confidence is marked for a person to look at
_BAR = 10
_LONGEST_CLASS = 24


class PredictionTable(BigTable):
    """A table of predictions; `f` asks for a class, the unsure ones or those with a problem."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f", "filter", "Filter", id="table.filter", tooltip="Only a class, the unsure ones, or the problems"),
    ]

    class FilterAsked(Message):
        """The user wants to see only some of the rows."""

    def action_filter(self) -> None:
        """Ask which rows."""
        self.post_message(self.FilterAsked())


def is_unsure(rows: PredictionRows, start: int = 0, stop: int | None = None) -> NDArray[np.bool_]:
    """Return which rows have a prediction, but a confidence below `UNSURE`."""
    confidence = rows.confidence[start : rows.count if stop is None else stop]
    result: NDArray[np.bool_] = confidence < UNSURE  # NaN, where there is no prediction, is below nothing
    return result


def is_rejected(rows: PredictionRows, start: int = 0, stop: int | None = None) -> NDArray[np.bool_]:
    """Return which rows are left for review, for the accepted error rate."""
    result: NDArray[np.bool_] = rows.rejected[start : rows.count if stop is None else stop] == 1
    return result


def _needs_look(rows: PredictionRows, row: int) -> bool:
    """Tell whether a person should look at a row: what a maximum error rate rejects goes before `UNSURE`."""
    rejected = int(rows.rejected[row])
    return rejected == 1 or (rejected < 0 and bool(rows.confidence[row] < UNSURE))


def columns_of(rows: PredictionRows) -> list[Column]:
    """Return the table's columns."""
    classes = [printable(name) for name in rows.classes]
    widest = min(max((len(name) for name in classes), default=0), _LONGEST_CLASS)
    order = np.arange(rows.count)

    def predicted(row: int) -> Cell:
        code = int(rows.predicted[row])
        if code < 0:
            return [(f"{SIGNS['failed']} ", "failed"), (rows.problems[row] or "no prediction", "muted")]
        mark = f"{SIGNS['attention']} " if _needs_look(rows, row) else "  "
        return [(mark, "attention"), (classes[code], "")]

    def confidence(value: float) -> Cell:
        if np.isnan(value):
            return [("", "")]
        return [(f"{number(float(value))} ", ""), (bar_text(float(value), _BAR), "muted")]

    def rejected(value: int) -> Cell:
        return [("yes", "attention")] if value == 1 else [("no" if value == 0 else "", "muted")]

    found = [
        Column("image", "image", rows.images, keep_end=True),
        Column(
            "predicted", "predicted", order, predicted, width=max(widest, 8) + 3, sort_by=rows.predicted[: rows.count]
        ),
        Column("confidence", "confidence", rows.confidence[: rows.count], confidence, width=6 + _BAR, searched=False),
    ]
    if rows.with_rejection:
        values = rows.rejected[: rows.count]
        found.append(Column("rejected", "rejected", values, rejected, width=8, searched=False, descending=True))
    return found


def confidence_of(rows: PredictionRows, row: int) -> Cell:
    """Write the prediction of an image in a line: its class, its confidence, and what to keep in mind about them."""
    code = int(rows.predicted[row])
    if code < 0:
        return [(f"{SIGNS['failed']} {rows.problems[row] or 'no prediction'}", "failed")]
    pieces: list[tuple[str, str]] = [
        (rows.classes[code], "primary"),
        (f"  {number(float(rows.confidence[row]))}", "strong"),
    ]
    if rows.calibrated is not None:
        pieces.append(("  calibrated" if rows.calibrated else "  not calibrated", "muted"))
    if rows.rejected[row] == 1:
        pieces.append((f"  {SIGNS['attention']} rejected", "attention"))
    elif _needs_look(rows, row):
        pieces.append((f"  {SIGNS['attention']} unsure", "attention"))
    agreement = float(rows.agreement[row])
    if not np.isnan(agreement) and agreement < 1:
        pieces.append((f"  {percent(agreement)} of the models agree", "muted"))
    return pieces  # type: ignore[return-value]


def probabilities_of(rows: PredictionRows, row: int, most: int) -> list[Cell]:
    """Write the probabilities of all classes, the largest first, a bar each; at most `most` lines."""
    if rows.predicted[row] < 0:
        return []
    values = rows.probabilities[row]
    order = np.argsort(-values, kind="stable")
    width = min(max(len(printable(name)) for name in rows.classes), _LONGEST_CLASS)
    shown = order[: most if len(order) <= most else most - 1]
    lines: list[Cell] = [
        [
            (printable(rows.classes[code])[:width].ljust(width), ""),
            (f"  {number(float(values[code]))} ", ""),
            (bar_text(float(values[code]), 16), "primary" if code == order[0] else "muted"),
        ]
        for code in shown.tolist()
    ]
    if len(shown) < len(order):
        rest = float(values[order[len(shown) :]].sum())
        lines.append([(f"{len(order) - len(shown)} more classes together {number(rest)}", "muted")])
    return lines


def counts_text(rows: PredictionRows, max_error: float | None = None) -> Content:
    """Write how many images were predicted to be of each class, with the share and its 95 % interval (Wilson's)."""
    counts = rows.class_counts()
    total = int(counts.sum())
    parts = []
    for code in np.argsort(-counts, kind="stable").tolist():
        count = int(counts[code])
        text = Content.assemble((printable(rows.classes[code]), "bold"), f" {count:,}")
        if total and count:
            low, high = wilson(count / total, total)
            text = Content.assemble(
                text, (f" ({percent(count / total, 1)}, {range_text((low, high), 1, scale=PER_CENT)})", "$text-muted")
            )
        parts.append(text)
    unsure, rejected = int(is_unsure(rows).sum()), int(is_rejected(rows).sum())
    if rows.with_rejection:
        style = "$warning" if rejected else "$text-muted"
        wanted = "" if max_error is None else f" for max. error rate {percent(max_error, None)}"
        sign = SIGNS["attention"] if rejected else " "
        parts.append(Content.styled(f"{sign} rejected {rejected:,}{wanted}".strip(), style))
    elif unsure:
        parts.append(Content.styled(f"{SIGNS['attention']} unsure {unsure:,}", "$warning"))
    if rows.count > total:
        parts.append(Content.styled(f"{SIGNS['failed']} unreadable {rows.count - total:,}", "$error"))
    if rows.calibrated is not None:
        words = "probabilities calibrated" if rows.calibrated else "probabilities not calibrated"
        parts.append(Content.styled(words, "$text-muted"))
    return Content("  ·  ").join(parts)


def shares_text(shares: Sequence[ClassShare]) -> Content:
    """Write the estimated class shares in per cent, the largest first, with their 95 % intervals."""
    parts = []
    for share in sorted(shares, key=lambda each: -(each.estimated.value or 0.0)):
        of = share.estimated
        amount = interval_text(of.value, of.low, of.high, 1, scale=PER_CENT)
        parts.append(Content.assemble((printable(share.name), "bold"), (f" {amount}", "$text-muted")))
    title = Content.styled("estimated shares, % (label shift): ", "$text-muted")
    return title + Content("  ·  ").join(parts)


@dataclass(frozen=True)
class Filter:
    """Some of the rows: a name, how many there are, and which (None: all)."""

    name: str
    count: int
    keep: Callable[[int, int], NDArray[np.bool_]] | None

    def draw(self, width: int) -> Content:
        """Write it on a line."""
        return Content.assemble(
            Content(printable(self.name)).truncate(max(width - 12, 8), ellipsis=True, pad=True),
            (count_text(self.count).rjust(10), "$text-muted"),
        )


def filters_of(rows: PredictionRows) -> list[Filter]:
    """Return the filters of a table; they stay right while it grows."""
    counts = rows.class_counts()
    found = [
        Filter("all rows", rows.count, None),
        Filter(f"unsure, below {UNSURE}", int(is_unsure(rows).sum()), lambda start, stop: is_unsure(rows, start, stop)),
        Filter("could not be read", rows.count - int(counts.sum()), lambda start, stop: rows.predicted[start:stop] < 0),
    ]
    if rows.with_rejection:
        count = int(is_rejected(rows).sum())
        found.insert(1, Filter("rejected", count, lambda start, stop: is_rejected(rows, start, stop)))
    return [*found, *(_of_class(rows, code, int(counts[code])) for code in range(len(rows.classes)))]


def _of_class(rows: PredictionRows, code: int, count: int) -> Filter:
    return Filter(rows.classes[code], count, lambda start, stop: rows.predicted[start:stop] == code)


class FilterPrompt(Dialog[Filter | None]):
    """A list of filters; `enter` takes one, `esc` none."""

    DEFAULT_CSS = """
    FilterPrompt {
        align: left bottom;
        background: $background 60%;
        #sheet { height: auto; max-height: 80%; background: $surface; }
        #title { text-style: bold; margin: 1 0; padding: 0 2; height: 1; }
        RowList { max-height: 14; width: 60; }
        #space { height: 1; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "take", "Show these", id="filter.accept", tooltip="Show only these rows"),
        Binding("escape,q", "cancel", "Cancel", id="filter.cancel", tooltip="Leave the rows as they are"),
    ]

    def __init__(self, filters: Sequence[Filter]) -> None:
        """Make the list."""
        super().__init__()
        self._filters = filters

    def compose(self) -> ComposeResult:
        """Draw the sheet."""
        with Vertical(id="sheet"):
            yield Rule()
            yield Static("Show only", id="title")
            yield RowList[Filter](lambda each, width: each.draw(width), lambda each: each.name)
            yield Static("", id="space")
            yield KeyLine()

    def on_mount(self) -> None:
        """List the filters."""
        rows = self.query_one(RowList)
        rows.show(self._filters)
        rows.focus()

    def action_take(self) -> None:
        """Close with the filter in focus."""
        self.dismiss(self.query_one(RowList).chosen)

    def on_row_list_chosen(self) -> None:
        """A click does what enter does."""
        self.action_take()

    def action_cancel(self) -> None:
        """Close without one."""
        self.dismiss(None)
