"""The help: the keys that work now and what they do, read from the bindings themselves, and the signs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from textual.app import App, ComposeResult
from textual.binding import ActiveBinding, Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from aimic_tui.app.settings import settings_file
from aimic_tui.engine.text import printable
from aimic_tui.widgets.frame import KeyLine, Rule
from aimic_tui.wording.signs import SIGNS

_SIGN_WORDS = (
    (SIGNS["running"], "running"),
    (SIGNS["finished"], "finished"),
    (SIGNS["attention"], "needs you"),
    (SIGNS["failed"], "failed"),
    (SIGNS["queued"], "queued"),
    (SIGNS["stopped"], "stopped"),
)


@dataclass(frozen=True)
class HelpLine:
    """One action: all its keys, its name, what it does, and its id for the settings file."""

    keys: str
    name: str
    meaning: str
    id: str


@dataclass(frozen=True)
class HelpPart:
    """The actions that belong together."""

    title: str
    lines: tuple[HelpLine, ...]


def collect_help(app: App[Any]) -> tuple[HelpPart, ...]:
    """Read what the keys do on the app's current screen, with what has the focus."""
    screen = app.screen
    parts: dict[str, dict[str, list[ActiveBinding]]] = {"focus": {}, "place": {}, "app": {}}
    for active in screen.active_bindings.values():
        binding = active.binding
        if not binding.description or binding.id is None:  # without an id it is Textual's own, not ours
            continue
        owner = "place" if active.node is screen else "focus"
        if active.node is app or binding.id.startswith("place."):
            owner = "app"
        parts[owner].setdefault(binding.id, []).append(active)
    place = getattr(screen, "PLACE", "")
    titles = {"place": place.capitalize() or "Here", "focus": "What has the focus", "app": "Everywhere"}
    return tuple(
        HelpPart(titles[owner], tuple(_line(app, bindings) for bindings in parts[owner].values()))
        for owner in ("place", "focus", "app")
        if parts[owner]
    )


def _line(app: App[Any], bindings: list[ActiveBinding]) -> HelpLine:
    first = bindings[0].binding
    keys = dict.fromkeys(app.get_key_display(active.binding) for active in bindings)
    return HelpLine("  ".join(keys), first.description, first.tooltip, first.id or "")


class HelpScreen(ModalScreen[None]):
    """The help over the place it was asked for; any of `?`, `esc`, `q` closes it."""

    CSS_PATH = "help.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,question_mark,f1,q", "dismiss", "Close", id="help.close", tooltip="Back to where you were"),
        Binding("j,down", "scroll(1)", "Down", id="help.down", tooltip="Further down"),
        Binding("k,up", "scroll(-1)", "Up", id="help.up", tooltip="Back up"),
        Binding("i", "ids", "Ids", id="help.ids", tooltip="The actions' ids, for the settings file"),
        Binding("space,pagedown,ctrl+d", "scroll(10)", "Page down", show=False, id="help.page-down"),
        Binding("pageup,ctrl+u", "scroll(-10)", "Page up", show=False, id="help.page-up"),
        Binding("g,home", "scroll(-9999)", "Top", show=False, id="help.top"),
        Binding("G,end", "scroll(9999)", "End", show=False, id="help.end"),
    ]

    def __init__(self, parts: tuple[HelpPart, ...], question: str) -> None:
        """Make the help.

        Args:
            parts: from `collect_help`, asked before this screen covers the place.
            question: what the place answers.
        """
        super().__init__()
        self._parts = parts
        self._question = question
        self._ids = False

    def compose(self) -> ComposeResult:
        """Draw the parts below each other."""
        with Vertical(id="sheet"):
            yield Static(Content.assemble(("Help", "bold"), "   ", (self._question, "$text-muted")), id="title")
            yield Rule()
            with VerticalScroll(id="parts"):
                yield Static(self._text(), id="text")
            yield Rule()
            yield KeyLine()

    def _text(self) -> Content:
        lines = [line for part in self._parts for line in part.lines]
        keys = max((len(line.keys) for line in lines), default=0) + 3
        names = max((len(line.name) for line in lines), default=0) + 3
        rows: list[Content] = []
        for part in self._parts:
            rows.append(Content.styled(part.title, "bold"))
            rows += [*(self._row(line, keys, names) for line in part.lines), Content("")]
        signs = "   ".join(f"{sign} {word}" for sign, word in _SIGN_WORDS)
        rows += [Content.styled("Signs", "bold"), Content(f"  {signs}"), Content("")]
        rows += [
            Content.styled("Other keys", "bold"),
            Content("  Any action takes other keys, by its id (i shows the ids), in the settings file"),
            Content(f"  {printable(str(settings_file()))}:"),
            Content.styled('    [keymap]\n    "home.open" = "o,f2"', "$text-muted"),
        ]
        return Content("\n").join(rows)

    def action_scroll(self, lines: int) -> None:
        """Scroll the help by some lines."""
        parts = self.query_one("#parts", VerticalScroll)
        parts.scroll_to(y=parts.scroll_y + lines, animate=False)

    def action_ids(self) -> None:
        """Show the actions' ids in place of what they do, and back."""
        self._ids = not self._ids
        self.query_one("#text", Static).update(self._text())

    def _row(self, line: HelpLine, keys: int, names: int) -> Content:
        return Content.assemble(
            "  ",
            (line.keys.ljust(keys), "bold $primary"),
            line.name.ljust(names),
            (line.id if self._ids else line.meaning, "$text-muted"),
        )
