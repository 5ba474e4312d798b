"""Networks that predict one class for every image: said wherever their figures are shown, which don't show it.

A fold whose model says one class has no sensitivity for the others, and its macro F1 is low. Pooled over folds that say
different classes each, every class is predicted somewhere, and the figures look like those of a poor network that
distinguishes a little.
"""

from __future__ import annotations

from aimic_tui.engine.evaluation.run_results import NetworkResults
from aimic_tui.engine.formatting.numbers import number
from aimic_tui.engine.text import plural


def learned_nothing(name: str, network: NetworkResults) -> tuple[str, ...]:
    """Say that a network predicts a single class, in all of its folds or in some; empty where it does in none.

    A further sentence warns where the pooled macro F1 exceeds that of every fold.
    """
    return tuple(filter(None, (_of_single_classes(name, network), _of_pooling(name, network))))


def _of_single_classes(name: str, network: NetworkResults) -> str:
    silent = [fold for fold in network.folds if fold.only_class is not None]
    if not silent:
        return ""
    classes = {fold.only_class for fold in silent}
    if len(silent) == len(network.folds):
        if len(classes) == 1:
            return f"{name} predicts {silent[0].only_class} for every image: it has learned nothing."
        return f"{name} predicts a single class for all images of a fold, another one by fold: it has learned nothing."
    sets = len(network.seeds) * len(network.repeats)
    whole = plural(len(network.folds), "fold" if sets == 1 else "trial")
    return f"{name} predicts a single class for all images in {len(silent)} of {whole}: it has learned nothing there."


def _of_pooling(name: str, network: NetworkResults) -> str:
    pooled = network.pooled["macro_f1"].value
    of_folds = [value for fold in network.folds if (value := fold.values["macro_f1"]) is not None]
    if pooled is None or len(of_folds) < 2 or pooled <= max(of_folds) + 1e-9:
        return ""
    return (
        f"The macro F1 of {name} over all folds together, {number(pooled)}, exceeds that of every single fold (at most "
        f"{number(max(of_folds))}): pooling mixes folds that err in different ways. Judge it by its folds."
    )
