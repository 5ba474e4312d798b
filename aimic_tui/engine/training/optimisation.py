"""The optimiser: its phases, parameter groups and learning-rate schedule."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import nn

from aimic_tui.engine.experiment import Trainable, TrainingSettings
from aimic_tui.engine.models.build import head_parameters

# In the second phase of gradual training the learning rate of the first layers is this share of the classifier's: their
# features are the most general ones, and there are few images to learn them from.
_SLOWEST = 0.1
_HEAD_RATE = 10.0
_BANDS = 8  # of layers with the same rate, from the first to the last
_WARMUP_SHARE = 0.2  # of the training, at most
_ONE_CYCLE_RISE, _ONE_CYCLE_START, _ONE_CYCLE_END = 0.3, 1 / 25, 1e-4  # Smith and Topin 2017, as in OneCycleLR


@dataclass(frozen=True)
class Phase:
    """Epochs `first` to `last` (from 1, both included) in which the same layers are trained.

    Attributes:
        layers: "head" is the classifier's last layer alone, on the frozen network's features.
        rate: factor on the learning rate. A classifier alone has no pre-trained weights to damage, so it is ten times
            as high.
        layerwise: earlier layers have lower learning rates than later ones.
    """

    first: int
    last: int
    layers: Literal["all", "head"]
    rate: float = 1.0
    layerwise: bool = False


def phases(trainable: Trainable, epochs: int) -> tuple[Phase, ...]:
    """Return which layers are trained in which epochs, for `model.trainable` and `training.epochs`."""
    if trainable == "head":
        return (Phase(1, epochs, "head", _HEAD_RATE),)
    if trainable == "gradual" and epochs > 1:
        head = max(1, min(10, epochs // 4))
        return Phase(1, head, "head", _HEAD_RATE), Phase(head + 1, epochs, "all", layerwise=True)
    return (Phase(1, epochs, "all"),)


@torch.no_grad()
def zero_classifier(network: nn.Module) -> None:
    """Start a new classifier with equal probabilities for all classes (Kolesnikov et al. 2020, "Big Transfer").

    Some networks initialise it with a variance made for 1000 classes. With few classes its first gradients are then so
    large that they damage the pre-trained layers.
    """
    for parameter in head_parameters(network):
        parameter.zero_()


def parameter_groups(network: nn.Module, weight_decay: float, *, layerwise: bool) -> list[dict[str, Any]]:
    """Return the trainable parameters, grouped by weight decay and learning rate.

    Norms, biases and what the network itself exempts (position embeddings) get no weight decay. Each group has a
    `rate`, the factor on the learning rate: 1, or where `layerwise`, from 0.1 for the first layers to 1 for the last.
    """
    own_exemptions: Callable[[], set[str]] | None = getattr(network, "no_weight_decay", None)  # timm's networks
    exempt = own_exemptions() if own_exemptions else set()
    head = {id(parameter) for parameter in head_parameters(network)}
    named = [(name, parameter) for name, parameter in network.named_parameters() if parameter.requires_grad]
    groups: defaultdict[tuple[float, float], list[nn.Parameter]] = defaultdict(list)
    for index, (name, parameter) in enumerate(named):
        decay = 0.0 if parameter.ndim <= 1 or name.endswith(".bias") or name in exempt else weight_decay
        band = _BANDS if id(parameter) in head else index * _BANDS // len(named)
        rate = _SLOWEST ** (1 - band / _BANDS) if layerwise else 1.0
        groups[decay, rate].append(parameter)
    return [{"params": parameters, "weight_decay": decay, "rate": rate} for (decay, rate), parameters in groups.items()]


def make_optimizer(settings: TrainingSettings, network: nn.Module, *, layerwise: bool) -> torch.optim.Optimizer:
    """Make the optimiser that `training.optimizer` names, over the trainable parameters.

    Rprop has no weight decay. L-BFGS (with strong-Wolfe line search, four iterations a step) has neither weight decay
    nor groups; they are ignored.
    """
    rate = settings.learning_rate
    groups = parameter_groups(network, settings.weight_decay, layerwise=layerwise)
    if settings.optimizer == "lbfgs":
        parameters = [parameter for group in groups for parameter in group["params"]]
        return torch.optim.LBFGS(
            parameters, lr=rate, max_iter=4, max_eval=8, history_size=10, line_search_fn="strong_wolfe"
        )
    make, options = _OPTIMIZERS[settings.optimizer]
    if settings.optimizer == "rprop":
        groups = [{key: value for key, value in group.items() if key != "weight_decay"} for group in groups]
    if settings.optimizer in ("sgd", "rmsprop"):
        options = options | {"momentum": settings.momentum}
    if settings.optimizer == "sgd":
        options = options | {"nesterov": settings.momentum > 0}
    return make(groups, lr=rate, **options)


_OPTIMIZERS: dict[str, tuple[Callable[..., torch.optim.Optimizer], dict[str, Any]]] = {
    "adamw": (torch.optim.AdamW, {"fused": True}),
    "adam": (torch.optim.Adam, {"fused": True}),
    "adamax": (torch.optim.Adamax, {}),
    "rmsprop": (torch.optim.RMSprop, {}),
    "rprop": (torch.optim.Rprop, {}),
    "adadelta": (torch.optim.Adadelta, {}),
    "adagrad": (torch.optim.Adagrad, {}),
    "sgd": (torch.optim.SGD, {"fused": True}),
}


class Schedule:
    """The factor on the learning rate at each step of a phase.

    A function of the step alone, except for `plateau`, which also depends on the values given to `observe`.

    Args:
        settings: schedule, warmup, decay, decay_every.
        epochs: of the phase.
        steps: per epoch.
        lower_is_better: for the values given to `observe`.
    """

    def __init__(self, settings: TrainingSettings, epochs: int, steps: int, *, lower_is_better: bool) -> None:
        self._settings = settings
        self._steps = steps
        self._total = max(1, epochs * steps)
        self._warmup = min(settings.warmup * steps, _WARMUP_SHARE * self._total)
        self._sign = -1.0 if lower_is_better else 1.0
        self._plateaus, self._epochs_without_gain, self._best = 0, 0, -math.inf

    @property
    def warmup_epochs(self) -> float:
        """The number of epochs until the factor is 1."""
        rise = _ONE_CYCLE_RISE * self._total if self._settings.schedule == "one-cycle" else self._warmup
        return rise / self._steps

    def factor(self, step: int) -> float:
        """Return the factor, within 0 to 1, for `step` (from 0, over the whole phase)."""
        if self._settings.schedule == "one-cycle":
            return _one_cycle(step / self._total)
        if step < self._warmup:
            return (step + 1) / (self._warmup + 1)
        if self._settings.schedule == "cosine":
            share = (step - self._warmup) / max(1.0, self._total - self._warmup)
            return 0.5 * (1 + math.cos(math.pi * share))
        epoch = step // self._steps
        decays = {"step": epoch // self._settings.decay_every, "exponential": epoch, "plateau": self._plateaus}
        return self._settings.decay ** decays.get(self._settings.schedule, 0)

    def observe(self, value: float) -> None:
        """Record an epoch's monitored value; `plateau` lowers the rate after `decay_every` epochs without a gain."""
        if self._sign * value > self._best:
            self._best, self._epochs_without_gain = self._sign * value, 0
            return
        self._epochs_without_gain += 1
        if self._epochs_without_gain >= self._settings.decay_every:
            self._plateaus, self._epochs_without_gain = self._plateaus + 1, 0

    def state_dict(self) -> dict[str, float]:
        """Return what a checkpoint stores."""
        return {"plateaus": self._plateaus, "since_gain": self._epochs_without_gain, "best": self._best}

    def load_state_dict(self, state: dict[str, float]) -> None:
        """Restore what `state_dict` returned."""
        self._plateaus, self._epochs_without_gain = int(state["plateaus"]), int(state["since_gain"])
        self._best = state["best"]


def _one_cycle(share: float) -> float:
    if share < _ONE_CYCLE_RISE:
        start, end, share = _ONE_CYCLE_START, 1.0, share / _ONE_CYCLE_RISE
    else:
        start, end, share = 1.0, _ONE_CYCLE_END, (share - _ONE_CYCLE_RISE) / (1 - _ONE_CYCLE_RISE)
    return end + (start - end) * 0.5 * (1 + math.cos(math.pi * share))


def set_learning_rate(groups: Sequence[dict[str, Any]], rate: float) -> None:
    """Set the learning rate of each group, multiplied by its factor."""
    for group in groups:
        group["lr"] = rate * group.get("rate", 1.0)
