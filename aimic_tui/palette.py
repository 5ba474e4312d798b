"""The palette's contents: every action of every place by its name, the themes, the preferences."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, cast

from textual.binding import Binding, BindingType
from textual.command import DiscoveryHit, Hit, Hits, Provider

from aimic_tui.context import PLACES, PlaceInfo

if TYPE_CHECKING:
    from aimic_tui.app import AimicApp


@dataclass(frozen=True)
class Entry:
    """One line of the palette."""

    name: str
    help: str
    run: Callable[[], object]


class ActionProvider(Provider):
    """Finds actions: those that work here first, then the other places', then the app's own."""

    async def startup(self) -> None:
        """Collect the actions; the modules of places not yet visited are imported for their bindings."""
        self._entries = list(self._here())
        for place in PLACES:
            if place.name != self._app.current_mode:
                await asyncio.sleep(0)  # keys go first
                self._entries += self._there(place)
        self._entries += self._themes()

    @property
    def _app(self) -> AimicApp:
        return cast("AimicApp", self.app)

    def _here(self) -> Iterable[Entry]:
        seen: set[str] = set()
        for key, active in self.screen.active_bindings.items():
            binding = active.binding
            if not (binding.description and binding.id) or binding.id in seen or not active.enabled:
                continue
            if binding.action in ("command_palette", "app.command_palette"):
                continue
            seen.add(binding.id)
            run = partial(self.app.run_action, binding.action, active.node)
            yield self._entry(binding, key, "", run)

    def _there(self, place: PlaceInfo) -> Iterable[Entry]:
        module = importlib.import_module(f"aimic_tui.screens.{place.module}")
        bindings: list[BindingType] = getattr(module, place.screen).BINDINGS
        for binding in bindings:
            if isinstance(binding, Binding) and binding.description and binding.id:
                run = partial(self._app.do_there, place.name, binding.action)
                yield self._entry(binding, binding.key, f"{_title(place)}: ", run)

    def _entry(self, binding: Binding, key: str, prefix: str, run: Callable[[], object]) -> Entry:
        display = "  ".join(self.app.get_key_display(binding.with_key(part)) for part in key.split(","))
        return Entry(f"{prefix}{binding.description}", f"{display}   {binding.tooltip}", run)

    def _themes(self) -> Iterable[Entry]:
        names = sorted(self._app.available_themes, key=lambda name: (not name.startswith("aimic"), name))
        for name in names:
            yield Entry(f"Theme: {name}", "Colours, kept for next time", partial(self._app.keep_theme, name))

    async def discover(self) -> Hits:
        """Offer everything but the themes that are not ours while nothing is typed."""
        for entry in self._entries:
            if not entry.name.startswith("Theme: ") or entry.name.startswith("Theme: aimic"):
                yield DiscoveryHit(entry.name, entry.run, help=entry.help)

    async def search(self, query: str) -> Hits:
        """Offer what matches the query in the action's name, or less so in its help."""
        matcher = self.matcher(query)
        for entry in self._entries:
            score = matcher.match(entry.name)
            if score > 0:
                yield Hit(score, matcher.highlight(entry.name), entry.run, text=entry.name, help=entry.help)
            elif (score := matcher.match(entry.help)) > 0:
                yield Hit(score / 2, entry.name, entry.run, text=entry.name, help=entry.help)


def _title(place: PlaceInfo) -> str:
    return "Home" if place.name == "home" else place.label
