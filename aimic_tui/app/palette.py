"""The palette's contents: every action of every place by its name, the themes, the preferences."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Protocol, cast

from textual.binding import Binding
from textual.command import CommandList, CommandPalette, DiscoveryHit, Hit, Hits, Provider
from textual.dom import DOMNode
from textual.theme import Theme
from textual.widgets import LoadingIndicator

from aimic_tui.screens.place import Place
from aimic_tui.widgets.dialog import ClosesOnce
from aimic_tui.workspace.context import PLACES, PlaceInfo


class Palette(ClosesOnce, CommandPalette):
    """Textual's palette, for keys that come faster than it fills."""

    def _action_command_list(self, action: str) -> None:
        # The list has no lines to move by until it is drawn for the first time.
        if action not in ("page_up", "page_down") or self.query_one(CommandList).scrollable_content_region:
            super()._action_command_list(action)

    async def _watch__show_busy(self) -> None:
        # A search may begin or end when the palette has closed, and its indicator is gone.
        if self.query(LoadingIndicator):
            await super()._watch__show_busy()


class AppWithPlaces(Protocol):
    """What the palette asks of the app that it belongs to."""

    @property
    def current_mode(self) -> str:
        """The place on the screen."""

    @property
    def available_themes(self) -> Mapping[str, Theme]:
        """Themes by their names."""

    def save_theme(self, name: str) -> None:
        """Use a theme, now and from the next start on."""

    async def run_action_on(self, action: str, node: DOMNode) -> None:
        """Do an action of a widget, a screen or the app, if it is still there."""

    async def run_action_in(self, place: str, action: str) -> None:
        """Show a place and run one of its actions."""


@dataclass(frozen=True)
class PaletteEntry:
    """One line of the palette."""

    name: str
    help: str
    run: Callable[[], object]


class _Actions(Provider):
    """Offers and finds entries."""

    _entries: tuple[PaletteEntry, ...] = ()
    _weight = 1.0  # of a match, beside those of the other providers
    _ran = False

    @property
    def _app(self) -> AppWithPlaces:
        return cast(AppWithPlaces, self.app)

    async def discover(self) -> Hits:
        """Offer everything except other people's themes while nothing is typed."""
        for entry in self._entries:
            if not entry.name.startswith("Theme: ") or entry.name.startswith("Theme: aimic"):
                yield DiscoveryHit(entry.name, self._once(entry), help=entry.help)

    async def search(self, query: str) -> Hits:
        """Offer what matches the query in the action's name, or less so in its help."""
        matcher = self.matcher(query)
        for entry in self._entries:
            score = matcher.match(entry.name)
            if score > 0:
                yield Hit(
                    score * self._weight, matcher.highlight(entry.name), self._once(entry), entry.name, entry.help
                )
            elif (score := matcher.match(entry.help)) > 0:
                yield Hit(score * self._weight / 4, entry.name, self._once(entry), text=entry.name, help=entry.help)

    def _once(self, entry: PaletteEntry) -> Callable[[], object]:
        """Return the entry's work, done at the first call only: enter may come twice before the palette closes."""

        def run() -> object:
            if self._ran:
                return None
            self._ran = True
            return entry.run()

        return run

    def _entry(self, binding: Binding, key: str, prefix: str, run: Callable[[], object]) -> PaletteEntry:
        display = "  ".join(self.app.get_key_display(binding.with_key(part)) for part in key.split(","))
        return PaletteEntry(f"{prefix}{binding.description}", f"{display}   {binding.tooltip}", run)


class ActionsHere(_Actions):
    """The actions of this place and of the app, and the themes: available at once."""

    _weight = 1.5

    async def startup(self) -> None:
        """Read the bindings that work on the screen below the palette."""
        self._entries = (*self._here(), *self._themes())

    def _here(self) -> Iterable[PaletteEntry]:
        seen: set[str] = set()
        # The place's own actions, then the app's; movements in whatever has the focus last.
        order = {id(self.screen): 0, id(self.app): 1}
        found = sorted(self.screen.active_bindings.items(), key=lambda item: order.get(id(item[1].node), 2))
        for key, active in found:
            binding = active.binding
            if not (binding.description and binding.id) or binding.id in seen or not active.enabled:
                continue
            seen.add(binding.id)
            if binding.id != "app.palette":
                yield self._entry(binding, key, "", partial(self._app.run_action_on, binding.action, active.node))

    def _themes(self) -> Iterable[PaletteEntry]:
        names = sorted(self._app.available_themes, key=lambda name: (not name.startswith("aimic"), name))
        for name in names:
            yield PaletteEntry(f"Theme: {name}", "Colours; saved", partial(self._app.save_theme, name))


class ActionsElsewhere(_Actions):
    """The actions of the other places; the modules of those not yet visited are imported for it."""

    async def startup(self) -> None:
        """Read the other places' bindings."""
        places = [place for place in PLACES if place.name != self._app.current_mode]
        for place in places:
            await asyncio.to_thread(importlib.import_module, place.path)
        self._entries = tuple(entry for place in places for entry in self._there(place))

    def _there(self, place: PlaceInfo) -> Iterable[PaletteEntry]:
        for binding in bindings_of(getattr(importlib.import_module(place.path), place.screen)):
            if binding.description and binding.id:
                run = partial(self._app.run_action_in, place.name, binding.action)
                yield self._entry(binding, binding.key, f"{_title(place)}: ", run)


def bindings_of(screen: type[Place]) -> Iterable[Binding]:
    """Yield a place's bindings: those of its own class and of the classes it inherits from."""
    for each in screen.__mro__:
        if not issubclass(each, Place) or each is Place:
            continue
        for binding in vars(each).get("BINDINGS", ()):
            if isinstance(binding, Binding):
                yield binding


def _title(place: PlaceInfo) -> str:
    return "Home" if place.name == "home" else place.label
