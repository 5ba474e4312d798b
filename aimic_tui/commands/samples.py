"""`aimic samples`: training images as training will see them."""

from __future__ import annotations

from pathlib import Path

import click

from aimic_tui.commands.answers import print_answer
from aimic_tui.commands.experiment_options import WithSettings, experiment_from, experiment_options
from aimic_tui.commands.progress import ProgressMeter, shows_progress
from aimic_tui.commands.stopping import StopRequest
from aimic_tui.engine.errors import UsageProblem
from aimic_tui.engine.litter import temporary_folder
from aimic_tui.engine.machine.processor import settle_processor
from aimic_tui.engine.outputs import check_output_file
from aimic_tui.engine.progress import Progress
from aimic_tui.engine.runs.prepare.first_trial_answers import SampleImageAnswer, SamplesAnswer, TilesAnswer
from aimic_tui.engine.text import printable
from aimic_tui.engine.workspace_folder import Workspace


@click.command(cls=WithSettings)
@experiment_options
@click.option("--output", "-o", required=True, type=click.Path(path_type=Path), help="The picture to write (.png).")
@click.option("--images", type=click.IntRange(1, 200), default=8, show_default=True, help="How many: the rows.")
@click.option("--epochs", type=click.IntRange(1, 100), default=6, show_default=True, help="The columns.")
@click.option("--every-preset", is_flag=True, help="A picture for each preset of augmentation: OUTPUT-<preset>.png.")
@click.option("--json", "as_json", is_flag=True, help="Print what each tile of the pictures shows, as one JSON object.")
@shows_progress
@click.pass_context
def samples(
    context: click.Context,
    *,
    experiment: Path | None,
    data: str | None,
    overrides: tuple[str, ...],
    preset: str | None,
    output: Path,
    images: int,
    epochs: int,
    every_preset: bool,
    as_json: bool,
    meter: ProgressMeter,
) -> None:
    """Draw training images as training will see them: the original on the left, then as in epoch 1, 2, 3...

    The variations are the training's own, by the experiment's seed. The images are of all classes in turn, out of those
    that fold 1 of the run would train on.
    """
    made = experiment_from("samples", experiment, data, overrides, preset)
    if output.suffix.lower() != ".png":
        raise UsageProblem(f"--output {printable(str(output))} must be a .png file.")
    check_output_file(output, "samples.png")
    if output.resolve().is_relative_to(Path(made.data.path).resolve()):
        raise UsageProblem(
            f"--output {printable(str(output))} is in the data set, where it would be taken for an image. Name another "
            "folder."
        )
    stop = StopRequest()
    settle_processor()
    from aimic_tui.engine.runs.prepare.first_trial import first_trial
    from aimic_tui.engine.training.augmentation_ranges import PRESETS
    from aimic_tui.engine.training.sample_sheet import Sheet
    from aimic_tui.engine.training.samples import training_samples

    wanted = list(PRESETS) if every_preset else [made.augmentation.preset]
    with temporary_folder("aimic-samples-") as folder:
        # Weights that are missing would be no reason to show nothing: what they decide about, the normalisation, is
        # undone for the picture.
        unweighted = made.with_values({"model.weights": "none"})
        task = first_trial(
            unweighted, None, Workspace(context.obj), Path(folder), "cpu", report=meter.report, should_stop=stop.asked
        )
        meter.report(Progress("draw", 0))
        found = training_samples(task, count=images, epochs=range(1, epochs + 1), presets=wanted)
    files = {
        name: output.with_name(f"{output.stem}-{name}{output.suffix}") if every_preset else output for name in wanted
    }
    sheet = Sheet.of(len(found[0].original), len(found), epochs)
    for name, file in files.items():
        sheet.draw(found, name, file)
    meter.clear()
    if as_json:
        answer = SamplesAnswer(
            preset=made.augmentation.preset,
            seed=made.seed,
            files={name: str(file) for name, file in files.items()},
            images=tuple(SampleImageAnswer(image=sample.image, label=sample.label) for sample in found),
            epochs=tuple(range(1, epochs + 1)),
            tiles=TilesAnswer(side=sheet.side, lefts=tuple(sheet.lefts), tops=tuple(sheet.tops)),
        )
        print_answer(answer.model_dump(mode="json"))
    else:
        for file in files.values():
            click.echo(printable(str(file)))
