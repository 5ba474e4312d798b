"""What all networks of a run say together about each test image: their mean answers, how far these are apart, and
whose label they doubt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aimic_tui.engine.evaluation.label_errors import LabelSuspect, label_errors_of_run
from aimic_tui.engine.evaluation.run_predictions import NetworkPredictions, RunPredictions


@dataclass(frozen=True, eq=False)
class Opinions:
    """The answers of all networks, seeds and repeats of a run about its test images.

    Attributes:
        most_answers: how many answers an image has at most.
        disagreement: image -> 0 (all answers are the same) to 1; images with one answer are left out.
        suspects: image -> why its label is probably wrong, the surest first.
        means: network -> image -> its mean probabilities over seeds and repeats, float64 [classes].
    """

    most_answers: int
    disagreement: Mapping[str, float]
    suspects: Mapping[str, LabelSuspect]
    means: Mapping[str, Mapping[str, NDArray[np.float64]]]


def opinions_of(tested: RunPredictions) -> Opinions:
    """Put the answers of all networks, seeds and repeats together.

    The disagreement of k answers is their Jensen-Shannon divergence (Lin 1991), H(mean) - mean(H) with H the entropy,
    divided by the largest that k answers about c classes can have, ln min(k, c).
    """
    data = tested.data
    count = np.zeros(len(data))
    total, entropies = np.zeros((len(data), len(data.classes))), np.zeros(len(data))
    for network in tested.networks:
        for table in network.probabilities:
            known = ~np.isnan(table).any(axis=1)
            rows = network.images[known]
            total[rows] += table[known]
            entropies[rows] += _entropy(table[known])
            count[rows] += 1
    several = np.flatnonzero(count > 1)
    mean = total[several] / count[several, None]
    largest = np.log(np.minimum(count[several], len(data.classes)))
    divergence = _entropy(mean) - entropies[several] / count[several]
    disagreement = np.clip(divergence / largest, 0.0, 1.0)
    labels = [data.classes[label] for label in data.labels]
    return Opinions(
        int(count.max(initial=0)),
        {data.images[row]: float(value) for row, value in zip(several, disagreement, strict=True)},
        {suspect.image: suspect for suspect in label_errors_of_run(tested, data.images, labels)},
        {network.name: _mean_answers(network, data.images) for network in tested.networks},
    )


def _mean_answers(network: NetworkPredictions, names: Sequence[str]) -> dict[str, NDArray[np.float64]]:
    known = np.asarray(~np.isnan(network.probabilities).any(axis=2))  # [sets, n]
    answered = known.any(axis=0)
    total = np.where(known[:, :, None], network.probabilities, 0.0).sum(axis=0)[answered]
    means = total / known.sum(axis=0)[answered, None]
    return {names[image]: mean for image, mean in zip(network.images[answered], means, strict=True)}


def _entropy(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    entropy: NDArray[np.float64] = -(probabilities * np.log(np.maximum(probabilities, 1e-300))).sum(axis=1)
    return entropy
