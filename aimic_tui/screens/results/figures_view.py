"""The table of a network's overall figures with their intervals, and the same fold by fold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from aimic_tui.engine.evaluation.baseline import Baseline
from aimic_tui.engine.evaluation.dominant_group import dominant_group
from aimic_tui.engine.evaluation.estimand import IN_SHORT
from aimic_tui.engine.evaluation.fold_spread import spread_warning
from aimic_tui.engine.evaluation.interval import Interval
from aimic_tui.engine.evaluation.learned_nothing import learned_nothing
from aimic_tui.engine.evaluation.metric_titles import TITLES, method_of
from aimic_tui.engine.evaluation.run_results import FoldFigures, NetworkResults, Spread
from aimic_tui.engine.formatting.numbers import bounds_text, number, percent
from aimic_tui.engine.text import plural, printable
from aimic_tui.screens.results.result_view import ResultView, interval_cell
from aimic_tui.widgets.big_table import BigTable
from aimic_tui.widgets.table_column import Cell, Column
from aimic_tui.wording.results import interval_note

_INTERVAL = 19  # "1.034 [1.021 1.046]"
_POOLED = 22  # the heading, too
_OF_FOLDS = ("macro_f1", "accuracy", "balanced_accuracy", "auroc", "log_loss", "ece")
_NO_SPREAD = Spread(None, None)


class FiguresView(ResultView):
    """All figures of a network with how their intervals are computed; or its folds one by one."""

    NAME: ClassVar[str] = "figures"
    KEY: ClassVar[str] = "t"
    TITLE: ClassVar[str] = "Figures"
    TOOLTIP: ClassVar[str] = "All figures, with how their intervals are computed; again: fold by fold"
    FOCUS: ClassVar[str] = "#figures"

    DEFAULT_CSS = """
    FiguresView > .notes { max-height: 4; }
    FiguresView > #folds { display: none; }
    FiguresView.-folds > #folds { display: block; }
    FiguresView.-folds > #figures { display: none; }
    """

    def compose(self) -> ComposeResult:
        """Yield both tables and the notes."""
        yield BigTable(id="figures")
        yield BigTable(id="folds")
        yield Static("", classes="notes")

    @property
    def focus_stops(self) -> list[Widget]:
        """The table that is shown."""
        return [self.query_one("#folds" if self.has_class("-folds") else "#figures")]

    def refresh_network(self) -> None:
        """Write the network's figures."""
        assert self.session is not None
        network = self.session.network(self.network)
        metrics = [metric for metric in TITLES if metric in network.pooled]
        columns = [*figure_columns(network, metrics), *baseline_columns(self.session.figures.baselines, metrics)]
        self.query_one("#figures", BigTable).show(columns, len(metrics))
        self.query_one("#folds", BigTable).show(fold_columns(network.folds), len(network.folds))
        sets = [
            plural(len(found), word)
            for found, word in ((network.seeds, "seed"), (network.repeats, "repeat"))
            if len(found) > 1
        ]
        notes = [
            *learned_nothing(self.network, network),
            spread_warning(self.network, network, self.session.figures.confidence),
            dominant_group(network),
            f"All folds pooled, with {percent(self.session.figures.confidence, None)} intervals.",
            "Lower is better for log loss, Brier score and calibration error.",
            f"Each figure is the mean over {' and '.join(sets)}." if sets else "",
            "t: fold by fold, or all figures.",
        ]
        self.query_one(".notes", Static).update(Content(printable(" ".join(filter(None, notes)))))

    def show_next(self) -> None:
        """Go on to the folds, or back to all figures."""
        self.toggle_class("-folds")
        self.focus_stops[0].focus()


def figure_columns(network: NetworkResults, metrics: Sequence[str]) -> list[Column]:
    """Return the table of a network's overall figures."""
    pooled = [network.pooled[metric] for metric in metrics]
    methods = [
        method_of(metric, figure) or interval_note(metric, network)
        for metric, figure in zip(metrics, pooled, strict=True)
    ]
    columns = [
        Column("figure", "figure", [TITLES[metric] for metric in metrics], str, width=20, stays=True),
        Column("value", IN_SHORT["trained networks"], pooled, interval_cell, width=_POOLED),
        *_recipe_column(network, metrics),
        Column("method", "interval by", methods, str, width=36),
        Column("spread", "folds: mean ± sd", _spreads(network.spread, metrics), _spread_cell, width=16),
    ]
    for key, label, found in (
        ("seed_spread", "seeds", network.seed_spread),
        ("repeat_spread", "repeats", network.repeat_spread),
    ):
        spreads = _spreads(found, metrics)
        if any(spread.sd is not None for spread in spreads):
            columns.append(Column(key, f"{label}: mean ± sd", spreads, _spread_cell, width=18))
    return columns


def baseline_columns(baselines: Sequence[Baseline], metrics: Sequence[str]) -> list[Column]:
    """Return a column of overall figures for each baseline."""
    return [
        Column(one.name, f"({one.title})", [one.pooled[metric] for metric in metrics], interval_cell, width=_INTERVAL)
        for one in baselines
    ]


def _recipe_column(network: NetworkResults, metrics: Sequence[str]) -> list[Column]:
    """The limits for the recipe, where several seeds or repeats show them."""
    if not network.recipe:
        return []
    figures = [network.recipe.get(metric, Interval(None)) for metric in metrics]
    return [Column("recipe", IN_SHORT["recipe"], figures, _bounds_cell, width=_POOLED)]


def _bounds_cell(figure: Interval) -> Cell:
    return ((bounds_text(figure.low, figure.high), "muted"),)


def _spreads(found: Mapping[str, Spread], metrics: Sequence[str]) -> list[Spread]:
    return [found.get(metric, _NO_SPREAD) for metric in metrics]


def _spread_cell(spread: Spread) -> Cell:
    return ((number(spread.mean), ""), (f" ± {number(spread.sd)}" if spread.sd is not None else "", "muted"))


def fold_columns(folds: Sequence[FoldFigures]) -> list[Column]:
    """Return the table of a network's folds."""
    columns = [Column("fold", "fold", [fold.fold for fold in folds], str, "right", 5, stays=True)]
    for key, values in (("repeat", [fold.repeat for fold in folds]), ("seed", [fold.seed for fold in folds])):
        if len(set(values)) > 1:
            columns.append(Column(key, key, values, str, "right", 6))
    columns.append(Column("images", "images", [fold.images for fold in folds], "{:,}".format, "right", 7))
    for metric in _OF_FOLDS:
        figures = [fold.values[metric] for fold in folds]
        columns.append(Column(metric, TITLES[metric], figures, number, "right", max(9, len(TITLES[metric]))))
    return columns
