"""One optimisation step: forward, backward, update; in micro-batches where a batch doesn't fit into memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from aimic_tui.engine.errors import AimicError
from aimic_tui.engine.training.memory import RankOutOfMemory, is_out_of_memory
from aimic_tui.engine.training.mixup import Mix
from aimic_tui.engine.training.objective import Objective
from aimic_tui.engine.training.parallel import SINGLE_RANK, Ranks
from aimic_tui.engine.training.pipelines import Pipeline
from aimic_tui.engine.training.precision import Precision

_SMALLEST_MICRO_BATCH = 2  # batch norm can't train on one image


@dataclass(frozen=True)
class StepResult:
    """The statistics of a step, as tensors on the device (reading their values would wait for it).

    Attributes:
        loss: what was minimised: the mean over the batch, auxiliary outputs included.
        loss_sum: of the classifier's own output, weighted sum over images.
        weight: sum of the images' weights.
        correct: the number of images classified correctly; a mixed image counts by its own label.
    """

    loss: Tensor
    loss_sum: Tensor
    weight: Tensor
    correct: Tensor


class Stepper:
    """Takes steps with one optimiser.

    Args:
        pipeline: runs the network.
        optimizer: over the trainable parameters.
        gradient_clip: largest norm of a gradient, 0 for no limit.
        micro_batch_size: images that go through the network at once; the gradients of a larger batch are accumulated.
        warn: receives a sentence.
        ranks: that share each batch.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        optimizer: torch.optim.Optimizer,
        objective: Objective,
        precision: Precision,
        *,
        gradient_clip: float,
        micro_batch_size: int,
        warn: Callable[[str], None],
        ranks: Ranks = SINGLE_RANK,
    ) -> None:
        self.micro_batch_size = micro_batch_size
        self._pipeline = pipeline
        self._optimizer = optimizer
        self._objective = objective
        self._precision = precision
        self._clip = gradient_clip
        self._warn = warn
        self._ranks = ranks
        self._parameters: list[nn.Parameter] = [p for group in optimizer.param_groups for p in group["params"]]
        self._statistics = pipeline.statistics()
        self._before = [tensor.clone() for tensor in self._statistics]

    def step(self, inputs: Tensor, labels: Tensor, seed: int, mix: Mix | None = None) -> StepResult:
        """Train on one batch; dropout is drawn by `seed`, so that a repeated step is the same.

        Args:
            inputs: of the batch, or of this rank's share of it.
            labels: of the whole batch, as is `mix`, what it was mixed with.

        Raises:
            AimicError: not even two images at once fit into memory.
        """
        scaler = self._precision.scaler
        if isinstance(self._optimizer, torch.optim.LBFGS):
            results: list[StepResult] = []

            def closure() -> Tensor:
                results.append(self._gradients(inputs, labels, seed, mix))
                if self._clip:
                    self._clip_gradients()
                return results[-1].loss

            self._optimizer.step(closure)  # type: ignore[no-untyped-call]
            return results[0]
        result = self._gradients(inputs, labels, seed, mix)
        if self._clip:
            scaler.unscale_(self._optimizer)
            self._clip_gradients()
        scaler.step(self._optimizer)
        scaler.update()
        return result

    def _clip_gradients(self) -> None:
        nn.utils.clip_grad_norm_(self._parameters, self._clip)

    def _gradients(self, inputs: Tensor, labels: Tensor, seed: int, mix: Mix | None) -> StepResult:
        _copy(self._statistics, self._before)
        while True:
            try:
                torch.manual_seed(self._ranks.seed(seed, len(labels)))
                return self._accumulated(inputs, labels, mix)
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                if self._ranks.count > 1:  # the others are in the middle of their pass and wait for this one
                    raise self._rank_out_of_memory(len(labels), inputs.device) from error
            # Outside the handler, nothing holds the failed pass's tensors any more.
            self._halve_micro_batch(len(inputs), inputs.device)

    def _rank_out_of_memory(self, batch: int, device: torch.device) -> AimicError:
        tried = min(self.micro_batch_size, self._shares(batch)[1])
        if tried <= _SMALLEST_MICRO_BATCH:
            return AimicError(_does_not_fit(tried, device))
        micro_batch_size = _halved(tried)
        return RankOutOfMemory(
            f"The memory of {device} ran out with {tried} images at once. The trial continues after its last epoch "
            f"with {micro_batch_size} at once on each device, their gradients added up to batches of {batch} as before"
            f"{self._norm_note(micro_batch_size * self._ranks.count)}.",
            micro_batch_size,
        )

    def _halve_micro_batch(self, batch: int, device: torch.device) -> None:
        self._optimizer.zero_grad(set_to_none=True)
        _copy(self._before, self._statistics)  # the first layers have been updated by the failed pass
        if device.type == "cuda":
            torch.cuda.empty_cache()
        tried = min(self.micro_batch_size, batch)
        if tried <= _SMALLEST_MICRO_BATCH:
            raise AimicError(_does_not_fit(tried, device))
        self.micro_batch_size = _halved(tried)
        self._warn(
            f"The memory ran out with {tried} images at once: continuing with {self.micro_batch_size} at once, their "
            f"gradients added up to batches of {batch} as before{self._norm_note(self.micro_batch_size)}."
        )

    def _shares(self, batch: int) -> tuple[int, int]:
        """Return how many images of a batch the rank with the fewest has, and the one with the most."""
        count = self._ranks.count if batch >= self._ranks.count else 1
        return batch // count, -(-batch // count)

    def _norm_note(self, images: int) -> str:
        return f"; batch norms see {images} at a time" if self._statistics else ""

    def _accumulated(self, inputs: Tensor, labels: Tensor, mix: Mix | None) -> StepResult:
        """Accumulate the batch's gradients, in micro-batches of nearly equal size."""
        self._optimizer.zero_grad(set_to_none=True)
        weight = self._objective.weights(labels, mix).sum()
        batch = len(labels)
        inputs, labels, mix = self._ranks.own_rows(inputs, labels, mix)
        # The same number on every rank, since batch norms combine the ranks in each micro-batch; and none of one image.
        smallest, largest = self._shares(batch)
        count = max(1, min(-(-largest // self.micro_batch_size), smallest // _SMALLEST_MICRO_BATCH))
        mixes: Sequence[Mix | None] = [None] * count
        if mix is not None:
            mixes = [Mix(others, mix.share) for others in mix.others.tensor_split(count)]
        loss = loss_sum = torch.zeros((), device=inputs.device)
        correct = torch.zeros((), dtype=torch.int64, device=inputs.device)
        micro_batches = zip(inputs.tensor_split(count), labels.tensor_split(count), mixes, strict=True)
        for images, truth, other in micro_batches:
            with self._precision.autocast(), self._ranks.whole_batch_norms(batch):
                outputs = self._pipeline.outputs(images)
            losses = [factor * self._objective.loss_sum(logits, truth, other) for factor, logits in outputs]
            micro_batch_loss = torch.stack(losses).sum() / weight
            torch.autograd.backward(self._precision.scaler.scale(micro_batch_loss))
            loss = loss + micro_batch_loss.detach()
            loss_sum = loss_sum + losses[0].detach()
            correct = correct + (outputs[0][1].detach().argmax(dim=1) == truth).sum()
        loss, loss_sum, correct = self._ranks.sum_gradients(batch, self._parameters, loss, loss_sum, correct)
        return StepResult(loss, loss_sum, weight, correct)


@torch.no_grad()
def _copy(source: list[Tensor], target: list[Tensor]) -> None:
    if source:
        torch._foreach_copy_(target, source)


def _halved(micro_batch_size: int) -> int:
    return max(_SMALLEST_MICRO_BATCH, (micro_batch_size + 1) // 2)


def _does_not_fit(micro_batch_size: int, device: torch.device) -> str:
    return (
        f"The memory of {device} doesn't hold {micro_batch_size} images of this network. Choose a smaller "
        "model.image_size or a smaller network, or end what else uses the memory."
    )
