"""Images whose label is probably wrong, judging by networks that were not trained on them.

Confident learning (Northcutt, Jiang and Chuang, J. Artif. Intell. Res. 70, 2021): a class's threshold is the mean
probability that its own images get; an image that reaches the threshold of another class, and prefers it to its
label, counts as mislabelled. A network that is unsure of a class in general thus doubts few of its images.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aimic_tui.engine.evaluation.run_predictions import RunPredictions
from aimic_tui.engine.text import plural


@dataclass(frozen=True)
class LabelSuspect:
    """An image that the networks predict to be of another class.

    Attributes:
        image: its name.
        label: its class in the data set.
        opinion: the class that the networks predict.
        of_label, of_opinion: the probabilities of both, 0 to 1, means over all that tested the image.
    """

    image: str
    label: str
    opinion: str
    of_label: float
    of_opinion: float

    @property
    def sentence(self) -> str:
        """The doubt in words that follow the image's name."""
        return (
            f"is labelled {self.label}; networks not trained on it predict {self.opinion} "
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
    doubtful = np.flatnonzero((reached[each, opinions] >= 0) & (opinions != labels) & (of_opinion > of_label))
    ranked = doubtful[np.argsort(of_label[doubtful] - of_opinion[doubtful], kind="stable")]
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


def trials_without_say(tested: RunPredictions) -> str:
    """Say how many trials `label_errors_of_run` leaves out, as they predict a single class; "" where it takes all."""
    count = sum(network.only_class(trial) is not None for network in tested.networks for trial in network.trials())
    verbs = "predicts a single class and has" if count == 1 else "predict a single class and have"
    return f"{plural(count, 'trial')} {verbs} no say about labels." if count else ""


def label_errors_of_run(tested: RunPredictions, names: Sequence[str], labels: Sequence[str]) -> list[LabelSuspect]:
    """Return the likely label errors among images of a data set that a run has tested.

    Args:
        tested: the run's predictions; all networks, seeds and repeats that tested an image are averaged, but for
            trials that predict one class for all images: these have learned nothing that could doubt a label.
        names: of the data set's images as it is now; those that the run has not tested are left out.
        labels: their classes now, which may have been corrected since.
    """
    data = tested.data
    total = np.zeros((len(data), len(data.classes)))
    count = np.zeros(len(data))
    for network in tested.networks:
        for trial in network.trials():
            if network.only_class(trial) is not None:
                continue
            probabilities = network.probabilities[trial.set_index]
            known = trial.images & ~np.isnan(probabilities).any(axis=1)
            np.add.at(total, network.images[known], probabilities[known])
            np.add.at(count, network.images[known], 1)
    positions = {name: position for position, name in enumerate(data.images)}
    codes = {name: code for code, name in enumerate(data.classes)}
    here = [
        (positions[name], codes[label])
        for name, label in zip(names, labels, strict=True)
        if label in codes and count[positions.get(name, 0)] and name in positions
    ]
    rows = np.array([position for position, _ in here], np.intp)
    current = np.array([code for _, code in here], np.intp)
    if not len(rows):
        return []
    means = total[rows] / count[rows, None]
    return likely_label_errors([data.images[row] for row in rows], current, means, data.classes)
