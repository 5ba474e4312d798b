"""One trial, from top to bottom: load, train epoch by epoch, choose the best, test once.

The loop is ours because exact resume is: every random draw is a function of (seed, epoch, step or image), and each
epoch ends with a checkpoint, so a trial that is killed and taken up again ends with the very same weights.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import torch
from torch import nn

from aimic_tui.engine.data.cache import cached_images
from aimic_tui.engine.errors import Interrupted, UsageProblem
from aimic_tui.engine.evaluation.metrics import scores
from aimic_tui.engine.evaluation.predictions import Predictions, write_predictions
from aimic_tui.engine.models.build import freeze_backbone
from aimic_tui.engine.models.catalogue import find_network
from aimic_tui.engine.models.weights import WeightsReport
from aimic_tui.engine.training.augmentation import PRESETS, Augmentation, normalised
from aimic_tui.engine.training.batches import Batch, Integers, Loader, batches_of_epoch
from aimic_tui.engine.training.beginning import drawn_network, give_first_weights
from aimic_tui.engine.training.checkpoint import BestWeights, Checkpoints, Identity
from aimic_tui.engine.training.feeds import FeatureFeed, Feed, ImageFeed
from aimic_tui.engine.training.history import EpochResult, History
from aimic_tui.engine.training.objective import Objective, class_weights
from aimic_tui.engine.training.optimisation import (
    Phase,
    Schedule,
    make_optimizer,
    phases,
    set_learning_rate,
)
from aimic_tui.engine.training.outcome import leave_model, predictions_of, probabilities_of, versions
from aimic_tui.engine.training.plan import Plan, plan_for
from aimic_tui.engine.training.precision import Precision
from aimic_tui.engine.training.progress import ProgressReport
from aimic_tui.engine.training.randomness import Stream, seed_for
from aimic_tui.engine.training.selection import Selection
from aimic_tui.engine.training.stepper import Stepper
from aimic_tui.engine.training.task import TrialOutcome, TrialTask, fold_parts, places_of_used, preprocessing_for

__all__ = ["TrialOutcome", "TrialTask", "train_trial"]

_STEPS_BETWEEN_LOOKS = {"cuda": 20}  # at the loss: each look waits for the device
_EVALUATION_BATCH = {"cpu": 32, "cuda": 256}

Emit = Callable[[str, dict[str, Any]], None]


def train_trial(task: TrialTask, *, emit: Emit, should_stop: Callable[[], bool]) -> TrialOutcome:
    """Train a trial, or go on with it from its last checkpoint.

    Args:
        emit: takes an event's name and fields; what it raises ends the trial.
        should_stop: asked at each step. A stop discards the unfinished epoch.

    Raises:
        InputProblem: an image or the weights can't be used, or the checkpoint is another trial's.
        UsageProblem: the settings don't go together, or made the training diverge.
        AimicError: the disk is full, the memory doesn't hold two images.
    """
    trial = _Trial(task, emit, should_stop)
    try:
        return trial.run()
    except (_Stopped, Interrupted):
        pass
    return trial.stop()


class _Stopped(Exception):
    """The trial was asked to stop."""


class _Diverged(Exception):
    """The loss is no finite number; `place` says where that was."""

    def __init__(self, place: str) -> None:
        super().__init__(place)
        self.place = place


class _Trial:
    def __init__(self, task: TrialTask, emit: Emit, should_stop: Callable[[], bool]) -> None:
        self.task, self.emit, self.should_stop = task, emit, should_stop
        self.settings = task.experiment.training
        self.device = torch.device(task.device)
        self.info = find_network(task.network)
        self.preprocessing = preprocessing_for(task.experiment, self.info)
        self.parts = fold_parts(task.split, task.fold, task.experiment.split.protocol)
        self.labels = torch.from_numpy(task.data_set.labels.astype(np.int64)).to(self.device)
        weights = class_weights(
            task.data_set.labels[self.parts.train], len(task.data_set.classes), task.experiment.data.balance
        )
        self.objective = Objective(weights, self.settings.label_smoothing, self.device)
        self.checkpoints = Checkpoints(
            task.folder / "checkpoint.pt",
            Identity(
                self.info.name,
                task.fold,
                task.seed,
                task.data_set.classes,
                task.experiment_digest,
                task.split_digest,
            ),
        )
        self.history = History(task.folder / "metrics.csv")
        self.report = ProgressReport(emit)
        self.weights: WeightsReport | None = None  # where the trial begins, not where it is resumed
        self.network: nn.Module
        self.images: ImageFeed

    # --- the story ---------------------------------------------------------------------------------------------------

    def run(self) -> TrialOutcome:
        if self.device.type == "cuda":
            torch.backends.cudnn.benchmark = True
            torch.set_float32_matmul_precision("high")
        resumed = self.restore()
        self.announce(resumed)
        loader = self.open_images()
        while True:
            self.images = self.image_feed(loader)
            try:
                self.fit()
                break
            except _Diverged as error:
                if self.plan.format == "fp32" or self.settings.precision != "auto":
                    raise UsageProblem(self.advice(error)) from None  # trying again would end the same way
                self.warn(f"The loss became no finite number in {self.plan.format} ({error.place}): going on in fp32.")
            self.restore()
            self.use_plan(replace(self.plan, format="fp32"))
        return self.finish()

    def restore(self) -> bool:
        """Build the network with its first weights, or as the last checkpoint has it; return whether there was one."""
        self.network = drawn_network(self.task, self.info, self.preprocessing.image_size)
        self.selection = Selection(self.settings.monitor, self.settings.patience)
        loaded = self.checkpoints.load()
        for sentence in loaded.warnings:
            self.warn(sentence)
        self.best, self.state = loaded.best, loaded.content
        if self.state is not None:
            self.network.load_state_dict(self.state["network"])
            self.selection.load_state_dict(self.state["selection"])
            if self.state["versions"] != versions():
                self.warn(
                    "The trial began with other versions of the libraries: its figures may differ in their last digits."
                )
        else:
            self.weights = give_first_weights(self.network, self.task, self.info)
        self.history.restart([EpochResult(**epoch) for epoch in self.state["history"]] if self.state else [])
        # L-BFGS looks at all weights as one flat vector.
        layout = torch.contiguous_format if self.settings.optimizer == "lbfgs" else torch.channels_last
        self.network = self.network.to(self.device, memory_format=layout)  # type: ignore[call-overload]
        self.use_plan(
            Plan.from_dict(self.state["plan"])
            if self.state
            else plan_for(self.task, self.network, self.preprocessing.image_size, self.device)
        )
        self.part = int(self.state["part"]) if self.state else self.plan.batch_size
        return self.state is not None

    def announce(self, resumed: bool) -> None:
        self.emit(
            "trial-started",
            {
                "device": self.task.device,
                "epoch": min(len(self.history.epochs) + 1, self.settings.epochs),
                "resumed": resumed,
                "train": len(self.parts.train),
                "validation": len(self.parts.choosing),
                "test": len(self.parts.test),
                "batch_size": self.plan.batch_size,
                "steps": len(self.batches(1)),
                "parameters": sum(parameter.numel() for parameter in self.network.parameters()),
                "precision": self.plan.format,
            },
        )
        if self.weights is not None:
            self.emit(
                "weights",
                {
                    "sentence": self.weights.sentence(),
                    "loaded": self.weights.loaded,
                    "replaced": list(self.weights.replaced),
                    "missing": list(self.weights.missing),
                },
            )
        if self.history.epochs:  # the kill may have come between the checkpoint and the event
            self.emit("epoch", asdict(self.history.epochs[-1]))

    def fit(self) -> None:
        """Train until the epochs or the patience are over."""
        stages = phases(self.task.experiment.model.trainable, self.settings.epochs)
        for phase in stages:
            done = len(self.history.epochs)
            if phase.last <= done or self.over(stages):
                continue
            self.enter(phase)
            for epoch in range(max(phase.first, done + 1), phase.last + 1):
                self.epoch(phase, epoch)
                if self.over(stages):
                    return

    def over(self, stages: Sequence[Phase]) -> bool:
        """Tell whether the last epoch was the last one: patience counts in the last phase only."""
        done, last = len(self.history.epochs), stages[-1]
        return done >= last.last or (done >= last.first and self.selection.should_stop(done, last.first))

    # --- a phase, an epoch, a step -----------------------------------------------------------------------------------

    def enter(self, phase: Phase) -> None:
        """Make what a phase trains with, as the checkpoint has it where it is from this phase."""
        self.feed: Feed = self.images
        if phase.layers == "head":
            freeze_backbone(self.network)
            samples = np.union1d(self.parts.train, self.parts.choosing)
            self.report.begin("cache", len(self.history.epochs) + 1, len(samples))
            self.feed = FeatureFeed(
                self.network, self.images, samples, device=self.device, precision=self.precision, tick=self.tick
            )
        else:
            self.network.requires_grad_(True)
        self.optimizer = make_optimizer(self.settings, self.network, graded=phase.graded)
        self.schedule = Schedule(
            self.settings,
            phase.last - phase.first + 1,
            len(self.batches(1)),
            lower_is_better=self.selection.lower_is_better,
        )
        if self.state is not None and self.state["phase"] == phase.first:
            self.optimizer.load_state_dict(self.state["optimizer"])
            self.schedule.load_state_dict(self.state["schedule"])
            self.precision.scaler.load_state_dict(self.state["scaler"])
        self.state = None  # its tensors are in their places now
        self.stepper = Stepper(
            self.feed,
            self.optimizer,
            self.objective,
            self.precision,
            gradient_clip=self.settings.gradient_clip,
            part=self.part,
            warn=self.warn,
        )

    def epoch(self, phase: Phase, epoch: int) -> None:
        started = time.monotonic()
        rate, train_loss, train_accuracy = self.learn(phase, epoch)
        loss, figures = self.validate(epoch)
        monitor = loss if self.settings.monitor == "loss" else figures[self.settings.monitor]
        value = math.nan if monitor is None else monitor
        best = self.selection.observe(epoch, value, loss)
        self.schedule.observe(value)
        result = EpochResult(
            epoch=epoch,
            epochs=self.settings.epochs,
            learning_rate=rate,
            train_loss=train_loss,
            train_accuracy=train_accuracy,
            validation_loss=loss,
            validation_accuracy=figures["accuracy"],
            validation_macro_precision=figures["macro_precision"],
            validation_macro_recall=figures["macro_recall"],
            validation_macro_f1=figures["macro_f1"],
            validation_balanced_accuracy=figures["balanced_accuracy"],
            seconds=round(time.monotonic() - started, 3),
            best=best,
            best_epoch=self.selection.best_epoch,
            monitor=monitor,
        )
        self.history.epochs.append(result)
        self.save(phase)
        self.history.write_last()
        self.emit("epoch", asdict(result))

    def learn(self, phase: Phase, epoch: int) -> tuple[float, float, float]:
        """Take an epoch's steps; return the last learning rate, the mean loss and the share of correct images."""
        batches = self.batches(epoch)
        first_step = (epoch - phase.first) * len(batches)
        sums = torch.zeros(3, dtype=torch.float64, device=self.device)  # weighted loss, weight, correct
        rate, seen, looks = 0.0, 0, _STEPS_BETWEEN_LOOKS.get(self.device.type, 1)
        self.feed.start_training()
        self.report.begin("train", epoch, len(batches))
        inputs = self.feed.inputs(batches, epoch, self.report.stopwatch)
        for number, (batch, images) in enumerate(zip(batches, inputs, strict=True), start=1):
            rate = self.settings.learning_rate * phase.rate * self.schedule.factor(first_step + number - 1)
            set_learning_rate(self.optimizer.param_groups, rate)
            labels = self.labels[torch.from_numpy(batch.samples).to(self.device)]
            result = self.stepper.step(images, labels, seed_for(Stream.STEP, self.task.seed, epoch, number))
            sums += torch.stack([result.loss_sum.double(), result.weight.double(), result.correct.double()])
            seen += len(batch)
            if (number % looks == 0 or number == len(batches)) and not math.isfinite(float(sums[0])):
                raise _Diverged(f"epoch {epoch}, step {number} of {len(batches)}")
            self.tick(len(batch))
        loss, weight, correct = sums.tolist()
        return rate, loss / weight, correct / seen

    def validate(self, epoch: int) -> tuple[float, dict[str, float | None]]:
        """Return the loss and the figures of the images that choose the epoch."""
        samples = self.parts.choosing
        self.report.begin("validate", epoch, len(samples))
        logits = self.feed.logits(samples, self.precision, self.tick).to(self.device)
        labels = self.labels[torch.from_numpy(samples).to(self.device)]
        loss = float(self.objective.loss_sum(logits, labels) / self.objective.weights(labels).sum())
        if not math.isfinite(loss):
            raise _Diverged(f"epoch {epoch}, validation")
        return loss, scores(self.task.data_set.labels[samples], probabilities_of(logits))

    def tick(self, images: int) -> None:
        """Say how far it is, and give way to a stop; called after each batch."""
        self.report.advance(images)
        if self.should_stop():
            raise _Stopped

    def batches(self, epoch: int) -> list[Batch]:
        return batches_of_epoch(
            self.parts.train,
            self.task.data_set.labels,
            oversample=self.task.experiment.data.balance == "oversample",
            shuffle=self.settings.shuffle,
            batch_size=self.plan.batch_size,
            drop_last=self.settings.drop_last,
            seed=self.task.seed,
            epoch=epoch,
        )

    # --- what is kept ------------------------------------------------------------------------------------------------

    def save(self, phase: Phase) -> None:
        """Write the checkpoint of the epoch that was trained last."""
        network = self.network.state_dict()
        self.part = self.stepper.part
        is_best = self.history.epochs[-1].best
        if is_best:
            self.best = self.checkpoints.save_best(len(self.history.epochs), network)
        self.checkpoints.save(
            {
                "network": None if is_best else network,
                "optimizer": self.optimizer.state_dict(),
                "schedule": self.schedule.state_dict(),
                "scaler": self.precision.scaler.state_dict(),
                "selection": self.selection.state_dict(),
                "history": [asdict(epoch) for epoch in self.history.epochs],
                "phase": phase.first,
                "plan": asdict(self.plan),
                "part": self.part,
                "versions": versions(),
            },
            self.best,
        )

    def finish(self) -> TrialOutcome:
        """Open the test part once, with the best epoch's network; leave the model and the predictions."""
        assert self.best is not None
        started = time.monotonic()
        self.network.load_state_dict(self.checkpoints.load_best(self.best))
        test = self.predictions(self.parts.test)
        if len(self.parts.validation):
            write_predictions(self.task.folder / "validation.csv", self.predictions(self.parts.validation))
        write_predictions(self.task.folder / "predictions.csv", test)
        self.leave_model(self.best)
        self.checkpoints.forget_older()
        figures = scores(test.labels, test.probabilities)
        epochs = len(self.history.epochs)
        self.emit(
            "trial-finished",
            {
                "best_epoch": self.best.epoch,
                "epochs": epochs,
                "stopped_early": epochs < self.settings.epochs,
                "seconds": round(sum(e.seconds for e in self.history.epochs) + time.monotonic() - started, 3),
                "test": figures,
            },
        )
        return TrialOutcome("finished", self.best.epoch, figures)

    def stop(self) -> TrialOutcome:
        """Leave the best model so far, for use; the last epoch's checkpoint is there to go on from."""
        best = self.best
        if best is not None:
            self.network.load_state_dict(self.checkpoints.load_best(best))
            self.leave_model(best)
        self.emit("trial-stopped", {"epoch": len(self.history.epochs)})
        return TrialOutcome("stopped", best.epoch if best else 0, {})

    def predictions(self, samples: Integers) -> Predictions:
        """Return what the network says about images, in full precision as in later use."""
        self.report.begin("test", len(self.history.epochs), len(samples))
        logits = self.images.logits(samples, Precision("fp32", self.device), self.tick)
        return predictions_of(self.task.data_set, samples, logits)

    def leave_model(self, best: BestWeights) -> None:
        epoch = self.history.epochs[best.epoch - 1]
        leave_model(self.task, self.info.name, self.preprocessing, epoch, self.network.state_dict())

    # --- images and arithmetic ---------------------------------------------------------------------------------------

    def use_plan(self, plan: Plan) -> None:
        self.plan = plan
        self.precision = Precision(plan.format, self.device)

    def open_images(self) -> Loader:
        mode = self.task.experiment.compute.cache

        def progress(done: int, count: int) -> None:
            self.report.set("cache", len(self.history.epochs) + 1, done, count)

        used, places = places_of_used(self.task.split)
        paths = [self.task.data_set.path(int(index)) for index in used]
        source = cached_images(
            paths,
            self.preprocessing,
            self.task.cache_folder,
            mode,
            progress,
            self.should_stop,
            limit=int(self.task.experiment.compute.cache_limit * 1e9),
        )
        if not source.cached and mode != "off":
            self.warn(source.reason)
        return Loader(source, places, self.device)

    def image_feed(self, loader: Loader) -> ImageFeed:
        mean, std = self.preprocessing.mean, self.preprocessing.std
        preset = PRESETS[self.task.experiment.augmentation.preset]
        return ImageFeed(
            self.network,
            loader,
            Augmentation(preset, seed=self.task.seed, mean=mean, std=std),
            lambda images: normalised(images, mean, std),
            evaluation_batch=max(self.plan.batch_size, _EVALUATION_BATCH.get(self.device.type, 32)),
        )

    # --- sentences ---------------------------------------------------------------------------------------------------

    def warn(self, sentence: str) -> None:
        self.emit("warning", {"sentence": sentence})

    def advice(self, error: _Diverged) -> str:
        where = f"The loss of {self.info.name} became no finite number ({error.place})"
        if self.plan.format != "fp32":
            return f"{where}. Set training.precision=fp32, or lower training.learning_rate."
        rate = f"{self.settings.learning_rate:g}"
        clip = "" if self.settings.gradient_clip else " or set training.gradient_clip=1"
        return f"{where}: the training diverged. Lower training.learning_rate (it is {rate}){clip}."
