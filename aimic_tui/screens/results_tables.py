"""What the Results place writes: the lines above the figures, the tables of classes, folds and images."""

from __future__ import annotations

import numpy as np
from textual.content import Content

from aimic_tui.engine.evaluation.metrics import ALL_METRICS
from aimic_tui.engine.text import printable
from aimic_tui.screens.results_data import METRIC_NAMES, Judged, RunResults
from aimic_tui.screens.run_grid import short
from aimic_tui.widgets.table_column import Cell, Column
from aimic_tui.wording import SIGNS, interval_text, number, percent, plural

_CLASS_COLUMNS = ("recall", "precision", "f1", "specificity", "auroc")
_FOLD_COLUMNS = ("macro_f1", "accuracy", "balanced_accuracy", "auroc", "log_loss", "ece")


def head(results: RunResults) -> Content:
    """Say what stands above the figures: the run, its protocol, how its intervals are made."""
    figures, status = results.figures, results.status
    done = f"{status.trials_done} of {plural(len(status.trials), 'trial')}"
    parts = [
        "optimistic protocol" if figures["optimistic"] else "honest protocol",
        plural(figures["images"], "image"),
        plural(figures["groups"], "group"),
    ]
    if not figures["complete"]:
        parts.insert(0, f"{status.state}, {done} so far")
    name = status.run.split("-", 2)[-1]
    first = Content.assemble(f"{SIGNS[status.state]} ", (printable(name), "bold"), "  ", " · ".join(parts))
    note = Content.styled(printable(("! " if figures["optimistic"] else "") + figures["note"]), "$text-muted")
    if figures["optimistic"]:
        note = note.stylize("$warning")
    return Content("\n").join([first, Content.styled(printable(figures["method"]), "$text-muted"), note])


def choice_line(results: RunResults, metric: str) -> list[Content]:
    """Say what choosing a network is worth, in a line; none where there is nothing to choose."""
    chosen = results.figures.get("chosen") or []
    if not chosen:
        return []
    found = chosen[-1]  # inner folds, where there are any
    figure = found["pooled"].get(metric) or {}
    value = interval_text(figure.get("value"), figure.get("low"), figure.get("high"))
    return [
        Content.assemble(
            ("Choosing a network: ", "bold"),
            (f"by each fold's {found['by']}, {METRIC_NAMES[metric]} {value}", "$foreground"),
            " on its test images. The best one's own figure is flattered.",
        )
    ]


def class_columns(results: RunResults, network: str) -> list[Column]:
    """Return the table of a network's classes."""
    rows = results.figures["networks"][network]["classes"]
    names = list(results.classes)
    columns = [
        Column("class", "class", names, printable),
        Column("support", "images", [rows[name]["support"] for name in names], "{:,}".format, "right", 8),
        Column("predicted", "said", [rows[name]["predicted"] for name in names], "{:,}".format, "right", 8),
    ]
    for metric in _CLASS_COLUMNS:
        cells = [(rows[name][metric]["value"], rows[name][metric]["low"], rows[name][metric]["high"]) for name in names]
        columns.append(Column(metric, METRIC_NAMES.get(metric, metric), cells, _interval, width=17))
    return columns


def _interval(figure: tuple[float | None, float | None, float | None]) -> Cell:
    value, low, high = figure
    ends = "" if low is None or high is None else f" [{short(low, 2)} {short(high, 2)}]"
    return ((short(value), "strong"), (ends, "muted"))


def fold_columns(folds: list[dict[str, float | None]]) -> list[Column]:
    """Return the table of a network\'s folds."""
    columns = [
        Column("fold", "fold", [fold["fold"] for fold in folds], str, "right", 5),
        Column("seed", "seed", [fold["seed"] for fold in folds], str, "right", 5),
        Column("images", "images", [fold["images"] for fold in folds], "{:,}".format, "right", 8),
    ]
    for metric in _FOLD_COLUMNS:
        assert metric in ALL_METRICS
        values = [fold[metric] for fold in folds]
        columns.append(Column(metric, METRIC_NAMES[metric], values, number, "right", max(9, len(METRIC_NAMES[metric]))))
    return columns


def image_columns(judged: Judged) -> list[Column]:
    """Return the table of what was said of each image."""
    wrong = judged.said != judged.labels

    def sign(row: int) -> Cell:
        return (("!", "attention"),) if wrong[row] else " "

    rows = np.arange(len(judged.images))
    return [
        Column("image", "image", judged.images, printable, keep_end=True),
        Column("fold", "fold", judged.folds, str, "right", 4),
        Column("truth", "truth", judged.labels, lambda code: judged.classes[code], width=14),
        Column("wrong", " ", rows, sign, width=1),
        Column("said", "said", judged.said, lambda code: judged.classes[code] if code >= 0 else "–", width=14),
        Column("sure", "sure", judged.confidence, lambda share: percent(float(share), 1), "right", 8, descending=True),
    ]
