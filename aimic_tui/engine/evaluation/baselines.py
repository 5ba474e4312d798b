"""The baselines of a run, evaluated by its own split: the same folds, test images and intervals as its networks.

The majority class needs labels alone and is always there. The others were predicted from the images, by
`runs/make_baselines.py`, and lie as tables in the run's folder, so that figures can be recomputed without any image.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aimic_tui.engine.data.data_set import Part
from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.evaluation.baseline import BASELINES, AbsentBaseline, Baseline, BaselineName
from aimic_tui.engine.evaluation.baseline_record import read_baseline_record
from aimic_tui.engine.evaluation.interval import Interval
from aimic_tui.engine.evaluation.interval_limits import mean_limits
from aimic_tui.engine.evaluation.intervals import MEANS_OF_SHARES, BootstrapFigures, paired_difference
from aimic_tui.engine.evaluation.metrics import Floats
from aimic_tui.engine.evaluation.run_predictions import NetworkPredictions, RunPredictions, put_together, table_rows
from aimic_tui.engine.run_folder import RunFolder

_NOT_MADE = "Made from the images when the run ends; of an earlier run by `aimic results RUN --baselines`."


@dataclass(frozen=True, eq=False)
class BaselinePredictions:
    """What the baselines of a run predict.

    Attributes:
        found: each with the network whose features it rests on ("" for none), in the order of `BASELINES`.
        absent: the others.
    """

    found: tuple[tuple[BaselineName, str, NetworkPredictions], ...]
    absent: tuple[AbsentBaseline, ...]


def baseline_predictions(run: Path, tested: RunPredictions) -> BaselinePredictions:
    """Return the baselines' predictions for the folds that some network has tested; none where none has."""
    folds = sorted({fold for network in tested.networks for fold in network.folds_done})
    if not folds:
        return BaselinePredictions((), ())
    folder = RunFolder(run)
    record = read_baseline_record(folder.baseline_record)
    found: list[tuple[BaselineName, str, NetworkPredictions]] = [
        ("majority_class", "", majority_class(tested, folds)),
    ]
    absent: list[AbsentBaseline] = []
    missing = {} if record is None else {item.name: item for item in record.missing}
    for name in BASELINES[1:]:
        if record is not None and name in record.made:
            try:
                found.append((name, record.made[name], _stored(folder, name, tested, folds)))
            except InputProblem as problem:
                absent.append(AbsentBaseline(name, "damaged", problem.sentence))
        elif name in missing:
            absent.append(AbsentBaseline(name, missing[name].reason, missing[name].sentence))
        else:
            absent.append(AbsentBaseline(name, "not-made", _NOT_MADE))
    return BaselinePredictions(tuple(found), tuple(absent))


def majority_class(tested: RunPredictions, folds: Sequence[int]) -> NetworkPredictions:
    """Predict, for all test images of a fold, the shares of the classes among its training images.

    The predicted class is then the majority class of the training part, and log loss and Brier score are those of
    knowing no more than how frequent the classes are.
    """
    classes = len(tested.classes)

    def rows(fold: int, seed: int, part: NDArray[np.int64]) -> Floats:
        counts = np.bincount(tested.data.labels[tested.split.indices(fold, Part.TRAIN)], minlength=classes)
        return np.tile(counts / max(1, counts.sum()), (len(part), 1))

    return put_together("majority_class", {(fold, 0) for fold in folds}, rows, tested.data, tested.split)


def _stored(folder: RunFolder, name: BaselineName, tested: RunPredictions, folds: Sequence[int]) -> NetworkPredictions:
    positions = {image: position for position, image in enumerate(tested.data.images)}

    def rows(fold: int, seed: int, part: NDArray[np.int64]) -> Floats:
        return table_rows(folder.baseline_table(name, fold), part, positions, tested.classes)

    return put_together(name, {(fold, 0) for fold in folds}, rows, tested.data, tested.split)


def evaluate_baselines(
    predictions: BaselinePredictions,
    networks: Sequence[NetworkPredictions],
    evaluate: Callable[[NetworkPredictions], BootstrapFigures],
    on_both: Callable[[NetworkPredictions, NetworkPredictions], tuple[BootstrapFigures, BootstrapFigures]],
) -> Iterator[Baseline]:
    """Evaluate baselines by the ways of the run: yields them in the order of `BASELINES`.

    Args:
        networks: to compare each of them with.
        evaluate: returns figures with intervals.
        on_both: returns the figures of two of them on the images that both tested.
    """
    for name, detail, of in predictions.found:
        figures = evaluate(of)
        both = {network.name: on_both(network, of) for network in networks}
        if name == "majority_class":
            areas = _areas_of_chance(of)
            figures = _of_a_rule(figures, of)
            pooled = {**figures.overall, **{metric: Interval(area) for metric, area in areas.items()}}
            found = {
                network: {**paired_difference(its, _of_a_rule(rule, of)), **_above(areas, its.overall)}
                for network, (its, rule) in both.items()
            }
        else:
            pooled = figures.overall
            found = {network: paired_difference(*of_both) for network, of_both in both.items()}
        yield Baseline(name, detail, len(of.images), figures.groups, pooled, found)


def _of_a_rule(figures: BootstrapFigures, of: NetworkPredictions) -> BootstrapFigures:
    """Return the majority class's figures without doubt of what it answers: it doesn't look at the images.

    A network that never answered with some class may do so on new images, so that the class's F1 of 0 has an upper
    limit. That of a rule which can't answer so is 0 whatever the images, as the recall of its only answer is 1.
    """
    table = of.probabilities[0]
    answers = np.unique(table[~np.isnan(table).any(axis=1)].argmax(axis=1))
    never = dict.fromkeys(("precision", "recall", "f1"), Interval(0.0, 0.0, 0.0))
    always = {"recall": Interval(1.0, 1.0, 1.0)} if len(answers) == 1 else {}
    classes = tuple({**row, **(always if code in answers else never)} for code, row in enumerate(figures.classes))
    overall = dict(figures.overall)
    for name, of_class in MEANS_OF_SHARES.items():
        if overall[name].low is not None:
            present = [row for row, groups in zip(classes, figures.groups_with, strict=True) if groups]
            overall[name] = mean_limits([row[of_class] for row in present])
    return replace(figures, overall=overall, classes=classes)


def _areas_of_chance(of: NetworkPredictions) -> dict[str, float]:
    """Return the areas of scores that are equal for all images of a fold: they rank nothing.

    Ties count half in an AUROC; the average precision is then the class's share, whose mean over the classes is one
    over their number. The shares differ a little from fold to fold, which ranks the folds' images the wrong way round
    where folds are pooled: a fold with more test images of a class has fewer of them to train on.
    """
    return {"auroc": 0.5, "average_precision": 1 / len(np.unique(of.labels))}


def _above(areas: Mapping[str, float], figures: Mapping[str, Interval]) -> dict[str, Interval]:
    """Return a network's figures minus constants."""
    found = {}
    for metric, area in areas.items():
        ends = (figures[metric].value, figures[metric].low, figures[metric].high)
        found[metric] = Interval(*(None if end is None else end - area for end in ends))
    return found
