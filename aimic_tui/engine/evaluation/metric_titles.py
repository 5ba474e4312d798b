"""The figures' names as people read them, and how the interval of each is made."""

from __future__ import annotations

from aimic_tui.engine.evaluation.interval import Interval

TITLES = {
    "macro_f1": "macro F1",
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "one_vs_rest_accuracy": "one-vs-rest accuracy",
    "macro_precision": "macro precision",
    "macro_recall": "macro recall",
    "auroc": "AUROC",
    "average_precision": "average precision",
    "matthews": "Matthews coefficient",
    "kappa": "Cohen's kappa",
    "log_loss": "log loss",
    "brier": "Brier score",
    "ece": "calibration error",
    "top_2_accuracy": "top-2 accuracy",
    "top_3_accuracy": "top-3 accuracy",
}
CLASS_TITLES = {
    "recall": "sensitivity",
    "specificity": "specificity",
    "precision": "PPV",
    "negative_predictive_value": "NPV",
    "f1": "F1",
    "auroc": "AUROC",
    "average_precision": "average precision",
    "one_vs_rest_accuracy": "one-vs-rest accuracy",
}

_WILSON = "Wilson, effective number of images"
_BCA = "bootstrap over groups, BCa"
_LOGIT = "bootstrap over groups, logit"
_OF_CLASSES = "from the classes' own (MOVER)"
_WIDER = "wider of bootstrap BCa and MOVER"
_FROM_CLASSES = frozenset({"macro_recall", "balanced_accuracy", "macro_precision", "macro_f1"})

# How the interval of each figure is made; `intervals` says more.
METHODS = {
    **dict.fromkeys(TITLES, _BCA),
    **dict.fromkeys(("accuracy", "one_vs_rest_accuracy", "top_2_accuracy", "top_3_accuracy"), _WILSON),
    **dict.fromkeys(_FROM_CLASSES, _WIDER),
    "auroc": _LOGIT,
    "ece": "bootstrap over groups, inverted test",
}
CLASS_METHODS = {
    **dict.fromkeys(
        ("precision", "recall", "specificity", "negative_predictive_value", "f1", "one_vs_rest_accuracy"), _WILSON
    ),
    "auroc": _LOGIT,
    "average_precision": _BCA,
}


def method_of(metric: str, figure: Interval) -> str:
    """Return how the interval of an overall figure was computed; "" where it has none.

    A mean over the classes without any error among the images has one from the classes' own.
    """
    if figure.low is None:
        return ""
    return _OF_CLASSES if metric in _FROM_CLASSES and figure.value == 1 else METHODS[metric]
