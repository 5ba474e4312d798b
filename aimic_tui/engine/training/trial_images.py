"""A trial's images: opening their cache, and the pipelines from them to logits."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from aimic_tui.engine.data.cache import cached_images
from aimic_tui.engine.data.preprocessing import Preprocessing
from aimic_tui.engine.training.augmentation import Augmentation, normalised
from aimic_tui.engine.training.augmentation_ranges import ranges_of
from aimic_tui.engine.training.batches import Loader
from aimic_tui.engine.training.device_plan import DevicePlan
from aimic_tui.engine.training.feature_store import FeatureStore, features_key
from aimic_tui.engine.training.pipelines import FeaturePipeline, ImagePipeline, Tick
from aimic_tui.engine.training.precision import Precision
from aimic_tui.engine.training.progress import ProgressReporter
from aimic_tui.engine.training.task import TrialTask, used_images
from aimic_tui.engine.training.trial_model import versions

_EVALUATION_BATCH = {"cpu": 32, "cuda": 256}


class TrialImages:
    """The images of a trial, opened once.

    Args:
        task: of the trial.
        preprocessing: from files to the network's input.
        report: receives the progress of decoding, in `epoch`.
        should_stop: checked while images are decoded.
        warn: receives a sentence.

    Raises:
        UnreadableImage: an image can't be used.
        Interrupted: `should_stop` returned True.
    """

    def __init__(
        self,
        task: TrialTask,
        preprocessing: Preprocessing,
        *,
        report: ProgressReporter,
        epoch: int,
        should_stop: Callable[[], bool],
        warn: Callable[[str], None],
    ) -> None:
        self._task, self._preprocessing, self._warn = task, preprocessing, warn
        self._compute = task.experiment.compute
        self._limit = int(self._compute.cache_limit * 1e9)
        self._device = torch.device(task.device)
        self._used, positions = used_images(task.split)
        self._paths = [task.data_set.path(int(index)) for index in self._used]
        self._digests = [task.digests[int(index)] for index in self._used] if task.digests else []
        source = cached_images(
            self._paths,
            preprocessing,
            task.cache_folder,
            self._compute.cache,
            lambda progress: report.set("cache", epoch, int(progress.done), len(self._paths)),
            should_stop,
            limit=self._limit,
            digests=self._digests,
        )
        if not source.cached and self._compute.cache != "off":
            warn(source.reason)
        self._loader = Loader(source, positions, self._device)

    def image_pipeline(self, network: nn.Module, plan: DevicePlan) -> ImagePipeline:
        """Return the pipeline of images through the whole network."""
        mean, std = self._preprocessing.mean, self._preprocessing.std
        ranges = ranges_of(self._task.experiment.augmentation)
        return ImagePipeline(
            network,
            self._loader,
            Augmentation(ranges, seed=self._task.seed, mean=mean, std=std),
            lambda images: normalised(images, mean, std),
            evaluation_batch=self._evaluation_batch(plan),
            ranks=self._task.ranks,
        )

    def feature_pipeline(
        self, network: nn.Module, plan: DevicePlan, *, report: ProgressReporter, epoch: int, tick: Tick
    ) -> FeaturePipeline:
        """Return the pipeline of features, computed once for all folds, through the classifier alone.

        Args:
            network: on the device; all but its last layer stays frozen.
        """
        report.begin("cache", epoch, len(self._used))
        return FeaturePipeline(
            network,
            self.image_pipeline(network, plan),
            self._used,
            device=self._device,
            precision=Precision(plan.format, self._device),
            tick=tick,
            store=self._store(network, plan) if self._compute.cache != "off" else None,
        )

    def _store(self, network: nn.Module, plan: DevicePlan) -> FeatureStore:
        arithmetic = {
            "format": plan.format,
            "batch": self._evaluation_batch(plan),
            "device": self._device.type,
            "versions": versions(),
        }
        key = features_key(
            network, self._task.network, self._paths, self._preprocessing, arithmetic, digests=self._digests
        )
        return FeatureStore(self._task.cache_folder, key, len(self._used), limit=self._limit, warn=self._warn)

    def _evaluation_batch(self, plan: DevicePlan) -> int:
        return max(plan.batch_size, _EVALUATION_BATCH.get(self._device.type, 32))
