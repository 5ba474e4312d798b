"""What stands around the form of Set-up: the sections, the help of a field, what the experiment amounts to."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content

from aimic_tui.engine.runs.prepare.plan import RunPlan
from aimic_tui.screens.set_up.settings_form import SECTIONS
from aimic_tui.widgets.field import FormField, text_of
from aimic_tui.wording.plan import costs_line, images_line, trials_line


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


def help_text(field: FormField, hint: str) -> Content:
    """Say what a setting is, what it takes and what its default is; `hint`: what enter does there."""
    setting = field.setting
    limits = []
    if setting.choices and setting.kind != "choice":
        limits.append(" or ".join(setting.choices))
    if setting.minimum is not None and setting.maximum is not None:
        limits.append(f"{'above ' if setting.above_minimum else ''}{setting.minimum:g} to {setting.maximum:g}")
    default = text_of(setting.default) or "empty"
    hint = "enter: choose from the catalogue" if setting.kind == "names" else hint
    return Content.assemble(
        (setting.key, "bold"),
        f"\n\n{setting.help}",
        ("\n\n" + ", or ".join(limits) if limits else "", "$text-muted"),
        (f"\n\n{'* changed from the ' if field.changed else ''}default {default}", "$text-muted"),
        (f"\n{hint}" if hint else "", "$text-muted"),
    )


def plan_lines(found: RunPlan) -> list[Content]:
    """Say what an experiment amounts to; nothing where that can't be told."""
    if found.forecast is None or found.split is None:
        return []
    trials, parts = trials_line(found.forecast, found.split)
    return [
        Content(images_line(found.data)),
        Content.assemble((trials, "bold"), parts),
        Content(costs_line(found.forecast, found.duration)),
    ]
