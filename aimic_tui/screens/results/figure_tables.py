"""The tables of a network's figures: all of them, fold by fold, and each class's, with how every interval is made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from aimic_tui.engine.evaluation.metric_titles import CLASS_TITLES, TITLES, method_of
from aimic_tui.engine.text import plural, printable
from aimic_tui.screens.results.result_view import interval_cell
from aimic_tui.widgets.big_table import BigTable
from aimic_tui.widgets.table_column import Cell, Column
from aimic_tui.wording.numbers import number, percent
from aimic_tui.wording.results import OF_CLASSES, class_methods, classes_without_intervals, why_no_interval
from aimic_tui.workspace.run_results import RunResults

_INTERVAL = 19  # "1.034 [1.021 1.046]"
_OF_FOLDS = ("macro_f1", "accuracy", "balanced_accuracy", "auroc", "log_loss", "ece")
_WIDEST_NAME = 20


class ClassesTable(Vertical):
    """A network's classes with their figures, and under them how the intervals are made."""

    DEFAULT_CSS = """
    ClassesTable { height: 100%; }
    ClassesTable > .notes { height: auto; max-height: 5; color: $text-muted; margin: 1 0 0 0; }
    """

    def compose(self) -> ComposeResult:
        """Yield the table and the notes."""
        yield BigTable(id="classes")
        yield Static("", classes="notes")

    def show(self, results: RunResults, network: str) -> None:
        """Show a network's classes."""
        of = results.figures["networks"][network]
        self.query_one("#classes", BigTable).show(class_columns(results.classes, of["classes"]), len(results.classes))
        notes = [Content(f"{class_methods(float(results.figures['confidence']))}. ←→ further columns.")]
        notes += [Content.styled(f"! {said}", "$warning") for said in classes_without_intervals(of)]
        self.query_one(".notes", Static).update(Content("\n").join(notes))


def class_columns(names: Sequence[str], rows: Mapping[str, Any]) -> list[Column]:
    """Return the table of a network's classes; `rows` is what results.json holds of each."""
    width = min(_WIDEST_NAME, max(5, *(len(printable(name)) for name in names)))
    columns = [
        Column("class", "class", names, printable, width=width, stays=True),
        Column("support", "images", [rows[name]["support"] for name in names], "{:,}".format, "right", 7),
    ]
    for metric in OF_CLASSES:
        figures = [rows[name][metric] for name in names]
        columns.append(_figure_column(metric, CLASS_TITLES[metric], figures))
    columns.append(Column("predicted", "said", [rows[name]["predicted"] for name in names], "{:,}".format, "right", 7))
    return columns


def _figure_column(key: str, label: str, figures: Sequence[Mapping[str, float | None]]) -> Column:
    values = [f"{-1 if figure['value'] is None else figure['value']:.6f}" for figure in figures]
    return Column(key, label, figures, interval_cell, width=max(18, len(label)), sort_by=values)


class FiguresTable(Vertical):
    """All figures of a network with how their intervals are made; or its folds one by one."""

    DEFAULT_CSS = """
    FiguresTable { height: 100%; }
    FiguresTable > .notes { height: auto; max-height: 4; color: $text-muted; margin: 1 0 0 0; }
    FiguresTable > #folds { display: none; }
    FiguresTable.-folds > #folds { display: block; }
    FiguresTable.-folds > #figures { display: none; }
    """

    def compose(self) -> ComposeResult:
        """Yield both tables and the notes."""
        yield BigTable(id="figures")
        yield BigTable(id="folds")
        yield Static("", classes="notes")

    def show(self, results: RunResults, network: str) -> None:
        """Show a network's figures."""
        of = results.figures["networks"][network]
        metrics = [metric for metric in TITLES if metric in of["pooled"]]
        self.query_one("#figures", BigTable).show(figure_columns(of, metrics), len(metrics))
        self.query_one("#folds", BigTable).show(fold_columns(of["folds"]), len(of["folds"]))
        self._tell(results, of)

    def focus(self, scroll_visible: bool = True) -> FiguresTable:
        """Give the table that is shown the focus."""
        self.query_one("#folds" if self.has_class("-folds") else "#figures", BigTable).focus(scroll_visible)
        return self

    def again(self) -> None:
        """Go on to the folds, or back to all figures."""
        self.toggle_class("-folds")
        self.focus()

    def _tell(self, results: RunResults, of: Mapping[str, Any]) -> None:
        sets = [
            plural(len(of[key]), word) for key, word in (("seeds", "seed"), ("repeats", "repeat")) if len(of[key]) > 1
        ]
        said = [
            f"{percent(float(results.figures['confidence']), None)} intervals. Lower is better: log loss, Brier score, "
            "calibration error (15 bins of equal width).",
            f"A figure is the mean over {' and '.join(sets)}." if sets else "",
            "t: fold by fold, or all figures.",
        ]
        self.query_one(".notes", Static).update(Content(" ".join(filter(None, said))))


def figure_columns(of: Mapping[str, Any], metrics: Sequence[str]) -> list[Column]:
    """Return the table of a network's overall figures; `of` is what results.json holds of it."""
    pooled = [of["pooled"][metric] for metric in metrics]
    ways = [
        method_of(metric, figure) or why_no_interval(metric, of) for metric, figure in zip(metrics, pooled, strict=True)
    ]
    columns = [
        Column("figure", "figure", [TITLES[metric] for metric in metrics], str, width=20, stays=True),
        Column("value", "all folds together", pooled, interval_cell, width=_INTERVAL),
        Column("method", "interval by", ways, str, width=36),
        Column("spread", "folds: mean ± sd", [of["spread"][metric] for metric in metrics], _spread, width=16),
    ]
    for key, label in (("seed_spread", "seeds"), ("repeat_spread", "repeats")):
        spreads = [(of.get(key) or {}).get(metric) or {"mean": None, "sd": None} for metric in metrics]
        if any(spread["sd"] is not None for spread in spreads):
            columns.append(Column(key, f"{label}: mean ± sd", spreads, _spread, width=18))
    return columns


def _spread(found: Mapping[str, float | None]) -> Cell:
    sd = found["sd"]
    return ((number(found["mean"]), ""), (f" ± {number(sd)}" if sd is not None else "", "muted"))


def fold_columns(folds: Sequence[Mapping[str, Any]]) -> list[Column]:
    """Return the table of a network's folds."""
    columns = [Column("fold", "fold", [fold["fold"] for fold in folds], str, "right", 5, stays=True)]
    for key in ("repeat", "seed"):
        values = [fold[key] for fold in folds]
        if len(set(values)) > 1:
            columns.append(Column(key, key, values, str, "right", 6))
    columns.append(Column("images", "images", [fold["images"] for fold in folds], "{:,}".format, "right", 7))
    for metric in _OF_FOLDS:
        values = [fold[metric] for fold in folds]
        columns.append(Column(metric, TITLES[metric], values, number, "right", max(9, len(TITLES[metric]))))
    return columns
