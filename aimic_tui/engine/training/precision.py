"""The number format of the arithmetic: 32 bits, or 16 where that is faster on the device."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager, nullcontext
from typing import Literal

import torch
from torch import nn

from aimic_tui.engine.models.build import training_outputs

Format = Literal["fp32", "bf16", "fp16"]

# Timings on a busy machine are noisy and 16 bits cost accuracy: used only where the gain is beyond doubt.
_WORTHWHILE = 1.25
# With fewer images the fixed costs hide what 16 bits gain: resnet18 at 128 pixels 1.1 times with 4, 1.7 with 16.
_PROBE_IMAGES, _PROBE_REPEATS = 16, 2
_MIN_STEPS = 400  # of a training, for the timing to pay off


class Precision:
    """A number format on a device: autocast for the forward pass, loss scaling for fp16."""

    def __init__(self, number_format: Format, device: torch.device) -> None:
        self.format = number_format
        self._device = device
        self.scaler = torch.amp.GradScaler(device.type, enabled=number_format == "fp16")

    def autocast(self) -> AbstractContextManager[object]:
        """Return the context for forward passes and losses."""
        if self.format == "fp32":
            return nullcontext()
        dtype = torch.bfloat16 if self.format == "bf16" else torch.float16
        return torch.autocast(self._device.type, dtype=dtype)


def choose_format(network: nn.Module, image_size: int, device: torch.device, *, batch_size: int, steps: int) -> Format:
    """Return the fastest format that is safe for a training of so many steps.

    On a GPU bf16 where it is supported, else fp32. On a CPU fp32, unless it has 16-bit arithmetic, the training is
    long enough for a timing to pay off, and a few forward and backward passes are clearly faster in bf16: networks with
    dense convolutions are up to twice as fast, those with depthwise ones are no faster, or slower.

    Args:
        network: on `device`; its weights, statistics and gradients are left as they were.
    """
    if device.type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"
    if device.type != "cpu" or steps < _MIN_STEPS or not _cpu_has_bf16():
        return "fp32"
    images = torch.zeros(min(batch_size, _PROBE_IMAGES), 3, image_size, image_size)
    images = images.contiguous(memory_format=torch.channels_last)
    seconds = {name: _probe(network, images, Precision(name, device)) for name in ("fp32", "bf16")}
    return "bf16" if seconds["fp32"] > _WORTHWHILE * seconds["bf16"] else "fp32"


def _cpu_has_bf16() -> bool:
    """Tell whether the CPU has bf16 arithmetic; torch has no public function for it yet."""
    supported = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
    return bool(supported and supported())


def _probe(network: nn.Module, images: torch.Tensor, precision: Precision) -> float:
    """Return the seconds of the fastest of a few passes."""
    buffers = {name: buffer.clone() for name, buffer in network.named_buffers()}
    best = float("inf")
    for _ in range(_PROBE_REPEATS + 1):  # the first one is a warm-up
        start = time.perf_counter()
        with precision.autocast():
            loss = torch.stack([logits.float().sum() for _, logits in training_outputs(network, images)]).sum()
        torch.autograd.backward(loss)
        best = min(best, time.perf_counter() - start)
    network.zero_grad(set_to_none=True)
    for name, buffer in network.named_buffers():
        buffer.copy_(buffers[name])
    return best
