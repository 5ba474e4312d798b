"""A class that was never predicted has no predictive value, and that is said."""

from __future__ import annotations

import numpy as np

from aimic_tui.engine.evaluation.interval import Interval
from aimic_tui.engine.evaluation.intervals import cluster_bootstrap
from aimic_tui.engine.evaluation.run_results import ClassFigures
from aimic_tui.engine.evaluation.undefined_figures import undefined_predictive_values


def _classes(rows: dict[str, tuple[float | None, float | None]]) -> dict[str, ClassFigures]:
    found = {}
    for name, (ppv, npv) in rows.items():
        figures = {"precision": Interval(ppv), "negative_predictive_value": Interval(npv)}
        found[name] = ClassFigures(figures, 9, 0, 9, 9, 9.0, 9.0)
    return found


def test_a_class_that_is_never_predicted_has_neither_ppv_nor_interval() -> None:
    labels = np.repeat(np.arange(3, dtype=np.int32), 20)
    probabilities = np.eye(3)[np.where(labels == 2, 0, labels)] * 0.8 + 0.05
    found = cluster_bootstrap(labels, probabilities, np.arange(60), resamples=200)
    assert found.classes[2]["precision"] == Interval(None)
    assert found.classes[2]["recall"].value == 0.0
    assert found.overall["macro_precision"].value == (0.5 + 1.0 + 0.0) / 3


def test_undefined_predictive_values_are_named_with_their_reason() -> None:
    classes = _classes({"blast": (None, 0.9), "normal": (0.8, None), "evil\x1b[31m": (0.7, 0.7)})
    assert undefined_predictive_values(classes) == [
        "PPV not defined for blast, which was never predicted; in the macro precision it counts as 0.",
        "NPV not defined for normal, which was predicted for every image.",
    ]
    assert undefined_predictive_values(_classes({"normal": (0.8, 0.9)})) == []
