"""What stands around the form of Set-up: the sections, the help of a field, what the experiment amounts to."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content

from aimic_tui.engine.text import printable
from aimic_tui.screens.set_up_plan import DataFacts, Plan
from aimic_tui.widgets.field import FormField, text_of
from aimic_tui.wording import bytes_text, count_text, duration, plural

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


def plan_lines(plan: Plan, facts: DataFacts, seconds: float | None) -> list[Content]:
    """Say what an experiment amounts to; `seconds` is the longest it can take, None where nothing was measured."""
    groups = f"{count_text(facts.groups)} groups ({facts.rule})" if facts.rule != "none" else "no groups"
    images = f"{plural(facts.images, 'image')} · {plural(len(facts.classes), 'class', 'classes')} · {groups}"
    trials = f"{plural(plan.networks, 'network')} × {plural(plan.folds, 'fold')} = {plural(plan.trials, 'trial')}"
    steps = f", at most {count_text(plan.steps)} steps" if plan.steps is not None else ""
    takes = f"at most {duration(seconds)} one after another (as earlier runs here) · " if seconds else ""
    return [
        Content(printable(images)),
        Content.assemble((trials, "bold"), f", about {count_text(plan.training_images)} training images each{steps}"),
        Content(f"at most {plural(plan.epochs, 'epoch')} a trial · {takes}writes about {bytes_text(plan.bytes)}"),
    ]
