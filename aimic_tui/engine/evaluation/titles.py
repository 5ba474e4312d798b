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
