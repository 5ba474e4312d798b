"""The network that a trial begins with: its layers drawn by the trial's seed, then its first weights."""

from __future__ import annotations

import torch
from torch import nn

from aimic_tui.engine.models.build import build_network
from aimic_tui.engine.models.catalogue import NetworkInfo
from aimic_tui.engine.models.weights import WeightsReport, load_initial_weights
from aimic_tui.engine.training.optimisation import start_classifier_at_zero
from aimic_tui.engine.training.randomness import Stream, seed_for
from aimic_tui.engine.training.task import TrialTask


def initialised_network(task: TrialTask, info: NetworkInfo, image_size: int) -> nn.Module:
    """Return a trial's network with weights drawn by its seed, on the CPU.

    Raises:
        UsageProblem: it can't be had at this size.
    """
    torch.manual_seed(seed_for(Stream.WEIGHTS, task.seed))
    return build_network(info.name, len(task.data_set.classes), image_size)


def load_first_weights(network: nn.Module, task: TrialTask, info: NetworkInfo) -> WeightsReport:
    """Give a network the weights that `model.weights` names; a classifier without any begins at zero.

    Raises:
        InputProblem: they can't be used.
    """
    report = load_initial_weights(network, task.experiment.model.weights, info, classes=task.data_set.classes)
    if report.replaced or not report.loaded:
        start_classifier_at_zero(network)
    return report
