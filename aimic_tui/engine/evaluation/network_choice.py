"""What choosing between networks is worth: the figures of a procedure that chooses, on images that had no say in it.

The best of several networks, chosen by its test figures, is flattered by them. A procedure that chooses within each
fold without its test images, and is judged on these, is not (Varma and Simon 2006, BMC Bioinformatics 7, 91; Cawley and
Talbot 2010, Journal of Machine Learning Research 11, 2079). Two such procedures:

- `by_validation`: in each fold take the network that does best on the fold's validation part. It costs nothing: the
  trials are there. The same images chose each network's epoch, so the choice is noisy; the figure is honest all the
  same, since it is the procedure's own.
- `by_inner_folds`: in each fold take the network that does best over the inner folds of what the fold does not test.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from aimic_tui.engine.evaluation.metrics import LOWER_IS_BETTER, scores
from aimic_tui.engine.evaluation.run_predictions import (
    NetworkPredictions,
    RunPredictions,
    read_inner_predictions,
    read_validation_predictions,
)
from aimic_tui.engine.evaluation.run_results import FoldChoice, Selection

BEST_OF_MANY = (
    "The best of {networks} networks owes part of its lead to chance, as these images picked it: expect less on new "
    "ones."
)
"""Said beside a ranking of networks by their test figures; `networks` is how many were ranked."""


@dataclass(frozen=True, eq=False)
class Chosen:
    """What a procedure chose and what that says.

    Attributes:
        metric: what the networks were chosen by, one of `metrics.ALL_METRICS`.
        choices: one a fold, ascending; folds that no choice can be made in yet are left out.
        network: each fold's test predictions by the network it takes.
    """

    by: Selection
    metric: str
    choices: tuple[FoldChoice, ...]
    network: NetworkPredictions


def chosen_networks(run: Path, tested: RunPredictions) -> list[Chosen]:
    """Return what the procedures choose among a run's networks, as far as its trials have come; none for one network.

    In the published protocol, where test images choose the epochs, there is no honest figure to be had.

    Args:
        run: its folder.
        tested: what `read_run_predictions` returned for it.
    """
    names = [network.name for network in tested.networks]
    if len(tested.wanted) < 2 or set(names) != set(tested.wanted):
        return []
    if tested.protocol != "honest":
        return []
    procedures: dict[Selection, dict[int, dict[str, float]]] = {
        "validation part": by_validation(run, tested),
        "inner folds": by_inner_folds(run, tested),
    }
    found = []
    for by, values in procedures.items():
        choices = [_choice(tested, fold, of) for fold, of in sorted(values.items()) if set(of) == set(names)]
        network = _taken(tested.networks, {choice.fold: choice.network for choice in choices})
        if network is not None:
            done = set(network.folds_done)
            kept = tuple(choice for choice in choices if choice.fold in done)
            found.append(Chosen(by, tested.monitor, kept, network))
    return found


def by_validation(run: Path, tested: RunPredictions) -> dict[int, dict[str, float]]:
    """Return fold -> network -> the monitored figure on the fold's validation part, a mean over seeds."""
    found: dict[int, dict[str, float]] = {}
    for network in tested.networks:
        values: dict[int, list[float]] = {}
        for (fold, _), table in read_validation_predictions(run, tested, network).items():
            value = scores(table.labels, table.probabilities)[tested.monitor]
            values.setdefault(fold, []).extend([] if value is None else [value])
        for fold, of_seeds in values.items():
            if of_seeds:
                found.setdefault(fold, {})[network.name] = float(np.mean(of_seeds))
    return found


def by_inner_folds(run: Path, tested: RunPredictions) -> dict[int, dict[str, float]]:
    """Return fold -> network -> the monitored figure over the test images of all of the fold's inner folds together.

    A fold is left out for a network until all of its inner folds are tested.
    """
    found: dict[int, dict[str, float]] = {}
    for network in tested.networks:
        for fold, tables in read_inner_predictions(run, tested, network.name).items():
            if len(tables) < tested.split.inner_folds:
                continue
            labels = np.concatenate([table.labels for table in tables.values()])
            value = scores(labels, np.concatenate([table.probabilities for table in tables.values()]))[tested.monitor]
            if value is not None:
                found.setdefault(fold, {})[network.name] = value
    return found


def _choice(tested: RunPredictions, fold: int, values: Mapping[str, float]) -> FoldChoice:
    sign = -1 if tested.monitor in LOWER_IS_BETTER else 1
    best = max(values, key=lambda name: sign * values[name])
    return FoldChoice(fold, tested.split.repeat_of(fold), best, dict(values))


def _taken(networks: Sequence[NetworkPredictions], choice: Mapping[int, str]) -> NetworkPredictions | None:
    """Put each fold's predictions by its network together, for the images and sets that all networks have."""
    first = networks[0]
    sets = list(zip(first.repeats, first.seeds, strict=True))
    images = first.images
    for network in networks[1:]:
        sets = [key for key in sets if key in set(zip(network.repeats, network.seeds, strict=True))]
        images = images[np.isin(images, network.images)]
    aligned = {network.name: _aligned(network, sets, images) for network in networks}
    folds = aligned[first.name].folds
    kept = np.flatnonzero(np.isin(folds, list(choice)).all(axis=0))
    if not sets or not len(kept):
        return None
    probabilities = aligned[first.name].probabilities.copy()
    for fold, name in choice.items():
        here = folds == fold
        probabilities[here] = aligned[name].probabilities[here]
    return NetworkPredictions(
        "chosen",
        aligned[first.name].seeds,
        aligned[first.name].repeats,
        folds,
        images,
        aligned[first.name].labels,
        aligned[first.name].groups,
        probabilities,
        len(list(aligned[first.name].select(kept).trials())),
    ).select(kept)


def _aligned(network: NetworkPredictions, sets: Sequence[tuple[int, int]], images: np.ndarray) -> NetworkPredictions:
    places = list(zip(network.repeats, network.seeds, strict=True))
    order = np.argsort(network.images)
    rows = order[np.searchsorted(network.images, images, sorter=order)]
    return network.select(rows, sets=[places.index(key) for key in sets])
