"""The frame of every screen: the top line with the screens and the machine, rules, the line with the keys."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, cast

from textual import events
from textual.app import RenderResult
from textual.content import Content
from textual.reactive import reactive
from textual.style import Style
from textual.widget import Widget

from aimic_tui.workspace.context import PLACES, Shell

if TYPE_CHECKING:
    from textual.binding import ActiveBinding
    from textual.screen import Screen

_KEYS = 6  # at most on the bottom line; everything else is in the help and in the palette


class Rule(Widget):
    """A thin line from side to side."""

    DEFAULT_CSS = """
    Rule { width: 100%; height: 1; color: $rule; }
    """

    def render(self) -> RenderResult:
        """Draw the line."""
        return Content("─" * self.size.width)


class TopLine(Widget):
    """The places, the current one lit, and the machine's use on the right."""

    DEFAULT_CSS = """
    TopLine { height: 1; padding: 0 1; }
    """

    gauges: reactive[tuple[str, ...]] = reactive((), layout=False)
    """The machine's use in a few words, the most telling first; as many are shown as fit."""

    def __init__(self, place: str) -> None:
        super().__init__()
        self.place = place

    def on_click(self, event: events.Click) -> None:
        """Go to the place that was clicked."""
        if place := event.style.meta.get("place"):
            cast("Shell", self.app).go(place)

    def render(self) -> RenderResult:
        """Draw the places, and as much of the gauges as there is room for."""
        places = Content.assemble(*self._places())
        gauge = Content("")
        for words in self.gauges:
            longer = Content.assemble(gauge, ("   " if gauge else "", ""), (words, "$text-muted"))
            if places.cell_length + 3 + longer.cell_length > self.size.width:
                break
            gauge = longer
        space = self.size.width - places.cell_length - gauge.cell_length
        return Content.assemble(places, " " * max(0, space), gauge)

    def _places(self) -> Iterable[tuple[str, Style | str] | Content | str]:
        gap = "   " if self.size.width >= 96 else "  "
        for index, place in enumerate(info for info in PLACES if info.step or info.name == self.place):
            if index:
                yield gap
            go = Style.from_meta({"place": place.name})
            if place.name == self.place:
                label = Content.styled(f"{place.key} {place.label}", "bold underline $primary")
            else:
                label = Content.assemble((place.key, "$text-muted"), " ", (place.label, "$foreground"))
            yield label.stylize(go)


class KeyLine(Widget):
    """At most six keys and what they do here; always `? Help` among them."""

    DEFAULT_CSS = """
    KeyLine { height: 1; padding: 0 1; }
    """

    def on_mount(self) -> None:
        """Redraw when the keys change, as they do with the focus."""
        self.screen.bindings_updated_signal.subscribe(self, self._bindings_changed)

    def _bindings_changed(self, _screen: Screen[object]) -> None:
        self.refresh()

    def on_click(self, event: events.Click) -> None:
        """Do what the clicked key does."""
        if key := event.style.meta.get("key"):
            self.app.simulate_key(key)

    def render(self) -> RenderResult:
        """Draw the place's keys, then Help, then the palette if there is room."""
        own, common = self._shown()
        room = self.size.width
        always = [_key(self, binding) for binding in common[:1]]
        more = [_key(self, binding) for binding in own] + [_key(self, binding) for binding in common[1:]]
        left = room - sum(item.cell_length + 3 for item in always)
        chosen: list[Content] = []
        for item in more[: _KEYS - len(always)]:
            left -= item.cell_length + 3
            if left < -3:
                break
            chosen.append(item)
        at = min(len(own), len(chosen))
        return Content("   ").join([*chosen[:at], *always, *chosen[at:]])

    def _shown(self) -> tuple[list[ActiveBinding], list[ActiveBinding]]:
        """Return the place's own bindings and the common ones (Help first) that are to be shown."""
        seen: set[str] = set()
        own: list[ActiveBinding] = []
        common: list[ActiveBinding] = []
        for active in self.screen.active_bindings.values():
            binding = active.binding
            if not binding.show or not binding.description or binding.action in seen:
                continue
            seen.add(binding.action)
            (common if (binding.id or "").startswith("app.") else own).append(active)
        common.sort(key=lambda active: active.binding.id != "app.help")
        return own, common


def _key(widget: Widget, active: ActiveBinding) -> Content:
    binding = active.binding
    display = widget.app.get_key_display(binding)
    click = Style.from_meta({"key": binding.key})
    if not active.enabled:
        return Content.styled(f"{display} {binding.description}", "$text-disabled")
    return Content.assemble((display, "bold $primary"), " ", (binding.description, "$foreground")).stylize(click)
