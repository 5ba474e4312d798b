"""`aimic report`: one self-contained page on a run, ready to be sent, printed or quoted."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import click

from aimic_tui.commands.prevalence import prevalence_option, split_prevalence
from aimic_tui.commands.progress import ProgressMeter, shows_progress
from aimic_tui.engine.files import folder_problem
from aimic_tui.engine.outputs import check_output_file, check_output_folder
from aimic_tui.engine.run_folder import RunFolder, slug
from aimic_tui.engine.text import printable
from aimic_tui.engine.workspace_folder import Workspace


@click.command()
@click.argument("run")
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="An .html or .md file besides the run's own report.html; Markdown gets a folder with its figures.",
)
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Also write its tables as CSV, its figures as PDF and SVG, a model card, and reproduce.sh, which makes the "
    "report again from the images, into this folder.",
)
@prevalence_option
@click.option(
    "--by",
    multiple=True,
    metavar="COLUMN",
    help="Compare subgroups by this column of the manifest (sex, site, age:40,60); may be given several times.",
)
@click.option(
    "--table",
    type=click.Path(dir_okay=False, path_type=Path),
    help="CSV file with these columns and one of image paths or group names (default: the run's manifest).",
)
@click.option("--json", "as_json", is_flag=True, help="Print the report's path as one JSON object.")
@click.pass_context
@shows_progress
def report(
    context: click.Context,
    *,
    run: str,
    output: Path | None,
    folder: Path | None,
    prevalences: tuple[str, ...],
    by: tuple[str, ...],
    table: Path | None,
    as_json: bool,
    meter: ProgressMeter,
) -> None:
    """Write the report of RUN: figures, cases, split, recipe, a methods paragraph, checklists.

    RUN is a run's folder, its name, a unique beginning of it, or latest. The last line printed is the report's path.
    The report of a run whose folder can't be written goes to --output, or into the current folder.
    """
    from aimic_tui.engine.report.write_report import write_report

    found = Workspace(context.obj).find_run(run)
    at = [split_prevalence(text) for text in prevalences]
    if output is not None:
        check_output_file(output, "report.html", inputs=[table] if table is not None else [])
    if folder is not None:
        check_output_folder(folder, option="--folder")
    unwritable = folder_problem(found.path, locks=False)
    if unwritable and output is None:
        output = _here(found)
        check_output_file(output, "report.html")
    if unwritable:
        click.echo(f"! {printable(unwritable)} The report goes to {printable(str(output))}.", err=True)
    own = not unwritable
    written = write_report(found, output, folder, meter.report, prevalences=at, by=by, table=table, own=own)
    path = str(written[-1])
    meter.clear()
    click.echo(json.dumps({"report": path}) if as_json else printable(path))


def _here(run: RunFolder) -> Path:
    """Return a new file in the current folder, for the report of a run whose own folder can't be written."""
    name = f"{slug(run.name, 'run')}-report"
    numbered = (Path.cwd() / f"{name}{f'-{number}' if number > 1 else ''}.html" for number in itertools.count(1))
    return next(path for path in numbered if not path.exists())
