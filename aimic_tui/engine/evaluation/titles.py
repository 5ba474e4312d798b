"""The figures' names as people read them."""

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

_WILSON = "Wilson, effective number of images"
_BCA = "bootstrap over groups, BCa"
_LOGIT = "bootstrap over groups, logit"

# How the interval of each figure is made; `intervals` says more.
METHODS = {
    **dict.fromkeys(TITLES, _BCA),
    **dict.fromkeys(("accuracy", "one_vs_rest_accuracy", "top_2_accuracy", "top_3_accuracy"), _WILSON),
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
