"""The network that a trial starts with: random weights by the trial's seed, then its initial weights."""

from __future__ import annotations

import torch
from torch import nn

from aimic_tui.engine.models.build import build_network
from aimic_tui.engine.models.catalogue import NetworkInfo
from aimic_tui.engine.models.weights import WeightsReport, load_initial_weights
from aimic_tui.engine.training.optimisation import zero_classifier
from aimic_tui.engine.training.randomness import Stream, seed_for
from aimic_tui.engine.training.task import TrialTask


def initialised_network(task: TrialTask, info: NetworkInfo, image_size: int) -> nn.Module:
    """Return a trial's network with random weights by its seed, on the CPU.

    Raises:
        UsageProblem: it can't be built for this image size.
    """
    torch.manual_seed(seed_for(Stream.WEIGHTS, task.seed))
    return build_network(info.name, len(task.data_set.classes), image_size)


def initialise_weights(network: nn.Module, task: TrialTask, info: NetworkInfo) -> WeightsReport:
    """Load the weights that `model.weights` names into a network; a classifier without any starts at zero.

    Raises:
        InputProblem: they can't be used.
    """
    report = load_initial_weights(network, task.experiment.model.weights, info, classes=task.data_set.classes)
    if report.replaced or not report.loaded:
        zero_classifier(network)
    return report
