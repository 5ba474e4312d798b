"""An experiment while it is being set up: every setting as the text that a person typed, right or wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aimic_tui.engine.experiment import PRESETS, Experiment, settings
from aimic_tui.engine.setting import Setting, parse_text
from aimic_tui.engine.setting_text import text_of

OWN = "own"  # in place of a preset's name where the values are those of none


class ExperimentDraft:
    """The text of every setting, by its key (`training.epochs`).

    Attributes:
        settings: the declarations, by key, in the order of the form.
    """

    def __init__(self, changed: Mapping[str, str] | None = None) -> None:
        """Make a draft.

        Args:
            changed: texts that differ from the defaults, as `changed` returns them.
        """
        self.settings: dict[str, Setting] = {setting.key: setting for setting in settings()}
        self._texts = {key: text_of(setting.default) for key, setting in self.settings.items()}
        self._texts |= {key: text for key, text in (changed or {}).items() if key in self._texts}

    def text(self, key: str) -> str:
        """Return a setting as it is written now."""
        return self._texts[key]

    def write(self, key: str, text: str) -> None:
        """Take what a person typed."""
        self._texts[key] = text

    def put(self, key: str, value: object) -> None:
        """Set a setting to a value."""
        self._texts[key] = text_of(value)

    def reset(self, key: str) -> None:
        """Set a setting back to its default."""
        self.put(key, self.settings[key].default)

    def fill(self, experiment: Experiment) -> None:
        """Take every setting of an experiment."""
        mapping = experiment.to_mapping()
        for key in self.settings:
            section, _, name = key.rpartition(".")
            self.put(key, (mapping[section] if section else mapping)[name])

    @property
    def changed(self) -> dict[str, str]:
        """The texts that differ from the defaults, by key."""
        return {key: text for key, text in self._texts.items() if text.strip() != text_of(self.settings[key].default)}

    def experiment(self) -> Experiment:
        """Return what the texts say.

        Raises:
            ExperimentProblem: with everything that is wrong.
        """
        return Experiment.from_mapping(_tables(self.changed, self.settings))

    # -- presets

    @property
    def preset(self) -> str:
        """The preset that the values are those of, or "own"."""
        for name, preset in PRESETS.items():
            expected = {key: text_of(preset.get(key, self.settings[key].default)) for key in _preset_keys()}
            if all(self.text(key) == text or key.startswith("data.") for key, text in expected.items()):
                return name
        return OWN

    def take_preset(self, name: str, data_settings: Mapping[str, object]) -> None:
        """Take the values of a preset.

        Args:
            name: of `PRESETS`.
            data_settings: what was decided about the data, which stays unless a preset replaces it.
        """
        before = self.preset
        for key in _preset_keys():
            value = PRESETS[name].get(key, self.settings[key].default)
            section, _, setting = key.partition(".")
            if section == "data" and key not in PRESETS[name]:
                if before != "paper":
                    continue
                value = data_settings.get(setting, value)
            self.put(key, value)


def data_table(changed: Mapping[str, str]) -> dict[str, Any]:
    """Return the table `data` of a draft as a TOML file would hold it; its values may be wrong.

    Args:
        changed: as `ExperimentDraft.changed` returns it.
    """
    table: dict[str, Any] = _tables(changed, {setting.key: setting for setting in settings()}).get("data", {})
    return table


def _tables(changed: Mapping[str, str], declared: Mapping[str, Setting]) -> dict[str, Any]:
    tables: dict[str, Any] = {}
    for key, text in changed.items():
        section, _, name = key.rpartition(".")
        table = tables.setdefault(section, {}) if section else tables
        table[name] = parse_text(declared[key], text)
    return tables


def _preset_keys() -> list[str]:
    return sorted({key for preset in PRESETS.values() for key in preset})
