"""Images whose label is probably wrong, by what networks say that have not seen them in training.

Confident learning (Northcutt, Jiang and Chuang, J. Artif. Intell. Res. 70, 2021): a class's threshold is the mean
probability that its own images get; an image that reaches the threshold of another class, and prefers it to its
label, counts as mislabelled. A network that is unsure of a class in general thus accuses few of its images.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aimic_tui.engine.evaluation.tested_run import TestedRun


@dataclass(frozen=True)
class LabelSuspect:
    """An image that the networks take for another class.

    Attributes:
        image: its name.
        label: what it is called.
        opinion: what the networks take it for.
        of_label, of_opinion: the probabilities of both, 0 to 1, means over all that tested the image.
    """

    image: str
    label: str
    opinion: str
    of_label: float
    of_opinion: float

    @property
    def sentence(self) -> str:
        """What the networks think, beginning after the image's name."""
        return (
            f"is labelled {self.label}; networks that have not seen it say {self.opinion} "
            f"({self.of_opinion:.2f}, {self.label} {self.of_label:.2f})"
        )


def likely_label_errors(
    images: Sequence[str], labels: NDArray[np.integer], probabilities: NDArray[np.float64], classes: Sequence[str]
) -> list[LabelSuspect]:
    """Return the images whose label is probably wrong, the surest first.

    Args:
        images: n names.
        labels: [n], codes into `classes`.
        probabilities: float [n, c], out of fold: of networks that were not trained on the image. NaN rows are left out.
        classes: c names.
    """
    known = np.flatnonzero(~np.isnan(probabilities).any(axis=1))
    labels, probabilities = labels[known], probabilities[known]
    thresholds = np.full(len(classes), np.inf)  # of a class without images: never reached
    for label in np.unique(labels):
        thresholds[label] = probabilities[labels == label, label].mean()
    reached = np.where(probabilities >= thresholds, probabilities, -1.0)
    opinions = reached.argmax(axis=1)
    each = np.arange(len(known))
    of_label, of_opinion = probabilities[each, labels], probabilities[each, opinions]
    accused = np.flatnonzero((reached[each, opinions] >= 0) & (opinions != labels) & (of_opinion > of_label))
    ranked = accused[np.argsort(of_label[accused] - of_opinion[accused], kind="stable")]
    return [
        LabelSuspect(
            images[known[at]],
            classes[labels[at]],
            classes[opinions[at]],
            float(of_label[at]),
            float(of_opinion[at]),
        )
        for at in ranked
    ]


def label_errors_of_run(tested: TestedRun, names: Sequence[str], labels: Sequence[str]) -> list[LabelSuspect]:
    """Return the likely label errors among images of a data set that a run has tested.

    Args:
        tested: the run's predictions; all networks, seeds and repeats that tested an image are averaged.
        names: of the data set's images as it is now; those that the run has not tested are left out.
        labels: their classes now, which may have been corrected since.
    """
    data = tested.data
    total = np.zeros((len(data), len(data.classes)))
    count = np.zeros(len(data))
    for network in tested.networks:
        for probabilities in network.probabilities:
            said = ~np.isnan(probabilities).any(axis=1)
            np.add.at(total, network.images[said], probabilities[said])
            np.add.at(count, network.images[said], 1)
    positions = {name: position for position, name in enumerate(data.images)}
    codes = {name: code for code, name in enumerate(data.classes)}
    here = [
        (positions[name], codes[label])
        for name, label in zip(names, labels, strict=True)
        if label in codes and count[positions.get(name, 0)] and name in positions
    ]
    places = np.array([place for place, _ in here], np.intp)
    now = np.array([code for _, code in here], np.intp)
    if not len(places):
        return []
    means = total[places] / count[places, None]
    return likely_label_errors([data.images[place] for place in places], now, means, data.classes)
