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

from aimic_tui.engine.errors import Interrupted, UsageProblem
from aimic_tui.engine.evaluation.metrics import scores
from aimic_tui.engine.evaluation.predictions import Predictions, write_predictions
from aimic_tui.engine.models.build import freeze_backbone
from aimic_tui.engine.models.catalogue import find_network
from aimic_tui.engine.models.weights import restore
from aimic_tui.engine.run_events import (
    EpochRecord,
    InitialWeights,
    TrialEvent,
    TrialFinished,
    TrialStarted,
    TrialStopped,
    TrialWarning,
    from_fields,
)
from aimic_tui.engine.run_folder import TrialFolder
from aimic_tui.engine.training.alerts import Alerts, validation_size_warning
from aimic_tui.engine.training.batches import Integers
from aimic_tui.engine.training.checkpoint import BestWeights, Checkpoints, Identity
from aimic_tui.engine.training.compilation import TrainingPass, compiled_forward
from aimic_tui.engine.training.device_plan import Plan, plan_for
from aimic_tui.engine.training.feeds import FeatureFeed, Feed, ImageFeed
from aimic_tui.engine.training.history import History, from_state, to_state
from aimic_tui.engine.training.initial_network import initialised_network, load_first_weights
from aimic_tui.engine.training.memory import MemoryShort
from aimic_tui.engine.training.micro_batch_size import (
    load_micro_batch_size,
    remove_micro_batch_size,
    save_micro_batch_size,
)
from aimic_tui.engine.training.model_reference import save_reference
from aimic_tui.engine.training.objective import objective_of
from aimic_tui.engine.training.optimisation import Phase, phases
from aimic_tui.engine.training.parallel import ReadCheckpoints
from aimic_tui.engine.training.phase import Diverged, PhaseTrainer, TrialContext
from aimic_tui.engine.training.precision import Precision
from aimic_tui.engine.training.progress import ProgressReport
from aimic_tui.engine.training.selection import Selection
from aimic_tui.engine.training.task import TrialOutcome, TrialTask, fold_parts, preprocessing_for
from aimic_tui.engine.training.trial_images import TrialImages
from aimic_tui.engine.training.trial_model import predictions_of, save_trial_model, versions

__all__ = ["TrialOutcome", "TrialTask", "train_trial"]

Emit = Callable[[TrialEvent], None]


def train_trial(task: TrialTask, *, emit: Emit, should_stop: Callable[[], bool]) -> TrialOutcome:
    """Train a trial, or go on with it from its last checkpoint.

    Args:
        emit: takes the trial's events; what it raises ends the trial.
        should_stop: asked at each step. A stop discards the unfinished epoch.

    Raises:
        InputProblem: an image or the weights can't be used, or the checkpoint is another trial's.
        UsageProblem: the settings don't go together, or made the training diverge.
        AimicError: the disk is full, the memory doesn't hold two images.
        MemoryShort: starting again helps: it goes on with fewer images at once.
    """
    trial = _Trial(task, emit, should_stop)
    try:
        return trial.run()
    except (_Stopped, Interrupted):
        pass
    except MemoryShort as short:
        save_micro_batch_size(trial.checkpoint_folder, short.micro_batch_size)
        raise
    return trial.stop()


class _Stopped(Exception):
    """The trial was asked to stop."""


class _Trial:
    def __init__(self, task: TrialTask, emit: Emit, should_stop: Callable[[], bool]) -> None:
        self.task, self.emit, self.should_stop = task, emit, should_stop
        self.settings = task.experiment.training
        self.device = torch.device(task.device)
        self.info = find_network(task.network)
        self.preprocessing = preprocessing_for(task.experiment, self.info)
        self.parts = fold_parts(task.split, task.fold, task.experiment.split.protocol, task.inner)
        self.stages = phases(task.experiment.model.trainable, self.settings.epochs)
        self.files = TrialFolder(task.folder)
        self.checkpoint_folder = task.checkpoint_folder or task.folder
        self.checkpoints = (Checkpoints if task.ranks.first else ReadCheckpoints)(
            TrialFolder(self.checkpoint_folder).checkpoint_file,
            Identity(
                self.info.name,
                task.fold,
                task.seed,
                task.data_set.classes,
                task.experiment_digest,
                task.split_digest,
            ),
        )
        self.history = History(self.files.metrics_file)
        self.report = ProgressReport(emit)
        self.weights: dict[str, Any]  # what it began with
        self.network: nn.Module
        self.plan: Plan
        self.frozen: FeatureFeed | None = None

    # --- the story ---------------------------------------------------------------------------------------------------

    def run(self) -> TrialOutcome:
        if self.device.type == "cuda":
            torch.backends.cudnn.benchmark = True
            torch.set_float32_matmul_precision("high")
        resumed = self.restore()
        self.announce(resumed)
        self.images = TrialImages(
            self.task,
            self.preprocessing,
            report=self.report,
            epoch=len(self.history.epochs) + 1,
            should_stop=self.should_stop,
            warn=self.warn,
        )
        while True:
            try:
                self.fit()
                break
            except Diverged as error:
                if self.plan.format == "fp32":
                    raise UsageProblem(self.advice(error)) from None  # trying again would end the same way
                self.warn(
                    f"The loss became no finite number in {self.plan.format} ({error.where}): the epoch begins again, "
                    "going on in fp32."
                )
            self.restore()
            self.plan = replace(self.plan, format="fp32")
        return self.finish()

    def restore(self) -> bool:
        """Build the network with its first weights, or as the last checkpoint has it; return whether there was one."""
        self.network = initialised_network(self.task, self.info, self.preprocessing.image_size)
        self.selection = Selection(self.settings.monitor, self.settings.patience)
        self.alerts = Alerts(self.task.experiment)
        self.frozen = None
        loaded = self.checkpoints.load()
        for sentence in loaded.warnings:
            self.warn(sentence)
        self.best, self.state = loaded.best, loaded.content
        if self.state is not None:
            restore(self.network, self.state["network"], "The checkpoint")
            self.selection.load_state_dict(self.state["selection"])
            self.alerts.load_state_dict(self.state["alerts"])
            self.weights = self.state["weights"]
            if self.state["versions"] != versions():
                self.warn(
                    "The trial began with other versions of the libraries: its figures may differ in their last digits."
                )
        else:
            self.weights = load_first_weights(self.network, self.task, self.info).to_event()
        self.history.restart([from_state(epoch) for epoch in self.state["history"]] if self.state else [])
        # L-BFGS sees all weights as one flat vector.
        layout = torch.contiguous_format if self.settings.optimizer == "lbfgs" else torch.channels_last
        self.network = self.network.to(self.device, memory_format=layout)  # type: ignore[call-overload]
        self.plan = (
            Plan.from_dict(self.state["plan"])
            if self.state
            else self.task.ranks.agreed(
                lambda: plan_for(self.task, self.network, self.preprocessing.image_size, self.device)
            )
        )
        self.micro_batch_size = int(self.state["part"]) if self.state else self.plan.batch_size
        smaller = self.task.ranks.agreed(lambda: load_micro_batch_size(self.checkpoint_folder))
        if smaller is not None and smaller < self.micro_batch_size:
            self.micro_batch_size = smaller
            self.warn(f"Going on with {smaller} images at once on each device, since the memory ran out with more.")
        train = self.task.data_set.labels[self.parts.train]
        self.context = TrialContext(
            task=self.task,
            parts=self.parts,
            labels=torch.from_numpy(self.task.data_set.labels.astype(np.int64)).to(self.device),
            objective=objective_of(self.task.experiment, train, len(self.task.data_set.classes), self.device),
            batch_size=self.plan.batch_size,
            report=self.report,
            tick=self.tick,
            warn=self.warn,
        )
        return self.state is not None

    def announce(self, resumed: bool) -> None:
        self.emit(
            TrialStarted(
                device=self.task.device,
                epoch=min(len(self.history.epochs) + 1, self.settings.epochs),
                resumed=resumed,
                train=len(self.parts.train),
                validation=len(self.parts.choosing),
                test=len(self.parts.test),
                batch_size=self.plan.batch_size,
                steps=len(self.context.batches(1)),
                parameters=sum(parameter.numel() for parameter in self.network.parameters()),
                precision=self.plan.format,
            )
        )
        if not resumed:
            self.emit(from_fields(InitialWeights, self.weights) or InitialWeights())
            sentence = validation_size_warning(
                self.task.data_set.labels[self.parts.choosing],
                self.task.data_set.classes,
                self.task.experiment,
                validation=not self.parts.optimistic,
            )
            if sentence:
                self.warn(sentence)
        if self.history.epochs:  # the kill may have come between the checkpoint and the event
            self.emit(self.history.epochs[-1])

    def fit(self) -> None:
        """Train until the epochs or the patience are over."""
        for phase in self.stages:
            done = len(self.history.epochs)
            if phase.last <= done or self.over(self.stages):
                continue
            self.enter(phase)
            for epoch in range(max(phase.first, done + 1), phase.last + 1):
                self.epoch(phase, epoch)
                if self.over(self.stages):
                    return

    def over(self, stages: Sequence[Phase]) -> bool:
        """Tell whether the last epoch was the last one: patience counts in the last phase only."""
        done, last = len(self.history.epochs), stages[-1]
        return done >= last.last or (done >= last.first and self.selection.should_stop(done, last.first))

    # --- a phase, an epoch -------------------------------------------------------------------------------------------

    def enter(self, phase: Phase) -> None:
        """Make what a phase trains with, as the checkpoint has it where it is from this phase."""
        feed: Feed
        if phase.layers == "head":
            freeze_backbone(self.network)
            feed = self.frozen = self.frozen_feed()
        else:
            self.network.requires_grad_(True)
            feed = self.images.feed(self.network, self.plan)
            if self.plan.compiled and self.task.ranks.count == 1:
                self.compile(feed)
        precision = Precision(self.plan.format, self.device)
        self.trainer = PhaseTrainer(
            self.context,
            phase,
            self.network,
            feed,
            precision,
            micro_batch_size=self.micro_batch_size,
            lower_is_better=self.selection.lower_is_better,
        )
        if self.state is not None and self.state["phase"] == phase.first:
            self.trainer.load_state_dict(self.state)
        self.state = None  # its tensors are in their places now

    def compile(self, feed: ImageFeed) -> None:
        """Let training passes be compiled ones; where that fails the trial goes on without."""
        feed.start_training()
        size = min(self.micro_batch_size, len(self.context.batches(1)[0]))
        precision = Precision(self.plan.format, self.device)
        forward, why = compiled_forward(
            TrainingPass(self.network, size, self.preprocessing.image_size, precision, self.device)
        )
        if forward is None:
            self.warn(f"{self.info.name} can't be compiled here ({why}): it is trained as it is, only slower.")
        else:
            feed.learn_through(forward)

    def epoch(self, phase: Phase, epoch: int) -> None:
        started = time.monotonic()
        stats = self.trainer.train_epoch(epoch)
        loss, figures = self.trainer.validate(epoch)
        value = loss if self.settings.monitor == "loss" else _defined(figures[self.settings.monitor])
        best = self.selection.observe(epoch, value, loss)
        self.trainer.schedule.observe(value)
        result = EpochRecord(
            epoch=epoch,
            epochs=self.settings.epochs,
            learning_rate=stats.learning_rate,
            train_loss=stats.loss,
            train_accuracy=stats.accuracy,
            validation_loss=loss,
            validation_accuracy=_defined(figures["accuracy"]),
            validation_macro_precision=_defined(figures["macro_precision"]),
            validation_macro_recall=_defined(figures["macro_recall"]),
            validation_macro_f1=_defined(figures["macro_f1"]),
            validation_balanced_accuracy=_defined(figures["balanced_accuracy"]),
            seconds=round(time.monotonic() - started, 3),
            best=best,
            best_epoch=self.selection.best_epoch,
            monitor=value,
        )
        self.history.epochs.append(result)
        news = self.alerts.observe(self.history.epochs, stats.start_loss, self.trainer.warm_after)
        self.save(phase)
        self.history.write_last()
        self.emit(result)
        for sentence in news:
            self.warn(sentence)

    def tick(self, images: int) -> None:
        """Say how far it is, and give way to a stop; called after each batch."""
        self.report.advance(images)
        if self.should_stop():
            raise _Stopped

    # --- what is kept ------------------------------------------------------------------------------------------------

    def save(self, phase: Phase) -> None:
        """Write the checkpoint of the epoch that was trained last."""
        self.micro_batch_size = self.trainer.micro_batch_size
        is_best = self.history.epochs[-1].best
        if is_best:
            with self.trainer.evaluated_weights():
                self.best = self.checkpoints.save_best(len(self.history.epochs), self.network.state_dict())
        self.checkpoints.save(
            {
                **self.trainer.state_dict(),
                "network": None if is_best and not self.trainer.averages else self.network.state_dict(),
                "selection": self.selection.state_dict(),
                "alerts": self.alerts.state_dict(),
                "weights": self.weights,
                "history": [to_state(epoch) for epoch in self.history.epochs],
                "phase": phase.first,
                "plan": asdict(self.plan),
                "part": self.micro_batch_size,
                "versions": versions(),
            },
            self.best,
        )

    def finish(self) -> TrialOutcome:
        """Open the test part once, with the best epoch's network; leave the model and the predictions."""
        assert self.best is not None
        started = time.monotonic()
        self.task.ranks.wait()  # for the first to have written
        restore(self.network, self.checkpoints.load_best(self.best), "The best epoch")
        feed = self.final_feed()
        test = self.predictions(feed, self.parts.test)
        validation = self.predictions(feed, self.parts.validation) if len(self.parts.validation) else None
        if not self.task.ranks.first:
            return TrialOutcome("finished", self.best.epoch, {})
        if validation is not None:
            write_predictions(self.files.validation_file, validation)
        write_predictions(self.files.predictions_file, test)
        self.save_trial_model(self.best)
        save_reference(self.task, self.parts, self.preprocessing, self.network, feed, tick=self.tick, warn=self.warn)
        self.checkpoints.forget_older(self.best)
        remove_micro_batch_size(self.checkpoint_folder)
        figures = scores(test.labels, test.probabilities)
        epochs = len(self.history.epochs)
        self.emit(
            TrialFinished(
                best_epoch=self.best.epoch,
                epochs=epochs,
                stopped_early=epochs < self.settings.epochs,
                seconds=round(sum(e.seconds for e in self.history.epochs) + time.monotonic() - started, 3),
                test={name: _defined(figure) for name, figure in figures.items()},
            )
        )
        return TrialOutcome("finished", self.best.epoch, figures)

    def stop(self) -> TrialOutcome:
        """Leave the best model so far, for use; the last epoch's checkpoint is there to go on from."""
        best = self.best
        if best is not None:
            restore(self.network, self.checkpoints.load_best(best), "The best epoch")
            self.save_trial_model(best)
        self.emit(TrialStopped(len(self.history.epochs)))
        return TrialOutcome("stopped", best.epoch if best else 0, {})

    def final_feed(self) -> ImageFeed | FeatureFeed:
        """Return what tells the network's opinion in full precision: features where nothing but they was learned from.

        The answer depends on the settings alone, so that a trial that is taken up at its very end ends the same.
        """
        if self.stages[-1].layers == "all" or self.plan.format != "fp32":
            return self.images.feed(self.network, self.plan)
        return self.frozen or self.frozen_feed()

    def frozen_feed(self) -> FeatureFeed:
        epoch = len(self.history.epochs) + 1
        return self.images.frozen_feed(self.network, self.plan, report=self.report, epoch=epoch, tick=self.tick)

    def predictions(self, feed: Feed, samples: Integers) -> Predictions:
        """Return what the network says about images, in full precision as in later use."""
        self.report.begin("test", len(self.history.epochs), len(samples))
        logits = feed.logits(samples, Precision("fp32", self.device), self.tick)
        return predictions_of(self.task.data_set, samples, logits)

    def save_trial_model(self, best: BestWeights) -> None:
        epoch = self.history.epochs[best.epoch - 1]
        save_trial_model(self.task, self.info.name, self.preprocessing, epoch, self.network.state_dict(), self.weights)

    # --- sentences ---------------------------------------------------------------------------------------------------

    def warn(self, sentence: str) -> None:
        self.emit(TrialWarning(sentence))

    def advice(self, error: Diverged) -> str:
        rate = f"{self.settings.learning_rate:g}"
        clip = "" if self.settings.gradient_clip else " or set training.gradient_clip=1"
        return (
            f"The loss of {self.info.name} became no finite number ({error.where}): the training diverged. Lower "
            f"training.learning_rate (it is {rate}){clip}."
        )


def _defined(figure: float | None) -> float:
    return math.nan if figure is None else figure
