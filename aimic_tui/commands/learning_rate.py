"""`aimic learning-rate`: which learning rate suits a network and a data set."""

from __future__ import annotations

import json
import math
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from aimic_tui.commands.experiment_options import WithSettings, experiment_from, experiment_options
from aimic_tui.commands.stopping import StopRequest
from aimic_tui.engine.errors import UsageProblem
from aimic_tui.engine.event_log import append_event
from aimic_tui.engine.files import write_atomically
from aimic_tui.engine.machine.devices import find_slots, worker_environment
from aimic_tui.engine.machine.processor import settle_processor
from aimic_tui.engine.text import plural, printable
from aimic_tui.engine.workspace_folder import Workspace
from aimic_tui.wording.numbers import number
from aimic_tui.wording.signs import sign
from aimic_tui.wording.times import duration

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
@click.option("--events", type=click.Path(path_type=Path), help="Append progress to this file, a JSON object a line.")
@click.pass_context
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
    events: Path | None,
) -> None:
    """Suggest a learning rate by a range test: a few steps of training, each at a higher rate than the one before.

    What is trained stands in EXPERIMENT, or comes from --data and defaults, as for `aimic train`. The images are those
    that fold 1 trains on; its test images are never shown. Nothing is left behind but --output.
    """
    made = experiment_from("learning-rate", experiment, data, overrides, preset)
    if not 0 < first < last <= 100:
        raise UsageProblem(f"--from {first:g} --to {last:g}: the rates must rise, from above 0 to at most 100.")
    if output is not None and (output.is_dir() or not output.absolute().parent.is_dir()):
        raise UsageProblem(f"--output {printable(str(output))} is not a file in a folder that exists.")
    compute = made.compute
    slot = find_slots(compute.devices, compute.workers, compute.threads)[0]
    report = _Report(events)
    try:
        result, name = _run(made, Workspace(context.obj), slot, network, rates=(first, last, steps), report=report)
    finally:
        report.end()
    answer = _answer(result, name, slot.device)
    report.event("finished", **answer)
    if output is not None:
        write_atomically(output, json.dumps(answer, indent=1) + "\n")
    if as_json:
        click.echo(json.dumps(answer))
    else:
        _print(result, name)


def _run(
    experiment: Experiment,
    workspace: Workspace,
    slot: Slot,
    network: str | None,
    *,
    rates: tuple[float, float, int],
    report: _Report,
) -> tuple[RangeTest, str]:
    stop = StopRequest()
    # Like a worker: one device, its threads, and an allocator that is settled before torch is there.
    os.environ.update(worker_environment(slot, os.environ))
    settle_processor()
    from aimic_tui.engine.runs.prepare.first_trial import first_trial

    with tempfile.TemporaryDirectory(prefix="aimic-range-") as folder:
        task = first_trial(
            experiment,
            network,
            workspace,
            Path(folder),
            "cpu" if slot.device == "cpu" else "cuda:0",
            progress=report.looking,
            should_stop=stop.asked,
        )
        report.say("loading the network")
        import torch

        from aimic_tui.engine.training.range_test import run_range_test

        torch.set_num_threads(slot.threads)
        first, last, steps = rates
        report.event("started", network=task.network, first=first, last=last, steps=steps, device=slot.device)
        result = run_range_test(
            task,
            first=first,
            last=last,
            steps=steps,
            on_step=lambda step, rate, loss, smooth: report.step(step, steps, rate, loss, smooth),
            should_stop=stop.asked,
            warn=report.say,
        )
    return result, task.network


def _answer(result: RangeTest, network: str, device: str) -> dict[str, object]:
    suggestion = result.suggestion
    return {
        "network": network,
        "rates": list(result.rates),
        "losses": list(result.losses),
        "smoothed": list(result.smoothed),
        "steps": result.steps,
        "diverged": result.diverged,
        "suggested": suggestion.rate,
        "rule": suggestion.rule,
        "minimum": suggestion.minimum,
        "steepest": suggestion.steepest,
        "sentence": suggestion.sentence,
        "batch_size": result.batch_size,
        "precision": result.precision,
        "device": device,
        "images_per_second": result.images_per_second,
    }


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


class _Report:
    """Progress on stderr, a line rewritten on a terminal or one now and then in a pipe, and in the event file."""

    def __init__(self, events: Path | None) -> None:
        self._events = events
        self._terminal = sys.stderr.isatty()
        self._told = -math.inf
        self._began: float | None = None
        self._open = False

    def event(self, name: str, **fields: object) -> None:
        if self._events:
            append_event(self._events, name, **fields)

    def say(self, sentence: str) -> None:
        self.end()
        click.echo(printable(sentence), err=True)
        self._told = -math.inf  # what begins with this sentence tells its first line at once
        self.event("said", sentence=sentence)

    def looking(self, done: int, images: int) -> None:
        self._line(f"looking at the images: {done:,} of {images:,}", last=done == images)
        self.event("looking", done=done, images=images)

    def step(self, step: int, steps: int, rate_now: float, loss: float, smooth: float) -> None:
        now = time.monotonic()
        if self._began is None:
            self._began = now  # the first step also prepares what later ones reuse
        left = (now - self._began) / (step - 1) * (steps - step) if step > 1 else None
        words = f"step {step} of {steps}, rate {rate_now:.1e}, loss {number(smooth)}"
        self._line(words + (f", at most {duration(left)} left" if left is not None else ""), last=step == steps)
        self.event("step", step=step, rate=rate_now, loss=loss, smoothed=smooth, seconds_left=left)

    def _line(self, words: str, *, last: bool) -> None:
        now = time.monotonic()
        if last or now - self._told >= (0.2 if self._terminal else 5.0):
            self._told = now
            click.echo(f"\r{words}\x1b[K" if self._terminal else words, nl=not self._terminal, err=True)
            self._open = self._terminal

    def end(self) -> None:
        """Leave the rewritten line."""
        if self._open:
            click.echo(err=True)
            self._open = False
