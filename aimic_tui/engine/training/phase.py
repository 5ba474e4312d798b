"""One phase of a trial as it goes: an epoch's steps, what judges it, and what of it a checkpoint keeps."""

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

_STEPS_BETWEEN_LOOKS = {"cuda": 20}  # at the loss: each look waits for the device
_FIRST_STEPS = 4  # whose mean loss is the one that a training begins with


class Diverged(Exception):
    """The loss is no finite number; `place` says where that was."""

    def __init__(self, place: str) -> None:
        super().__init__(place)
        self.place = place


@dataclass(frozen=True, eq=False)
class Lessons:
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
class Learned:
    """What an epoch's steps came to.

    Attributes:
        learning_rate: of the last step.
        loss: mean over the images as the network learned from them.
        accuracy: share that it had right; of mixed images, by the larger part of each.
        start_loss: in the trial's first epoch, the mean loss of its first steps.
    """

    learning_rate: float
    loss: float
    accuracy: float
    start_loss: float | None


class Learner:
    """A phase: its optimiser, its schedule, and the average of its weights where there is one.

    Args:
        lessons: of the trial.
        phase: of `phases`.
        network: on the device, with the layers of the phase unfrozen.
        feed: what it learns from.
        precision: of the arithmetic.
        part: images that go through at once.
        lower_is_better: of the figure that is monitored.
    """

    def __init__(
        self,
        lessons: Lessons,
        phase: Phase,
        network: nn.Module,
        feed: Feed,
        precision: Precision,
        *,
        part: int,
        lower_is_better: bool,
    ) -> None:
        experiment = lessons.task.experiment
        settings, augmentation = experiment.training, experiment.augmentation
        self._lessons, self._phase, self._feed, self._precision = lessons, phase, feed, precision
        self._settings = settings
        self._device = lessons.labels.device
        mixes = phase.layers == "all"  # the features of images as they are have nothing to be mixed
        self._mixing = Mixing(
            augmentation.mixup if mixes else 0.0, augmentation.cutmix if mixes else 0.0, seed=lessons.task.seed
        )
        self._whole_batches = mixes and max(augmentation.mixup, augmentation.cutmix) > 0
        self._optimizer = make_optimizer(settings, network, graded=phase.graded)
        self.schedule = Schedule(
            settings, phase.last - phase.first + 1, len(lessons.batches(1)), lower_is_better=lower_is_better
        )
        self._average = AveragedWeights(network, settings.ema) if settings.ema else None
        self._stepper = Stepper(
            feed,
            self._optimizer,
            lessons.objective,
            precision,
            gradient_clip=settings.gradient_clip,
            part=part,
            warn=lessons.warn,
            ranks=lessons.task.ranks,
        )

    @property
    def part(self) -> int:
        """How many images go through at once by now."""
        return self._stepper.part

    @property
    def averages(self) -> bool:
        """Whether what is judged and kept is an average, and not what learns."""
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

    def judged(self) -> AbstractContextManager[None]:
        """Let the network be, for the time of a context, what is judged and kept."""
        return self._average.in_place() if self._average else nullcontext()

    def learn(self, epoch: int) -> Learned:
        """Take an epoch's steps.

        Raises:
            Diverged: the loss is no finite number.
        """
        lessons, phase, seed = self._lessons, self._phase, self._lessons.task.seed
        batches = lessons.batches(epoch)
        first_step = (epoch - phase.first) * len(batches)
        sums = torch.zeros(3, dtype=torch.float64, device=self._device)  # weighted loss, weight, correct
        rate, seen, looks = 0.0, 0, _STEPS_BETWEEN_LOOKS.get(self._device.type, 1)
        beginning: Tensor | None = None
        self._feed.start_training()
        lessons.report.begin("train", epoch, len(batches))
        # Of images that are mixed with others of their batch each rank needs them all.
        loaded = batches if self._whole_batches else lessons.task.ranks.own_batches(batches)
        inputs = self._feed.inputs(loaded, epoch, lessons.report.stopwatch)
        for number, (batch, images) in enumerate(zip(batches, inputs, strict=True), start=1):
            rate = self._settings.learning_rate * phase.rate * self.schedule.factor(first_step + number - 1)
            set_learning_rate(self._optimizer.param_groups, rate)
            labels = lessons.labels[torch.from_numpy(batch.samples).to(self._device)]
            mixed, mix = self._mixing(images, labels, epoch, number)
            result = self._stepper.step(mixed, labels, seed_for(Stream.STEP, seed, epoch, number), mix)
            if self._average:
                self._average.update(first_step + number - 1)
            sums += torch.stack([result.loss_sum.double(), result.weight.double(), result.correct.double()])
            seen += len(batch)
            if epoch == 1 and number == min(_FIRST_STEPS, len(batches)):
                beginning = sums.clone()
            if (number % looks == 0 or number == len(batches)) and not math.isfinite(float(sums[0])):
                raise Diverged(f"epoch {epoch}, step {number} of {len(batches)}")
            lessons.tick(len(batch))
        loss, weight, correct = sums.tolist()
        start_loss = None if beginning is None else float(beginning[0] / beginning[1])
        return Learned(rate, loss / weight, correct / seen, start_loss)

    def validate(self, epoch: int) -> tuple[float, dict[str, float | None]]:
        """Return the loss and the figures of the images that choose the epoch.

        Raises:
            Diverged: the loss is no finite number.
        """
        lessons = self._lessons
        samples = lessons.parts.choosing
        lessons.report.begin("validate", epoch, len(samples))
        with self.judged():
            logits = self._feed.logits(samples, self._precision, lessons.tick).to(self._device)
        labels = lessons.labels[torch.from_numpy(samples).to(self._device)]
        loss = float(lessons.objective.loss_sum(logits, labels) / lessons.objective.weights(labels).sum())
        if not math.isfinite(loss):
            raise Diverged(f"epoch {epoch}, validation")
        return loss, scores(lessons.task.data_set.labels[samples], probabilities_of(logits))
