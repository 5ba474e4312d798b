"""One phase of a trial: training and validating its epochs, and its state in a checkpoint."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from aimic_tui.engine.evaluation.metrics import scores
from aimic_tui.engine.training.averaging import AveragedWeights
from aimic_tui.engine.training.batches import Batch, batches_of_epoch
from aimic_tui.engine.training.mixup import BatchMixer
from aimic_tui.engine.training.objective import Objective
from aimic_tui.engine.training.optimisation import Phase, Schedule, make_optimizer, set_learning_rate
from aimic_tui.engine.training.pipelines import Pipeline, Tick
from aimic_tui.engine.training.precision import Precision
from aimic_tui.engine.training.progress import ProgressReporter
from aimic_tui.engine.training.randomness import Stream, seed_for
from aimic_tui.engine.training.stepper import Stepper
from aimic_tui.engine.training.task import FoldParts, TrialTask
from aimic_tui.engine.training.trial_model import probabilities_of

_STEPS_BETWEEN_CHECKS = {"cuda": 20}  # that the loss is finite: each one waits for the device
_FIRST_STEPS = 4  # their mean is the initial loss


class Diverged(Exception):
    """The loss is not finite; `where` names the step."""

    def __init__(self, where: str) -> None:
        super().__init__(where)
        self.where = where


@dataclass(frozen=True, eq=False)
class TrialContext:
    """What all phases of a trial share.

    Attributes:
        labels: int64 [images of the data set], on the device.
        batch_size: images a step.
        tick: called after each batch with its number of images; may raise to stop the work.
        warn: receives a sentence.
    """

    task: TrialTask
    parts: FoldParts
    labels: Tensor
    objective: Objective
    batch_size: int
    report: ProgressReporter
    tick: Tick
    warn: Callable[[str], None]

    def batches(self, epoch: int) -> list[Batch]:
        """Return the batches of an epoch (from 1)."""
        return batches_of_epoch(
            self.parts.train,
            self.task.data_set.labels,
            oversample=self.task.experiment.data.balance == "oversample",
            shuffle=self.task.experiment.training.shuffle,
            batch_size=self.batch_size,
            drop_last=self.task.experiment.training.drop_last,
            seed=self.task.seed,
            epoch=epoch,
        )


@dataclass(frozen=True)
class EpochStats:
    """The training statistics of an epoch.

    Attributes:
        learning_rate: of the last step.
        loss: mean over the images, each before its step.
        accuracy: share of the images that were classified correctly; a mixed image counts by its own label.
        start_loss: the mean loss of the trial's first steps; None after the first epoch.
    """

    learning_rate: float
    loss: float
    accuracy: float
    start_loss: float | None


class PhaseTrainer:
    """Trains one phase of a trial: its optimiser, its schedule, and the average of its weights where there is one.

    Args:
        context: of the trial.
        phase: of `phases`.
        network: on the device, with the layers of the phase unfrozen.
        pipeline: from batches to logits.
        precision: of the arithmetic.
        micro_batch_size: images that go through the network at once.
        lower_is_better: for the monitored metric.
    """

    def __init__(
        self,
        context: TrialContext,
        phase: Phase,
        network: nn.Module,
        pipeline: Pipeline,
        precision: Precision,
        *,
        micro_batch_size: int,
        lower_is_better: bool,
    ) -> None:
        experiment = context.task.experiment
        settings, augmentation = experiment.training, experiment.augmentation
        self._context, self._phase, self._pipeline, self._precision = context, phase, pipeline, precision
        self._settings = settings
        self._device = context.labels.device
        mixes = phase.layers == "all"  # features can't be mixed: they are computed before
        self._mixer = BatchMixer(
            augmentation.mixup if mixes else 0.0, augmentation.cutmix if mixes else 0.0, seed=context.task.seed
        )
        self._whole_batches = mixes and max(augmentation.mixup, augmentation.cutmix) > 0
        self._optimizer = make_optimizer(settings, network, layerwise=phase.layerwise)
        self.schedule = Schedule(
            settings, phase.last - phase.first + 1, len(context.batches(1)), lower_is_better=lower_is_better
        )
        self._average = AveragedWeights(network, settings.ema) if settings.ema else None
        self._stepper = Stepper(
            pipeline,
            self._optimizer,
            context.objective,
            precision,
            gradient_clip=settings.gradient_clip,
            micro_batch_size=micro_batch_size,
            warn=context.warn,
            ranks=context.task.ranks,
        )

    @property
    def micro_batch_size(self) -> int:
        """How many images go through the network at once; halved where memory ran out."""
        return self._stepper.micro_batch_size

    @property
    def averages(self) -> bool:
        """Whether an average of the weights is evaluated and saved, not the weights that are trained."""
        return self._average is not None

    @property
    def warmup_end(self) -> float:
        """The number of the trial's epochs after which the learning rate is at its peak."""
        return self._phase.first - 1 + self.schedule.warmup_epochs

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint stores of the phase, besides the network."""
        return {
            "optimizer": self._optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "scaler": self._precision.scaler.state_dict(),
            "average": self._average.state_dict() if self._average else None,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what `state_dict` returned."""
        self._optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
        self._precision.scaler.load_state_dict(state["scaler"])
        if self._average:
            self._average.load_state_dict(state["average"])

    def evaluated_weights(self) -> AbstractContextManager[None]:
        """Put the weights that are evaluated and saved into the network while the context lasts."""
        return self._average.in_place() if self._average else nullcontext()

    def train_epoch(self, epoch: int) -> EpochStats:
        """Train for one epoch.

        Raises:
            Diverged: the loss is not finite.
        """
        context, phase, seed = self._context, self._phase, self._context.task.seed
        batches = context.batches(epoch)
        first_step = (epoch - phase.first) * len(batches)
        sums = torch.zeros(3, dtype=torch.float64, device=self._device)  # weighted loss, weight, correct
        rate, seen, check_every = 0.0, 0, _STEPS_BETWEEN_CHECKS.get(self._device.type, 1)
        first_sums: Tensor | None = None
        self._pipeline.start_training()
        context.report.begin("train", epoch, len(batches))
        # Mixing takes partners from the whole batch, so each rank needs all of its images.
        loaded = batches if self._whole_batches else context.task.ranks.own_batches(batches)
        inputs = self._pipeline.inputs(loaded, epoch, context.report.throughput)
        for number, (batch, images) in enumerate(zip(batches, inputs, strict=True), start=1):
            rate = self._settings.learning_rate * phase.rate * self.schedule.factor(first_step + number - 1)
            set_learning_rate(self._optimizer.param_groups, rate)
            labels = context.labels[torch.from_numpy(batch.samples).to(self._device)]
            mixed, mix = self._mixer(images, labels, epoch, number)
            result = self._stepper.step(mixed, labels, seed_for(Stream.STEP, seed, epoch, number), mix)
            if self._average:
                self._average.update(first_step + number - 1)
            sums += torch.stack([result.loss_sum.double(), result.weight.double(), result.correct.double()])
            seen += len(batch)
            if epoch == 1 and number == min(_FIRST_STEPS, len(batches)):
                first_sums = sums.clone()
            if (number % check_every == 0 or number == len(batches)) and not math.isfinite(float(sums[0])):
                raise Diverged(f"epoch {epoch}, step {number} of {len(batches)}")
            context.tick(len(batch))
        loss, weight, correct = sums.tolist()
        start_loss = None if first_sums is None else float(first_sums[0] / first_sums[1])
        return EpochStats(rate, loss / weight, correct / seen, start_loss)

    def validate(self, epoch: int) -> tuple[float, dict[str, float | None]]:
        """Return the loss and the metrics of the images by which the best epoch is chosen.

        Raises:
            Diverged: the loss is not finite.
        """
        context = self._context
        samples = context.parts.selecting
        context.report.begin("validate", epoch, len(samples))
        with self.evaluated_weights():
            logits = self._pipeline.logits(samples, self._precision, context.tick).to(self._device)
        labels = context.labels[torch.from_numpy(samples).to(self._device)]
        loss = float(context.objective.loss_sum(logits, labels) / context.objective.weights(labels).sum())
        if not math.isfinite(loss):
            raise Diverged(f"epoch {epoch}, validation")
        return loss, scores(context.task.data_set.labels[samples], probabilities_of(logits))
