"""Compiling a network's training pass with `torch.compile`, where it is requested or saves time.

Results differ from those of the plain pass in the last digits, so the decision is stored in the device plan and in
every checkpoint; where it can't be followed, the trial warns.
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

_USUAL_SECONDS = 60.0  # of compiling a network
_USUAL_GAIN = 0.4  # share of a step's time that it saves at best
_MIN_RETURN = 2.0  # times its cost, which each trial pays again
_REPEATS = 5


class CompiledForward:
    """A network's forward pass, compiled for one batch size; batches of other sizes go through the plain network.

    Otherwise an epoch's smaller last batch would make torch compile the network again, for one step an epoch.

    Args:
        network: on its device, in training mode; the weights are shared with it.
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
    """A forward and backward pass over grey images, to be timed; it leaves the network as it was.

    Attributes:
        network: on `device`, in training mode.
        size: images a pass, of `image_size` pixels a side.
    """

    network: nn.Module
    size: int
    image_size: int
    precision: Precision
    device: torch.device

    def seconds(self, forward: Callable[[Tensor], Any]) -> float:
        """Run one pass through `forward`; return its duration."""
        network, device = self.network, self.device
        buffers = {name: buffer.clone() for name, buffer in network.named_buffers()}
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
                    buffer.copy_(buffers[name])

    def fastest(self, forward: Callable[[Tensor], Any]) -> float:
        """Return the seconds of the fastest of a few passes."""
        return min(self.seconds(forward) for _ in range(_REPEATS))


def compiled_forward(training_pass: TrainingPass) -> tuple[CompiledForward | None, str]:
    """Compile a network's training pass, forward and backward; where that fails, return None and the reason."""
    forward = CompiledForward(training_pass.network, training_pass.size)
    try:
        training_pass.seconds(forward)
    except Exception as error:  # a compiler, its driver or its disk cache can raise anything
        why = "the memory ran out" if is_out_of_memory(error) else one_line(f"{type(error).__name__}: {error}", 160)
        return None, why
    return forward, ""


def compiling_pays_off(training_pass: TrainingPass, *, steps: int) -> bool:
    """Tell whether compiling makes a training of so many steps clearly shorter, by timing it.

    On a CPU it never does. Measured on two cores with AVX-512, torch 2.15, the allocator settled (`processor.py`) and
    channels_last, batch 32 at 224 pixels: a step of mobilenet_v2 takes 1.87 s of CPU time as it is and 1.91 s
    compiled, one of resnet50 9.48 s and 9.50 s, and compiling takes minutes.
    """
    if training_pass.device.type != "cuda":
        return False
    plain = training_pass.fastest(training_pass.network)
    if _USUAL_GAIN * plain * steps < _MIN_RETURN * _USUAL_SECONDS:
        return False
    start = time.perf_counter()
    forward, _ = compiled_forward(training_pass)
    if forward is None:
        return False
    cost = time.perf_counter() - start
    return (plain - training_pass.fastest(forward)) * steps > _MIN_RETURN * cost


def _wait_for(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
