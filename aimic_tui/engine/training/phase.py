"""One phase of a trial: its epochs, their validation, and what a checkpoint has of it."""

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
from aimic_tui.engine.training.feeds import Feed, Tick
from aimic_tui.engine.training.mixup import Mixing
from aimic_tui.engine.training.objective import Objective
from aimic_tui.engine.training.optimisation import Phase, Schedule, make_optimizer, set_learning_rate
from aimic_tui.engine.training.precision import Precision
from aimic_tui.engine.training.progress import ProgressReport
from aimic_tui.engine.training.randomness import Stream, seed_for
from aimic_tui.engine.training.stepper import Stepper
from aimic_tui.engine.training.task import FoldParts, TrialTask
from aimic_tui.engine.training.trial_model import probabilities_of

_STEPS_BETWEEN_CHECKS = {"cuda": 20}  # of the loss: each check waits for the device
_FIRST_STEPS = 4  # whose mean loss is the one that a training begins with


class Diverged(Exception):
    """The loss is no finite number; `where` says in which step."""

    def __init__(self, where: str) -> None:
        super().__init__(where)
        self.where = where


@dataclass(frozen=True, eq=False)
class TrialContext:
    """What all phases of a trial share.

    Attributes:
        labels: int64 [images of the data set], on the device.
        batch_size: images a step.
        tick: called after each batch with its images; may raise to stop the work.
        warn: takes a sentence.
    """

    task: TrialTask
    parts: FoldParts
    labels: Tensor
    objective: Objective
    batch_size: int
    report: ProgressReport
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
    """What the steps of an epoch came to.

    Attributes:
        learning_rate: of the last step.
        loss: mean over the images as the network learned from them.
        accuracy: share of the images that were right; of mixed images, by the larger share of each.
        start_loss: in the trial's first epoch, the mean loss of its first steps.
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
        feed: the batches to train on.
        precision: of the arithmetic.
        micro_batch_size: images that go through at once.
        lower_is_better: of the figure that is monitored.
    """

    def __init__(
        self,
        context: TrialContext,
        phase: Phase,
        network: nn.Module,
        feed: Feed,
        precision: Precision,
        *,
        micro_batch_size: int,
        lower_is_better: bool,
    ) -> None:
        experiment = context.task.experiment
        settings, augmentation = experiment.training, experiment.augmentation
        self._context, self._phase, self._feed, self._precision = context, phase, feed, precision
        self._settings = settings
        self._device = context.labels.device
        mixes = phase.layers == "all"  # the features of images as they are have nothing to be mixed
        self._mixing = Mixing(
            augmentation.mixup if mixes else 0.0, augmentation.cutmix if mixes else 0.0, seed=context.task.seed
        )
        self._whole_batches = mixes and max(augmentation.mixup, augmentation.cutmix) > 0
        self._optimizer = make_optimizer(settings, network, graded=phase.graded)
        self.schedule = Schedule(
            settings, phase.last - phase.first + 1, len(context.batches(1)), lower_is_better=lower_is_better
        )
        self._average = AveragedWeights(network, settings.ema) if settings.ema else None
        self._stepper = Stepper(
            feed,
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
        """How many images go through at once by now."""
        return self._stepper.micro_batch_size

    @property
    def averages(self) -> bool:
        """Whether an average of the weights is evaluated and saved, not the weights that are trained."""
        return self._average is not None

    @property
    def warm_after(self) -> float:
        """The number of the trial's epochs after which the learning rate is as high as it gets at first."""
        return self._phase.first - 1 + self.schedule.rises_for

    def state_dict(self) -> dict[str, Any]:
        """Return what the phase goes on from, besides the network."""
        return {
            "optimizer": self._optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "scaler": self._precision.scaler.state_dict(),
            "average": self._average.state_dict() if self._average else None,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from where `state_dict` was taken."""
        self._optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
        self._precision.scaler.load_state_dict(state["scaler"])
        if self._average:
            self._average.load_state_dict(state["average"])

    def evaluated_weights(self) -> AbstractContextManager[None]:
        """Let the network have the weights that are evaluated and saved while the context lasts."""
        return self._average.in_place() if self._average else nullcontext()

    def train_epoch(self, epoch: int) -> EpochStats:
        """Train for one epoch.

        Raises:
            Diverged: the loss is no finite number.
        """
        context, phase, seed = self._context, self._phase, self._context.task.seed
        batches = context.batches(epoch)
        first_step = (epoch - phase.first) * len(batches)
        sums = torch.zeros(3, dtype=torch.float64, device=self._device)  # weighted loss, weight, correct
        rate, seen, check_every = 0.0, 0, _STEPS_BETWEEN_CHECKS.get(self._device.type, 1)
        first_sums: Tensor | None = None
        self._feed.start_training()
        context.report.begin("train", epoch, len(batches))
        # Of images that are mixed with others of their batch each rank needs them all.
        loaded = batches if self._whole_batches else context.task.ranks.own_batches(batches)
        inputs = self._feed.inputs(loaded, epoch, context.report.stopwatch)
        for number, (batch, images) in enumerate(zip(batches, inputs, strict=True), start=1):
            rate = self._settings.learning_rate * phase.rate * self.schedule.factor(first_step + number - 1)
            set_learning_rate(self._optimizer.param_groups, rate)
            labels = context.labels[torch.from_numpy(batch.samples).to(self._device)]
            mixed, mix = self._mixing(images, labels, epoch, number)
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
        """Return the loss and the figures of the images that choose the epoch.

        Raises:
            Diverged: the loss is no finite number.
        """
        context = self._context
        samples = context.parts.choosing
        context.report.begin("validate", epoch, len(samples))
        with self.evaluated_weights():
            logits = self._feed.logits(samples, self._precision, context.tick).to(self._device)
        labels = context.labels[torch.from_numpy(samples).to(self._device)]
        loss = float(context.objective.loss_sum(logits, labels) / context.objective.weights(labels).sum())
        if not math.isfinite(loss):
            raise Diverged(f"epoch {epoch}, validation")
        return loss, scores(context.task.data_set.labels[samples], probabilities_of(logits))
