"""How commands are told what to do: an experiment's TOML file, or a data set and defaults, single settings on top."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from aimic_tui.engine.errors import UsageProblem
from aimic_tui.engine.run_folder import RunFolder
from aimic_tui.engine.text import printable

if TYPE_CHECKING:
    from aimic_tui.engine.experiment import Experiment
    from aimic_tui.engine.setting import Setting

_Command = TypeVar("_Command", bound=Callable[..., Any])


class WithSettings(click.Command):
    """A command whose help ends with every setting of an experiment."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the settings by section, and the presets."""
        from aimic_tui.engine.experiment import PRESETS, settings

        by_section: dict[str, list[Setting]] = {}
        for setting in settings():
            by_section.setdefault(setting.section, []).append(setting)
        for section, members in by_section.items():
            with formatter.section(f"Settings, [{section}] in the file" if section else "Settings"):
                formatter.write_dl([(setting.key, _describe(setting)) for setting in members])
        formatter.write_paragraph()
        formatter.write_text(f"Presets: {', '.join(PRESETS)}. --set overrides a preset, a preset overrides the file.")


def _describe(setting: Setting) -> str:
    limits = ""
    if setting.minimum is not None and setting.maximum is not None:
        limits = f"{setting.minimum:.10g} to {setting.maximum:.10g}; "
    words = f"{' | '.join(setting.choices)}; " if setting.choices else ""
    default = json.dumps(setting.default, ensure_ascii=False)
    return f"{setting.help} [{words}{limits}default {default}]"


def experiment_options(command: _Command) -> _Command:
    """Give a command the argument and options that `experiment_from` makes an experiment of."""
    for decorate in (
        click.option("--preset", help="A set of settings to start from: quick, standard, thorough or paper."),
        click.option(
            "--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Replace a setting; repeat as needed."
        ),
        click.option("--data", help="A folder with one subfolder per class, or a manifest (.csv)."),
        click.argument("experiment", required=False, type=click.Path(path_type=Path)),
    ):
        command = decorate(command)
    return command


def experiment_from(
    what: str, path: Path | None, data: str | None, overrides: tuple[str, ...], preset: str | None
) -> Experiment:
    """Make the experiment that a command line describes.

    Args:
        what: the command's name.
        path: of a TOML file, or of a run's folder, whose settings are taken then, with its data where they are now.
        data: replaces `data.path`.
        overrides: `key=value` each, which go before the preset.
        preset: goes before the file.

    Raises:
        UsageProblem: it names no data, or what it says can't be.
    """
    from aimic_tui.engine.experiment import PRESETS, Experiment, with_overrides

    if path is None and data is None and not any(override.startswith("data.path=") for override in overrides):
        raise UsageProblem(f"Say what to train on: `aimic {what} --data FOLDER`, or name an experiment's TOML file.")
    if preset is not None and preset not in PRESETS:
        raise UsageProblem(f"--preset {printable(preset)} is not one of {', '.join(PRESETS)}.")
    first = [f"{key}={json.dumps(value)}" for key, value in PRESETS[preset or "standard"].items()]
    wishes = [*first, *overrides]
    if path is not None:
        made = _experiment_of_run(RunFolder(path), wishes) if path.is_dir() else Experiment.from_file(path, wishes)
    else:
        made = Experiment.from_mapping(with_overrides({}, wishes), source="the command line")
    return made if data is None else made.with_values({"data.path": data})


def _experiment_of_run(run: RunFolder, wishes: Sequence[str]) -> Experiment:
    from aimic_tui.engine.data.image_notes import read_notes
    from aimic_tui.engine.experiment import Experiment

    made = Experiment.from_file(run.experiment_file, wishes)
    told = read_notes(run.manifest_file).place_of(Path(made.data.path))
    return made.with_values({"data.path": str(told)}) if made.data.path and str(told) != made.data.path else made
