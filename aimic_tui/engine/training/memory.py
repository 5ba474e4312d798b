"""How many images fit into memory, and recognising the errors where it runs out all the same."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from aimic_tui.engine.errors import AimicError
from aimic_tui.engine.machine.quotas import memory_bytes
from aimic_tui.engine.models.build import training_outputs

_LARGEST = {"cpu": 64, "cuda": 256}
_STEPS_AN_EPOCH = 14  # with fewer, training on few images is slow to converge
# The messages of torch's CPU allocator, of CUDA itself, and of its libraries, which torch passes on.
_OUT_OF_MEMORY = (
    "can't allocate memory",
    "CUDA error: out of memory",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_ALLOC_FAILED",
)
_USABLE = 0.5  # share of the free memory that activations and their gradients may take


class RankOutOfMemory(AimicError):
    """One of several ranks ran out of memory: the next attempt can continue with smaller micro-batches.

    Attributes:
        micro_batch_size: for the next attempt.
    """

    usual_code = "memory"
    usual_retry = True

    def __init__(self, sentence: str, micro_batch_size: int) -> None:
        super().__init__(sentence)
        self.micro_batch_size = micro_batch_size


def automatic_batch_size(network: nn.Module, image_size: int, device: torch.device, train_images: int) -> int:
    """Return a power of two that gives enough steps an epoch and fits into the device's free memory with a margin.

    Args:
        network: on `device`, in training mode.
        train_images: of a fold.
    """
    largest = _LARGEST.get(device.type, 64)
    # Twice: each saved activation has a gradient, and layers need working memory.
    fits = int(_USABLE * _free_memory(device) / (2 * max(1, bytes_per_image(network, image_size, device))))
    size = max(2, min(fits, max(8, min(largest, train_images // _STEPS_AN_EPOCH))))
    return 1 << (size.bit_length() - 1)


def bytes_per_image(network: nn.Module, image_size: int, device: torch.device) -> int:
    """Return the memory that one image's activations take until their gradients are computed."""
    saved: dict[int, int] = {}

    def pack(tensor: Tensor) -> Tensor:
        saved[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    weights = {parameter.untyped_storage().data_ptr() for parameter in network.parameters()}
    buffers = {name: buffer.clone() for name, buffer in network.named_buffers()}
    images = torch.zeros(2, 3, image_size, image_size, device=device).contiguous(memory_format=torch.channels_last)
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        training_outputs(network, images)
    for name, buffer in network.named_buffers():  # batch norm has updated its statistics from the zeros
        buffer.copy_(buffers[name])
    return sum(size for pointer, size in saved.items() if pointer not in weights) // len(images)


def _free_memory(device: torch.device) -> int:
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    total, used = memory_bytes()
    return total - used


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether an error says that the device's or the machine's memory is exhausted."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in _OUT_OF_MEMORY)
