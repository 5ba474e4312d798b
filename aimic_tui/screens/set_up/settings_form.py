"""The form of Set-up: a field for every setting, and moving between them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from textual import events, on
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.message import Message
from textual.widgets import Static

from aimic_tui.widgets.field import FormField
from aimic_tui.workspace.experiment_draft import ExperimentDraft

SECTIONS = {
    "": "Run",
    "data": "Data",
    "split": "Split",
    "model": "Networks",
    "training": "Training",
    "augmentation": "Augmentation",
    "compute": "Devices",
    "evaluation": "Figures",
}


class SettingsForm(VerticalScroll, can_focus=False, inherit_bindings=False):
    """Every setting with its title, its value and what is wrong with it."""

    @dataclass
    class Edited(Message):
        """A person changed a value."""

        form: SettingsForm

    @dataclass
    class Moved(Message):
        """Another field has the focus."""

        form: SettingsForm
        key: str

    def __init__(self, draft: ExperimentDraft, *, id: str | None = None) -> None:
        """Make the form.

        Args:
            draft: takes what is typed.
        """
        super().__init__(id=id)
        self.draft = draft
        self.here = ""  # the key of the field that had the focus last
        self.fields: dict[str, FormField] = {
            key: FormField(setting, draft.text(key)) for key, setting in draft.settings.items()
        }

    def compose(self) -> ComposeResult:
        """Yield the fields under their sections."""
        section = None
        for field in self.fields.values():
            if field.setting.section != section:
                first = " -first" if section is None else ""
                section = field.setting.section
                yield Static(SECTIONS.get(section, section), classes="section" + first)
            yield field

    # -- what is in it

    def show(self) -> None:
        """Show the draft as it is now."""
        for key, field in self.fields.items():
            field.text = self.draft.text(key)

    def show_problems(self, problems: Mapping[str, str], advice: Mapping[str, str]) -> None:
        """Say at each field what is wrong with it, or suggested."""
        for key, field in self.fields.items():
            field.problem = problems.get(key, "")
            field.advice = advice.get(key, "")

    @property
    def wrong(self) -> list[FormField]:
        """The fields that are wrong, in order."""
        return [field for field in self.fields.values() if field.problem]

    @property
    def advised(self) -> list[FormField]:
        """The fields with a suggestion, in order."""
        return [field for field in self.fields.values() if field.advice and not field.problem]

    # -- moving

    def go_to(self, key: str) -> None:
        """Give a field the focus and bring it into sight."""
        self.here = key  # at once: the next key press may come before the focus has moved
        self.fields[key].focus()
        self.fields[key].scroll_visible(animate=False)

    @on(events.Resize)
    def _keep_in_sight(self) -> None:
        """Follow the field that has the focus: the plan's lines take room from the form."""
        if (field := self.fields.get(self.here)) is not None:
            self.call_after_refresh(field.scroll_visible, animate=False)

    def move(self, step: int) -> None:
        """Go to the field so many below, or above."""
        keys = list(self.fields)
        at = keys.index(self.here) + step if self.here in keys else 0
        self.go_to(keys[min(max(at, 0), len(keys) - 1)])

    def move_section(self, step: int) -> None:
        """Go to the first field of the next section or the one before."""
        sections = list(SECTIONS)
        at = sections.index(self.draft.settings[self.here].section) if self.here else 0
        self.go_to_section(sections[min(max(at + step, 0), len(sections) - 1)])

    def go_to_section(self, section: str) -> None:
        """Go to the first field of a section."""
        self.go_to(next(key for key, setting in self.draft.settings.items() if setting.section == section))

    def move_to_problem(self) -> bool:
        """Go to the next field with a problem, or where none has, with advice; tell whether there is one."""
        keys = list(self.fields)
        at = keys.index(self.here) + 1 if self.here in keys else 0
        wanted = {field.setting.key for field in self.wrong or self.advised}
        found = next((key for key in [*keys[at:], *keys[:at]] if key in wanted), None)
        if found is not None:
            self.go_to(found)
        return found is not None

    @on(events.DescendantFocus)
    def _focus_moved(self, event: events.DescendantFocus) -> None:
        for node in event.widget.ancestors_with_self:
            if isinstance(node, FormField):
                self.here = node.setting.key
                self.post_message(self.Moved(self, self.here))

    @on(FormField.Changed)
    def _changed(self, event: FormField.Changed) -> None:
        event.stop()
        self.draft.write(event.field.setting.key, event.text)
        self.post_message(self.Edited(self))
