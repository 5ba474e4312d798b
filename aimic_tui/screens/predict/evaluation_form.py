"""What is asked before an evaluation: which class is which, the groups, images of the training, and the margin."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Input, Static

from aimic_tui.engine.inference.evaluation_file import MARGIN
from aimic_tui.engine.text import plural, printable
from aimic_tui.screens.marking.pattern_prompts import preview_of
from aimic_tui.widgets.dialog import Dialog
from aimic_tui.widgets.dialogs import SHEET_CSS
from aimic_tui.widgets.field import Choice
from aimic_tui.widgets.frame import KeyLine, Rule
from aimic_tui.workspace.evaluation_job import EvaluationChoices, LabelledImages

_ASK, _OUT = "which?", "leave out"
_IN = "include"
_NAME = 26  # columns at most
_WORDS = {
    "group": "How to recognise images of one patient or slide: a pattern on the file name, a manifest column, or none.",
    "margin": "The largest loss in macro F1 that is of no importance. The verdict is fine only where a larger one is "
    "ruled out; a smaller margin takes more images.",
    "trained": "Images that the model was trained on make it look better than it is. Leave them out, or include them.",
}


class EvaluationForm(Dialog[EvaluationChoices | None]):
    """A line for each class of the data, with the model's to choose; gives `EvaluationChoices`, None after `esc`."""

    DEFAULT_CSS = f"""
    EvaluationForm {{
        {SHEET_CSS}
        #lines {{ height: auto; max-height: 20; margin-top: 1; }}
        .line {{ height: 1; }}
        #sheet .line Static {{ height: 1; padding: 0 2; color: $text-muted; text-wrap: nowrap; }}
        .line:focus-within {{ color: $primary; }}  /* its own, or what is inside is not drawn anew */
        #sheet .line:focus-within Static {{ color: $primary; text-style: bold; }}
        .apart {{ margin-top: 1; }}
        .line Input {{ width: 1fr; }}
        #preview {{ color: $text-muted; min-height: 2; }}
        #problem {{ color: $warning; }}
        #notes {{ color: $warning; max-height: 2; }}
        .with-notes #lines {{ max-height: 20vh; }}  /* the keys stay on a screen of 24 lines */
    }}
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "enter", "take", "Evaluate", id="judge.take", priority=True, tooltip="Evaluate the model on these images"
        ),
        Binding("down", "move(1)", "Next line", id="judge.down", priority=True, tooltip="The next line"),
        Binding("up", "move(-1)", "Up", show=False, id="judge.up", priority=True, tooltip="The previous line"),
        Binding("j", "move(1)", show=False, id="judge.next", tooltip="The next line"),
        Binding("k", "move(-1)", show=False, id="judge.previous", tooltip="The previous line"),
        Binding("escape", "cancel", "Cancel", id="judge.cancel", tooltip="Don't evaluate"),
    ]

    def __init__(self, label: str, classes: Sequence[str], data: LabelledImages) -> None:
        """Make the form.

        Args:
            label: the model in a few words.
            classes: the model's.
            data: what to evaluate it on.
        """
        super().__init__()
        self._label, self._known, self._data = label, tuple(classes), data
        self._theirs = tuple(data.counts)
        taken = {match for match in data.matches.values() if match is not None}
        self._free = [name for name in classes if name not in taken]

    def compose(self) -> ComposeResult:
        """Draw the sheet."""
        data = self._data
        width = min(_NAME, max([len(printable(name)) for name in self._theirs] + [12])) + 12
        with Vertical(id="sheet", classes="with-notes" if data.notes else None):
            yield Rule()
            yield Static(Content(f"Evaluate {printable(self._label)} on {printable(data.path)}"), id="title")
            yield Static(Content(self._detail()), id="detail")
            with VerticalScroll(id="lines", can_focus=False):
                for at, name in enumerate(self._theirs):
                    with Horizontal(classes="line"):
                        shown = Content(printable(name)).truncate(width - 12, ellipsis=True, pad=True)
                        title = Static(Content.assemble(shown, f"{data.counts[name]:>8,}"))
                        title.styles.width = width
                        yield title
                        yield Choice(self._words(name), self._first(name), id=f"class-{at}")
            with Horizontal(classes="line apart"):
                yield _title("groups", width)
                yield Input(data.rule, id="group", select_on_focus=False)
            with Horizontal(classes="line"):
                yield _title("trained on", width)
                yield Choice((_IN, _OUT), _IN, id="trained")
            with Horizontal(classes="line"):
                yield _title("margin", width)
                yield Input(f"{MARGIN:g}", id="margin", select_on_focus=False)
            if data.notes:
                yield Static(Content(" ".join(map(printable, data.notes))), id="notes")
            yield Static("", id="preview")
            yield Static("", id="problem")
            yield KeyLine()

    def _detail(self) -> str:
        data = self._data
        images = plural(len(data.images), "image")
        return (
            f"{images} of {plural(len(self._theirs), 'class', 'classes')}. For each class, choose the model's "
            "class with left and right."
        )

    def _words(self, name: str) -> list[str]:
        return [*([_ASK] if self._first(name) == _ASK else []), *self._known, _OUT]

    def _first(self, name: str) -> str:
        """Take the class of the same name; ask where there is none, unless every class of the model is taken."""
        return self._data.matches[name] or (_ASK if self._free else _OUT)

    def on_mount(self) -> None:
        """Go to the first line that asks."""
        lines = list(self._lines())
        first = next((line for line in lines if isinstance(line, Choice) and line.value == _ASK), lines[0])
        first.focus()
        self._preview()

    def _lines(self) -> Iterator[Choice | Input]:
        yield from (self.query_one(f"#class-{at}", Choice) for at in range(len(self._theirs)))
        yield self.query_one("#group", Input)
        yield self.query_one("#trained", Choice)
        yield self.query_one("#margin", Input)

    @on(events.DescendantFocus)
    def _moved(self, event: events.DescendantFocus) -> None:
        words = _WORDS.get(event.widget.id or "", self._detail())
        self.query_one("#detail", Static).update(Content(words))

    @on(Input.Changed)
    @on(Choice.Changed)
    def _changed(self) -> None:
        self.query_one("#problem", Static).update("")
        self._preview()

    def _preview(self) -> None:
        valid, words = self._groups()
        style = "$text-muted" if valid else "$warning"
        self.query_one("#preview", Static).update(Content.styled(printable(words.partition("\n")[0]), style))

    def _groups(self) -> tuple[bool, str]:
        """Return whether the group rule is valid, and what it makes of the images."""
        rule = self.query_one("#group", Input).value.strip()
        if rule == self._data.rule:  # a manifest's column, too
            alone = rule in ("", "none")
            many = plural(self._data.groups, "group")
            return True, "Every image is a group of its own." if alone else f"{many}, which the intervals respect."
        return preview_of(self._data.images, rule)

    def action_move(self, step: int) -> None:
        """Go to the line above or below."""
        lines = list(self._lines())
        here = lines.index(self.focused) if self.focused in lines else 0
        lines[(here + step) % len(lines)].focus()

    def action_take(self) -> None:
        """Close with what was chosen, if nothing is left open."""
        chosen = {name: self.query_one(f"#class-{at}", Choice).value for at, name in enumerate(self._theirs)}
        undecided = next((at for at, name in enumerate(self._theirs) if chosen[name] == _ASK), None)
        valid, words = self._groups()
        margin = _margin(self.query_one("#margin", Input).value)
        if undecided is not None:
            self.query_one(f"#class-{undecided}", Choice).focus()
            free = ", ".join(map(printable, self._free))
            self._show_problem(
                f"Which class is {printable(self._theirs[undecided])}? The model has no class of that name; {free} "
                f"{'has' if len(self._free) == 1 else 'have'} no images yet. Choose one, or leave it out."
            )
        elif all(other == _OUT for other in chosen.values()):
            self._show_problem("Every class is left out. Choose the model's class for at least one.")
        elif not valid:
            self.query_one("#group", Input).focus()
            self._show_problem(words)
        elif margin is None:
            self.query_one("#margin", Input).focus()
            self._show_problem("The margin must be a number above 0 and below 1, such as 0.05.")
        else:
            self.dismiss(
                EvaluationChoices(
                    {name: None if other == _OUT else other for name, other in chosen.items()},
                    self.query_one("#group", Input).value.strip() or "none",
                    self.query_one("#trained", Choice).value == _OUT,
                    margin,
                )
            )

    def _show_problem(self, sentence: str) -> None:
        self.query_one("#problem", Static).update(Content(sentence))

    def action_cancel(self) -> None:
        """Close without."""
        self.dismiss(None)


def _margin(text: str) -> float | None:
    try:
        margin = float(text.strip().replace(",", "."))
    except ValueError:
        return None
    return margin if 0 < margin < 1 else None


def _title(text: str, width: int) -> Static:
    title = Static(text)
    title.styles.width = width
    return title
