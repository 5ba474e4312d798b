"""Which networks differ: those of one run, or of several runs whose folds test the same images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path

import numpy as np

from aimic_tui.engine.data.data_set import Part
from aimic_tui.engine.data.splitting.split import Split
from aimic_tui.engine.errors import InputProblem, UsageProblem
from aimic_tui.engine.evaluation.interval import Interval
from aimic_tui.engine.evaluation.intervals import BootstrapFigures, cluster_bootstrap, paired_difference
from aimic_tui.engine.evaluation.metric_titles import TITLES
from aimic_tui.engine.evaluation.metrics import ALL_METRICS, LOWER_IS_BETTER, scores
from aimic_tui.engine.evaluation.paired_tests import (
    AREAS,
    CorrectedT,
    McNemar,
    corrected_t,
    holm,
    mcnemar,
    paired_randomisation,
)
from aimic_tui.engine.evaluation.run_predictions import NetworkPredictions, RunPredictions, read_run_predictions
from aimic_tui.engine.files import read_table
from aimic_tui.engine.progress import Progress, ReportProgress, no_report
from aimic_tui.engine.text import printable

ROUNDS = 4999
ROUNDS_OF_AREAS = 999  # areas under curves take ten times as long


@dataclass(frozen=True)
class Pair:
    """Two networks on the images that both classified.

    Attributes:
        images, groups: how many they are.
        difference: of the figure, a - b, with its interval.
        p: of the paired randomisation test of the figure; None where it is not defined.
        mcnemar: about the share of correct images, whatever the figure.
        corrected_t: about the figure, over the folds.
        p_adjusted, mcnemar_adjusted, t_adjusted: by Holm over all pairs (McNemar's mid-p).
        better: which one is shown to be better on these images, by `p_adjusted`; None where neither is.
        verdict: the same in words, and whether the folds show it, too.
    """

    a: str
    b: str
    images: int
    groups: int
    difference: Interval
    p: float | None
    mcnemar: McNemar
    corrected_t: CorrectedT
    p_adjusted: float | None
    mcnemar_adjusted: float | None
    t_adjusted: float | None
    better: str | None
    verdict: str


@dataclass(frozen=True)
class Comparison:
    """All pairs of networks by one figure.

    Attributes:
        metric: one of `metrics.ALL_METRICS`.
        networks: name -> the figure on all its tested images; named run/network where there are several runs.
        pairs: every two of them, in the order of `networks`.
        confidence: of the intervals; 1 - confidence is the level of the verdicts.
        method: sentences on how it was computed.
        notes: sentences on what to keep in mind.
    """

    metric: str
    networks: dict[str, float | None]
    pairs: tuple[Pair, ...]
    confidence: float
    method: str
    notes: tuple[str, ...]


def compare_runs(
    runs: Sequence[Path],
    metric: str = "macro_f1",
    *,
    rounds: int | None = None,
    report: ReportProgress = no_report,
) -> Comparison:
    """Compare the networks of runs, from their stored predictions.

    Args:
        runs: folders; one that is named twice counts once.
        metric: one of `metrics.ALL_METRICS`.
        rounds: of the randomisation test; None takes `ROUNDS`, or `ROUNDS_OF_AREAS` for areas under curves.
        report: told of pairs that are compared.

    Raises:
        UsageProblem: there is no such figure.
        InputProblem: a run can't be read, the runs test different images, or there are fewer than two networks.
    """
    if metric not in ALL_METRICS:
        raise UsageProblem(f"There is no metric {printable(metric)}. Choose one of {', '.join(ALL_METRICS)}.")
    folders = list(dict.fromkeys(run.resolve() for run in runs))
    tested = [read_run_predictions(folder) for folder in folders]
    for folder, run in zip(folders[1:], tested[1:], strict=True):
        _require_same_test(folders[0], tested[0], folder, run)
    named = list(_named(folders, tested))
    if len(named) < 2:
        raise InputProblem(
            f"There {'is only one tested network' if named else 'is no tested network'} to compare in "
            f"{', '.join(printable(folder.name) for folder in folders)}. Name another run on the same split."
        )
    first = tested[0].experiment
    evaluation = first.get("evaluation", {})
    confidence = float(evaluation.get("confidence", 0.95))
    if rounds is None:
        rounds = ROUNDS_OF_AREAS if metric in AREAS else ROUNDS
    options = _Options(metric, int(evaluation.get("resamples", 2000)), confidence, int(first.get("seed", 0)), rounds)
    evaluate = _Evaluator(options)
    pairs: list[Pair] = []
    both = list(combinations(named, 2))
    for (a, run_a), (b, _) in both:
        report(Progress("resample", len(pairs), len(both), f"{a.name} - {b.name}"))
        pairs.append(_compared(a, b, _test_train_ratio(run_a.split), options, evaluate))
    report(Progress("resample", len(pairs), len(both)))
    adjusted = _adjusted(pairs, metric, confidence)
    return Comparison(
        metric,
        {network.name: _value(network, metric) for network, _ in named},
        tuple(adjusted),
        confidence,
        _method(options, len(pairs)),
        tuple(_notes(tested, len(named), metric, adjusted)),
    )


@dataclass(frozen=True)
class _Options:
    metric: str
    resamples: int
    confidence: float
    seed: int
    rounds: int


def _named(
    folders: Sequence[Path], tested: Sequence[RunPredictions]
) -> Iterator[tuple[NetworkPredictions, RunPredictions]]:
    for folder, run in zip(folders, tested, strict=True):
        for network in run.networks:
            name = network.name if len(folders) == 1 else f"{folder.name}/{network.name}"
            yield replace(network, name=name), run


def _require_same_test(folder_a: Path, a: RunPredictions, folder_b: Path, b: RunPredictions) -> None:
    """Refuse runs whose networks were not tested on the same images in the same folds."""
    both = f"{printable(folder_a.name)} and {printable(folder_b.name)}"
    advice = (
        "Only networks tested on the same images can be compared: train them in one run, or with the same data, seed "
        "and split settings."
    )
    if a.data.classes != b.data.classes:
        raise InputProblem(f"{both} have different classes. {advice}")
    if a.data.images != b.data.images or (a.data.labels != b.data.labels).any() or _digests_differ(folder_a, folder_b):
        raise InputProblem(f"{both} have different images or labels. {advice}")
    if a.split.folds != b.split.folds or ((a.split.parts == Part.TEST) != (b.split.parts == Part.TEST)).any():
        raise InputProblem(f"{both} split their images differently. {advice}")


def _digests_differ(a: Path, b: Path) -> bool:
    """Whether a file has changed between the runs, where both know their files' digests."""
    of_a, of_b = ([row["digest"] for row in read_table(run / "manifest.csv")] for run in (a, b))
    return any(one and other and one != other for one, other in zip(of_a, of_b, strict=True))


def _test_train_ratio(split: Split) -> float:
    """Images in a test part over those in a training part, as means over the folds."""
    return float((split.parts == Part.TEST).sum() / max(1, (split.parts == Part.TRAIN).sum()))


class _Evaluator:
    """Evaluates networks and remembers: most pairs share their images, and a network is then evaluated only once."""

    def __init__(self, options: _Options) -> None:
        self._options = options
        self._known: dict[tuple[str, tuple[tuple[int, ...], ...], bytes], BootstrapFigures] = {}

    def __call__(self, network: NetworkPredictions) -> BootstrapFigures:
        key = network.name, (network.repeats, network.seeds), network.images.tobytes()
        if key not in self._known:
            self._known[key] = cluster_bootstrap(
                network.labels,
                network.probabilities,
                network.groups,
                resamples=self._options.resamples,
                confidence=self._options.confidence,
                seed=self._options.seed,
            )
        return self._known[key]


def _compared(
    a: NetworkPredictions, b: NetworkPredictions, test_train_ratio: float, options: _Options, evaluate: _Evaluator
) -> Pair:
    a, b = _common(a, b)
    figures = [evaluate(network) for network in (a, b)]
    metric = options.metric
    p = paired_randomisation(
        a.labels, a.probabilities, b.probabilities, a.groups, metric, rounds=options.rounds, seed=options.seed
    )
    right_a, right_b = (network.probabilities.argmax(axis=2) == network.labels for network in (a, b))
    return Pair(
        a.name,
        b.name,
        len(a.images),
        figures[0].groups,
        paired_difference(*figures)[metric],
        p,
        mcnemar(right_a, right_b, a.groups),
        corrected_t(_of_folds(a, b, metric), test_train_ratio),
        None,
        None,
        None,
        None,
        "",
    )


def _common(a: NetworkPredictions, b: NetworkPredictions) -> tuple[NetworkPredictions, NetworkPredictions]:
    """Return both on the images that both classified: of the repeats that both have, with as many seeds of each."""
    _, of_a, of_b = np.intersect1d(a.images, b.images, return_indices=True)
    sets = _sets_in_common(a, b)
    a, b = a.select(of_a, sets=[of_a for of_a, _ in sets]), b.select(of_b, sets=[of_b for _, of_b in sets])
    known = np.flatnonzero(~(a.unclassified | b.unclassified))
    return a.select(known), b.select(known)


def _sets_in_common(a: NetworkPredictions, b: NetworkPredictions) -> list[tuple[int, int]]:
    """Return places of sets that go together: in each repeat the first ones of both, by seed."""
    found: list[tuple[int, int]] = []
    for repeat in sorted(set(a.repeats) & set(b.repeats)):
        places = [[at for at, one in enumerate(network.repeats) if one == repeat] for network in (a, b)]
        found += zip(places[0], places[1], strict=False)
    return found


def _of_folds(a: NetworkPredictions, b: NetworkPredictions, metric: str) -> list[float]:
    """The difference of the figure in each fold of every repeat, a mean over seeds.

    Folds where it is not defined are left out.
    """
    found = []
    values = [_by_fold(network, metric) for network in (a, b)]
    for fold, of_a in values[0].items():
        of_b = values[1].get(fold, [])
        if of_a and len(of_a) == len(of_b):
            found.append(float(np.mean(of_a) - np.mean(of_b)))
    return found


def _by_fold(network: NetworkPredictions, metric: str) -> dict[int, list[float]]:
    found: dict[int, list[float]] = {}
    for trial in network.trials():
        table = network.probabilities[trial.set_index, trial.images]
        value = scores(network.labels[trial.images], table)[metric]
        found.setdefault(trial.fold, []).extend([] if value is None else [value])
    return found


def _value(network: NetworkPredictions, metric: str) -> float | None:
    known = [scores(network.labels, table)[metric] for table in network.probabilities]
    defined = [value for value in known if value is not None]
    return float(np.mean(defined)) if defined else None


def _adjusted(pairs: Sequence[Pair], metric: str, confidence: float) -> list[Pair]:
    randomised = holm([pair.p for pair in pairs])
    exact = holm([pair.mcnemar.p_mid for pair in pairs])
    over_folds = holm([pair.corrected_t.p for pair in pairs])
    adjusted = [
        replace(pair, p_adjusted=p, mcnemar_adjusted=of_images, t_adjusted=of_folds)
        for pair, p, of_images, of_folds in zip(pairs, randomised, exact, over_folds, strict=True)
    ]
    return [_with_verdict(pair, metric, 1 - confidence) for pair in adjusted]


def _with_verdict(pair: Pair, metric: str, level: float) -> Pair:
    """Add the verdict of the adjusted p-values."""
    difference, p, over_folds = pair.difference.value, pair.p_adjusted, pair.t_adjusted
    if p is None or difference is None:
        return replace(pair, verdict="not defined")
    if p > level:
        return replace(pair, verdict="not shown to differ")
    better = pair.a if (difference < 0) == (metric in LOWER_IS_BETTER) else pair.b
    confirmed = over_folds is not None and over_folds <= level
    caveat = "" if confirmed else " (not confirmed over folds)"
    return replace(pair, better=better, verdict=f"{better} is better{caveat}")


def _method(options: _Options, pairs: int) -> str:
    over = f"adjusted for {pairs} pairs (Holm)" if pairs > 1 else "one pair, nothing to adjust"
    return (
        f"{100 * options.confidence:g} % intervals of the difference: paired cluster bootstrap, "
        f"{options.resamples:,} resamples. p: paired randomisation over whole groups, {options.rounds:,} rounds; "
        f"{over}. "
        "McNemar's test (mid-p, over whole groups) compares the shares of correct images; the corrected resampled "
        "t-test (Nadeau and Bengio) tests, from the folds alone, whether newly trained networks would differ too."
    )


def _notes(tested: Sequence[RunPredictions], networks: int, metric: str, pairs: Sequence[Pair]) -> Iterator[str]:
    if any(run.protocol != "honest" for run in tested):
        yield (
            "Optimistic: test images chose the epochs in the protocol published in 2022, so differences are "
            "optimistic as well."
        )
    if not all(run.complete for run in tested):
        yield "Not every fold is tested yet: pairs are compared on the images that both have tested so far."
    if networks > 2:
        yield f"The best of {networks} networks by {TITLES[metric]} looks better than it is: the same images picked it."
    if any(pair.better is None for pair in pairs):
        yield "Not shown to differ does not mean equal: the interval contains the differences that remain possible."
