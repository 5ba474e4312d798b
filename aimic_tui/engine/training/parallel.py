"""Data-parallel training: one trial on several devices, each process computing its share of every batch.

The processes (ranks) run the same trial down to the last random draw: same batches, same weights, same decisions. Each
rank computes the gradients of its own images, of the loss of the whole batch; these are summed, and every rank takes
the same step. Batch norms use the means and variances of the whole batch. So the effective batch, the steps and the
result are those of a single device, except for the order of summation, and for dropout, which each rank draws for its
own images.

Rank 0 is the main process: it alone writes the trial's files and checks for a stop, and when it ends, so do the
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

# The others wait while rank 0 writes a checkpoint to a slow disk; a dead process is noticed by other means.
_TIMEOUT = timedelta(hours=2)


class Ranks:
    """This process's rank among those that train one trial.

    Args:
        rank: from 0.
        count: 1 for a trial on a single device, where all methods do nothing.
    """

    def __init__(self, rank: int = 0, count: int = 1) -> None:
        self.rank = rank
        self.count = count

    @property
    def is_main(self) -> bool:
        """Whether this is rank 0, which writes the files."""
        return self.rank == 0

    # --- shares of a batch -------------------------------------------------------------------------------------------

    def share(self, images: int) -> slice:
        """Return this rank's share of so many images: all of them where there are fewer images than ranks."""
        if images < self.count:
            return slice(0, images)
        return slice(images * self.rank // self.count, images * (self.rank + 1) // self.count)

    def own_samples(self, samples: Integers) -> Integers:
        """Return this rank's share of `samples`."""
        return samples[self.share(len(samples))]

    def own_batches(self, batches: Sequence[Batch]) -> list[Batch]:
        """Return this rank's share of every batch."""
        shares = [self.share(len(batch)) for batch in batches]
        return [Batch(batch.samples[own], batch.draws[own]) for batch, own in zip(batches, shares, strict=True)]

    def own_rows(self, inputs: Tensor, labels: Tensor, mix: Mix | None) -> tuple[Tensor, Tensor, Mix | None]:
        """Return this rank's share of a batch.

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
        """Return the seed of dropout, another one for each rank."""
        return seed if images < self.count else (seed + self.rank * 0x9E3779B97F4A7C15) % (1 << 63)

    # --- collective operations ---------------------------------------------------------------------------------------

    @contextmanager
    def whole_batch_norms(self, images: int) -> Iterator[None]:
        """Let batch norms in training mode use the statistics of the whole batch while the context lasts."""
        if self.count == 1 or images < self.count:
            yield
        else:
            with _WholeBatchNorms():
                yield

    @torch.no_grad()
    def sum_gradients(self, images: int, parameters: Sequence[nn.Parameter], *scalars: Tensor) -> tuple[Tensor, ...]:
        """Sum the gradients of a batch of so many images in place, and return the sums of scalars."""
        if self.count == 1:
            return scalars
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        dtype = gradients[0].dtype
        tail = torch.stack([scalar.to(dtype) for scalar in scalars])
        flat = torch.cat([*(gradient.reshape(-1) for gradient in gradients), tail])
        dist.all_reduce(flat)
        if images < self.count:  # every rank had all of them
            flat /= self.count
        *summed, totals = torch.split(flat, [*(gradient.numel() for gradient in gradients), len(scalars)])
        torch._foreach_copy_(gradients, [total.view(own.shape) for total, own in zip(summed, gradients, strict=True)])
        return tuple(total.to(scalar.dtype) for total, scalar in zip(totals, scalars, strict=True))

    def gather(self, rows: Tensor, images: int, device: torch.device) -> Tensor:
        """Return the rows of all ranks, [images, ...] in the order of the images.

        Args:
            rows: float32 [share, ...] on the CPU.
            device: of this rank.
        """
        if self.count == 1 or images < self.count:
            return rows
        all_rows = torch.zeros(images, *rows.shape[1:], dtype=rows.dtype, device=device)
        all_rows[self.share(images)] = rows.to(device)
        dist.all_reduce(all_rows)  # each row is zero on all ranks but one
        return all_rows.cpu()

    def broadcast(self, make: Callable[[], Value]) -> Value:
        """Return the value that rank 0 computes, on every rank."""
        if self.count == 1:
            return make()
        values: list[Any] = [make() if self.is_main else None]
        dist.broadcast_object_list(values)
        return cast(Value, values[0])

    def barrier(self) -> None:
        """Wait until all ranks have reached this point."""
        if self.count > 1:
            dist.barrier()


SINGLE_RANK = Ranks()


@contextmanager
def process_group(rank: int, count: int, rendezvous: Path, device: torch.device) -> Iterator[Ranks]:
    """Join the process group of a trial; leave it at the end.

    Args:
        rendezvous: a file that does not exist yet, on a disk of this machine; the same for all ranks.
        device: of this rank.
    """
    if sys.platform == "linux":
        os.environ.setdefault(
            "GLOO_SOCKET_IFNAME", "lo"
        )  # all ranks are on this machine, whatever its host name resolves to
    if device.type == "cuda":
        torch.cuda.set_device(device)
    dist.init_process_group(
        "nccl" if device.type == "cuda" else "gloo",
        init_method=rendezvous.absolute().as_uri(),
        rank=rank,
        world_size=count,
        timeout=_TIMEOUT,
    )
    try:
        yield Ranks(rank, count)
    finally:
        dist.destroy_process_group()


class ReadOnlyCheckpoints(Checkpoints):
    """The checkpoints for all ranks but the main one, which read what rank 0 writes."""

    def save(self, content: Mapping[str, Any], best: BestWeights | None) -> None:
        """Do nothing: rank 0 does it."""

    def save_best(self, epoch: int, network: Mapping[str, Tensor]) -> BestWeights:
        """Return where rank 0 writes them."""
        return BestWeights(epoch, best_file(epoch), "")

    def load_best(self, best: BestWeights) -> dict[str, Tensor]:
        """Return what rank 0 has written and checked."""
        return self._weights(best)

    def remove_older(self, best: BestWeights) -> None:
        """Do nothing: rank 0 does it."""


class _WholeBatchNorms(TorchFunctionMode):
    """Batch norms in training mode use the means and variances of the whole batch, over all ranks.

    Not by replacing modules (`SyncBatchNorm`): the network and its state dict stay unchanged, batch norms of any
    library are covered, and it works on the CPU too.
    """

    def __torch_function__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        if func is torch.nn.functional.batch_norm:
            return _batch_norm(func, *args, **(kwargs or {}))
        return func(*args, **(kwargs or {}))


def _batch_norm(  # noqa: PLR0917 - torch's signature
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
    """Compute `torch.nn.functional.batch_norm` with statistics over all ranks."""
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
    """The sum over ranks; the loss on each rank depends on the values of all, so gradients are summed too."""

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
