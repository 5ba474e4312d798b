"""How many images fit: the batch size to begin with, and what to do when memory runs out later."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from aimic_tui.engine.errors import AimicError
from aimic_tui.engine.machine.quotas import memory_bytes
from aimic_tui.engine.models.build import training_outputs

_LARGEST = {"cpu": 64, "cuda": 256}
_STEPS_AN_EPOCH = 14  # fewer steps than this an epoch learn slowly from few images
# Of torch's allocator on the processor, of CUDA itself, and of its libraries, which torch hands on as they are.
_OUT_OF_MEMORY = (
    "can't allocate memory",
    "CUDA error: out of memory",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_ALLOC_FAILED",
)
_ROOM = 0.5  # share of the free memory that activations and their gradients may take


class MemoryShort(AimicError):
    """A device that trains with others ran out of memory: the trial's next start can go on with less.

    Attributes:
        micro_batch_size: images at once to go on with.
    """

    usual_code = "memory"
    usual_retry = True

    def __init__(self, sentence: str, micro_batch_size: int) -> None:
        super().__init__(sentence)
        self.micro_batch_size = micro_batch_size


def automatic_batch_size(network: nn.Module, image_size: int, device: torch.device, train_images: int) -> int:
    """Return a power of two: enough steps an epoch, no more than the device's memory holds with room.

    Args:
        network: on `device`, in training mode.
        train_images: of a fold.
    """
    largest = _LARGEST.get(device.type, 64)
    # A gradient for each kept activation, and what the layers work with.
    fits = int(_ROOM * _free_memory(device) / (2 * max(1, bytes_per_image(network, image_size, device))))
    wanted = max(2, min(fits, max(8, min(largest, train_images // _STEPS_AN_EPOCH))))
    return 1 << (wanted.bit_length() - 1)


def bytes_per_image(network: nn.Module, image_size: int, device: torch.device) -> int:
    """Return the memory that one image's activations take until their gradients are computed."""
    kept: dict[int, int] = {}

    def pack(tensor: Tensor) -> Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    weights = {parameter.untyped_storage().data_ptr() for parameter in network.parameters()}
    buffers = {name: buffer.clone() for name, buffer in network.named_buffers()}
    images = torch.zeros(2, 3, image_size, image_size, device=device).contiguous(memory_format=torch.channels_last)
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        training_outputs(network, images)
    for name, buffer in network.named_buffers():  # batch norm learned from the zeros
        buffer.copy_(buffers[name])
    return sum(size for place, size in kept.items() if place not in weights) // len(images)


def _free_memory(device: torch.device) -> int:
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    total, used = memory_bytes()
    return total - used


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether an error says that the device's or the machine's memory ran out."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in _OUT_OF_MEMORY)
