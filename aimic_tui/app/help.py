"""The help: the keys that work now and what they do, read from the bindings themselves, and the signs."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import Any, ClassVar

from textual.app import App, ComposeResult
from textual.binding import ActiveBinding, Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from aimic_tui.app.settings import settings_file
from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.text import printable
from aimic_tui.widgets.dialog import Dialog
from aimic_tui.widgets.frame import KeyLine, Rule
from aimic_tui.wording.signs import SIGNS

_SIGN_WORDS = (
    (SIGNS["running"], "running"),
    (SIGNS["finished"], "finished"),
    (SIGNS["attention"], "needs attention"),
    (SIGNS["failed"], "failed"),
    (SIGNS["queued"], "queued"),
    (SIGNS["stopped"], "stopped"),
)

_MARGINS = 4  # the padding at both sides, and the scroll bar


@dataclass(frozen=True)
class HelpLine:
    """One action: its keys, its name, what it does, and its id for the settings file."""

    keys: str
    name: str
    description: str
    id: str


@dataclass(frozen=True)
class HelpSection:
    """Actions that belong together."""

    title: str
    lines: tuple[HelpLine, ...]


def collect_help(app: App[Any]) -> tuple[HelpSection, ...]:
    """Collect what the keys do on the current screen, with the current focus."""
    screen = app.screen
    bindings: dict[str, dict[str, list[ActiveBinding]]] = {"focus": {}, "place": {}, "app": {}}
    for active in screen.active_bindings.values():
        binding = active.binding
        if not binding.description or binding.id is None:  # without an id it is Textual's own, not ours
            continue
        owner = "place" if active.node is screen else "focus"
        if active.node is app or binding.id.startswith("place."):
            owner = "app"
        bindings[owner].setdefault(binding.id, []).append(active)
    place = getattr(screen, "PLACE", "")
    titles = {"place": place.capitalize() or "Here", "focus": "In the focused part", "app": "Everywhere"}
    return tuple(
        HelpSection(titles[owner], tuple(_line(app, same) for same in bindings[owner].values()))
        for owner in ("place", "focus", "app")
        if bindings[owner]
    )


def _line(app: App[Any], bindings: list[ActiveBinding]) -> HelpLine:
    first = bindings[0].binding
    keys = dict.fromkeys(app.get_key_display(active.binding) for active in bindings)
    return HelpLine("  ".join(keys), first.description, first.tooltip, first.id or "")


class HelpScreen(Dialog[None]):
    """The help of the screen below it; `?`, `esc` and `q` close it."""

    CSS_PATH = "help.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,question_mark,f1,q", "dismiss", "Close", id="help.close", tooltip="Close the help"),
        Binding("j,down", "scroll(1)", "Down", id="help.down", tooltip="Scroll down"),
        Binding("k,up", "scroll(-1)", "Up", id="help.up", tooltip="Scroll up"),
        Binding("i", "ids", "Ids", id="help.ids", tooltip="The actions' ids, for the settings file"),
        Binding("space,pagedown,ctrl+d", "scroll(10)", "Page down", show=False, id="help.page-down"),
        Binding("pageup,ctrl+u", "scroll(-10)", "Page up", show=False, id="help.page-up"),
        Binding("g,home", "scroll(-9999)", "Top", show=False, id="help.top"),
        Binding("G,end", "scroll(9999)", "End", show=False, id="help.end"),
    ]

    def __init__(self, sections: tuple[HelpSection, ...], question: str) -> None:
        """Make the help.

        Args:
            sections: from `collect_help`, called before this screen covers the other.
            question: what that screen answers.
        """
        super().__init__()
        self._sections = sections
        self._question = question
        self._ids = False

    def compose(self) -> ComposeResult:
        """Draw the sections below each other."""
        with Vertical(id="sheet"):
            yield Static(Content.assemble(("Help", "bold"), "   ", (self._question, "$text-muted")), id="title")
            yield Rule()
            with VerticalScroll(id="sections"):
                yield Static(self._text(), id="text")
            yield Rule()
            yield KeyLine()

    def _text(self) -> Content:
        lines = [line for section in self._sections for line in section.lines]
        keys = max((len(line.keys) for line in lines), default=0) + 3
        names = max((len(line.name) for line in lines), default=0) + 3
        rows: list[Content] = []
        for section in self._sections:
            rows.append(Content.styled(section.title, "bold"))
            rows += [*(self._row(line, keys, names) for line in section.lines), Content("")]
        signs = "   ".join(f"{sign}\u00a0{word}" for sign, word in _SIGN_WORDS)  # a sign stays with its word
        rows += [Content.styled("Signs", "bold"), Content("  " + self._fold(signs, 2)), Content("")]
        changing = "Give an action other keys by its id (press i to show the ids) in the settings file"
        rows += [
            Content.styled("Changing keys", "bold"),
            Content("  " + self._fold(changing, 2)),
            Content("  " + self._fold(f"{_settings_place()}:", 2)),
            Content.styled('    [keymap]\n    "home.open" = "o,f2"', "$text-muted"),
        ]
        return Content("\n").join(rows)

    def action_scroll(self, lines: int) -> None:
        """Scroll the help by some lines."""
        sections = self.query_one("#sections", VerticalScroll)
        sections.scroll_to(y=sections.scroll_y + lines, animate=False)

    def action_ids(self) -> None:
        """Show the actions' ids instead of what they do, or back."""
        self._ids = not self._ids
        self.query_one("#text", Static).update(self._text())

    def on_resize(self) -> None:
        """Fold the lines for the new width."""
        self.query_one("#text", Static).update(self._text())

    def _fold(self, words: str, indent: int) -> str:
        """Break a text that is too long for its line, with the further lines indented like the first."""
        width = self.app.size.width - _MARGINS - indent
        return ("\n" + " " * indent).join(textwrap.wrap(words, max(width, 20)))

    def _row(self, line: HelpLine, keys: int, names: int) -> Content:
        return Content.assemble(
            "  ",
            (line.keys.ljust(keys), "bold $primary"),
            line.name.ljust(names),
            (self._fold(line.id if self._ids else line.description, 2 + keys + names), "$text-muted"),
        )


def _settings_place() -> str:
    """Return the settings file's path, or why there is none."""
    try:
        return printable(str(settings_file()))
    except InputProblem as problem:
        return problem.sentence
