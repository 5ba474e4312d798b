"""From batches to logits: images that are augmented anew each epoch, or features that were computed once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from aimic_tui.engine.models.build import features, logits_from_features, set_training, training_outputs
from aimic_tui.engine.training.augmentation import Augmentation
from aimic_tui.engine.training.batches import Batch, Integers, Loader, Throughput
from aimic_tui.engine.training.feature_store import FeatureStore
from aimic_tui.engine.training.memory import is_out_of_memory
from aimic_tui.engine.training.parallel import SINGLE_RANK, Ranks
from aimic_tui.engine.training.precision import Precision

Tick = Callable[[int], None]  # called after each batch with its number of images; may raise to stop the work


class Pipeline(Protocol):
    """Where batches come from and which layers of the network they go through."""

    def start_training(self) -> None:
        """Put the network into training mode, as far as it is trained."""

    def inputs(self, batches: Sequence[Batch], epoch: int, throughput: Throughput) -> Iterator[Tensor]:
        """Yield the argument of `outputs` for each batch, on the device."""

    def outputs(self, inputs: Tensor) -> list[tuple[float, Tensor]]:
        """Return the loss weight and the logits [b, classes] of each output, the classifier's first."""

    def statistics(self) -> list[Tensor]:
        """Return what a pass in training mode changes besides gradients: the running statistics of batch norms."""

    def logits(self, samples: Integers, precision: Precision, tick: Tick) -> Tensor:
        """Return the network's logits in evaluation mode: float32 [samples, classes] on the CPU."""


class ImagePipeline:
    """Images through the whole network.

    Args:
        network: on the device.
        loader: of the images.
        augmentation: of training images.
        normalise: turns uint8 images into the network's input.
        evaluation_batch: images at once in evaluation mode.
        ranks: each computes the logits of its share of the images.
    """

    def __init__(
        self,
        network: nn.Module,
        loader: Loader,
        augmentation: Augmentation,
        normalise: Callable[[Tensor], Tensor],
        evaluation_batch: int,
        *,
        ranks: Ranks = SINGLE_RANK,
    ) -> None:
        self._network = network
        self._loader = loader
        self._augmentation = augmentation
        self._normalise = normalise
        self._evaluation_batch = evaluation_batch
        self._ranks = ranks
        self._forward: Callable[[Tensor], Any] | None = None

    def set_training_forward(self, forward: Callable[[Tensor], Any]) -> None:
        """Let training passes go through `forward`, the compiled network."""
        self._forward = forward

    def start_training(self) -> None:
        """Put the network into training mode."""
        set_training(self._network)

    def inputs(self, batches: Sequence[Batch], epoch: int, throughput: Throughput) -> Iterator[Tensor]:
        """Yield augmented, normalised images: float32 [b, 3, S, S]."""
        images = self._loader.load([batch.samples for batch in batches], throughput)
        for batch, loaded in zip(batches, images, strict=True):
            yield self._augmentation(loaded, batch.draws, epoch)

    def outputs(self, inputs: Tensor) -> list[tuple[float, Tensor]]:
        """Return the outputs of the network, auxiliary classifiers included."""
        if self._forward is not None:
            return training_outputs(self._network, inputs, self._forward)
        return training_outputs(self._network, inputs)

    def statistics(self) -> list[Tensor]:
        """Return the running means and variances."""
        norms = [module for module in self._network.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]
        return [buffer for norm in norms for buffer in norm.buffers() if buffer.is_floating_point()]

    def logits(self, samples: Integers, precision: Precision, tick: Tick) -> Tensor:
        """Return the logits of images without augmentation."""
        own = self._ranks.own_samples(samples)
        rows = self.map(self._network, own, precision, lambda images: tick(images * self._ranks.count))
        return self._ranks.gather(rows, len(samples), next(self._network.parameters()).device)

    def features(self, samples: Integers, precision: Precision, tick: Tick) -> Tensor:
        """Return the input of the classifier for images without augmentation: float32 [samples, ...] on the CPU."""
        return self.map(lambda images: features(self._network, images), samples, precision, tick)

    @torch.no_grad()
    def map(self, function: Callable[[Tensor], Tensor], samples: Integers, precision: Precision, tick: Tick) -> Tensor:
        """Return `function` of normalised images, with the network in evaluation mode: float32 [samples, ...], CPU.

        Where a batch doesn't fit into memory, the remaining ones are halved.
        """
        self._network.eval()
        results: list[Tensor] = []
        done = 0
        while done < len(samples):
            size = self._evaluation_batch
            batches = [samples[start : start + size] for start in range(done, len(samples), size)]
            try:
                for images in self._loader.load(batches):
                    with precision.autocast():
                        result = function(self._normalise(images))
                    results.append(result.float().cpu())
                    done += len(images)
                    tick(len(images))
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error) or self._evaluation_batch == 1:
                    raise
                self._evaluation_batch //= 2
        return torch.cat(results)


class FeaturePipeline:
    """Features of images without augmentation, computed once, through the classifier's last layer alone.

    Args:
        network: on the device; all but its last layer is frozen.
        images: computes the features.
        samples: data set indices of all images that will be used.
        store: shares the features of these images with other trials; None computes them.
    """

    def __init__(
        self,
        network: nn.Module,
        images: ImagePipeline,
        samples: Integers,
        *,
        device: torch.device,
        precision: Precision,
        tick: Tick,
        store: FeatureStore | None = None,
    ) -> None:
        self._network = network
        stored = store.read() if store else None
        if stored is None:
            stored = images.features(samples, precision, tick)
            if store:
                store.write(stored)
        self._features = stored.to(device)
        self._rows = np.zeros(int(samples.max()) + 1, dtype=np.int64)
        self._rows[samples] = np.arange(len(samples))

    def start_training(self) -> None:
        """Leave the frozen network in evaluation mode."""
        self._network.eval()

    def inputs(self, batches: Sequence[Batch], epoch: int, throughput: Throughput) -> Iterator[Tensor]:
        """Yield features [b, ...]; they are the same in each epoch."""
        for batch in batches:
            yield self._of(batch.samples)

    def outputs(self, inputs: Tensor) -> list[tuple[float, Tensor]]:
        """Return the classifier's logits."""
        return [(1.0, logits_from_features(self._network, inputs))]

    def statistics(self) -> list[Tensor]:
        """Return none: all norms are frozen."""
        return []

    def features(self, samples: Integers, precision: Precision, tick: Tick) -> Tensor:
        """Return the input of the classifier: float32 [samples, ...] on the CPU."""
        tick(len(samples))
        return self._of(samples).cpu()

    @torch.no_grad()
    def logits(self, samples: Integers, precision: Precision, tick: Tick) -> Tensor:
        """Return the classifier's logits."""
        logits = logits_from_features(self._network, self._of(samples))
        tick(len(samples))
        return logits.float().cpu()

    def _of(self, samples: Integers) -> Tensor:
        return self._features[torch.from_numpy(self._rows[samples]).to(self._features.device)]
