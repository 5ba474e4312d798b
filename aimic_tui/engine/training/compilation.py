"""A network's training pass compiled by torch, where that is asked for or earned back.

Results differ from the plain pass in their last digits, so what was decided stands in the run's plan and in every
checkpoint; where it can't be kept to, a sentence says so.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from aimic_tui.engine.models.build import training_outputs
from aimic_tui.engine.text import one_line
from aimic_tui.engine.training.memory import is_out_of_memory
from aimic_tui.engine.training.precision import Precision

_USUAL_SECONDS = 60.0  # that a network takes to be compiled
_USUAL_GAIN = 0.4  # share of a step's time that is saved at best
_EARNED = 2.0  # times its cost: each trial pays it again
_ROUNDS = 5


class CompiledForward:
    """A network's forward pass, compiled for batches of one size; batches of other sizes go the plain way.

    An epoch's last batch would have the network compiled once more, for a step an epoch.

    Args:
        network: on its device, in training mode; its weights stay its own.
        size: images a pass.
    """

    def __init__(self, network: nn.Module, size: int) -> None:
        self._network = network
        self._size = size
        self._compiled: Callable[[Tensor], Any] = torch.compile(network, dynamic=False)

    def __call__(self, images: Tensor) -> Any:
        """Return what the network returns for `images`, float [b, 3, S, S]."""
        return self._compiled(images) if len(images) == self._size else self._network(images)


@dataclass(frozen=True)
class TrainingPass:
    """What is timed: a pass of a network, forward and backward, over grey images, without a trace in it.

    Attributes:
        network: on `device`, in training mode; left as it was.
        size: images a pass, of `image_size` pixels a side.
    """

    network: nn.Module
    size: int
    image_size: int
    precision: Precision
    device: torch.device

    def seconds(self, forward: Callable[[Tensor], Any]) -> float:
        """Take one pass through `forward`; return how long it took."""
        network, device = self.network, self.device
        kept = {name: buffer.clone() for name, buffer in network.named_buffers()}
        shape = (self.size, 3, self.image_size, self.image_size)
        images = torch.zeros(shape, device=device).contiguous(memory_format=torch.channels_last)
        try:
            _wait_for(device)
            start = time.perf_counter()
            with self.precision.autocast():
                outputs = training_outputs(network, images, forward)
                loss = torch.stack([logits.float().sum() for _, logits in outputs]).sum()
            torch.autograd.backward(loss)
            _wait_for(device)
            return time.perf_counter() - start
        finally:
            network.zero_grad(set_to_none=True)
            with torch.no_grad():
                for name, buffer in network.named_buffers():
                    buffer.copy_(kept[name])

    def fastest(self, forward: Callable[[Tensor], Any]) -> float:
        """Return the seconds of the fastest of a few passes."""
        return min(self.seconds(forward) for _ in range(_ROUNDS))


def compiled_forward(what: TrainingPass) -> tuple[CompiledForward | None, str]:
    """Compile a network's training pass, both ways, and return it; or None and the reason in a few words."""
    forward = CompiledForward(what.network, what.size)
    try:
        what.seconds(forward)
    except Exception as error:  # whatever a compiler, its driver or its cache on the disk has to say
        why = "the memory ran out" if is_out_of_memory(error) else one_line(f"{type(error).__name__}: {error}", 160)
        return None, why
    return forward, ""


def earns_compiling(what: TrainingPass, *, steps: int) -> bool:
    """Tell whether a training of so many steps is clearly shorter when its network is compiled, by trying it.

    Never on a processor. Measured on two cores with AVX-512, torch 2.15, the allocator settled (`processor.py`) and
    channels_last, batch 32 at 224 pixels: a step of mobilenet_v2 takes 1.87 s of processor time as it is and 1.91 s
    compiled, one of resnet50 9.48 s and 9.50 s, and compiling takes minutes.
    """
    if what.device.type != "cuda":
        return False
    plain = what.fastest(what.network)
    if _USUAL_GAIN * plain * steps < _EARNED * _USUAL_SECONDS:
        return False
    start = time.perf_counter()
    forward, _ = compiled_forward(what)
    if forward is None:
        return False
    cost = time.perf_counter() - start
    return (plain - what.fastest(forward)) * steps > _EARNED * cost


def _wait_for(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
