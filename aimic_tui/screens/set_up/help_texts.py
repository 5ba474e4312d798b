"""The texts beside the form of Set-up: its sections, and the help of the field with the focus."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content

from aimic_tui.engine.setting import Setting
from aimic_tui.engine.setting_text import text_of
from aimic_tui.screens.set_up.file_prompts import PATH_SUFFIXES
from aimic_tui.screens.set_up.settings_form import SECTIONS
from aimic_tui.widgets.field import FormField


def section_lines(fields: Sequence[FormField], here: str) -> Content:
    """List the sections: `!` where something is wrong, `*` where something is not the default."""
    lines = []
    for section, title in SECTIONS.items():
        own = [field for field in fields if field.setting.section == section]
        sign = "!" if any(field.problem for field in own) else "*" if any(field.changed for field in own) else " "
        style = "bold $primary" if section == here else "$foreground"
        lines.append(
            Content.assemble(
                (("▸ " if section == here else "  ") + title.ljust(13), style),
                (sign, "bold $warning" if sign == "!" else "$text-muted"),
            )
        )
    return Content("\n").join(lines)


def help_text(field: FormField) -> Content:
    """Describe a setting: what it is, its values, its default, and what the keys do there."""
    setting = field.setting
    limits = []
    if setting.choices and setting.kind != "choice":
        limits.append(" or ".join(setting.choices))
    if setting.minimum is not None and setting.maximum is not None:
        limits.append(f"{'above ' if setting.above_minimum else ''}{setting.minimum:g} to {setting.maximum:g}")
    default, hint = text_of(setting.default) or "empty", _hint(setting)
    return Content.assemble(
        (setting.key, "bold"),
        f"\n\n{setting.help}",
        ("\n\n" + ", or ".join(limits) if limits else "", "$text-muted"),
        (f"\n\n{'* changed from the ' if field.changed else ''}default {default}", "$text-muted"),
        (f"\n{hint}" if hint else "", "$text-muted"),
    )


def _hint(setting: Setting) -> str:
    if setting.key == "training.learning_rate":
        return "t: run a learning-rate range test"
    if setting.section == "augmentation":
        return "t: see augmented images" if setting.key == "augmentation.preset" else "f9: see augmented images"
    if setting.kind == "names":
        return "enter: choose from the catalogue"
    return "enter: browse" if setting.key in PATH_SUFFIXES else ""
