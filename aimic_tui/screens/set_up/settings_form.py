"""The form of Set-up: a field for every setting that is declared, and the ways between them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from textual import events, on
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.message import Message
from textual.widgets import Static

from aimic_tui.engine.experiment import PRESETS, Experiment, ExperimentProblem, settings
from aimic_tui.engine.setting import Setting, parse_text
from aimic_tui.widgets.field import FormField, text_of

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

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.settings: dict[str, Setting] = {setting.key: setting for setting in settings()}
        self.here = ""  # the key of the field that had the focus last
        self.fields: dict[str, FormField] = {
            setting.key: FormField(setting, text_of(setting.default)) for setting in self.settings.values()
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

    def fill(self, mapping: Mapping[str, Any]) -> None:
        """Take an experiment's tables; what they leave out gets its default."""
        for key, field in self.fields.items():
            section, _, name = key.rpartition(".")
            table = mapping.get(section, {}) if section else mapping
            value = table.get(name) if isinstance(table, Mapping) else None
            field.text = text_of(field.setting.default if value is None else value)

    def values(self) -> dict[str, Any]:
        """Return what differs from the defaults, as nested tables."""
        nested: dict[str, Any] = {}
        for key, field in self.fields.items():
            if field.changed:
                section, _, name = key.rpartition(".")
                table = nested.setdefault(section, {}) if section else nested
                table[name] = parse_text(field.setting, field.text)
        return nested

    def experiment(self) -> tuple[Experiment | None, dict[str, str]]:
        """Return what the form says; where a field is wrong None, and a sentence for each that is."""
        try:
            return Experiment.from_mapping(self.values()), {}
        except ExperimentProblem as problem:
            return None, {fault.key: fault.sentence for fault in problem.problems}

    def text(self, key: str) -> str:
        """Return what a field holds."""
        return self.fields[key].text

    def put(self, key: str, value: Any) -> None:
        """Put a value into a field."""
        self.fields[key].text = text_of(value)

    def put_default(self) -> None:
        """Give the field in focus its default back."""
        if self.here:
            self.put(self.here, self.settings[self.here].default)

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

    # -- presets

    @property
    def preset(self) -> str:
        """The preset that the values are those of, or "own"."""
        touched = {key for preset in PRESETS.values() for key in preset}
        for name, preset in PRESETS.items():
            expected = {key: text_of(preset.get(key, self.settings[key].default)) for key in touched}
            if all(self.text(key) == text or key.startswith("data.") for key, text in expected.items()):
                return name
        return "own"

    def take_preset(self, name: str, data_settings: Mapping[str, Any]) -> None:
        """Take the values of a preset.

        Args:
            name: of `PRESETS`.
            data_settings: what was settled about the data, which stays unless a preset replaces it.
        """
        before = self.preset
        for key in {key for preset in PRESETS.values() for key in preset}:
            value = PRESETS[name].get(key, self.settings[key].default)
            section, _, setting = key.partition(".")
            if section == "data" and key not in PRESETS[name]:
                if before != "paper":
                    continue
                value = data_settings.get(setting, value)
            self.put(key, value)

    # -- moving

    def go_to(self, key: str) -> None:
        """Give a field the focus and bring it into sight."""
        self.here = key  # at once: the next key press may come before the focus has moved
        self.fields[key].focus()
        self.fields[key].scroll_visible(animate=False)

    def move(self, step: int) -> None:
        """Go to the field so many below, or above."""
        keys = list(self.fields)
        at = keys.index(self.here) + step if self.here in keys else 0
        self.go_to(keys[min(max(at, 0), len(keys) - 1)])

    def move_section(self, step: int) -> None:
        """Go to the first field of the next section or the one before."""
        sections = list(SECTIONS)
        at = sections.index(self.settings[self.here].section) if self.here else 0
        self.go_to_section(sections[min(max(at + step, 0), len(sections) - 1)])

    def go_to_section(self, section: str) -> None:
        """Go to the first field of a section."""
        self.go_to(next(key for key, setting in self.settings.items() if setting.section == section))

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
        self.post_message(self.Edited(self))
