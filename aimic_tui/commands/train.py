"""`aimic train`: make a run and carry it out."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from aimic_tui.commands.following import Follower, outcome
from aimic_tui.engine.errors import AimicError, UsageProblem
from aimic_tui.engine.runs.control import start_scheduler
from aimic_tui.engine.runs.creation import create_run
from aimic_tui.engine.runs.folder import RunFolder
from aimic_tui.engine.runs.status import read_status
from aimic_tui.engine.runs.workspace import Workspace
from aimic_tui.engine.text import printable

if TYPE_CHECKING:
    from aimic_tui.engine.experiment import Experiment
    from aimic_tui.engine.setting import Setting


class _WithSettings(click.Command):
    """A command whose help ends with every setting of an experiment."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        from aimic_tui.engine.experiment import PRESETS, settings

        by_section: dict[str, list[Setting]] = {}
        for setting in settings():
            by_section.setdefault(setting.section, []).append(setting)
        for section, members in by_section.items():
            with formatter.section(f"Settings, [{section}] in the file" if section else "Settings"):
                formatter.write_dl([(setting.key, _describe(setting)) for setting in members])
        formatter.write_paragraph()
        formatter.write_text(f"Presets: {', '.join(PRESETS)}. A --set goes before a preset, a preset before the file.")


def _describe(setting: Setting) -> str:
    limits = ""
    if setting.minimum is not None and setting.maximum is not None:
        limits = f"{setting.minimum:.10g} to {setting.maximum:.10g}; "
    words = f"{' | '.join(setting.choices)}; " if setting.choices else ""
    default = json.dumps(setting.default, ensure_ascii=False)
    return f"{setting.help} [{words}{limits}default {default}]"


@click.command(cls=_WithSettings)
@click.argument("experiment", required=False, type=click.Path(path_type=Path))
@click.option("--data", help="A folder with one sub-folder a class, or a manifest (.csv).")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Replace a setting; repeat as needed.")
@click.option("--preset", help="A set of settings to start from: quick, standard, thorough or paper.")
@click.option("--name", help="What the run is called.")
@click.option("--detach", is_flag=True, help="Don't wait: print the run's folder and leave.")
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as one JSON object.")
@click.pass_context
def train(
    context: click.Context,
    *,
    experiment: Path | None,
    data: str | None,
    overrides: tuple[str, ...],
    preset: str | None,
    name: str | None,
    detach: bool,
    as_json: bool,
) -> None:
    """Train networks, cross-validated, on a data set.

    What to do stands in EXPERIMENT, a TOML file, or comes from --data and defaults. The run goes on when this command
    is left with --detach or its terminal is lost; Ctrl-C stops it.
    """
    resolved = _experiment(experiment, data, overrides, preset, name)
    folder = create_run(resolved, Workspace(context.obj), sys.argv, _looking())
    start_scheduler(folder)
    carry_out(folder, detach=detach, as_json=as_json)


def _experiment(
    path: Path | None, data: str | None, overrides: tuple[str, ...], preset: str | None, name: str | None
) -> Experiment:
    from aimic_tui.engine.experiment import PRESETS, Experiment, with_overrides

    if path is None and data is None and not any(override.startswith("data.path=") for override in overrides):
        raise UsageProblem("Say what to train on: `aimic train --data FOLDER`, or name an experiment's TOML file.")
    if preset is not None and preset not in PRESETS:
        raise UsageProblem(f"--preset {printable(preset)} is not one of {', '.join(PRESETS)}.")
    first = [f"{key}={json.dumps(value)}" for key, value in PRESETS[preset or "standard"].items()]
    wishes = [*first, *overrides]
    if path is not None:
        made = Experiment.from_file(path, wishes)
    else:
        made = Experiment.from_mapping(with_overrides({}, wishes), source="the command line")
    given: dict[str, Any] = {"data.path": data, "name": name}
    return made.with_values({key: value for key, value in given.items() if value is not None})


def _looking() -> Any:
    """Return a function that tells on a terminal how many images were looked at."""
    if not sys.stderr.isatty():
        return None

    def tell(done: int, images: int) -> None:
        if done == images:
            sys.stderr.write("\r\x1b[K")
        elif done % 100 == 0:
            sys.stderr.write(f"\rlooking at the images: {done:,} of {images:,}\x1b[K")
        sys.stderr.flush()

    return tell


def carry_out(folder: RunFolder, *, detach: bool, as_json: bool, from_now: bool = False) -> None:
    """See a started run through, or leave it at once, and print on stdout where it is.

    Raises:
        AimicError: not every trial finished.
        Interrupted: the person left.
    """
    problem: AimicError | None = None
    if not detach:
        try:
            status = Follower(folder, sys.stderr, sparse=True, stop_on_interrupt=True).follow(from_now=from_now)
            outcome(folder, status)
        except AimicError as error:
            problem = error
    for line in _answer(folder, as_json):
        click.echo(line)
    if problem is not None:
        raise problem


def _answer(folder: RunFolder, as_json: bool) -> Iterator[str]:
    if not as_json:
        yield printable(str(folder.path))
        return
    status = read_status(folder)
    yield json.dumps(
        {
            "run": folder.name,
            "path": str(folder.path),
            "state": status.state,
            "trials_done": status.trials_done,
            "trials_total": len(status.trials),
            "reason": status.reason,
        }
    )
