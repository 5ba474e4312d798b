"""`aimic demo`: the whole way on a drawn blood smear, with nothing to download and nothing to prepare."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import click

from aimic_tui.commands.following import Follower, require_finished
from aimic_tui.commands.predict import predict
from aimic_tui.commands.progress import ProgressMeter
from aimic_tui.engine.data.smear import CLASSES, draw_smear
from aimic_tui.engine.files import write_atomically
from aimic_tui.engine.formatting import numbers
from aimic_tui.engine.proposed_command import run_command
from aimic_tui.engine.run_folder import RunFolder
from aimic_tui.engine.runs.control import start_scheduler
from aimic_tui.engine.runs.prepare.creation import create_run
from aimic_tui.engine.runs.status import read_status
from aimic_tui.engine.text import plural, printable
from aimic_tui.engine.workspace_folder import Workspace
from aimic_tui.wording import signs

# Two trials side by side, on one processor each, take half the time of one after the other on two: such small
# batches leave threads waiting for each other.
EXPERIMENT = r"""# What `aimic demo` trains. Change it and call `aimic demo` again, or give it to `aimic train`.
name = "demo"

[data]
path = "smear"
group = '^(slide\d+)'

[split]
folds = 4

[model]
networks = ["resnet10t"]
weights = "none"
image_size = 64

[training]
epochs = 16
patience = 16
learning_rate = 1e-3
batch_size = 32

[compute]
workers = 2
"""
_SEED = 2022
_SLIDES, _FRESH_SLIDES, _CROPS = 40, 5, 12


@click.command()
@click.option("--headless", is_flag=True, help="Wait for the end instead of opening the app.")
@click.pass_context
def demo(context: click.Context, *, headless: bool) -> None:
    """Draw a blood smear, train a small network on it, cross-validated, and classify cells of fresh slides.

    In a terminal the app opens on the live run. Otherwise, or with --headless, the command waits (a few minutes on
    two cores) and prints where the run, its results and the predictions are.
    """
    from aimic_tui.engine.experiment import Experiment

    workspace = Workspace(context.obj)
    place = workspace.root / "demo"
    with ProgressMeter() as meter:
        smear = _drawn(place / "smear", meter, slides=_SLIDES, first_slide=1)
        fresh = _drawn(place / "fresh-slides", meter, slides=_FRESH_SLIDES, first_slide=101)
    experiment_file = place / "experiment.toml"
    if not experiment_file.exists():  # one may have been changed, to try something
        write_atomically(experiment_file, EXPERIMENT)
    with ProgressMeter() as meter:
        folder = create_run(Experiment.from_file(experiment_file), workspace, sys.argv, meter.report)
    start_scheduler(folder)
    # So that the app, too, knows where there is something to predict.
    workspace.remember_data_set(fresh, images=_FRESH_SLIDES * _CROPS, classes=len(CLASSES), groups=_FRESH_SLIDES)
    output = place / f"{folder.name}-predictions.csv"
    if not headless and sys.stdin.isatty() and sys.stdout.isatty():
        _look_on(context, folder, fresh, output)
        return
    _say(f"{printable(folder.name)}: {plural(len(read_status(folder).trials), 'trial')} on {smear}")
    with ProgressMeter() as meter:
        require_finished(folder, Follower(folder, meter, stop_on_interrupt=True).follow())
    context.invoke(predict, model=str(folder.path), images=(fresh,), output=output, device="auto")
    for line in _closing_lines(folder, output):
        click.echo(printable(line))


def _drawn(folder: Path, meter: ProgressMeter, *, slides: int, first_slide: int) -> Path:
    """Draw slides into `folder`, unless that was done before; a drawing that was cut short leaves nothing."""
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=".drawing-", dir=folder.parent))
    meter.message(f"drawing {slides} slides of a blood smear: {folder}")
    try:
        draw_smear(draft, slides=slides, crops=_CROPS, seed=_SEED, first_slide=first_slide, report=meter.report)
        draft.chmod(folder.parent.stat().st_mode)
        draft.rename(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return folder


def _look_on(context: click.Context, folder: RunFolder, fresh: Path, output: Path) -> None:
    """Open the app on the live run; say afterwards how it stands and what comes next."""
    from aimic_tui.commands.open_app import open_app

    options = context.parent.params if context.parent else {}
    open_app(context.obj, run=folder.path, slow_link=bool(options.get("slow_link")))
    status = read_status(folder)
    _say(
        f"The run {printable(folder.name)} is {status.state}. It needs no terminal: `aimic` shows it again, "
        f"{run_command('stop', folder)} ends it."
    )
    _say(f"When it is finished: {run_command('predict', folder, fresh, options=['--output', output])}")
    click.echo(printable(str(folder.path)))


def _closing_lines(folder: RunFolder, output: Path) -> Iterator[str]:
    from aimic_tui.engine.evaluation.build_results import read_results
    from aimic_tui.engine.evaluation.predictions import read_predictions
    from aimic_tui.engine.evaluation.results_file import results_to_json

    found = results_to_json(read_results(folder.path))
    (network,) = found["networks"].values()
    figures = ", ".join(
        f"{title} {numbers.interval_text(**network['pooled'][metric])}"
        for metric, title in (("macro_f1", "macro F1"), ("accuracy", "accuracy"), ("auroc", "AUROC"))
    )
    predictions = read_predictions(output)
    said = [predictions.classes[code] for code in predictions.predicted]
    right = sum(name.split("/")[0] == answer for name, answer in zip(predictions.images, said, strict=True))
    yield f"run          {folder.path}"
    yield f"results      {folder.results_file}"
    yield f"             {figures}"
    yield f"             {found['method']}"
    yield f"predictions  {output}"
    yield f"             {right} of {len(said)} cells of fresh slides classified correctly"
    yield f"{run_command('results', folder)} shows all figures, `aimic` the run and its images."


def _say(text: str) -> None:
    click.echo(signs.as_shown(text), err=True)
