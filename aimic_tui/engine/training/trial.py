"""One trial, from top to bottom: load, train epoch by epoch, choose the best, test once.

The training loop is our own for the sake of exact resume: every random draw is a function of (seed, epoch, step or
image), and each epoch ends with a checkpoint, so a trial that is killed and resumed ends with the very same weights.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
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
from aimic_tui.engine.training.device_plan import DevicePlan, resolve_plan
from aimic_tui.engine.training.history import History, from_state, to_state
from aimic_tui.engine.training.initial_network import initialise_weights, initialised_network
from aimic_tui.engine.training.memory import RankOutOfMemory
from aimic_tui.engine.training.micro_batch_size import (
    load_micro_batch_size,
    remove_micro_batch_size,
    save_micro_batch_size,
)
from aimic_tui.engine.training.model_reference import save_reference
from aimic_tui.engine.training.objective import objective_of
from aimic_tui.engine.training.optimisation import Phase, phases
from aimic_tui.engine.training.parallel import ReadOnlyCheckpoints
from aimic_tui.engine.training.phase import Diverged, PhaseTrainer, TrialContext
from aimic_tui.engine.training.pipelines import FeaturePipeline, ImagePipeline, Pipeline
from aimic_tui.engine.training.precision import Precision
from aimic_tui.engine.training.progress import ProgressReporter
from aimic_tui.engine.training.selection import EpochSelection
from aimic_tui.engine.training.task import TrialResult, TrialTask, fold_parts, preprocessing_for
from aimic_tui.engine.training.trial_images import TrialImages
from aimic_tui.engine.training.trial_model import predictions_of, save_trial_model, versions

__all__ = ["TrialResult", "TrialTask", "train_trial"]

Emit = Callable[[TrialEvent], None]


def train_trial(task: TrialTask, *, emit: Emit, should_stop: Callable[[], bool]) -> TrialResult:
    """Train a trial, or continue it from its last checkpoint.

    Args:
        emit: receives the trial's events; what it raises ends the trial.
        should_stop: checked at each step. A stop discards the unfinished epoch.

    Raises:
        InputProblem: an image or the weights can't be used, or the checkpoint is another trial's.
        UsageProblem: the settings don't go together, or made the training diverge.
        AimicError: the disk is full, or two images don't fit into memory.
        RankOutOfMemory: the next attempt continues with smaller micro-batches.
    """
    trial = _Trial(task, emit, should_stop)
    try:
        return trial.run()
    except (_Stopped, Interrupted):
        pass
    except RankOutOfMemory as error:
        save_micro_batch_size(trial.checkpoint_folder, error.micro_batch_size)
        raise
    return trial.stop()


class _Stopped(Exception):
    """A stop of the trial was requested."""


class _Trial:
    def __init__(self, task: TrialTask, emit: Emit, should_stop: Callable[[], bool]) -> None:
        self.task, self.emit, self.should_stop = task, emit, should_stop
        self.settings = task.experiment.training
        self.device = torch.device(task.device)
        self.info = find_network(task.network)
        self.preprocessing = preprocessing_for(task.experiment, self.info)
        self.parts = fold_parts(task.split, task.fold, task.experiment.split.protocol, task.inner)
        self.phases = phases(task.experiment.model.trainable, self.settings.epochs)
        self.files = TrialFolder(task.folder)
        self.checkpoint_folder = task.checkpoint_folder or task.folder
        self.checkpoints = (Checkpoints if task.ranks.is_main else ReadOnlyCheckpoints)(
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
        self.report = ProgressReporter(emit)
        self.initial_weights: dict[str, Any]  # as in the `weights` event
        self.network: nn.Module
        self.plan: DevicePlan
        self.frozen: FeaturePipeline | None = None

    # --- the trial ---------------------------------------------------------------------------------------------------

    def run(self) -> TrialResult:
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
                    raise UsageProblem(self.divergence_advice(error)) from None  # fp32 would diverge again
                self.warn(
                    f"The loss was not finite in {self.plan.format} ({error.where}): the epoch is repeated in fp32, "
                    "and so are all later ones."
                )
            self.restore()
            self.plan = replace(self.plan, format="fp32")
        return self.finish()

    def restore(self) -> bool:
        """Build the network with its initial weights, or from the last checkpoint; return whether there was one."""
        self.network = initialised_network(self.task, self.info, self.preprocessing.image_size)
        self.selection = EpochSelection(self.settings.monitor, self.settings.patience)
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
            self.initial_weights = self.state["weights"]
            if self.state["versions"] != versions():
                self.warn(
                    "The trial began with other versions of the libraries: its results may differ in their last digits."
                )
        else:
            self.initial_weights = initialise_weights(self.network, self.task, self.info).to_event()
        self.history.restart([from_state(epoch) for epoch in self.state["history"]] if self.state else [])
        # L-BFGS sees all weights as one flat vector.
        layout = torch.contiguous_format if self.settings.optimizer == "lbfgs" else torch.channels_last
        self.network = self.network.to(self.device, memory_format=layout)  # type: ignore[call-overload]
        self.plan = (
            DevicePlan.from_dict(self.state["plan"])
            if self.state
            else self.task.ranks.broadcast(
                lambda: resolve_plan(self.task, self.network, self.preprocessing.image_size, self.device)
            )
        )
        self.micro_batch_size = int(self.state["part"]) if self.state else self.plan.batch_size
        smaller = self.task.ranks.broadcast(lambda: load_micro_batch_size(self.checkpoint_folder))
        if smaller is not None and smaller < self.micro_batch_size:
            self.micro_batch_size = smaller
            self.warn(f"Continuing with {smaller} images at once on each device, since more did not fit into memory.")
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
                validation=len(self.parts.selecting),
                test=len(self.parts.test),
                batch_size=self.plan.batch_size,
                steps=len(self.context.batches(1)),
                parameters=sum(parameter.numel() for parameter in self.network.parameters()),
                precision=self.plan.format,
            )
        )
        if not resumed:
            self.emit(from_fields(InitialWeights, self.initial_weights) or InitialWeights())
            sentence = validation_size_warning(
                self.task.data_set.labels[self.parts.selecting],
                self.task.data_set.classes,
                self.task.experiment,
                validation=not self.parts.optimistic,
            )
            if sentence:
                self.warn(sentence)
        if self.history.epochs:  # the trial may have been killed between the checkpoint and the event
            self.emit(self.history.epochs[-1])

    def fit(self) -> None:
        """Train until the last epoch, or until the patience runs out."""
        for phase in self.phases:
            done = len(self.history.epochs)
            if phase.last <= done or self.is_over():
                continue
            self.start_phase(phase)
            for epoch in range(max(phase.first, done + 1), phase.last + 1):
                self.run_epoch(phase, epoch)
                if self.is_over():
                    return

    def is_over(self) -> bool:
        """Tell whether the last epoch was the last one: patience counts in the last phase only."""
        done, last = len(self.history.epochs), self.phases[-1]
        return done >= last.last or (done >= last.first and self.selection.should_stop(done, last.first))

    # --- a phase, an epoch -------------------------------------------------------------------------------------------

    def start_phase(self, phase: Phase) -> None:
        """Make the trainer of a phase, with the state of the checkpoint where that is from this phase."""
        pipeline: Pipeline
        if phase.layers == "head":
            freeze_backbone(self.network)
            pipeline = self.frozen = self.feature_pipeline()
        else:
            self.network.requires_grad_(True)
            pipeline = self.images.image_pipeline(self.network, self.plan)
            if self.plan.compiled and self.task.ranks.count == 1:
                self.compile(pipeline)
        precision = Precision(self.plan.format, self.device)
        self.trainer = PhaseTrainer(
            self.context,
            phase,
            self.network,
            pipeline,
            precision,
            micro_batch_size=self.micro_batch_size,
            lower_is_better=self.selection.lower_is_better,
        )
        if self.state is not None and self.state["phase"] == phase.first:
            self.trainer.load_state_dict(self.state)
        self.state = None  # the trainer has copied its tensors; frees the memory

    def compile(self, pipeline: ImagePipeline) -> None:
        """Compile the training passes; where that fails, the trial continues without."""
        pipeline.start_training()
        size = min(self.micro_batch_size, len(self.context.batches(1)[0]))
        precision = Precision(self.plan.format, self.device)
        forward, why = compiled_forward(
            TrainingPass(self.network, size, self.preprocessing.image_size, precision, self.device)
        )
        if forward is None:
            self.warn(f"{self.info.name} can't be compiled here ({why}); training without compiling is only slower.")
        else:
            pipeline.set_training_forward(forward)

    def run_epoch(self, phase: Phase, epoch: int) -> None:
        started = time.monotonic()
        stats = self.trainer.train_epoch(epoch)
        loss, metrics = self.trainer.validate(epoch)
        value = loss if self.settings.monitor == "loss" else _defined(metrics[self.settings.monitor])
        best = self.selection.observe(epoch, value, loss)
        self.trainer.schedule.observe(value)
        result = EpochRecord(
            epoch=epoch,
            epochs=self.settings.epochs,
            learning_rate=stats.learning_rate,
            train_loss=stats.loss,
            train_accuracy=stats.accuracy,
            validation_loss=loss,
            validation_accuracy=_defined(metrics["accuracy"]),
            validation_macro_precision=_defined(metrics["macro_precision"]),
            validation_macro_recall=_defined(metrics["macro_recall"]),
            validation_macro_f1=_defined(metrics["macro_f1"]),
            validation_balanced_accuracy=_defined(metrics["balanced_accuracy"]),
            seconds=round(time.monotonic() - started, 3),
            best=best,
            best_epoch=self.selection.best_epoch,
            monitor=value,
        )
        self.history.epochs.append(result)
        warnings = self.alerts.observe(self.history.epochs, stats.start_loss, self.trainer.warmup_end)
        self.save(phase)
        self.history.write_last()
        self.emit(result)
        for sentence in warnings:
            self.warn(sentence)

    def tick(self, images: int) -> None:
        """Report progress and check for a stop; called after each batch."""
        self.report.advance(images)
        if self.should_stop():
            raise _Stopped

    # --- its files ------------------------------------------------------------------------------------------------

    def save(self, phase: Phase) -> None:
        """Write the checkpoint of the last epoch."""
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
                "weights": self.initial_weights,
                "history": [to_state(epoch) for epoch in self.history.epochs],
                "phase": phase.first,
                "plan": asdict(self.plan),
                "part": self.micro_batch_size,
                "versions": versions(),
            },
            self.best,
        )

    def finish(self) -> TrialResult:
        """Test the best epoch's network, once; write the model and the predictions."""
        assert self.best is not None
        started = time.monotonic()
        self.task.ranks.barrier()  # until the main rank has written the best weights
        restore(self.network, self.checkpoints.load_best(self.best), "The best epoch")
        pipeline = self.test_pipeline()
        test = self.predictions(pipeline, self.parts.test)
        validation = self.predictions(pipeline, self.parts.validation) if len(self.parts.validation) else None
        if not self.task.ranks.is_main:
            return TrialResult("finished", self.best.epoch, {})
        if validation is not None:
            write_predictions(self.files.validation_file, validation)
        write_predictions(self.files.predictions_file, test)
        self.save_trial_model(self.best)
        save_reference(
            self.task, self.parts, self.preprocessing, self.network, pipeline, tick=self.tick, warn=self.warn
        )
        self.checkpoints.remove_older(self.best)
        remove_micro_batch_size(self.checkpoint_folder)
        metrics = scores(test.labels, test.probabilities)
        epochs = len(self.history.epochs)
        self.emit(
            TrialFinished(
                best_epoch=self.best.epoch,
                epochs=epochs,
                stopped_early=epochs < self.settings.epochs,
                seconds=round(sum(e.seconds for e in self.history.epochs) + time.monotonic() - started, 3),
                test={name: _defined(value) for name, value in metrics.items()},
            )
        )
        return TrialResult("finished", self.best.epoch, metrics)

    def stop(self) -> TrialResult:
        """Save the best model so far, for use; the trial can be continued from the last epoch's checkpoint."""
        best = self.best
        if best is not None:
            restore(self.network, self.checkpoints.load_best(best), "The best epoch")
            self.save_trial_model(best)
        self.emit(TrialStopped(len(self.history.epochs)))
        return TrialResult("stopped", best.epoch if best else 0, {})

    def test_pipeline(self) -> ImagePipeline | FeaturePipeline:
        """Return the pipeline for testing in full precision: of features where only the classifier was trained.

        It depends on the settings alone, so that a trial that is resumed at its very end ends the same.
        """
        if self.phases[-1].layers == "all" or self.plan.format != "fp32":
            return self.images.image_pipeline(self.network, self.plan)
        return self.frozen or self.feature_pipeline()

    def feature_pipeline(self) -> FeaturePipeline:
        epoch = len(self.history.epochs) + 1
        return self.images.feature_pipeline(self.network, self.plan, report=self.report, epoch=epoch, tick=self.tick)

    def predictions(self, pipeline: Pipeline, samples: Integers) -> Predictions:
        """Return the network's predictions, in full precision as in later use."""
        self.report.begin("test", len(self.history.epochs), len(samples))
        logits = pipeline.logits(samples, Precision("fp32", self.device), self.tick)
        return predictions_of(self.task.data_set, samples, logits)

    def save_trial_model(self, best: BestWeights) -> None:
        epoch = self.history.epochs[best.epoch - 1]
        save_trial_model(
            self.task, self.info.name, self.preprocessing, epoch, self.network.state_dict(), self.initial_weights
        )

    # --- sentences ---------------------------------------------------------------------------------------------------

    def warn(self, sentence: str) -> None:
        self.emit(TrialWarning(sentence))

    def divergence_advice(self, error: Diverged) -> str:
        rate = f"{self.settings.learning_rate:g}"
        clip = "" if self.settings.gradient_clip else " or set training.gradient_clip=1"
        return (
            f"The training of {self.info.name} diverged: its loss is not finite ({error.where}). Lower "
            f"training.learning_rate (it is {rate}){clip}."
        )


def _defined(value: float | None) -> float:
    return math.nan if value is None else value
