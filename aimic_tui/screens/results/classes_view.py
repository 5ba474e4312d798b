"""The table of a network's classes: each against the rest, with intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Static

from aimic_tui.engine.evaluation.dominant_group import dominant_group
from aimic_tui.engine.evaluation.interval import Interval
from aimic_tui.engine.evaluation.metric_titles import CLASS_TITLES
from aimic_tui.engine.evaluation.predictive_values import predictive_values
from aimic_tui.engine.evaluation.run_results import ClassFigures
from aimic_tui.engine.formatting.numbers import percent
from aimic_tui.engine.text import printable
from aimic_tui.screens.results.prevalence_prompt import PrevalencePrompt
from aimic_tui.screens.results.result_view import ResultView, interval_cell
from aimic_tui.widgets.big_table import BigTable
from aimic_tui.widgets.table_column import Column
from aimic_tui.wording.predictive_values import HOLDS, read_prevalence, values_sentence
from aimic_tui.wording.results import OF_CLASSES, classes_without_intervals

_WIDEST_NAME = 20
_INTERVAL = 18  # "0.934 [.921 .946]"


class ClassesView(ResultView):
    """A network's classes with their figures, and under them which have no interval."""

    NAME: ClassVar[str] = "classes"
    KEY: ClassVar[str] = "c"
    TITLE: ClassVar[str] = "Classes"
    TOOLTIP: ClassVar[str] = "The figures of each class"
    FOCUS: ClassVar[str] = "#classes"

    DEFAULT_CSS = """
    ClassesView > .notes { max-height: 8; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "P", "prevalence", "Prevalence", id="results.prevalence", tooltip="PPV and NPV of a class at a prevalence"
        )
    ]

    def __init__(self) -> None:
        super().__init__()
        self._prevalences: dict[str, str] = {}  # class -> prevalence, as it was typed

    def compose(self) -> ComposeResult:
        """Yield the table and the notes."""
        yield BigTable(id="classes")
        yield Static("", classes="notes")

    def refresh_network(self) -> None:
        """Write the network's classes."""
        assert self.session is not None
        results, network = self.session.figures, self.session.network(self.network)
        table = self.query_one("#classes", BigTable)
        table.show(class_columns(results.classes, network.classes), len(results.classes))
        notes = [
            Content(f"{percent(results.confidence, None)} intervals. ←→ further columns. M: how they are computed.")
        ]
        at = [(name, text) for name, text in self._prevalences.items() if name in network.classes]
        for name, text in at:
            of = network.classes[name]
            found = predictive_values(
                of.figures["recall"], of.figures["specificity"], read_prevalence(text), of.rate_correlation
            )
            notes.append(Content(values_sentence(printable(name), found)))
        if at:
            notes.append(Content(HOLDS))
        warnings = [dominant_group(network), *classes_without_intervals(network)]
        notes += [Content.styled(f"! {sentence}", "$warning") for sentence in warnings if sentence]
        self.query_one(".notes", Static).update(Content("\n").join(notes))

    @work
    async def action_prevalence(self) -> None:
        """Ask for the prevalence of the class under the cursor, and show its predictive values there."""
        row = self.query_one("#classes", BigTable).row
        if self.session is None or row is None:
            return
        name = self.session.figures.classes[row]
        text = await self.app.push_screen_wait(PrevalencePrompt(name, self._prevalences.get(name, "")))
        if text is None:
            return
        self._prevalences.pop(name, None)
        if text:
            self._prevalences[name] = text
        self.refresh_network()


def class_columns(names: Sequence[str], classes: Mapping[str, ClassFigures]) -> list[Column]:
    """Return the table of a network's classes, `names` in their order."""
    width = min(_WIDEST_NAME, max(5, *(len(printable(name)) for name in names)))
    rows = [classes[name] for name in names]
    return [
        Column("class", "class", names, printable, width=width, stays=True),
        Column("support", "images", [row.support for row in rows], "{:,}".format, "right", 7),
        *(_figure_column(metric, [row.figures[metric] for row in rows]) for metric in OF_CLASSES),
        Column("predicted", "predicted", [row.predicted for row in rows], "{:,}".format, "right", 9),
    ]


def _figure_column(metric: str, figures: Sequence[Interval]) -> Column:
    title = CLASS_TITLES[metric]
    values = [f"{-1 if figure.value is None else figure.value:.6f}" for figure in figures]
    return Column(metric, title, figures, interval_cell, width=max(_INTERVAL, len(title)), sort_by=values)
