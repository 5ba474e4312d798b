"""`aimic learning-rate`: which learning rate suits a network and a data set."""

from __future__ import annotations

import json
import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from aimic_tui.commands.answers import print_answer
from aimic_tui.commands.experiment_options import WithSettings, experiment_from, experiment_options
from aimic_tui.commands.progress import ProgressMeter, shows_progress
from aimic_tui.commands.stopping import StopRequest
from aimic_tui.engine.errors import UsageProblem
from aimic_tui.engine.files import write_atomically
from aimic_tui.engine.formatting.numbers import number
from aimic_tui.engine.litter import temporary_folder
from aimic_tui.engine.machine.devices import find_slots, worker_environment
from aimic_tui.engine.machine.processor import settle_processor
from aimic_tui.engine.outputs import check_output_file, kept
from aimic_tui.engine.progress import Progress
from aimic_tui.engine.runs.prepare.first_trial_answers import RangeTestAnswer
from aimic_tui.engine.text import plural
from aimic_tui.engine.workspace_folder import Workspace
from aimic_tui.wording.signs import sign

if TYPE_CHECKING:
    from aimic_tui.engine.experiment import Experiment
    from aimic_tui.engine.machine.devices import Slot
    from aimic_tui.engine.training.range_test import RangeTest


@click.command("learning-rate", cls=WithSettings)
@experiment_options
@click.option("--network", help="Which of the experiment's networks to test (default: its first).")
@click.option("--from", "first", type=float, default=1e-6, show_default=True, help="The lowest rate.")
@click.option("--to", "last", type=float, default=1.0, show_default=True, help="The highest rate.")
@click.option("--steps", type=click.IntRange(10, 10_000), default=100, show_default=True, help="Between the two.")
@click.option("--output", "-o", type=click.Path(path_type=Path), help="Write the curve to this file, as JSON.")
@click.option("--json", "as_json", is_flag=True, help="Print the curve as one JSON object.")
@click.pass_context
@shows_progress
def learning_rate(
    context: click.Context,
    *,
    experiment: Path | None,
    data: str | None,
    overrides: tuple[str, ...],
    preset: str | None,
    network: str | None,
    first: float,
    last: float,
    steps: int,
    output: Path | None,
    as_json: bool,
    meter: ProgressMeter,
) -> None:
    """Suggest a learning rate by a range test: a few steps of training, each at a higher rate than the one before.

    EXPERIMENT says what to train; without it --data and the defaults do, as for `aimic train`. The test uses the
    training images of fold 1, never its test images. Nothing is saved except --output.
    """
    made = experiment_from("learning-rate", experiment, data, overrides, preset)
    if not 0 < first < last <= 100:
        raise UsageProblem(f"--from {first:g} --to {last:g}: the rates must rise, from above 0 to at most 100.")
    if output is not None:
        check_output_file(output, "rates.json", inputs=[Path(made.data.path), *([experiment] if experiment else [])])
    compute = made.compute
    slot = find_slots(compute.devices, compute.workers, compute.threads)[0]
    result, name = _run(made, Workspace(context.obj), slot, network, rates=(first, last, steps), meter=meter)
    meter.clear()
    answer = _answer(result, name, slot.device).model_dump(mode="json")
    meter.finish_with(**answer)
    problem = None
    if output is not None:
        problem = kept(partial(write_atomically, output, json.dumps(answer, indent=1) + "\n"))
    if as_json:
        print_answer(answer, problem)
    else:
        _print(result, name)
    if problem is not None:
        raise problem


def _run(
    experiment: Experiment,
    workspace: Workspace,
    slot: Slot,
    network: str | None,
    *,
    rates: tuple[float, float, int],
    meter: ProgressMeter,
) -> tuple[RangeTest, str]:
    stop = StopRequest()
    # Like a worker: one device, its threads, and an allocator that is settled before torch is there.
    os.environ.update(worker_environment(slot, os.environ))
    settle_processor()
    from aimic_tui.engine.runs.prepare.first_trial import first_trial

    with temporary_folder("aimic-range-") as folder:
        task = first_trial(
            experiment,
            network,
            workspace,
            Path(folder),
            "cpu" if slot.device == "cpu" else "cuda:0",
            report=meter.report,
            should_stop=stop.asked,
        )
        meter.report(Progress("load", 0))
        import torch

        from aimic_tui.engine.training.range_test import run_range_test

        torch.set_num_threads(slot.threads)
        first, last, steps = rates

        def on_step(step: int, rate: float, loss: float, smoothed: float) -> None:
            meter.event("step", step=step, rate=rate, loss=loss, smoothed=smoothed)
            meter.report(Progress("step", step, steps, f"rate {rate:.1e}, loss {number(smoothed)}"))

        meter.event("started", network=task.network, first=first, last=last, steps=steps, device=slot.device)
        result = run_range_test(
            task,
            first=first,
            last=last,
            steps=steps,
            on_step=on_step,
            should_stop=stop.asked,
            warn=meter.message,
        )
    return result, task.network


def _answer(result: RangeTest, network: str, device: str) -> RangeTestAnswer:
    suggestion = result.suggestion
    return RangeTestAnswer(
        network=network,
        rates=result.rates,
        losses=result.losses,
        smoothed=result.smoothed,
        steps=result.steps,
        diverged=result.diverged,
        suggested=suggestion.rate,
        rule=suggestion.rule,
        minimum=suggestion.minimum,
        steepest=suggestion.steepest,
        sentence=suggestion.sentence,
        batch_size=result.batch_size,
        precision=result.precision,
        device=device,
        images_per_second=result.images_per_second,
    )


def _print(result: RangeTest, network: str) -> None:
    shown = range(0, len(result.rates), max(1, len(result.rates) // 20))
    click.echo(f"{'rate':>9}  {'loss':>7}")
    lowest = min(result.smoothed)
    for index in shown:
        here = "  lowest" if result.smoothed[index] == min(result.smoothed[at] for at in shown) else ""
        click.echo(f"{result.rates[index]:>9.1e}  {number(result.smoothed[index], 4):>7}{here}")
    end = "it diverged" if result.diverged else "the range ended"
    click.echo(
        f"{network}, {plural(len(result.rates), 'step')} of {result.batch_size} images until {end}; lowest smoothed "
        f"loss {number(lowest, 4)}"
    )
    mark = sign("finished" if result.suggestion.rate is not None else "attention")
    click.echo(f"{mark} {result.suggestion.sentence}")
    if result.suggestion.rate is not None:
        click.echo(f"  --set training.learning_rate={result.suggestion.rate:g}")
