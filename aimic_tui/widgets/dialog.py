"""What every dialog is made from: a screen above a place that closes once, whatever is pressed in a hurry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from textual import events
from textual.await_complete import AwaitComplete
from textual.css.query import NoMatches
from textual.screen import ModalScreen, Screen, ScreenResultType

if TYPE_CHECKING:
    _Base = Screen[Any]
else:
    _Base = object


class ClosesOnce(_Base):
    """Makes `dismiss` harmless where it comes twice or late.

    Keys that arrive in a burst (enter twice, a slow connection) are handled after the first of them has closed the
    dialog or shown another place; Textual would then close whatever is on top, and end the app where nothing is left.
    """

    _dismissed = False

    async def on_event(self, event: events.Event) -> None:
        """Handle an event; where the dialog is closed before it was drawn, what its mounting would fill isn't there."""
        try:
            await super().on_event(event)
        except NoMatches:
            if not isinstance(event, events.Mount) or self in self.app.screen_stack:
                raise

    def dismiss(self, result: Any = None) -> AwaitComplete:
        """Close with a result; does nothing where it is closed already or its place isn't shown."""
        if self._dismissed or self not in self.app.screen_stack:
            return AwaitComplete()
        self._dismissed = True
        while self.app.screen is not self:
            self.app.pop_screen()
        closing: AwaitComplete = super().dismiss(result)
        return closing


class Dialog(ClosesOnce, ModalScreen[ScreenResultType]):
    """A question or a picture above a place; `await app.push_screen_wait(...)` gives its answer."""
