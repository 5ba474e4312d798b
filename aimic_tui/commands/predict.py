"""`aimic predict`: classify images with a trained model."""

from __future__ import annotations

import json
from pathlib import Path

import click

from aimic_tui.commands.finite_range import FiniteRange
from aimic_tui.commands.progress import ProgressMeter, shows_progress
from aimic_tui.commands.stopping import StopRequest
from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.evaluation.calibration_words import promise
from aimic_tui.engine.formatting import numbers, times
from aimic_tui.engine.machine.processor import settle_processor
from aimic_tui.engine.models.model_folder import CARD_FILE, find_models, read_model_card
from aimic_tui.engine.outputs import check_output_file
from aimic_tui.engine.progress import Progress
from aimic_tui.engine.run_folder import RunFolder, TrialFolder
from aimic_tui.engine.text import plural, printable
from aimic_tui.engine.user_folders import expanded
from aimic_tui.engine.workspace_folder import Workspace
from aimic_tui.wording import signs
from aimic_tui.wording.class_shares import share_lines


@click.command()
@click.argument("model")
@click.argument("images", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--output", "-o", required=True, type=click.Path(path_type=Path), help="The table to write.")
@click.option(
    "--image-column",
    default="path",
    metavar="NAME",
    help="Column of a table with the images' paths (default: by its usual name and what it holds).",
)
@click.option("--network", help="Network of the run to use (default: the best by validation).")
@click.option("--format", "form", type=click.Choice(["csv", "json"]), help="Default: by the output's name.")
@click.option(
    "--max-error",
    type=FiniteRange(0, 1, min_open=True, max_open=True),
    help="Mark images as rejected that the model is too unsure about. With 90 % confidence at most this share of the "
    "others is wrong, e.g. 0.02, if they are like the run's own.",
)
@click.option("--as-trained", is_flag=True, help="Leave the probabilities uncalibrated.")
@click.option("--batch-size", type=click.IntRange(1, 65_536), help="Images at a time (default: what suits the device).")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:N.")
@click.option("--json", "as_json", is_flag=True, help="Print the table's path and the counts as one JSON object.")
@click.pass_context
@shows_progress
def predict(
    context: click.Context,
    *,
    model: str,
    images: tuple[Path, ...],
    output: Path,
    image_column: str,
    network: str | None,
    form: str | None,
    max_error: float | None,
    as_trained: bool,
    batch_size: int | None,
    device: str,
    as_json: bool,
    meter: ProgressMeter,
) -> None:
    """Classify IMAGES with MODEL: a run, a trial's folder or a model's folder.

    IMAGES are image files, folders, tables (.csv) that list images, and MedMNIST files (.npz).

    The probabilities of a run's folds are averaged; they are calibrated where the models were trained with validation
    images. After an interruption the same command continues where it stopped. The last line on stdout is the table's
    path.
    """
    from aimic_tui.engine.data.listing.image_files import find_image_files
    from aimic_tui.engine.inference.prediction_table import format_of

    models = find_models(model_path(model, Path(context.obj)), network)
    check_output_file(output, "predictions.csv")
    found = find_image_files(images, image_column)
    files = found.files
    alike = (
        file for _, file in files if file.suffix.lower() == output.suffix.lower()
    )  # of a million, few are looked at
    check_output_file(output, "predictions.csv", inputs=[*images, *alike])
    for note in found.notes:
        meter.message(f"! {printable(note)}")
    card = read_model_card(models[0])
    several = f", {len(models)} models together" if len(models) > 1 else ""
    meter.message(f"{plural(len(files), 'image')}; {card.network}{several}: {', '.join(card.classes)}")
    stop = StopRequest()
    meter.report(Progress("load", 0, len(files)))
    settle_processor()  # before torch
    from aimic_tui.engine.inference.predict import predict as run

    summary = run(
        models,
        files,
        output,
        report=meter.report,
        should_stop=stop.asked,
        batch_size=batch_size,
        device=device,
        form=format_of(output, form),
        as_trained=as_trained,
        max_error=max_error,
    )
    meter.clear()
    if summary.resumed:
        meter.message(f"{plural(summary.resumed, 'image')} kept from an earlier call")
    counts = ", ".join(f"{name} {count:,}" for name, count in summary.counts.items())
    unreadable = f"; {summary.unreadable:,} could not be read" if summary.unreadable else ""
    if summary.rejected is not None:
        unreadable += f"; {summary.rejected:,} rejected (probability below {summary.threshold:.3f})"
    speed = f", {numbers.rate(summary.images_per_second)}" if summary.images_per_second else ""
    click.echo(printable(f"{counts}{unreadable} ({times.duration(summary.seconds)}{speed})"), err=True)
    if max_error is not None:
        words = promise(max_error, models=summary.models, rests_on_groups=summary.rests_on_groups)
        click.echo(words, err=True)
    if summary.trained:
        click.echo(
            f"! The model was trained on {summary.trained:,} of these images: how it does on them says nothing about "
            "new ones.",
            err=True,
        )
    if summary.shares is not None and not as_json:
        for line in share_lines(summary.shares):
            click.echo(signs.as_shown(line), err=True)
    answer = summary.to_json()
    meter.finish_with(summary=answer)
    if as_json:
        click.echo(json.dumps({"table": answer.pop("output"), **answer}))
    else:
        click.echo(printable(str(output)))
    if summary.unreadable == summary.images:
        raise InputProblem(f"No image could be read; {printable(str(output))} says why, image by image.")


def model_path(text: str, workspace: Path) -> Path:
    """Return the folder that a person means by a run, a trial's folder or a model's folder.

    Raises:
        InputProblem: there is none, or several runs could be meant.
    """
    path = expanded(text)
    cards = (path / CARD_FILE, TrialFolder(path).model_folder / CARD_FILE)
    if any(card.exists() for card in cards) or RunFolder(path).trials_folder.exists():
        return path
    return Workspace(workspace).find_run(text).path
