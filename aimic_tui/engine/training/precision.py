"""In which number format the arithmetic runs: 32 bits, or 16 where the device gains by it."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager, nullcontext
from typing import Literal

import torch
from torch import nn

from aimic_tui.engine.models.build import training_outputs

Format = Literal["fp32", "bf16", "fp16"]

# A probe on a busy machine is noisy and 16 bits cost accuracy: take them only where the gain is beyond doubt.
_WORTHWHILE = 1.25
# With fewer images the fixed costs hide what 16 bits gain: resnet18 at 128 pixels 1.1 times with 4, 1.7 with 16.
_PROBE_IMAGES, _PROBE_ROUNDS = 16, 2
_PROBED_FROM = 400  # steps


class Precision:
    """A number format on a device: autocast for the forward pass, loss scaling for fp16."""

    def __init__(self, number_format: Format, device: torch.device) -> None:
        self.format = number_format
        self._device = device
        self.scaler = torch.amp.GradScaler(device.type, enabled=number_format == "fp16")

    def autocast(self) -> AbstractContextManager[object]:
        """Return the context that forward passes and losses run in."""
        if self.format == "fp32":
            return nullcontext()
        dtype = torch.bfloat16 if self.format == "bf16" else torch.float16
        return torch.autocast(self._device.type, dtype=dtype)


def choose_format(network: nn.Module, image_size: int, device: torch.device, *, batch_size: int, steps: int) -> Format:
    """Return the fastest format that is safe for a training of so many steps.

    On a GPU bf16 where it has it, else fp32. On a processor fp32, unless the processor has 16-bit arithmetic, the
    training is long enough to earn a probe back, and the probe (a few forward and backward passes) is clearly faster in
    bf16: networks of dense convolutions gain up to two times, those of depthwise ones nothing, or they lose.

    Args:
        network: on `device`; its weights, statistics and gradients are left as they were.
    """
    if device.type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"
    if device.type != "cpu" or steps < _PROBED_FROM or not _has_short_arithmetic():
        return "fp32"
    images = torch.zeros(min(batch_size, _PROBE_IMAGES), 3, image_size, image_size)
    images = images.contiguous(memory_format=torch.channels_last)
    seconds = {name: _probe(network, images, Precision(name, device)) for name in ("fp32", "bf16")}
    return "bf16" if seconds["fp32"] > _WORTHWHILE * seconds["bf16"] else "fp32"


def _has_short_arithmetic() -> bool:
    """Tell whether the processor multiplies 16-bit numbers; torch's own question has no public name yet."""
    asked = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
    return bool(asked and asked())


def _probe(network: nn.Module, images: torch.Tensor, precision: Precision) -> float:
    """Return the seconds of the fastest of a few passes."""
    kept = {name: buffer.clone() for name, buffer in network.named_buffers()}
    best = float("inf")
    for _ in range(_PROBE_ROUNDS + 1):  # the first one also prepares what later ones reuse
        start = time.perf_counter()
        with precision.autocast():
            loss = torch.stack([logits.float().sum() for _, logits in training_outputs(network, images)]).sum()
        torch.autograd.backward(loss)
        best = min(best, time.perf_counter() - start)
    network.zero_grad(set_to_none=True)
    for name, buffer in network.named_buffers():
        buffer.copy_(kept[name])
    return best
