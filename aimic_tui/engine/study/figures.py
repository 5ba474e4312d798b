"""A study's figures, read from its runs' folders: a network, a data set, a protocol at a time."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from aimic_tui.engine.errors import AimicError, InputProblem
from aimic_tui.engine.evaluation.build_results import read_results
from aimic_tui.engine.evaluation.interval import Interval
from aimic_tui.engine.evaluation.interval_limits import t_quantile
from aimic_tui.engine.evaluation.metrics import Scorer
from aimic_tui.engine.evaluation.ranking import Ranking
from aimic_tui.engine.evaluation.run_predictions import NetworkPredictions, read_run_predictions
from aimic_tui.engine.evaluation.several_data_sets import rank_runs
from aimic_tui.engine.run_folder import RunFolder
from aimic_tui.engine.runs.status import read_status
from aimic_tui.engine.study.study_file import Cell, Study
from aimic_tui.engine.study.study_folder import StudyFolder, runs_of_cell
from aimic_tui.engine.workspace_folder import Workspace

METRICS = ("accuracy", "one_vs_rest_accuracy", "macro_recall", "macro_precision", "macro_f1")
GAP_METRICS = ("accuracy", "macro_f1")
_RESAMPLES = 1000
_AT_ONCE = 128


@dataclass(frozen=True)
class NetworkFigures:
    """One network on one data set under one protocol.

    Attributes:
        pooled: figure -> over all test images together.
        fold_means: figure -> mean over the folds, as published ones are.
        complete: whether every fold is tested.
        majority: accuracy of naming the majority class for every image of the run; None where that is not known.
    """

    run: RunFolder
    pooled: dict[str, Interval]
    fold_means: dict[str, float | None]
    images: int
    groups: int
    complete: bool
    majority: float | None = None


@dataclass(frozen=True)
class StudyFigures:
    """A study as far as it has come.

    Attributes:
        networks: (data set, protocol, network) -> figures, of those with a tested fold.
        gaps: (data set, network) -> figure -> aimic-2022 minus honest, on the same images.
        states: (data set, protocol) -> state of each run of the cell, in the runs' words.
        rankings: protocol -> how the networks rank over the data sets by F1, or the sentence about why they can't be
            ranked yet; nothing where there is one data set, or nothing is tested.
        problems: sentences on runs that can't be read.
    """

    study: Study
    networks: Mapping[tuple[str, str, str], NetworkFigures]
    gaps: Mapping[tuple[str, str], dict[str, Interval]]
    states: Mapping[tuple[str, str], dict[str, str]]
    rankings: Mapping[str, Ranking | str]
    problems: tuple[str, ...]

    def figure(self, data: str, protocol: str, network: str, metric: str) -> Interval | None:
        """Return a pooled figure, None where nothing is tested."""
        found = self.networks.get((data, protocol, network))
        return None if found is None else found.pooled.get(metric)

    def average(self, protocol: str, network: str, metric: str) -> Interval | None:
        """Return the mean of a figure over all data sets, None unless each of them is tested on every fold."""
        found = [self.networks.get((data.name, protocol, network)) for data in self.study.data_sets]
        there = [of_set.pooled[metric] for of_set in found if of_set is not None and of_set.complete]
        known = [figure for figure in there if figure.value is not None]
        return mean_of(known) if known and len(known) == len(found) else None

    @property
    def complete(self) -> bool:
        """Whether every network is tested on every fold of every cell."""
        wanted = [(cell.data.name, cell.protocol, name) for cell in self.study.cells for name in self.study.networks]
        return all(key in self.networks and self.networks[key].complete for key in wanted)


def mean_of(figures: Sequence[Interval]) -> Interval:
    """Return the mean of independent figures, its limits from theirs (MOVER, Zou and Donner 2008)."""
    values = [figure.value for figure in figures if figure.value is not None]
    value = float(np.mean(values))
    if any(figure.low is None or figure.high is None for figure in figures):
        return Interval(value)
    below = [(figure.value or 0.0) - (figure.low or 0.0) for figure in figures]
    above = [(figure.high or 0.0) - (figure.value or 0.0) for figure in figures]
    return Interval(value, value - math.hypot(*below) / len(figures), value + math.hypot(*above) / len(figures))


def read_figures(study: Study, folder: StudyFolder, workspace: Workspace) -> StudyFigures:
    """Read a study's figures from its runs; what can't be read is said and left out."""
    networks: dict[tuple[str, str, str], NetworkFigures] = {}
    states: dict[tuple[str, str], dict[str, str]] = {}
    problems: list[str] = []
    known = folder.runs()
    for cell in study.cells:
        key = cell.data.name, cell.protocol
        states[key] = {}
        for run, names in runs_of_cell(workspace, known, cell).runs:
            try:
                states[key][run.name] = read_status(run).state
                networks.update(_of_run(run, names, cell))
            except AimicError as problem:
                problems.append(problem.sentence)
    gaps: dict[tuple[str, str], dict[str, Interval]] = {}
    for data in study.data_sets:
        for name in study.networks:
            pair = [networks.get((data.name, protocol, name)) for protocol in ("aimic-2022", "honest")]
            if pair[0] is not None and pair[1] is not None and pair[0].complete and pair[1].complete:
                try:
                    gaps[data.name, name] = _gap(pair[0].run, pair[1].run, name)
                except InputProblem as problem:
                    problems.append(problem.sentence)
    return StudyFigures(study, networks, gaps, states, _rankings(study, networks), tuple(problems))


def _rankings(study: Study, networks: Mapping[tuple[str, str, str], NetworkFigures]) -> dict[str, Ranking | str]:
    found: dict[str, Ranking | str] = {}
    titles = {cell.experiment.name: cell.data.name for cell in study.cells}
    for protocol in study.protocols if len(study.data_sets) > 1 else ():
        runs = sorted({figures.run.path for key, figures in networks.items() if key[1] == protocol})
        if runs:
            try:
                ranking = rank_runs(runs, "macro_f1")
                sets = tuple(titles.get(name, name) for name in ranking.data_sets)
                found[protocol] = replace(ranking, data_sets=sets)
            except InputProblem as problem:
                found[protocol] = problem.sentence
    return found


def _of_run(run: RunFolder, names: Sequence[str], cell: Cell) -> dict[tuple[str, str, str], NetworkFigures]:
    results = read_results(run.path)
    networks = results.networks
    majority = next(
        (found.pooled["accuracy"].value for found in results.baselines if found.name == "majority_class"), None
    )
    return {
        (cell.data.name, cell.protocol, name): NetworkFigures(
            run,
            {metric: networks[name].pooled[metric] for metric in METRICS},
            {metric: networks[name].spread[metric].mean for metric in METRICS},
            networks[name].images,
            networks[name].groups,
            networks[name].complete,
            majority,
        )
        for name in names
        if name in networks
    }


def _gap(optimistic: RunFolder, honest: RunFolder, name: str) -> dict[str, Interval]:
    """Return the figures of one network by the published protocol minus the honest ones, paired by image."""
    runs = [read_run_predictions(run.path) for run in (optimistic, honest)]
    found = [next(network for network in run.networks if network.name == name) for run in runs]
    if runs[0].data.classes != runs[1].data.classes:
        raise InputProblem(f"{optimistic.name} and {honest.name} have different classes.")
    names = [np.array(run.data.images)[network.images] for run, network in zip(runs, found, strict=True)]
    _, first, second = np.intersect1d(names[0], names[1], return_indices=True)
    if not len(first):
        raise InputProblem(f"{optimistic.name} and {honest.name} test different images.")
    return paired_gap(found[0].select(first), found[1].select(second))


def paired_gap(a: NetworkPredictions, b: NetworkPredictions) -> dict[str, Interval]:
    """Return a - b of `GAP_METRICS` on the same images, as plus or minus t standard errors of a bootstrap over groups.

    The groups are b's.
    """
    codes = np.unique(b.groups, return_inverse=True)[1]
    groups = int(codes.max()) + 1
    scorers = [[Scorer(network.labels, table) for table in network.probabilities] for network in (a, b)]

    def differences(weights: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
        each = [[scorer.all_figures(weights, areas=False)[0] for scorer in of_network] for of_network in scorers]
        return {
            metric: np.mean([found[metric] for found in each[0]], axis=0)
            - np.mean([found[metric] for found in each[1]], axis=0)
            for metric in GAP_METRICS
        }

    value = differences(np.ones((1, len(codes))))
    generator = np.random.default_rng(0)
    drawn: list[dict[str, NDArray[np.float64]]] = []
    for start in range(0, _RESAMPLES if groups > 1 else 0, _AT_ONCE):
        times = generator.multinomial(groups, np.full(groups, 1 / groups), size=min(_AT_ONCE, _RESAMPLES - start))
        drawn.append(differences(times[:, codes].astype(np.float64)))
    found = {}
    for metric in GAP_METRICS:
        middle = float(value[metric][0])
        if groups < 10:
            found[metric] = Interval(middle)
            continue
        spread = float(np.nanstd(np.concatenate([part[metric] for part in drawn])))
        reach = t_quantile(0.975, groups - 1) * math.sqrt(groups / (groups - 1)) * spread
        found[metric] = Interval(middle, middle - reach, middle + reach)
    return found
