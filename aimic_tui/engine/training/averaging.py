"""A moving average of the weights: steadier than those of the last step, and often better on new images.

After Polyak and Juditsky (1992), "Acceleration of stochastic approximation by averaging"; exponential as in Tarvainen
and Valpola (2017), "Mean teachers are better role models".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn

_STATISTICS = ("running_mean", "running_var")


class AveragedWeights:
    """The exponential moving average of a network's weights.

    It covers the parameters that are trainable when it is made, and the running means and variances of the batch norms
    among them, which belong to the activations of those weights. Everything else, counters and constants, stays the
    network's own.

    Args:
        network: on its device.
        decay: the weight of the previous average in each update, once the average is warm.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self._decay = decay
        self._live = dict(_averaged_tensors(network))
        self._averages = {name: tensor.detach().clone() for name, tensor in self._live.items()}

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Add the weights after `step` (from 0, since the average began).

        The decay rises as (1 + step) / (10 + step), as in TensorFlow's ExponentialMovingAverage: the average of a
        short training spans its last tenth, and never its random beginning.
        """
        decay = min(self._decay, (1 + step) / (10 + step))
        torch._foreach_lerp_(list(self._averages.values()), list(self._live.values()), 1 - decay)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Put the averages into the network while the context lasts, for evaluation or saving."""
        own = [tensor.detach().clone() for tensor in self._live.values()]
        self._put(list(self._averages.values()))
        try:
            yield
        finally:
            self._put(own)

    def state_dict(self) -> dict[str, Tensor]:
        """Return the averages by the names of the network's tensors."""
        return dict(self._averages)

    @torch.no_grad()
    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Restore what `state_dict` returned."""
        for name, average in self._averages.items():
            average.copy_(state[name])

    @torch.no_grad()
    def _put(self, values: list[Tensor]) -> None:
        for tensor, value in zip(self._live.values(), values, strict=True):
            tensor.copy_(value)


def _averaged_tensors(network: nn.Module) -> Iterator[tuple[str, Tensor]]:
    for name, parameter in network.named_parameters():
        if parameter.requires_grad:
            yield name, parameter
    for prefix, module in network.named_modules():
        own = list(module.parameters(recurse=False))
        if own and not any(parameter.requires_grad for parameter in own):
            continue
        for name, buffer in module.named_buffers(recurse=False):
            if name in _STATISTICS:
                yield f"{prefix}.{name}" if prefix else name, buffer
