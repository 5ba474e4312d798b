"""What the views of the Results place share: figures that are made beside the event loop, once, and kept."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from textual import work
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from aimic_tui.engine.errors import AimicError
from aimic_tui.engine.evaluation.tested_run import TestedNetwork
from aimic_tui.engine.text import printable
from aimic_tui.widgets.table_column import Cell
from aimic_tui.wording.numbers import interval_text
from aimic_tui.workspace.network_opinions import tested_run
from aimic_tui.workspace.run_results import RunResults, stamp_of_run

_KEPT = 24


class ResultView(Vertical):
    """One view of a run's network: words above, tables or charts below.

    A subclass makes its figures in `figures`, which may take seconds, and draws them in `draw`.
    """

    DEFAULT_CSS = """
    ResultView { height: 100%; }
    ResultView > .words { height: auto; max-height: 9; text-wrap: wrap; margin: 0 0 1 0; }
    """

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id, classes="view")
        self.results: RunResults | None = None
        self.network = ""
        self.metric = ""
        self._shown: object = None
        self._known: OrderedDict[object, Any] = OrderedDict()

    def compose(self) -> ComposeResult:
        """Yield the words, and what stands below them."""
        yield Static("", classes="words")

    def key(self) -> object:
        """Return what the figures depend on beside the run."""
        return self.network

    @abstractmethod
    async def figures(self) -> Any:
        """Make what is drawn; not on the event loop where it takes long."""

    @abstractmethod
    def draw(self, found: Any) -> None:
        """Draw what `figures` made."""

    def again(self) -> None:
        """The view's key was pressed while it is shown: go on to the next thing of it."""

    def tell(self, words: Content | str) -> None:
        """Write the words above."""
        text = Content(printable(words)) if isinstance(words, str) else words
        self.query_one(".words", Static).update(text)

    def show_network(self, results: RunResults, network: str, metric: str) -> None:
        """Show a network of a run by a figure; what was made before is drawn at once."""
        other = metric != self.metric
        self.results, self.network, self.metric = results, network, metric
        key = (results.folder.path, stamp_of_run(results.folder), self.key())
        if key == self._shown:
            if other and key in self._known:
                self.draw(self._known[key])
            return
        self._shown = key
        if key in self._known:
            self.draw(self._known[key])
        else:
            self.tell(Content.styled("making the figures ...", "$text-muted"))
            self._make(key)

    def forget(self) -> None:
        """Make the figures anew when they are asked for the next time."""
        self._shown = None
        self._known.clear()

    @work(group="figures", exclusive=True, exit_on_error=False)
    async def _make(self, key: object) -> None:
        try:
            found = await self.figures()
        except AimicError as problem:
            self._shown = None
            self.tell(Content.styled(problem.sentence, "$warning"))
            return
        self._known[key] = found
        while len(self._known) > _KEPT:
            self._known.popitem(last=False)
        if key == self._shown:
            self.draw(found)

    async def tested(self) -> TestedNetwork:
        """Read what the network said of its test images.

        Raises:
            InputProblem: a file is missing or damaged.
        """
        assert self.results is not None
        folder = self.results.folder
        run = await asyncio.to_thread(tested_run, folder.path, stamp_of_run(folder))
        return next(network for network in run.networks if network.name == self.network)


def interval_cell(figure: Mapping[str, float | None]) -> Cell:
    """Write a figure with its interval, the figure stronger."""
    words = interval_text(figure["value"], figure["low"], figure["high"])
    value, _, ends = words.partition(" ")
    return ((value, "strong"), (f" {ends}" if ends else "", "muted"))
