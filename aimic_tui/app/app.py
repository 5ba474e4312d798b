"""The app: its places, keys and looks. Whatever is heavy runs as a process of its own."""

from __future__ import annotations

import asyncio
import gc
import importlib
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from rich.segment import Segment
from rich.text import Text
from textual import events, work
from textual.app import App, ScreenStackError
from textual.binding import Binding, BindingType
from textual.filter import LineFilter, Monochrome, NoColor
from textual.screen import Screen

from aimic_tui.app.palette import ActionsElsewhere, ActionsHere
from aimic_tui.app.settings import Settings, change_settings, settings_file
from aimic_tui.app.themes import DEFAULT_THEME, OWN_THEMES, TERMINAL, for_256_colours, missing_colours
from aimic_tui.engine.errors import ErrorRecord, InputProblem
from aimic_tui.engine.text import plural, printable
from aimic_tui.screens.place import common_bindings
from aimic_tui.widgets.frame import TopLine
from aimic_tui.wording.signs import ascii_only, to_ascii
from aimic_tui.workspace.context import PLACES, Context, PlaceInfo, Severity

if TYPE_CHECKING:
    from textual.color import Color
    from textual.command import Provider
    from textual.dom import DOMNode

    from aimic_tui.engine.workspace_folder import Workspace

_QUIET = 1.5  # seconds after the start, when Home is drawn and the first keys were pressed
_PALETTE = "palette"  # the class of its screen
_SOON = 0.02  # seconds until keys that came too early are tried again
_KEY_NAMES = {"escape": "esc", "pagedown": "pgdn", "pageup": "pgup", "question_mark": "?", "slash": "/"}


def _make_screen(info: PlaceInfo) -> Screen[None]:
    """Import a place's module and make its screen: the first visit of a place pays for it, not the start."""
    screen: Screen[None] = getattr(importlib.import_module(info.path), info.screen)()
    return screen


class AsciiOnly(LineFilter):
    """Turns whatever a widget draws into ASCII of the same width, for terminals without a UTF-8 locale."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """Return the segments of one line in ASCII."""
        return [Segment(to_ascii(text), style, control) for text, style, control in segments]


class AimicApp(App[None]):
    """The terminal app on one workspace."""

    TITLE = "aimic"
    CSS_PATH = Path(__file__).with_name("app.tcss")
    DEFAULT_MODE = "home"
    COMMANDS: ClassVar[set[type[Provider] | Callable[[], type[Provider]]]] = {ActionsHere, ActionsElsewhere}
    BINDINGS: ClassVar[list[BindingType]] = common_bindings()

    def __init__(
        self,
        workspace: Workspace,
        *,
        read_only: bool = False,
        slow_link: bool = False,
        place: str = "home",
        settings: Settings | None = None,
        problems: tuple[str, ...] = (),
    ) -> None:
        """Make the app.

        Args:
            workspace: where runs are kept.
            read_only: nothing can be started, stopped or written.
            slow_link: draw less often.
            place: the place to open with, by its name in `PLACES`.
            settings: the user's preferences.
            problems: what was wrong with them, shown at the start.
        """
        super().__init__()
        self.workspace = workspace
        self.read_only = read_only
        self.slow_link = slow_link
        self.context = Context()
        self.fault: Exception | None = None
        self._first_place = place
        few = self.console.color_system == "256"
        for theme in OWN_THEMES:
            self.register_theme(for_256_colours(theme) if few and not theme.ansi else theme)
        self.settings = settings or Settings()
        self._problems = list(problems)
        self._clashes: set[str] = set()
        self._early: list[events.Event] = []  # keys that came before the screen they are meant for
        self.theme = self._initial_theme()
        for info in PLACES:
            self.add_mode(info.name, partial(_make_screen, info))
        if self.no_color:  # Textual chose shades of grey, since no theme of the terminal's own colours was set yet
            self._filters = [NoColor() if isinstance(item, Monochrome) else item for item in self._filters]
        if ascii_only():
            self._filters.append(AsciiOnly())

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Give other people's themes the colours that only ours define."""
        theme = self.current_theme
        return {} if "focus-row" in theme.variables else missing_colours(theme)

    def _initial_theme(self) -> str:
        if self.no_color or (self.settings.theme is None and self.console.color_system in ("standard", None)):
            return TERMINAL.name
        preferred = self.settings.theme
        if preferred is not None and self.get_theme(preferred) is None:
            self._problems.append(f"There is no theme {preferred}. The palette (^p) lists all themes.")
            return DEFAULT_THEME
        return preferred or DEFAULT_THEME

    def _handle_exception(self, error: Exception) -> None:
        if self._exit:
            return  # it is being left: screens that a late key still asks for are not filled any more
        # A page of the program's own text in the terminal helps nobody: whoever opened the app says what happened.
        self.fault = self.fault or error
        super()._handle_exception(error)
        self._exit_renderables.clear()

    def leave_on_signals(self) -> None:
        """Leave as by the key, with the terminal as it was, where a signal asks to; for an app that is running."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGQUIT):
            loop.add_signal_handler(number, partial(self.exit, return_code=128 + number))

    def on_mount(self) -> None:
        """Set the user's keys, report problems with the preferences, show the requested place."""
        if self.settings.keymap:
            self.set_keymap(self.settings.keymap)
        for problem in self._problems:
            self.tell(problem, "warning")
        self._follow_machine()
        self._load_places()
        if self._first_place != self.DEFAULT_MODE:
            self.go(self._first_place)

    async def on_event(self, event: events.Event) -> None:
        """Keep what is typed until the screen it is meant for is there: a dialog takes a moment to be made."""
        typed = isinstance(event, (events.Key, events.Paste)) and not event.is_forwarded
        if typed and (self._early or not self._is_ready()):
            if not self._early:
                self.set_timer(_SOON, self._deliver_early)
            self._early.append(event)
        else:
            await super().on_event(event)

    def _is_ready(self) -> bool:
        try:
            return self.screen.is_mounted
        except ScreenStackError:  # the first one is not there yet
            return False

    async def _deliver_early(self) -> None:
        early, self._early = self._early, []
        for event in early:
            await self.on_event(event)

    def go(self, place: str) -> None:
        """Show a place; the current one reads the context again."""
        if place == self.current_mode:
            self.screen.post_message(events.ScreenResume())
            return
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

    def handle_bindings_clash(self, clashed_bindings: set[Binding], node: DOMNode) -> None:
        """Report once that the settings file assigns one key to two actions."""
        for binding in clashed_bindings:
            name = binding.id or binding.description
            if name not in self._clashes:
                self._clashes.add(name)
                self.tell(f"The settings file assigns the key {binding.key} of {name} to another action.", "warning")

    @work(group="machine", exclusive=True, exit_on_error=False)
    async def _follow_machine(self) -> None:
        """Show the machine's use on the top line; a thread reads it, since a GPU's driver may be slow to wake."""
        from aimic_tui.workspace.machine import MachineReader

        reader = await asyncio.to_thread(MachineReader)
        await asyncio.sleep(0.5)
        while True:
            gauges = await asyncio.to_thread(reader.gauges)
            for line in self.screen.query(TopLine):
                line.gauges = gauges
            await asyncio.sleep(10 if self.slow_link else 2)

    @work(group="places", exit_on_error=False)
    async def _load_places(self) -> None:
        """Import the places' modules while nothing else is going on, so that the first visit is quick too."""
        await asyncio.sleep(_QUIET)
        try:
            for place in PLACES:
                await asyncio.to_thread(importlib.import_module, place.path)
        finally:
            if not gc.isenabled():
                gc.freeze()  # what is there now stays: looking through it again and again would cost frames
                gc.enable()

    # -- actions

    def action_go(self, place: str) -> None:
        """Show a place."""
        self.go(place)

    async def run_action_on(self, action: str, node: DOMNode) -> None:
        """Do an action of a widget, a screen or the app; for the palette, below which a screen may close meanwhile."""
        here = node is self or any(screen in node.ancestors_with_self for screen in self.screen_stack)
        if here and (node is self or node.screen.is_mounted):
            await self.run_action(action, node)

    async def run_action_in(self, place: str, action: str) -> None:
        """Show a place and do one of its actions; for the palette."""
        self.go(place)
        self.screen.call_after_refresh(self._run_action_here, action)

    async def _run_action_here(self, action: str) -> None:
        if not await self.run_action(action, self.screen):
            self.tell("This action isn't available here yet.", "warning")

    def action_command_palette(self) -> None:
        """Show every action by its name; the palette stays one, also below what was opened from it."""
        if not any(screen.has_class(_PALETTE) for screen in self.screen_stack):
            from aimic_tui.app.palette import Palette

            self.push_screen(Palette(classes=_PALETTE))

    def action_help(self) -> None:
        """Show the keys that work here."""
        from aimic_tui.app.help import HelpScreen, collect_help

        question = next((place.question for place in PLACES if place.name == self.current_mode), "")
        self.push_screen(HelpScreen(collect_help(self), question))

    def action_redraw(self) -> None:
        """Redraw everything: after a re-attach the terminal may show something else than we think."""
        self.refresh(layout=True)

    def save_theme(self, name: str) -> None:
        """Use a theme, now and from the next start on."""
        self.theme = name
        self._save_preference(theme=name)

    def action_toggle_slow_link(self) -> None:
        """Draw less often, or as often as possible again; saved for next time."""
        self.slow_link = not self.slow_link
        if self._save_preference(slow_link=self.slow_link):
            self.tell(
                "Slow link: screens are drawn less often; some only after the next start."
                if self.slow_link
                else "Fast link: screens are drawn as often as they change."
            )

    def _save_preference(self, **changes: Any) -> bool:
        try:
            self.settings = change_settings(settings_file(), **changes)
        except (OSError, InputProblem) as error:
            self.tell(f"The preference can't be saved: {ErrorRecord.of(error).sentence}", "warning")
            return False
        return True

    async def action_quit(self) -> None:
        """Leave, and say on the terminal which runs continue."""
        names = await asyncio.to_thread(self._live_run_names)
        if not names:
            self.exit()
            return
        verb = "continues" if len(names) == 1 else "continue"
        shown = ", ".join(printable(name) for name in names[:3]) + (" and others" if len(names) > 3 else "")
        self.exit(message=Text(f"{plural(len(names), 'run')} {verb} in the background: {shown}. Open aimic to follow."))

    def _live_run_names(self) -> list[str]:
        from aimic_tui.workspace.runs_overview import Overview

        return [row.folder.name for row in Overview(self.workspace).read(figures=False) if row.status.alive]
