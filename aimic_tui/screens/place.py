"""What every place of the app is made of: the frame around it and the keys that work everywhere."""

from __future__ import annotations

from typing import ClassVar, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import Screen

from aimic_tui.widgets.frame import KeyLine, Rule, TopLine
from aimic_tui.workspace.context import PLACES, Shell


class Place(Screen[None]):
    """One of the places. A subclass names itself in `PLACE` and yields its widgets in `compose_body`.

    Every binding of a place has an id (`data.exclude`), a description of one or two words and a tooltip of one
    sentence: the bottom line (those with `show=True`, at most five), the help and the palette are made of them.
    What changes files asks `may_change` first, so that a read-only look stays one.
    """

    PLACE: ClassVar[str] = ""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "app.focus_next", "Next part", show=False, id="place.next", tooltip="Go to the next part"),
        Binding(
            "shift+tab",
            "app.focus_previous",
            "Previous part",
            show=False,
            id="place.previous",
            tooltip="Go to the previous part",
        ),
    ]

    def compose(self) -> ComposeResult:
        """Draw the frame around `compose_body`."""
        yield TopLine(self.PLACE)
        yield Rule()
        with Vertical(id="body"):
            yield from self.compose_body()
        yield Rule()
        yield KeyLine()

    def compose_body(self) -> ComposeResult:
        """Yield what the place shows between the rules."""
        yield from ()

    @property
    def shell(self) -> Shell:
        """The app around the place, by what a place may ask of it."""
        return cast("Shell", self.app)

    def may_change(self, what: str) -> bool:
        """Tell whether things may be changed; in a read-only look say that they may not.

        Args:
            what: what was asked for, as in "start a run".
        """
        if self.shell.read_only:
            self.shell.tell(f"This app is read-only: you can't {what} here. Open aimic without --read-only.")
            return False
        return True


def common_bindings() -> list[BindingType]:
    """Return the keys that work in every place; the app binds them."""
    go: list[BindingType] = [
        Binding(
            place.key,
            f"go({place.name!r})",
            "Home" if place.name == "home" else place.label,
            show=False,
            id=f"app.go-{place.name}",
            tooltip=place.question,
        )
        for place in PLACES
    ]
    return [
        *go,
        Binding("question_mark,f1", "help", "Help", id="app.help", tooltip="The keys that work here, and what they do"),
        Binding(
            "ctrl+p",
            "command_palette",
            "All actions",
            id="app.palette",
            priority=True,
            tooltip="Find any action of any place by its name",
        ),
        Binding("ctrl+l", "redraw", "Redraw", show=False, priority=True, id="app.redraw", tooltip="Redraw the screen"),
        Binding(
            "f10",
            "toggle_slow_link",
            "Slow link",
            show=False,
            id="app.slow-link",
            tooltip="Draw less often, for slow connections; the choice is saved",
        ),
        Binding("q", "quit", "Quit", show=False, id="app.quit", tooltip="Leave the app; runs go on without it"),
    ]
