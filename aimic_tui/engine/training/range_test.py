"""The learning-rate range test (Smith 2017): a trial's first steps, each at a higher rate than the one before.

The network, its initial weights, the batches, their augmentation and the optimiser are those of the trial, by the same
seed; only the learning rate differs. The network is thrown away afterwards, and it sees training images only.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import torch

from aimic_tui.engine.errors import Interrupted, UsageProblem
from aimic_tui.engine.models.build import freeze_backbone
from aimic_tui.engine.models.catalogue import find_network
from aimic_tui.engine.training.batches import Batch
from aimic_tui.engine.training.device_plan import resolve_plan
from aimic_tui.engine.training.initial_network import initialise_weights, initialised_network
from aimic_tui.engine.training.mixup import BatchMixer
from aimic_tui.engine.training.objective import objective_of
from aimic_tui.engine.training.optimisation import make_optimizer, phases, set_learning_rate
from aimic_tui.engine.training.phase import TrialContext
from aimic_tui.engine.training.pipelines import FeaturePipeline, Pipeline
from aimic_tui.engine.training.precision import Precision
from aimic_tui.engine.training.progress import ProgressReporter
from aimic_tui.engine.training.randomness import Stream, seed_for
from aimic_tui.engine.training.rate_curve import Suggestion, has_diverged, rising_rates, smoothed, suggest
from aimic_tui.engine.training.stepper import Stepper
from aimic_tui.engine.training.task import TrialTask, fold_parts, preprocessing_for
from aimic_tui.engine.training.trial_images import TrialImages


@dataclass(frozen=True)
class RangeTest:
    """The result of a range test.

    Attributes:
        rates: of `training.learning_rate`, rising; as many as steps were taken with a finite loss.
        losses: of each step's batch, before the step.
        smoothed: the losses, smoothed.
        steps: that were requested.
        diverged: whether it ended early because the loss was far above its minimum or not finite.
        batch_size, precision: as in the trial.
        images_per_second: without the first step.
    """

    rates: tuple[float, ...]
    losses: tuple[float, ...]
    smoothed: tuple[float, ...]
    steps: int
    diverged: bool
    suggestion: Suggestion
    batch_size: int
    precision: str
    images_per_second: float | None


def run_range_test(
    task: TrialTask,
    *,
    first: float,
    last: float,
    steps: int,
    on_step: Callable[[int, float, float, float], None],
    should_stop: Callable[[], bool],
    warn: Callable[[str], None],
) -> RangeTest:
    """Take a trial's first steps at rates that rise from `first` to `last`, until the loss diverges.

    With `model.trainable` = "head" only the classifier is trained; with "gradual" the test is of the second phase, in
    which all layers are.

    Args:
        task: of the trial; the device plan is stored in its folder.
        steps: at least 5.
        on_step: called with the step's number (from 1), the rate, the loss, and the smoothed loss so far.
        should_stop: checked at each step.
        warn: receives a sentence.

    Raises:
        Interrupted: `should_stop` returned True.
        InputProblem: an image or the weights can't be used.
        UsageProblem: the settings don't go together, or the loss is not finite at the lowest rate already.
    """
    test = _Test(task, should_stop, warn)
    rates, losses = test.rates_and_losses(first, last, steps, on_step)
    if not losses:
        raise UsageProblem(
            f"The loss is not finite at a learning rate of {first:g} already. Start lower (--from), or set "
            "training.precision=fp32.",
            key="training.precision",
        )
    curve = smoothed(losses, steps)
    return RangeTest(
        rates=tuple(rates),
        losses=tuple(losses),
        smoothed=tuple(curve.tolist()),
        steps=steps,
        diverged=len(losses) < steps,
        suggestion=suggest(rates, losses, steps),
        batch_size=test.plan.batch_size,
        precision=test.plan.format,
        images_per_second=test.images_per_second,
    )


class _Test:
    def __init__(self, task: TrialTask, should_stop: Callable[[], bool], warn: Callable[[str], None]) -> None:
        # Decoded on demand: a test needs few images, and leaves no files.
        task = replace(task, experiment=task.experiment.with_values({"compute.cache": "off"}))
        self.task, self.should_stop = task, should_stop
        self.images_per_second: float | None = None
        settings, device = task.experiment.training, torch.device(task.device)
        info = find_network(task.network)
        preprocessing = preprocessing_for(task.experiment, info)
        self.parts = fold_parts(task.split, task.fold, task.experiment.split.protocol)
        network = initialised_network(task, info, preprocessing.image_size)
        initialise_weights(network, task, info)
        layout = torch.contiguous_format if settings.optimizer == "lbfgs" else torch.channels_last
        network = network.to(device, memory_format=layout)  # type: ignore[call-overload]
        self.plan = resolve_plan(task, network, preprocessing.image_size, device)
        precision = Precision(self.plan.format, device)
        self.report = ProgressReporter(lambda *_: None)
        images = TrialImages(
            task, preprocessing, report=self.report, epoch=1, should_stop=should_stop, warn=warn
        ).image_pipeline(network, self.plan)
        self.phase = phases(task.experiment.model.trainable, settings.epochs)[-1]
        self.pipeline: Pipeline = images
        if self.phase.layers == "head":
            freeze_backbone(network)
            self.pipeline = FeaturePipeline(
                network,
                images,
                self.parts.train,
                device=device,
                precision=precision,
                tick=lambda _: self.check_stop(),
                store=None,
            )
        labels = torch.from_numpy(task.data_set.labels).to(device, torch.int64)
        train = task.data_set.labels[self.parts.train]
        self.context = TrialContext(
            task=task,
            parts=self.parts,
            labels=labels,
            objective=objective_of(task.experiment, train, len(task.data_set.classes), device),
            batch_size=self.plan.batch_size,
            report=self.report,
            tick=lambda _: self.check_stop(),
            warn=warn,
        )
        self.optimizer = make_optimizer(settings, network, layerwise=self.phase.layerwise)
        augmentation = task.experiment.augmentation
        mixes = self.phase.layers == "all"
        self.mixer = BatchMixer(
            augmentation.mixup if mixes else 0.0, augmentation.cutmix if mixes else 0.0, seed=task.seed
        )
        self.stepper = Stepper(
            self.pipeline,
            self.optimizer,
            self.context.objective,
            precision,
            gradient_clip=settings.gradient_clip,
            micro_batch_size=self.plan.batch_size,
            warn=warn,
            ranks=task.ranks,
        )

    def rates_and_losses(
        self, first: float, last: float, steps: int, on_step: Callable[[int, float, float, float], None]
    ) -> tuple[list[float], list[float]]:
        rates: list[float] = []
        losses: list[float] = []
        seen, began = 0, 0.0
        self.pipeline.start_training()
        for rate, (epoch, number, batch, images) in zip(
            rising_rates(first, last, steps).tolist(), self.batches(), strict=False
        ):
            set_learning_rate(self.optimizer.param_groups, rate * self.phase.rate)
            labels = self.context.labels[torch.from_numpy(batch.samples).to(self.context.labels.device)]
            mixed, mix = self.mixer(images, labels, epoch, number)
            seed = seed_for(Stream.STEP, self.task.seed, epoch, number)
            loss = float(self.stepper.step(mixed, labels, seed, mix).loss)
            if not math.isfinite(loss):
                break
            rates.append(rate)
            losses.append(loss)
            curve = smoothed(losses, steps)
            on_step(len(losses), rate, loss, float(curve[-1]))
            if has_diverged(curve):
                break
            self.check_stop()
            if not began:
                began = time.monotonic()
            else:
                seen += len(batch)
                self.images_per_second = seen / max(time.monotonic() - began, 1e-6)
        return rates, losses

    def batches(self) -> Iterator[tuple[int, int, Batch, torch.Tensor]]:
        """Yield epoch, step, batch and the network's input, epoch after epoch, as in the trial."""
        epoch = 0
        while True:
            epoch += 1
            batches = self.context.batches(epoch)
            inputs = self.pipeline.inputs(batches, epoch, self.report.throughput)
            for number, (batch, images) in enumerate(zip(batches, inputs, strict=True), start=1):
                yield epoch, number, batch, images

    def check_stop(self) -> None:
        if self.should_stop():
            raise Interrupted("stopped; a range test leaves nothing behind.")
