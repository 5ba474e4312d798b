"""A run's figures as tables that a spreadsheet opens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from aimic_tui.engine.evaluation.interval import Interval
from aimic_tui.engine.evaluation.metrics import ALL_METRICS, CLASS_METRICS
from aimic_tui.engine.evaluation.results_file import write_results_file
from aimic_tui.engine.evaluation.run_results import RunResults
from aimic_tui.engine.files import write_table
from aimic_tui.engine.run_folder import slug

_FOLD_COLUMNS = ("network", "fold", "repeat", "seed", "images", *ALL_METRICS)
_NO_FIGURE = Interval(None)

_Table = tuple[Sequence[str], Sequence[Sequence[object]]]


def write_result_tables(results: RunResults, folder: Path) -> list[Path]:
    """Write the figures as CSV tables and as results.json; return the files.

    Raises:
        OSError: the folder can't be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tables = {
        "networks.csv": _of_networks(results),
        "folds.csv": _of_folds(results),
        "classes.csv": _of_classes(results),
        **{f"confusion-{slug(name, 'network')}.csv": _confusion(results, name) for name in results.networks},
    }
    for name, (header, rows) in tables.items():
        write_table(folder / name, header, rows)
    write_results_file(folder / "results.json", results)
    return [*(folder / name for name in tables), folder / "results.json"]


def _of_networks(results: RunResults) -> _Table:
    selected = {f"(chosen by {found.by})": found.results for found in results.selected}
    rows = [
        [name, network.trials_done, network.images, *_cells(network.pooled, ALL_METRICS)]
        for name, network in {**results.networks, **selected}.items()
    ]
    return ("network", "trials", "images", *_columns(ALL_METRICS)), rows


def _of_folds(results: RunResults) -> _Table:
    rows = [
        [name, fold.fold, fold.repeat, fold.seed, fold.images, *(fold.values.get(metric) for metric in ALL_METRICS)]
        for name, network in results.networks.items()
        for fold in network.folds
    ]
    return _FOLD_COLUMNS, rows


def _of_classes(results: RunResults) -> _Table:
    rows = [
        [name, label, found.support, found.predicted, *_cells(found.figures, CLASS_METRICS)]
        for name, network in results.networks.items()
        for label, found in network.classes.items()
    ]
    return ("network", "class", "support", "predicted", *_columns(CLASS_METRICS)), rows


def _confusion(results: RunResults, network: str) -> _Table:
    counts = results.networks[network].confusion
    return ("truth", *results.classes), [[label, *row] for label, row in zip(results.classes, counts, strict=True)]


def _columns(metrics: Sequence[str]) -> list[str]:
    return [f"{metric}{end}" for metric in metrics for end in ("", "_low", "_high")]


def _cells(figures: Mapping[str, Interval], metrics: Sequence[str]) -> list[float | None]:
    found = [figures.get(metric, _NO_FIGURE) for metric in metrics]
    return [value for figure in found for value in (figure.value, figure.low, figure.high)]
