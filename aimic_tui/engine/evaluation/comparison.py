"""Which networks differ: those of one run, or of several runs whose folds test the same images.

Two questions are kept apart (`estimand`): whether the networks as they came out of training differ on images like
these, which the paired randomisation test answers, and whether their recipes do, which takes several trainings of
both (`recipe_difference`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from aimic_tui.engine.data.data_set import Part
from aimic_tui.engine.data.splitting.split import Split
from aimic_tui.engine.errors import InputProblem, UsageProblem
from aimic_tui.engine.evaluation.equivalence import equivalence_p
from aimic_tui.engine.evaluation.estimand import IN_FULL
from aimic_tui.engine.evaluation.interval import Interval
from aimic_tui.engine.evaluation.intervals import BootstrapFigures, cluster_bootstrap, paired_difference
from aimic_tui.engine.evaluation.margin import checked_margin, reason_of_default
from aimic_tui.engine.evaluation.metric_titles import TITLES
from aimic_tui.engine.evaluation.metrics import ALL_METRICS, LOWER_IS_BETTER, Floats, scores
from aimic_tui.engine.evaluation.network_choice import BEST_OF_MANY, chosen_networks
from aimic_tui.engine.evaluation.paired_tests import (
    AREAS,
    CorrectedT,
    McNemar,
    corrected_t,
    mcnemar,
    paired_randomisation,
)
from aimic_tui.engine.evaluation.recipe_difference import recipe_difference, training_of_both
from aimic_tui.engine.evaluation.run_predictions import NetworkPredictions, RunPredictions, read_run_predictions
from aimic_tui.engine.evaluation.same_recipe import SameRecipe, recipe_of, same_recipes
from aimic_tui.engine.evaluation.verdicts import ANOTHER_TRAINING, LITTLE_POWER, Shown, verdict
from aimic_tui.engine.files import read_table
from aimic_tui.engine.formatting.numbers import number
from aimic_tui.engine.holm import holm
from aimic_tui.engine.progress import Progress, ReportProgress, no_report
from aimic_tui.engine.text import listed, printable

ROUNDS = 4999
ROUNDS_OF_AREAS = 999  # areas under curves take ten times as long


@dataclass(frozen=True)
class RecipeTest:
    """Two recipes: their networks trained anew, on new groups.

    Attributes:
        difference: of the figure, a - b, with its interval; of all trainings of both.
        p: of the recipes being equal; None without an interval.
        p_adjusted: by Holm over all pairs.
    """

    difference: Interval
    p: float | None
    p_adjusted: float | None


@dataclass(frozen=True)
class Pair:
    """Two networks on the images that both classified.

    Attributes:
        images, groups: how many they are.
        difference: of the figure, a - b, with its interval for these trained networks.
        p: of the paired randomisation test of the figure; None where it is not defined.
        mcnemar: about the share of correct images, whatever the figure.
        corrected_t: about the figure, over the folds; no verdict rests on it.
        p_adjusted, mcnemar_adjusted, t_adjusted: by Holm over all pairs (McNemar's mid-p).
        recipe: None where one of them is trained once only, or both by the same recipe.
        equivalence_p: of a difference as large as the margin (`equivalence`), by Holm over all pairs: of the recipes
            where these are compared, else of these trained networks.
        shown: what the tests say, each at level 1 - confidence.
    """

    a: str
    b: str
    images: int
    groups: int
    difference: Interval
    p: float | None
    mcnemar: McNemar
    corrected_t: CorrectedT
    recipe: RecipeTest | None
    equivalence_p: float | None
    shown: Shown
    p_adjusted: float | None = None
    mcnemar_adjusted: float | None = None
    t_adjusted: float | None = None

    @property
    def verdict(self) -> str:
        """What the tests say, in words."""
        return verdict(self.shown)

    @property
    def better(self) -> str | None:
        """Which recipe is shown to be better; None also where only these trained networks are shown to differ."""
        return self.shown.better


@dataclass(frozen=True)
class Comparison:
    """All pairs of networks by one figure.

    Attributes:
        metric: one of `metrics.ALL_METRICS`.
        networks: name -> the figure on all its tested images; named run/network where there are several runs.
        pairs: every two of them, in the order of `networks`.
        same_recipes: networks that differ in the seed only.
        confidence: of the intervals; 1 - confidence is the level of the verdicts.
        margin: the largest difference of no importance.
        method: sentences on how it was computed.
        notes: sentences on what to keep in mind.
    """

    metric: str
    networks: dict[str, float | None]
    pairs: tuple[Pair, ...]
    same_recipes: tuple[SameRecipe, ...]
    confidence: float
    margin: float
    method: str
    notes: tuple[str, ...]


def compare_runs(
    runs: Sequence[Path],
    metric: str = "macro_f1",
    *,
    margin: float | None = None,
    rounds: int | None = None,
    report: ReportProgress = no_report,
) -> Comparison:
    """Compare the networks of runs, from their stored predictions.

    Args:
        runs: folders; one that is named twice counts once.
        metric: one of `metrics.ALL_METRICS`.
        margin: the largest difference of no importance; None takes the first run's setting, which may be the metric's
            default.
        rounds: of the randomisation test; None takes `ROUNDS`, or `ROUNDS_OF_AREAS` for areas under curves.
        report: told of pairs that are compared.

    Raises:
        UsageProblem: there is no such figure, or the margin can't be one.
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
    options = _options(tested[0].experiment, metric, margin, rounds)
    evaluate = _Evaluator(options)
    pairs: list[Pair] = []
    both = list(combinations(named, 2))
    for a, b in both:
        report(Progress("resample", len(pairs), len(both), f"{a.network.name} - {b.network.name}"))
        ratio = _test_train_ratio(a.split)
        pairs.append(_compared(a.network, b.network, ratio, options, evaluate, same_recipe=a.recipe == b.recipe))
    report(Progress("resample", len(pairs), len(both)))
    adjusted = tuple(_adjusted(pairs, metric, 1 - options.confidence))
    by_set = {one.network.name: _by_set(one.network, metric) for one in named}
    same = tuple(same_recipes({one.network.name: one.recipe for one in named}, by_set))
    values = {name: _mean(of) for name, of in by_set.items()}
    return Comparison(
        metric,
        values,
        adjusted,
        same,
        options.confidence,
        options.margin,
        _method(options, adjusted),
        tuple(
            _notes(
                tested,
                len(named),
                options,
                adjusted,
                same,
                flattered=not _is_confirmed(folders, tested, values, metric),
            )
        ),
    )


@dataclass(frozen=True)
class _Options:
    metric: str
    resamples: int
    confidence: float
    seed: int
    rounds: int
    margin: float
    default_margin: bool


def _options(experiment: Mapping[str, Any], metric: str, margin: float | None, rounds: int | None) -> _Options:
    evaluation = experiment.get("evaluation", {})
    if margin is None and evaluation.get("margin", "auto") != "auto":
        margin = float(evaluation["margin"])
    return _Options(
        metric,
        int(evaluation.get("resamples", 2000)),
        float(evaluation.get("confidence", 0.95)),
        int(experiment.get("seed", 0)),
        (ROUNDS_OF_AREAS if metric in AREAS else ROUNDS) if rounds is None else rounds,
        checked_margin(margin, metric),
        margin is None,
    )


@dataclass(frozen=True, eq=False)
class _Compared:
    """A network under the name that it has in the comparison, with the split and the recipe that it was trained by."""

    network: NetworkPredictions
    split: Split
    recipe: str


def _named(folders: Sequence[Path], tested: Sequence[RunPredictions]) -> Iterator[_Compared]:
    for folder, run in zip(folders, tested, strict=True):
        for network in run.networks:
            name = network.name if len(folders) == 1 else f"{folder.name}/{network.name}"
            yield _Compared(replace(network, name=name), run.split, recipe_of(run.experiment, network.name))


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
    a: NetworkPredictions,
    b: NetworkPredictions,
    test_train_ratio: float,
    options: _Options,
    evaluate: _Evaluator,
    *,
    same_recipe: bool,
) -> Pair:
    every_a, every_b = _on_common_images(a, b)
    a, b = _of_common_sets(every_a, every_b)
    figures = [evaluate(network) for network in (a, b)]
    metric = options.metric
    difference = paired_difference(*figures)[metric]
    p = paired_randomisation(
        a.labels, a.probabilities, b.probabilities, a.groups, metric, rounds=options.rounds, seed=options.seed
    )
    right_a, right_b = (network.probabilities.argmax(axis=2) == network.labels for network in (a, b))
    recipe, training, over_groups = None, None, difference
    if min(len(every_a.seeds), len(every_b.seeds)) > 1 and not same_recipe:
        of_all = [evaluate(network) for network in (every_a, every_b)]
        found = recipe_difference(*of_all)[metric]
        recipe = RecipeTest(found.interval, found.p, None)
        training, over_groups = training_of_both(of_all[0], of_all[1], metric), paired_difference(*of_all)[metric]
    return Pair(
        a.name,
        b.name,
        len(a.images),
        figures[0].groups,
        difference,
        p,
        mcnemar(right_a, right_b, a.groups),
        corrected_t(_of_folds(a, b, metric), test_train_ratio),
        recipe,
        equivalence_p(
            over_groups,
            options.margin,
            groups=figures[0].effective.get(metric, float(figures[0].groups)),
            training=training,
            confidence=options.confidence,
        ),
        Shown("trained networks" if recipe is None else "recipe", same_recipe, None, None, None),
    )


def _on_common_images(a: NetworkPredictions, b: NetworkPredictions) -> tuple[NetworkPredictions, NetworkPredictions]:
    """Return both on the images that both classified, each with all of its trainings."""
    _, of_a, of_b = np.intersect1d(a.images, b.images, return_indices=True)
    a, b = a.select(of_a), b.select(of_b)
    known = np.flatnonzero(~(a.unclassified | b.unclassified))
    return a.select(known), b.select(known)


def _of_common_sets(a: NetworkPredictions, b: NetworkPredictions) -> tuple[NetworkPredictions, NetworkPredictions]:
    """Return both with the repeats that both have, and with as many seeds of each."""
    sets, all_images = _sets_in_common(a, b), np.arange(len(a.images))
    return a.select(all_images, sets=[of_a for of_a, _ in sets]), b.select(all_images, sets=[of_b for _, of_b in sets])


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


def _by_set(network: NetworkPredictions, metric: str) -> Floats:
    """float [sets]: the figure of each; NaN where it is not defined."""
    known = [scores(network.labels, table)[metric] for table in network.probabilities]
    return np.array([np.nan if value is None else value for value in known])


def _mean(values: Floats) -> float | None:
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if len(defined) else None


def _adjusted(pairs: Sequence[Pair], metric: str, level: float) -> Iterator[Pair]:
    """Adjust each kind of p-value for all pairs, and read off what is shown."""
    randomised = holm([pair.p for pair in pairs])
    exact = holm([pair.mcnemar.p_mid for pair in pairs])
    over_folds = holm([pair.corrected_t.p for pair in pairs])
    of_recipes = holm([pair.recipe.p if pair.recipe is not None else None for pair in pairs])
    of_equivalence = holm([pair.equivalence_p for pair in pairs])
    for place, pair in enumerate(pairs):
        adjusted = replace(
            pair,
            p_adjusted=randomised[place],
            mcnemar_adjusted=exact[place],
            t_adjusted=over_folds[place],
            recipe=None if pair.recipe is None else replace(pair.recipe, p_adjusted=of_recipes[place]),
            equivalence_p=of_equivalence[place],
        )
        yield replace(adjusted, shown=_shown(adjusted, metric, level))


def _shown(pair: Pair, metric: str, level: float) -> Shown:
    equivalent = None if pair.equivalence_p is None else pair.equivalence_p <= level
    differ = pair.p_adjusted is not None and pair.p_adjusted <= level
    recipe = pair.recipe
    better = None
    # Where the trained networks themselves are not shown to differ, nothing is claimed of their recipes either.
    if differ and recipe is not None and recipe.p_adjusted is not None and recipe.p_adjusted <= level:
        better = _winner(pair, recipe.difference, metric)
    return replace(
        pair.shown,
        ahead=_winner(pair, pair.difference, metric) if differ else None,
        better=better,
        equivalent=equivalent,
        defined=pair.difference.value is not None,
    )


def _winner(pair: Pair, difference: Interval, metric: str) -> str | None:
    if not difference.value:
        return None
    return pair.a if (difference.value < 0) == (metric in LOWER_IS_BETTER) else pair.b


def _method(options: _Options, pairs: Sequence[Pair]) -> str:
    confidence = f"{100 * options.confidence:g} %"
    over = f"adjusted for {len(pairs)} pairs (Holm)" if len(pairs) > 1 else "one pair, nothing to adjust"
    sentences = [
        f"{confidence} intervals of the difference {IN_FULL['trained networks']}: paired cluster bootstrap, "
        f"{options.resamples:,} resamples. p: paired randomisation over whole groups, {options.rounds:,} rounds; "
        f"{over}. McNemar's test (mid-p, over whole groups) compares the shares of correct images."
    ]
    if any(pair.recipe is not None for pair in pairs):
        sentences.append(
            f"Recipe: {confidence} intervals {IN_FULL['recipe']}, from the spread over the trainings of each network "
            "(Student's t) and over groups; its p is adjusted in the same way. A recipe is called better where both "
            "tests show it."
        )
    because = f" ({reason_of_default(options.metric)}; --margin names another)" if options.default_margin else ""
    sentences.append(
        f"Equivalent: the whole interval lies within the margin of {options.margin:g}{because}, after adjusting for "
        "all pairs; that is stricter than two one-sided tests at 5 %, which take the 90 % interval."
    )
    return " ".join([*sentences, LITTLE_POWER])


def _is_confirmed(
    folders: Sequence[Path], tested: Sequence[RunPredictions], values: Mapping[str, float | None], metric: str
) -> bool:
    """Whether each fold of the one run takes the best network without its test images, as `selection_of_best` says.

    Being the best then owes nothing to the test images. Networks of several runs are never chosen so.
    """
    known = {name: value for name, value in values.items() if value is not None}
    if len(folders) > 1 or not known:
        return False
    best = (min if metric in LOWER_IS_BETTER else max)(known, key=lambda name: known[name])
    chosen = chosen_networks(folders[0], tested[0])
    return any({choice.network for choice in one.choices} == {best} for one in chosen)


def _notes(
    tested: Sequence[RunPredictions],
    networks: int,
    options: _Options,
    pairs: Sequence[Pair],
    same: Sequence[SameRecipe],
    *,
    flattered: bool,
) -> Iterator[str]:
    if any(run.protocol != "honest" for run in tested):
        yield (
            "Optimistic: test images chose the epochs in the protocol published in 2022, which flatters every figure "
            "and may distort differences."
        )
    if not all(run.complete for run in tested):
        yield "Not every fold is tested yet: pairs are compared on the images that both have tested so far."
    title = TITLES[options.metric]
    for one in same:
        spread = f": {title} has a standard deviation of {number(one.sd)} over {one.trainings} trainings"
        yield (
            f"{listed(one.networks)} are the same recipe with different seeds: what differs here is training "
            f"variability{spread if one.sd is not None else ''}."
        )
    if any(pair.shown.estimand == "trained networks" and not pair.shown.same_recipe for pair in pairs):
        yield ANOTHER_TRAINING
    if flattered and (not same or len(same[0].networks) < networks):
        yield BEST_OF_MANY.format(networks=networks)
    if open_pairs := [pair for pair in pairs if pair.shown.ahead is None and not pair.shown.equivalent]:
        possible = (
            "the interval contains the differences that remain possible"
            if any(pair.difference.low is not None for pair in open_pairs)
            else "without an interval, it is not known how large a difference remains possible"
        )
        yield f"Not shown to differ does not mean equal: {possible}."
