"""What a network answered about each test image of a run, with where the image lies and which data set it is of."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aimic_tui.engine.data.listing.data_source import DataSource
from aimic_tui.engine.data.reading.input_rule import AS_STORED, InputRule, rule_from_table
from aimic_tui.engine.evaluation.run_predictions import RunPredictions

_LEAST = 1e-12  # a probability of 0 would make the loss infinite


@dataclass(frozen=True, eq=False)
class ImageAnswers:
    """The answers on the test images of the folds that are done; `n` rows, one for each image, repeat and seed.

    Attributes:
        images: `n` names.
        paths: `n` files.
        groups: `n` names.
        folds: int [n], from 1.
        labels, predicted: int32 [n], codes into `classes`; predicted is -1 where the image could not be classified.
        probabilities: float64 [n, classes]; NaN where the image could not be classified.
        choice: the data set that the images are of.
        rule: which stored values the networks saw in which colour.
    """

    images: tuple[str, ...]
    paths: tuple[Path, ...]
    groups: tuple[str, ...]
    folds: NDArray[np.int64]
    labels: NDArray[np.int32]
    predicted: NDArray[np.int32]
    probabilities: NDArray[np.float64]
    classes: tuple[str, ...]
    choice: DataSource
    rule: InputRule = AS_STORED

    @property
    def confidence(self) -> NDArray[np.float64]:
        """float64 [n]: the probability of the predicted class."""
        confidence: NDArray[np.float64] = np.nan_to_num(self.probabilities).max(axis=1, initial=0.0)
        return confidence

    @property
    def wrong(self) -> NDArray[np.bool_]:
        """bool [n]: classified, and not as the image's label says."""
        wrong: NDArray[np.bool_] = (self.predicted >= 0) & (self.predicted != self.labels)
        return wrong

    @property
    def loss(self) -> NDArray[np.float64]:
        """float64 [n]: -ln of the label's probability, at most 27.6; NaN where the image could not be classified."""
        of_label = self.probabilities[np.arange(len(self.labels)), self.labels]
        loss: NDArray[np.float64] = -np.log(np.maximum(of_label, _LEAST))
        return loss

    def in_cell(self, label: int, predicted: int) -> NDArray[np.intp]:
        """Return the rows behind one cell of the confusion matrix, the surest answer first."""
        rows = np.flatnonzero((self.labels == label) & (self.predicted == predicted))
        ordered: NDArray[np.intp] = rows[np.argsort(-self.confidence[rows], kind="stable")]
        return ordered


def answers_of(tested: RunPredictions, network: str) -> ImageAnswers:
    """Return a network's answers, by fold and then by seed; none where it has not tested any fold."""
    data = tested.data
    found = next((one for one in tested.networks if one.name == network), None)
    trials = list(found.trials()) if found is not None else []
    rows, folds, tables = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)], [np.zeros((0, len(data.classes)))]
    for trial in trials:
        assert found is not None
        rows.append(found.images[trial.images])
        folds.append(np.full(len(rows[-1]), trial.fold))
        tables.append(np.asarray(found.probabilities[trial.set_index, trial.images], np.float64))
    images, probabilities = np.concatenate(rows), np.concatenate(tables)
    known = ~np.isnan(probabilities).any(axis=1)
    table = tested.experiment.get("data", {})
    return ImageAnswers(
        images=tuple(data.images[image] for image in images),
        paths=tuple(data.path(image) for image in images),
        groups=tuple(data.group_names[data.groups[image]] for image in images),
        folds=np.concatenate(folds),
        labels=data.labels[images],
        predicted=np.where(known, np.nan_to_num(probabilities).argmax(axis=1), -1).astype(np.int32),
        probabilities=probabilities,
        classes=data.classes,
        choice=DataSource.from_table(str(data.place_of(Path(str(table.get("path", ""))))), table),
        rule=rule_from_table(table) if table else AS_STORED,
    )
