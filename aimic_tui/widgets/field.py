"""A field of a form, made from the declaration of a setting.

One line: the setting's title and an editor that fits its kind. A problem with the value is shown below it as it is
typed. pydantic is not needed here: the owner of the form checks values and sets `FormField.problem`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual import events, on
from textual.app import ComposeResult, RenderResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.style import Style
from textual.suggester import SuggestFromList
from textual.widget import Widget
from textual.widgets import Input, Static

from aimic_tui.engine.setting_text import text_of
from aimic_tui.engine.text import printable
from aimic_tui.workspace.typed_path import existing_path

if TYPE_CHECKING:
    from aimic_tui.engine.setting import Setting

_YES_NO = {"true": "yes", "false": "no"}


class Choice(Widget, can_focus=True):
    """One of a few words: all of them side by side where they fit, the chosen one in brackets."""

    DEFAULT_CSS = """
    Choice { height: 1; width: 1fr; padding: 0 1; }
    Choice:focus { background: $focus-row; }
    Choice .choice--chosen { text-style: bold; }
    Choice .choice--other { color: $text-muted; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {"choice--chosen", "choice--other"}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h", "step(-1)", "Previous", show=False, id="choice.before", tooltip="The previous choice"),
        Binding("right,l,space", "step(1)", "Next", show=False, id="choice.next", tooltip="The next choice"),
    ]

    value: reactive[str] = reactive("")

    @dataclass
    class Changed(Message):
        """Another word was chosen."""

        choice: Choice
        value: str

        @property
        def control(self) -> Choice:
            """The field, for `@on`."""
            return self.choice

    def __init__(self, words: Sequence[str], value: str, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.words = tuple(words)
        self.set_reactive(Choice.value, value)

    def action_step(self, step: int) -> None:
        """Choose the next or the previous word."""
        at = self.words.index(self.value) if self.value in self.words else -1 if step > 0 else 0
        self.value = self.words[(at + step) % len(self.words)]
        self.post_message(self.Changed(self, self.value))

    def on_click(self, event: events.Click) -> None:
        """Choose the word that was clicked, or the next one."""
        word = event.style.meta.get("word")
        if word is None:
            self.action_step(1)
        elif word != self.value:
            self.value = word
            self.post_message(self.Changed(self, word))

    def render(self) -> RenderResult:
        """Draw all words, or the chosen one between arrows where they don't fit."""
        chosen, other = (self.get_visual_style(name) for name in ("choice--chosen", "choice--other"))
        parts: list[Content] = []
        for word in self.words:
            shown = _YES_NO.get(word, word)
            click = Style.from_meta({"word": word})
            if word == self.value:
                parts.append(Content.styled(f"[{shown}]", chosen).stylize(click))
            else:
                parts.append(Content.styled(f" {shown} ", other).stylize(click))
        line = Content("").join(parts)
        if self.value in self.words and line.cell_length > self.size.width:
            position = f"{self.words.index(self.value) + 1} of {len(self.words)}"
            value = Content.styled(f"◀ {self.value} ▶", chosen)
            return Content.assemble(value, "  ", Content.styled(position, other))
        if self.value not in self.words:
            return Content.assemble(Content.styled(f"[{printable(self.value)}]", chosen), line)
        return line


class _TextInput(Input):
    """Takes a pasted path as what is meant by it, where that exists."""

    def on_paste(self, event: events.Paste) -> None:
        path = existing_path(event.text)
        if path is not None:
            event.prevent_default()
            event.stop()
            start, end = self.selection
            self.replace(path.splitlines()[0], min(start, end), max(start, end))


class _NumberInput(Input):
    """Accepts numbers; letters that no number contains are left to bindings with priority."""

    def check_consume_key(self, key: str, character: str | None) -> bool:
        """Tell whether a key is typed here."""
        return super().check_consume_key(key, character) and not (character or "").strip("eE").isalpha()


class FormField(Vertical):
    """A setting's title, its editor, and what is wrong with its value."""

    DEFAULT_CSS = """
    FormField { height: auto; }
    FormField > Horizontal { height: 1; }
    FormField .field--title { width: 19; padding: 0 1 0 0; color: $text-muted; }
    FormField.-changed .field--title { color: $foreground; }
    FormField.-focused .field--title { color: $primary; text-style: bold; }
    FormField > .field--problem {
        display: none; color: $warning; padding: 0 0 0 20; height: 1; text-wrap: nowrap; text-overflow: ellipsis;
    }
    FormField.-focused > .field--problem { height: auto; text-wrap: wrap; }
    FormField.-wrong > .field--problem { display: block; }
    FormField.-advised > .field--problem { display: block; color: $text-muted; }
    """

    @dataclass
    class Changed(Message):
        """The user changed the value."""

        field: FormField
        text: str

    @dataclass
    class PickRequested(Message):
        """Enter on a field of names, of a folder or of a file: the user wants to choose from a list."""

        field: FormField

    def __init__(self, setting: Setting, text: str) -> None:
        """Make the field.

        Args:
            setting: what it edits.
            text: the value at first, as `text_of` writes it.
        """
        super().__init__(id="field-" + setting.key.replace(".", "-"))
        self.setting = setting
        self._text = text
        self._problem = self._advice = ""

    def compose(self) -> ComposeResult:
        """Yield the line, and below it the one for a problem or a suggestion."""
        setting = self.setting
        with Horizontal():
            yield Static("", classes="field--title", markup=False)
            if setting.kind in ("choice", "switch"):
                yield Choice(setting.choices or tuple(_YES_NO), self._text)
            else:
                words = [word for word in setting.choices if word]
                suggester = SuggestFromList(words, case_sensitive=False) if words else None
                takes_words = words or setting.kind not in ("integer", "number")
                kind = _TextInput if takes_words else _NumberInput
                yield kind(self._text, suggester=suggester, select_on_focus=False)
        yield Static("", classes="field--problem", markup=False)

    def on_mount(self) -> None:
        """Draw the title's sign."""
        self._draw_title()

    @property
    def text(self) -> str:
        """The value as it is written now."""
        return self._text

    @text.setter
    def text(self, text: str) -> None:
        if text == self._text:
            return
        self._text = text
        if self.is_mounted:
            editor = self.editor
            with self.prevent(Input.Changed, Choice.Changed):
                editor.value = text
            self._draw_title()

    @property
    def problem(self) -> str:
        """What is wrong with the value, in a sentence; "" where it is fine."""
        return self._problem

    @problem.setter
    def problem(self, sentence: str) -> None:
        if sentence != self._problem:
            self._problem = sentence
            self._draw_sentence()

    @property
    def advice(self) -> str:
        """A suggestion about a valid value; "" where there is none. A problem is shown in its place."""
        return self._advice

    @advice.setter
    def advice(self, sentence: str) -> None:
        if sentence != self._advice:
            self._advice = sentence
            self._draw_sentence()

    def _draw_sentence(self) -> None:
        self.set_class(bool(self._problem), "-wrong")
        self.set_class(bool(self._advice and not self._problem), "-advised")
        if self.is_mounted:
            self.query_one(".field--problem", Static).update(f"! {printable(self._problem or self._advice)}")

    @property
    def editor(self) -> Input | Choice:
        """The widget that takes the keys."""
        editor = self.query_one("Input, Choice")
        assert isinstance(editor, (Input, Choice))
        return editor

    @property
    def changed(self) -> bool:
        """Whether the value differs from the default."""
        return self._text.strip() != text_of(self.setting.default)

    def focus(self, scroll_visible: bool = True) -> FormField:
        """Give the editor the focus."""
        self.editor.focus(scroll_visible)
        return self

    def _draw_title(self) -> None:
        self.set_class(self.changed, "-changed")
        self.set_class(self.has_focus_within, "-focused")  # :focus-within does not reach what is inside
        mark = "▸ " if self.has_focus_within else "* " if self.changed else "  "
        self.query_one(".field--title", Static).update(mark + self.setting.title)

    @on(events.DescendantFocus)
    @on(events.DescendantBlur)
    def _focus_moved(self) -> None:
        self.call_later(self._draw_title)

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self._set_text(event.value)

    @on(Choice.Changed)
    def _chosen(self, event: Choice.Changed) -> None:
        event.stop()
        self._set_text(event.value)

    def _set_text(self, text: str) -> None:
        if text != self._text:
            self._text = text
            self._draw_title()
            self.post_message(self.Changed(self, text))

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.post_message(self.PickRequested(self))
