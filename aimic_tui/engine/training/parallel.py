"""One trial on several devices: each process takes its share of every batch, and all take the same steps.

The processes (ranks) are the same trial to the last random draw: same batches, same weights, same decisions. Of a batch
each rank computes its own images' gradients of the whole batch's loss; these are summed, and every rank takes the same
step. The means and variances of batch norms are those of the whole batch. So the effective batch, the steps and the
result are those of one device, but for the order in which numbers are added up, and for dropout, which each rank
draws for its own images.

Rank 0 is the one that is listened to: it alone writes the trial's files and gives way to a stop, and its end ends the
others.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar, cast

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from aimic_tui.engine.training.batches import Batch, Integers
from aimic_tui.engine.training.checkpoint import BestWeights, Checkpoints, best_file
from aimic_tui.engine.training.mixup import Mix

Value = TypeVar("Value")

# The others wait while one writes a checkpoint to a slow disk; a process that died is noticed by other means.
_PATIENCE = timedelta(hours=2)


class Ranks:
    """This process among those that train one trial together.

    Args:
        rank: from 0.
        count: 1 is a trial on one device, for which everything here does nothing.
    """

    def __init__(self, rank: int = 0, count: int = 1) -> None:
        self.rank = rank
        self.count = count

    @property
    def first(self) -> bool:
        """Whether this is the process that writes."""
        return self.rank == 0

    # --- who does what -----------------------------------------------------------------------------------------------

    def share(self, images: int) -> slice:
        """Return which of so many images are this rank's: all of them where there are fewer than ranks."""
        if images < self.count:
            return slice(0, images)
        return slice(images * self.rank // self.count, images * (self.rank + 1) // self.count)

    def own_samples(self, samples: Integers) -> Integers:
        """Return this rank's part of `samples`."""
        return samples[self.share(len(samples))]

    def own_batches(self, batches: Sequence[Batch]) -> list[Batch]:
        """Return this rank's part of every batch."""
        shares = [self.share(len(batch)) for batch in batches]
        return [Batch(batch.samples[own], batch.draws[own]) for batch, own in zip(batches, shares, strict=True)]

    def own_rows(self, inputs: Tensor, labels: Tensor, mix: Mix | None) -> tuple[Tensor, Tensor, Mix | None]:
        """Return this rank's part of a batch.

        Args:
            inputs: of the whole batch, or already this rank's.
            labels: int64 [b], of the whole batch; so is `mix`.
        """
        if self.count == 1:
            return inputs, labels, mix
        own = self.share(len(labels))
        mine = inputs[own] if len(inputs) == len(labels) else inputs
        return mine, labels[own], Mix(mix.others[own], mix.share) if mix is not None else None

    def seed(self, seed: int, images: int) -> int:
        """Return what dropout is drawn by: each rank's images have draws of their own."""
        return seed if images < self.count else (seed + self.rank * 0x9E3779B97F4A7C15) % (1 << 63)

    # --- what they do together ---------------------------------------------------------------------------------------

    @contextmanager
    def together(self, images: int) -> Iterator[None]:
        """Let batch norms that learn see a batch of so many images whole while the context lasts."""
        if self.count == 1 or images < self.count:
            yield
        else:
            with _WholeBatchNorms():
                yield

    @torch.no_grad()
    def add_up(self, images: int, parameters: Sequence[nn.Parameter], *figures: Tensor) -> tuple[Tensor, ...]:
        """Sum the gradients of a batch of so many images in place, and return the sums of scalar figures."""
        if self.count == 1:
            return figures
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        kind = gradients[0].dtype
        tail = torch.stack([figure.to(kind) for figure in figures])
        flat = torch.cat([*(gradient.reshape(-1) for gradient in gradients), tail])
        dist.all_reduce(flat)
        if images < self.count:  # every rank had all of them
            flat /= self.count
        *summed, totals = torch.split(flat, [*(gradient.numel() for gradient in gradients), len(figures)])
        torch._foreach_copy_(gradients, [part.view(own.shape) for part, own in zip(summed, gradients, strict=True)])
        return tuple(total.to(figure.dtype) for total, figure in zip(totals, figures, strict=True))

    def gathered(self, rows: Tensor, images: int, device: torch.device) -> Tensor:
        """Return the rows of all ranks, [images, ...] in order: each image's own, nothing twice.

        Args:
            rows: float32 [share, ...] on the CPU.
            device: of this rank.
        """
        if self.count == 1 or images < self.count:
            return rows
        everything = torch.zeros(images, *rows.shape[1:], dtype=rows.dtype, device=device)
        everything[self.share(images)] = rows.to(device)
        dist.all_reduce(everything)  # a row and nothing but zeros: the sum is the row
        return everything.cpu()

    def agreed(self, make: Callable[[], Value]) -> Value:
        """Return what rank 0 makes, on every rank."""
        if self.count == 1:
            return make()
        held: list[Any] = [make() if self.first else None]
        dist.broadcast_object_list(held)
        return cast(Value, held[0])

    def wait(self) -> None:
        """Wait until all ranks are here."""
        if self.count > 1:
            dist.barrier()


ALONE = Ranks()


@contextmanager
def joined(rank: int, count: int, meeting: Path, device: torch.device) -> Iterator[Ranks]:
    """Meet the other ranks; leave them at the end.

    Args:
        meeting: a file that is not there yet, on a disk of this machine; the same for all ranks.
        device: of this rank.
    """
    if sys.platform == "linux":
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")  # the ranks are all here, whatever the host's name leads to
    if device.type == "cuda":
        torch.cuda.set_device(device)
    dist.init_process_group(
        "nccl" if device.type == "cuda" else "gloo",
        init_method=meeting.absolute().as_uri(),
        rank=rank,
        world_size=count,
        timeout=_PATIENCE,
    )
    try:
        yield Ranks(rank, count)
    finally:
        dist.destroy_process_group()


class ReadCheckpoints(Checkpoints):
    """The checkpoints as the other ranks have them: they read what rank 0 writes, and write nothing."""

    def save(self, content: Mapping[str, Any], best: BestWeights | None) -> None:
        """Leave it to rank 0."""

    def save_best(self, epoch: int, network: Mapping[str, Tensor]) -> BestWeights:
        """Return where rank 0 writes it."""
        return BestWeights(epoch, best_file(epoch), "")

    def load_best(self, best: BestWeights) -> dict[str, Tensor]:
        """Return what rank 0 wrote and checked."""
        return self._weights(best)

    def forget_older(self, best: BestWeights) -> None:
        """Leave it to rank 0."""


class _WholeBatchNorms(TorchFunctionMode):
    """Every batch norm that learns from its batch takes the means and variances over all ranks' parts of it.

    Here and not by other modules in the network (`SyncBatchNorm`): the network and its state dict stay what they are,
    norms of any library are found, and it works on processors too.
    """

    def __torch_function__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        if func is torch.nn.functional.batch_norm:
            return _batch_norm(func, *args, **(kwargs or {}))
        return func(*args, **(kwargs or {}))


def _batch_norm(  # noqa: PLR0917 - as torch has it
    usual: Callable[..., Tensor],
    images: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Do what `torch.nn.functional.batch_norm` does, over all ranks."""
    if not training:
        return usual(images, running_mean, running_var, weight, bias, training, momentum, eps)
    values = images.float() if images.dtype in (torch.float16, torch.bfloat16) else images
    others = [dimension for dimension in range(images.dim()) if dimension != 1]
    shape = [1, -1, *[1] * (images.dim() - 2)]
    local = values.new_tensor([values.numel() / values.shape[1]])
    sums = _Sum.apply(torch.cat([values.sum(others), local]))
    count = sums[-1].detach()
    mean = sums[:-1] / count
    centred = values - mean.view(shape)
    variance = _Sum.apply(centred.square().sum(others)) / count
    result = centred * (variance + eps).rsqrt().view(shape)
    if weight is not None:
        result = result * weight.view(shape)
    if bias is not None:
        result = result + bias.view(shape)
    if running_mean is not None and running_var is not None:
        with torch.no_grad():
            running_mean.lerp_(mean.to(running_mean.dtype), momentum)
            running_var.lerp_((variance * count / (count - 1)).to(running_var.dtype), momentum)
    return cast(Tensor, result.to(images.dtype))


class _Sum(torch.autograd.Function):
    """The sum over ranks; each rank's part of the loss depends on every rank's values, so gradients are summed too."""

    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        total = values.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        total = gradient.contiguous().clone()
        dist.all_reduce(total)
        return total
