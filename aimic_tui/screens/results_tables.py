"""What the Results place writes: the lines above the figures, the tables of classes, folds and images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from textual.content import Content

from aimic_tui.engine.evaluation.metrics import ALL_METRICS
from aimic_tui.engine.text import printable
from aimic_tui.screens.results_data import METRIC_NAMES, RunResults
from aimic_tui.screens.run_grid import short
from aimic_tui.widgets.table_column import Cell, Column
from aimic_tui.wording import SIGNS, interval_text, number, plural

_WIDE = 116  # columns from which on every part has room for its name and key
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


def difference_line(results: RunResults, network: str, other: str | None, metric: str) -> Content:
    """Compare the chosen network with the best other one by the drawn figure."""
    if other is None:
        return Content("One network: there is none to compare it with.")
    for pair in results.figures["pairs"]:
        if {pair["a"], pair["b"]} == {network, other}:
            found = pair["differences"][metric]
            sign = 1 if pair["a"] == network else -1
            ends = sorted(sign * found[end] for end in ("low", "high") if found[end] is not None)
            if found["value"] is None or len(ends) != 2:
                break
            shown = ends[0] > 0 or ends[1] < 0
            said = "Different" if shown else "Not shown to differ"
            interval = f"{sign * found['value']:+.3f} [{ends[0]:+.3f}, {ends[1]:+.3f}]"
            text = f"{printable(network)} − {printable(other)}, {METRIC_NAMES[metric]} {interval}"
            return Content.assemble((f"{said}: ", "bold"), (text, "$foreground"), f" on {pair['images']:,} images")
    return Content(f"{printable(network)} and {printable(other)} have no tested images in common yet.")


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


@dataclass(frozen=True)
class Part:
    """A part of the place below the table of networks: its key, its name, what has the focus there, what it shows."""

    key: str
    name: str
    focus: str
    tooltip: str


def parts_line(parts: Mapping[str, Part], shown: str, width: int) -> Content:
    """Write the parts with their keys, the one that is shown lit; where it is narrow, names without keys."""
    pieces: list[Content] = []
    for name, part in parts.items():
        lit = name == shown
        wide = width >= _WIDE
        text = part.name if wide else part.name[:6].rstrip("aeiou") if len(part.name) > 7 else part.name
        key = Content.styled(f"{part.key} ", "bold $primary") if wide else Content("")
        pieces.append(Content.assemble(key, (text, "bold underline $primary" if lit else "$foreground")))
    return Content("  " if width >= _WIDE else " ").join(pieces)
