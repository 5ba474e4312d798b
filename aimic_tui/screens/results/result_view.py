"""What every view of Results is: a key, a name, what has the focus in it, and one network's results that it shows."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar, Generic, TypeVar

from textual import work
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static

from aimic_tui.engine.errors import AimicError
from aimic_tui.engine.evaluation.interval import Interval
from aimic_tui.engine.formatting.numbers import bounds_text, number
from aimic_tui.engine.text import printable
from aimic_tui.widgets.table_column import Cell
from aimic_tui.workspace.results_session import ResultsSession

_PATIENCE = 0.2  # seconds until a view says that it is computing: most have their figures before

Found = TypeVar("Found")


class ResultView(Vertical):
    """One view of a network's results, below the ranking of networks. Another view is a subclass, named in `views`.

    Attributes:
        NAME: by which its key and its id know it.
        KEY, TITLE, TOOLTIP: of its binding.
        FOCUS: selects what has the focus in it.
        HAS_SIDE: whether something stands beside it that has no focus of its own; on a narrow screen the class
            `-side` of the screen shows that instead.
    """

    NAME: ClassVar[str]
    KEY: ClassVar[str]
    TITLE: ClassVar[str]
    TOOLTIP: ClassVar[str]
    FOCUS: ClassVar[str]
    HAS_SIDE: ClassVar[bool] = False

    DEFAULT_CSS = """
    ResultView { height: 100%; }
    ResultView > .notes { height: auto; color: $text-muted; margin: 1 0 0 0; }
    """

    class SideShown(Message):
        """What stands beside a view is to be seen or, where `shown` is false, the view itself.

        It gets the focus where the message says so, and on a narrow screen, where it takes the view's room.
        """

        def __init__(self, *, shown: bool, focus: bool) -> None:
            super().__init__()
            self.shown, self.focus = shown, focus

    def __init__(self) -> None:
        super().__init__(id=f"{self.NAME}-view", classes="view")
        self.session: ResultsSession | None = None
        self.network = ""
        self.metric = ""
        self._request: object = None

    @property
    def focus_stops(self) -> list[Widget]:
        """What can have the focus in it, in the order of tab."""
        return [self.query_one(self.FOCUS)]

    def show_network(self, session: ResultsSession, network: str, metric: str) -> None:
        """Show a network of a run, unless it is shown already; `metric` is the overall figure in question."""
        request = (session.folder, session.read_stamp, network, metric)
        if request != self._request:
            self._request = request
            self.session, self.network, self.metric = session, network, metric
            self.refresh_network()

    @abstractmethod
    def refresh_network(self) -> None:
        """Show the network as the session has it now."""

    def show_next(self) -> None:
        """Go on to the next thing of the view: its key was pressed while it has the focus."""

    def close_side(self) -> None:
        """Go back from what stands beside the view to what is there at first."""


class ComputedView(ResultView, Generic[Found]):
    """A view of figures that take time to compute: words above, tables or charts below.

    A subclass gets its figures in `compute` and draws them in `draw`.
    """

    DEFAULT_CSS = """
    ComputedView > .words { height: auto; max-height: 9; text-wrap: wrap; margin: 0 0 1 0; }
    """

    def __init__(self) -> None:
        super().__init__()
        self.found: Found | None = None

    def compose(self) -> ComposeResult:
        """Yield the words; a subclass, what stands below them."""
        yield Static("", classes="words")

    @abstractmethod
    async def compute(self, session: ResultsSession) -> Found:
        """Get what is drawn.

        Raises:
            AimicError: a file is missing or damaged, or a command failed.
        """

    @abstractmethod
    def draw(self, found: Found) -> None:
        """Draw what `compute` returned."""

    def show_words(self, words: Content | str) -> None:
        """Write the words above."""
        self.query_one(".words", Static).update(Content(printable(words)) if isinstance(words, str) else words)

    def refresh_network(self) -> None:
        """Have the figures computed and drawn; what the session has computed before is there at once."""
        assert self.session is not None
        self._compute(self.session)

    @work(group="figures", exclusive=True, exit_on_error=False)
    async def _compute(self, session: ResultsSession) -> None:
        waiting = Content.styled("Computing the figures ...", "$text-muted")
        timer = self.set_timer(_PATIENCE, lambda: self.show_words(waiting))
        try:
            self.found = await self.compute(session)
        except AimicError as problem:
            self._request = None  # so that it is tried again
            self.show_words(Content.styled(problem.sentence, "$warning"))
            return
        finally:
            timer.stop()
        self.draw(self.found)


def interval_cell(figure: Interval, digits: int = 3) -> Cell:
    """Write a figure with its interval, the figure stronger."""
    bounds = bounds_text(figure.low, figure.high, digits)
    return ((number(figure.value, digits), "strong"), (f" {bounds}" if bounds else "", "muted"))
