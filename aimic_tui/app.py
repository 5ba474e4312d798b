"""The app: its places, its keys, its looks. It draws and asks; whatever is heavy is a process of its own."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, ClassVar

from rich.segment import Segment
from textual import events
from textual.app import App
from textual.binding import Binding, BindingType
from textual.filter import LineFilter
from textual.screen import Screen

from aimic_tui.context import PLACES, Context, Severity
from aimic_tui.engine.text import printable
from aimic_tui.screens.place import common_bindings
from aimic_tui.themes import DEFAULT_THEME, OWN_THEMES
from aimic_tui.wording import ascii_only, to_ascii

if TYPE_CHECKING:
    from textual.color import Color

    from aimic_tui.engine.runs.workspace import Workspace

_KEY_NAMES = {"escape": "esc", "pagedown": "pgdn", "pageup": "pgup", "question_mark": "?", "slash": "/"}


class AsciiOnly(LineFilter):
    """Turns whatever a widget draws into ASCII of the same width, for terminals without a UTF-8 locale."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """Return the segments of one line in ASCII."""
        return [Segment(to_ascii(text), style, control) for text, style, control in segments]


class AimicApp(App[None]):
    """The terminal app on one workspace."""

    TITLE = "aimic"
    CSS_PATH = "app.tcss"
    DEFAULT_MODE = "home"
    BINDINGS: ClassVar[list[BindingType]] = common_bindings()

    def __init__(
        self, workspace: Workspace, *, read_only: bool = False, slow_link: bool = False, place: str = "home"
    ) -> None:
        """Make the app.

        Args:
            workspace: where runs are kept.
            read_only: nothing can be started, stopped or written.
            slow_link: draw less often.
            place: the place to open with, by its name in `PLACES`.
        """
        super().__init__()
        self.workspace = workspace
        self.read_only = read_only
        self.slow_link = slow_link
        self.context = Context()
        self._first_place = place
        for theme in OWN_THEMES:
            self.register_theme(theme)
        self.theme = "aimic-terminal" if self.no_color else DEFAULT_THEME
        if ascii_only():
            self._filters.append(AsciiOnly())

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Give themes that are not ours the colours that only ours name."""
        return {"rule": "$foreground 20%", "track": "$foreground 15%", "focus-row": "$primary 20%"}

    def get_default_screen(self) -> Screen[None]:
        """Home is what the app starts on."""
        return self._make("home")

    def on_mount(self) -> None:
        """Go to the place that was asked for."""
        if self._first_place != self.DEFAULT_MODE:
            self.go(self._first_place)

    @staticmethod
    def _make(name: str) -> Screen[None]:
        """Import a place's module and make its screen: the first visit of a place pays for it, not the start."""
        info = next(place for place in PLACES if place.name == name)
        screen: Screen[None] = getattr(importlib.import_module(f"aimic_tui.screens.{info.module}"), info.screen)()
        return screen

    def go(self, place: str) -> None:
        """Show a place. Where it is on the screen already, it looks at the context anew."""
        if place == self.current_mode:
            self.screen.post_message(events.ScreenResume())
            return
        if place != self.DEFAULT_MODE and place not in self._modes:
            self.add_mode(place, lambda: self._make(place))
        self.switch_mode(place)

    def tell(self, sentence: str, severity: Severity = "information") -> None:
        """Show a notice for a few seconds."""
        text = "\n".join(printable(line) for line in sentence.splitlines())
        self.notify(text, severity=severity, markup=False, timeout=10 if severity == "error" else 6)

    def get_key_display(self, binding: Binding) -> str:
        """Write a key as people do: `enter`, `^p`, `?`."""
        if binding.key_display:
            return binding.key_display
        *modifiers, key = binding.key.split("+")
        if key in ("enter", "space", "tab", "home", "end", "delete", "backspace", *_KEY_NAMES):
            name = _KEY_NAMES.get(key, key)
            return "".join("^" if modifier == "ctrl" else f"{modifier}+" for modifier in modifiers) + name
        return super().get_key_display(binding)

    def action_go(self, place: str) -> None:
        """Show a place."""
        self.go(place)

    def action_redraw(self) -> None:
        """Draw every cell anew: after a re-attach the terminal may show something else than we think."""
        self.screen.refresh(repaint=True, layout=True)
