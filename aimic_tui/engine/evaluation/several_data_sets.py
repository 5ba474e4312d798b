"""Runs on several data sets: which runs are about the same one, and how networks rank over all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from aimic_tui.engine.errors import InputProblem, UsageProblem
from aimic_tui.engine.evaluation.metrics import ALL_METRICS, LOWER_IS_BETTER, scores
from aimic_tui.engine.evaluation.ranking import Ranking, rank_networks
from aimic_tui.engine.evaluation.run_predictions import NetworkPredictions, RunPredictions, read_run_predictions
from aimic_tui.engine.files import read_table
from aimic_tui.engine.proposed_command import run_command
from aimic_tui.engine.run_folder import RunFolder
from aimic_tui.engine.text import printable


@dataclass(frozen=True, eq=False)
class _Run:
    folder: Path
    tested: RunPredictions
    images: frozenset[str]  # digests; names with the data set's folder where no digest is known


def on_several_data_sets(runs: Sequence[Path]) -> bool:
    """Tell whether the runs are on at least two data sets, no two of which share an image.

    Raises:
        InputProblem: a run can't be read.
    """
    read = [_read(folder) for folder in dict.fromkeys(run.resolve() for run in runs)]
    return any(not (read[0].images & other.images) for other in read[1:])


def rank_runs(
    runs: Sequence[Path], metric: str = "macro_f1", *, alpha: float = 0.05, margin: float | None = None
) -> Ranking:
    """Rank the networks that are tested on all data sets of the runs, by their figure on each.

    Runs on the same images are one data set, whose networks are put together; data sets that share some images are no
    separate observations and are refused.

    Args:
        runs: folders; one that is named twice counts once.
        metric: one of `metrics.ALL_METRICS`.
        alpha: level of the tests.
        margin: the largest difference of no importance, None for the metric's default.

    Raises:
        UsageProblem: there is no such figure, or the margin can't be one.
        InputProblem: a run can't be read or is not complete, data sets share images, a network is tested twice on one
            data set, or there are fewer than two data sets or networks.
    """
    if metric not in ALL_METRICS:
        raise UsageProblem(f"There is no figure {printable(metric)}. Take one of {', '.join(ALL_METRICS)}.")
    sets: list[list[_Run]] = []
    for folder in dict.fromkeys(run.resolve() for run in runs):
        run = _read(folder)
        same = next((known for known in sets if known[0].images == run.images), None)
        for known in sets:
            if known is not same and known[0].images & run.images:
                raise InputProblem(
                    f"{_name(known[0])} and {_name(run)} share some images, so they are neither one data set nor two. "
                    "Name runs on the same images or on different ones."
                )
        if same is None:
            sets.append([run])
        else:
            same.append(run)
    figures: dict[str, dict[str, float | None]] = {}
    for known in sets:
        name = str(known[0].tested.experiment.get("name") or known[0].folder.name)
        figures[name if name not in figures else known[0].folder.name] = _figures(known, metric)
    return rank_networks(figures, metric, lower_is_better=metric in LOWER_IS_BETTER, alpha=alpha, margin=margin)


def _read(folder: Path) -> _Run:
    tested = read_run_predictions(folder)
    rows = read_table(folder / "manifest.csv")
    root = str(tested.data.root)
    return _Run(folder, tested, frozenset(row.get("digest") or f"{root}\0{row['image']}" for row in rows))


def _figures(runs: Sequence[_Run], metric: str) -> dict[str, float | None]:
    found: dict[str, float | None] = {}
    for run in runs:
        if not run.tested.complete:
            resume = run_command("resume", RunFolder(run.folder))
            raise InputProblem(f"{_name(run)} is not tested on every fold yet. {resume} continues it.")
        for network in run.tested.networks:
            if network.name in found:
                raise InputProblem(
                    f"{printable(network.name)} is tested twice on the data set of {_name(run)}. Name one of the runs."
                )
            found[network.name] = _figure(network, metric)
    return found


def _figure(network: NetworkPredictions, metric: str) -> float | None:
    known = [scores(network.labels, table)[metric] for table in network.probabilities]
    defined = [value for value in known if value is not None]
    return float(np.mean(defined)) if defined else None


def _name(run: _Run) -> str:
    return printable(run.folder.name)
