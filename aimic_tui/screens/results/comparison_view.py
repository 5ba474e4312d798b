"""Which networks differ, and what selecting the best of them is worth."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.content import Content

from aimic_tui.engine.evaluation.estimand import IN_SHORT
from aimic_tui.engine.evaluation.interval import Interval
from aimic_tui.engine.evaluation.metric_titles import TITLES
from aimic_tui.engine.evaluation.run_results import RunResults
from aimic_tui.engine.formatting.numbers import interval_text, p_value
from aimic_tui.engine.text import printable
from aimic_tui.screens.results.result_view import ComputedView, interval_cell
from aimic_tui.widgets.big_table import BigTable
from aimic_tui.widgets.table_column import Column
from aimic_tui.workspace.paired_comparison import PairedComparison
from aimic_tui.workspace.results_session import ResultsSession

_INTERVAL = 22  # "-0.034 [-.121 -.046]", and the heading
_PAIR, _VERDICT = 36, 80


class ComparisonView(ComputedView["PairedComparison | None"]):
    """The tests of every two networks: of the run or, where it has one only, of it and runs on the same split."""

    NAME: ClassVar[str] = "comparison"
    KEY: ClassVar[str] = "d"
    TITLE: ClassVar[str] = "Compare"
    TOOLTIP: ClassVar[str] = "Which networks differ, and what selecting the best is worth"
    FOCUS: ClassVar[str] = "#pairs"

    def compose(self) -> ComposeResult:
        """Yield what selecting is worth, and the pairs."""
        yield from super().compose()
        yield BigTable(id="pairs", empty="")

    async def compute(self, session: ResultsSession) -> PairedComparison | None:
        """Have every two networks tested."""
        return await session.comparison(self.metric)

    def draw(self, found: PairedComparison | None) -> None:
        """Write what selecting is worth and the pairs."""
        assert self.session is not None
        table = self.query_one("#pairs", BigTable)
        if found is None:
            self.show_words(
                "Only one network; nothing to compare. Train several networks in one run, or another one on the same "
                f"split: --set split.from={self.session.folder.name}"
            )
            table.show([], 0)
            return
        self.show_words(Content("\n").join(_lines(self.session.figures, self.metric, found)))
        pairs = found.pairs
        columns = [
            _texts("pair", [f"{pair.a} − {pair.b}" for pair in pairs], _PAIR, stays=True),
            _texts("verdict", [pair.verdict for pair in pairs], _VERDICT),
            Column(
                "difference",
                IN_SHORT["trained networks"],
                [pair.difference for pair in pairs],
                interval_cell,
                width=_INTERVAL,
            ),
            Column("p", "p adjusted", [pair.p for pair in pairs], p_value, "right", 10),
        ]
        if any(pair.recipe is not None for pair in pairs):
            recipes = [pair.recipe or Interval(None) for pair in pairs]
            columns += [
                Column("recipe", IN_SHORT["recipe"], recipes, interval_cell, width=_INTERVAL),
                Column("p_recipe", "p adjusted", [pair.p_recipe for pair in pairs], p_value, "right", 10),
            ]
        columns += [
            Column("mcnemar", "McNemar", [pair.p_mcnemar for pair in pairs], p_value, "right", 9),
            Column("t", "over folds", [pair.p_folds for pair in pairs], p_value, "right", 10),
        ]
        table.show(columns, len(pairs))


def _texts(title: str, texts: Sequence[str], most: int, *, stays: bool = False) -> Column:
    """Return a column of texts, as wide as the longest one but for `most`: what has no room is to be scrolled to."""
    width = min(most, max(len(printable(text)) for text in (title, *texts)))
    return Column(title, title, texts, printable, width=width, stays=stays)


def _lines(results: RunResults, metric: str, found: PairedComparison) -> Iterator[Content]:
    """Say what the best network's figure is worth, how to read a difference, and what to keep in mind."""
    for selected in results.selected:
        times = ", ".join(f"{printable(name)} {count}" for name, count in selected.times.items() if count)
        figure = selected.results.pooled[metric]
        yield Content.assemble(
            ("Chosen in each fold ", "bold"),
            f"by its {selected.by}: {TITLES[metric]} ",
            (interval_text(figure.value, figure.low, figure.high), "bold"),
            f" · folds by choice: {times}",
        )
    yield Content.styled(
        f"Differences: {TITLES[metric]} of the first minus that of the second, on the same images. p values are "
        f"adjusted for all pairs. Equivalent: the whole interval within ±{found.margin:g} (setting Margin).",
        "$text-muted",
    )
    yield Content.styled(printable(" ".join(found.notes)), "$text-muted")
