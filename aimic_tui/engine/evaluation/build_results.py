"""A run's results.json: every figure with its interval, by network, class and fold, made from stored predictions."""

from __future__ import annotations

import hashlib
from collections import Counter, OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import combinations
from pathlib import Path

import numpy as np

from aimic_tui.engine.bounded_files import read_json
from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.evaluation.baselines import baseline_predictions, evaluate_baselines
from aimic_tui.engine.evaluation.calibration import calibrate, calibrated
from aimic_tui.engine.evaluation.class_calibration import class_calibration
from aimic_tui.engine.evaluation.estimand import IN_FULL
from aimic_tui.engine.evaluation.intervals import BootstrapFigures, cluster_bootstrap, paired_difference
from aimic_tui.engine.evaluation.metric_titles import CLASS_METHODS, METHODS, TITLES
from aimic_tui.engine.evaluation.metrics import ALL_METRICS, class_scores, confusion, scores
from aimic_tui.engine.evaluation.model_calibration import write_model_calibrations
from aimic_tui.engine.evaluation.network_choice import BEST_OF_MANY, Chosen, chosen_networks
from aimic_tui.engine.evaluation.rate_correlation import rate_correlation
from aimic_tui.engine.evaluation.recipe_difference import recipe_difference
from aimic_tui.engine.evaluation.results_file import write_results_file
from aimic_tui.engine.evaluation.run_predictions import (
    NetworkPredictions,
    RunPredictions,
    read_run_predictions,
    read_validation_predictions,
)
from aimic_tui.engine.evaluation.run_results import (
    Calibration,
    ClassFigures,
    FoldFigures,
    LargestGroup,
    NetworkResults,
    PairedDifferences,
    RunResults,
    SelectedNetwork,
    Selection,
    Spread,
    Values,
)
from aimic_tui.engine.evaluation.stored_results import read_stored_results
from aimic_tui.engine.progress import Progress, ReportProgress, no_report
from aimic_tui.engine.run_folder import RunFolder
from aimic_tui.engine.text import plural, printable
from aimic_tui.engine.typed_values import MALFORMED

HONEST = (
    "Honest protocol: validation images chose each fold's best epoch; the test images chose nothing and were used only "
    "once."
)
OPTIMISTIC = (
    "Optimistic: as in the protocol published in 2022, each fold's test images also chose its best epoch, and images "
    "of one group may be in both training and test parts. Expect lower figures on new images."
)
_SELECTED = (
    "Free of that: the figures of selecting a network in each fold by {by} alone, computed on the fold's test images."
)
_CONFIRMED = (
    "{best} is the best of {networks} networks by {title}. Each fold selects it by {by} alone, too, without any test "
    "image, so that being the best does not inflate its figures."
)
_SELECTS = "macro_f1"
_NESTED = "Nested cross-validation evaluates the selection itself: train again with split.inner_folds = 3."
_NESTED_HONEST = (
    "Nested cross-validation (split.inner_folds = 3) would evaluate the selection itself, but only in the honest "
    "protocol."
)
_BY: dict[Selection, str] = {"validation part": "its validation part", "inner folds": "its inner folds"}
_RESAMPLES = 2000
_CONFIDENCE = 0.95


def write_results(run: Path, report: ReportProgress = no_report) -> RunResults:
    """Compute the figures of the run in folder `run`, as far as it has come, and write them to its results.json.

    Beside each model goes its calibration.

    Raises:
        InputProblem: see `build_results`.
        OSError: the disk is full; the old file is then untouched.
    """
    results = build_results(run, report)
    write_results_file(RunFolder(run).results_file, results)
    write_model_calibrations(run)
    return results


def read_results(run: Path, report: ReportProgress = no_report) -> RunResults:
    """Return what results.json says where it is newer than all that it was made from, else recompute the figures.

    Nothing is written.

    Raises:
        InputProblem: see `build_results`.
    """
    folder = RunFolder(run)
    try:
        made = folder.results_file.stat().st_mtime_ns
        sources = [folder.experiment_file, folder.manifest_file, folder.split_file]
        tables = [table for trial in folder.trials() for table in (trial.predictions_file, trial.validation_file)]
        sources += [table for table in (*tables, folder.baseline_record) if table.exists()]
        current = all(source.stat().st_mtime_ns <= made for source in sources)
    except OSError:
        current = False  # there is no file yet, or a source of it is gone: what is there decides
    results = read_stored_results(folder) if current else None
    return build_results(run, report) if results is None else replace(results, run=run.name, state=_state(run))


def build_results(run: Path, report: ReportProgress = no_report) -> RunResults:
    """Return the figures of the run in folder `run`, recomputed from its plain files.

    Raises:
        InputProblem: a file is missing or damaged, or predictions are not of the test images of their fold.
    """
    tested = read_run_predictions(run)
    evaluation = tested.experiment.get("evaluation", {})
    bootstrap = _Bootstrap(
        resamples=int(evaluation.get("resamples", _RESAMPLES)),
        confidence=float(evaluation.get("confidence", _CONFIDENCE)),
        seed=int(tested.experiment.get("seed", 0)),
    )
    optimistic = tested.protocol != "honest"
    chosen = chosen_networks(run, tested)
    baselines = baseline_predictions(run, tested)
    evaluate = _Evaluator(bootstrap, 2 * len(tested.networks) + len(chosen) + len(baselines.found), report)
    results = RunResults(
        run=run.name,
        state=_state(run),
        protocol=tested.protocol,
        optimistic=optimistic,
        note="",
        method=_method(tested, bootstrap),
        confidence=bootstrap.confidence,
        resamples=bootstrap.resamples,
        complete=tested.complete,
        methods=METHODS,
        class_methods=CLASS_METHODS,
        images=tested.images,
        groups=tested.groups,
        classes=tuple(tested.classes),
        repeats=tested.split.repeats,
        inner_folds=tested.split.inner_folds,
        networks={network.name: _of_network(tested, network, evaluate) for network in tested.networks},
        selected=tuple(_of_chosen(tested, found, evaluate) for found in chosen),
        calibration=_calibrations(run, tested, evaluate),
        pairs=tuple(_pair(a, b, evaluate) for a, b in combinations(tested.networks, 2)),
        baselines=tuple(
            evaluate_baselines(baselines, tested.networks, evaluate.step, lambda a, b: _on_both(a, b, evaluate))
        ),
        absent_baselines=baselines.absent,
    )
    return replace(results, note=_note(results, tested, chosen))


@dataclass(frozen=True)
class _Bootstrap:
    """How intervals are made."""

    resamples: int
    confidence: float
    seed: int


def _note(results: RunResults, tested: RunPredictions, chosen: Sequence[Chosen]) -> str:
    optimistic = tested.protocol != "honest"
    notes = [OPTIMISTIC if optimistic else HONEST]
    if (confirmed := results.selection_of_best(_SELECTS)) is not None:
        best, networks = results.best_network(_SELECTS), len(tested.wanted)
        notes.append(_CONFIRMED.format(best=best, networks=networks, title=TITLES[_SELECTS], by=_BY[confirmed.by]))
        return " ".join(notes)
    if len(tested.wanted) > 1:
        notes.append(BEST_OF_MANY.format(networks=len(tested.wanted)))
    if chosen:
        notes.append(_SELECTED.format(by=" or ".join(_BY[found.by] for found in chosen)))
    if len(tested.wanted) > 1 and not tested.split.inner_folds:
        notes.append(_NESTED_HONEST if optimistic else _NESTED)
    return " ".join(notes)


def _method(tested: RunPredictions, bootstrap: _Bootstrap) -> str:
    recipe = (
        f"; intervals {IN_FULL['recipe']}: the same with the spread over seeds and repeats (Student's t)"
        if max((len(network.seeds) for network in tested.networks), default=0) > 1
        else ""
    )
    return (
        f"{100 * bootstrap.confidence:g} % intervals {IN_FULL['trained networks']}: cluster bootstrap over "
        f"{plural(tested.groups, 'group')}, "
        f"{bootstrap.resamples:,} resamples{_of_repeats(tested)}, degrees of freedom by the groups' effective number "
        "(BCa; shares: Wilson with the effective number of images; means over classes of shares: the wider of BCa "
        f"and MOVER; AUROC: normal in the logit; calibration error: inverted test){recipe}"
    )


def _of_repeats(tested: RunPredictions) -> str:
    repeats = tested.split.repeats
    return f"; each figure is the mean over {repeats} repeats, resampled together" if repeats > 1 else ""


def _state(run: Path) -> str:
    try:
        return str(read_json(run / "status.json")["state"])
    except (OSError, *MALFORMED):
        raise InputProblem(f"{printable(str(run))} has no readable status.json. Name a run's folder.") from None


def _of_network(tested: RunPredictions, network: NetworkPredictions, evaluate: _Evaluator) -> NetworkResults:
    found = evaluate.step(network)
    # Counts of images, not of images times seeds, stand beside a class.
    counts = class_scores(network.labels, network.probabilities[0])
    folds = tuple(
        FoldFigures(
            fold=trial.fold,
            repeat=trial.repeat,
            seed=trial.seed,
            images=int(trial.images.sum()),
            only_class=None if (code := network.only_class(trial)) is None else tested.classes[code],
            values=scores(network.labels[trial.images], network.probabilities[trial.set_index, trial.images]),
        )
        for trial in network.trials()
    )
    largest = found.largest_group
    by_seed, by_repeat = _by(network, network.seeds), _by(network, network.repeats)
    return NetworkResults(
        trials_done=network.trials_done,
        trials_total=tested.folds * max(tested.seeds, len(by_seed)),
        seeds=tuple(by_seed),
        repeats=tuple(by_repeat),
        images=len(network.images),
        groups=found.groups,
        effective_groups=found.effective_groups,
        largest_group=LargestGroup(tested.data.group_names[largest.code], largest.share) if largest else None,
        unclassified=int(network.unclassified.sum()),
        pooled=found.overall,
        recipe=found.recipe,
        folds=folds,
        spread=_spreads([fold.values for fold in folds]),
        by_seed=by_seed,
        seed_spread=_spreads(by_seed.values()),
        by_repeat=by_repeat,
        repeat_spread=_spreads(by_repeat.values()),
        classes={
            name: ClassFigures(
                found.classes[code],
                _count(counts[code]["support"]),
                _count(counts[code]["predicted"]),
                found.groups_with[code],
                found.groups_outside[code],
                found.effective_with[code],
                found.effective_outside[code],
                rate_correlation(network.labels, network.probabilities, network.groups, code),
            )
            for code, name in enumerate(tested.classes)
        },
        confusion=_confusion(network, len(tested.classes)),
    )


def _by(network: NetworkPredictions, keys: Sequence[int]) -> dict[int, dict[str, float | None]]:
    """Seed or repeat (`keys` says which, of each set) -> every pooled figure, a mean over the sets that have it."""
    found: dict[int, list[Values]] = {}
    for key, table in zip(keys, network.probabilities, strict=True):
        found.setdefault(key, []).append(scores(network.labels, table))
    return {key: {name: spread.mean for name, spread in _spreads(sets).items()} for key, sets in sorted(found.items())}


def _of_chosen(tested: RunPredictions, chosen: Chosen, evaluate: _Evaluator) -> SelectedNetwork:
    times = Counter(choice.network for choice in chosen.choices)
    return SelectedNetwork(
        by=chosen.by,
        metric=chosen.metric,
        choices=chosen.choices,
        times={network.name: times[network.name] for network in tested.networks},
        results=_of_network(tested, chosen.network, evaluate),
    )


def _calibrations(run: Path, tested: RunPredictions, evaluate: _Evaluator) -> dict[str, Calibration]:
    found = {}
    for network in tested.networks:
        validations = read_validation_predictions(run, tested, network)
        calibration = calibrate(
            network,
            validations,
            evaluate(network),
            optimistic=tested.protocol != "honest",
            **asdict(evaluate.bootstrap),
        )
        evaluate.done()
        if calibration is not None:
            table = calibrated(network, validations)
            of_classes = class_calibration(network, table, confidence=evaluate.bootstrap.confidence)
            found[network.name] = replace(calibration, classes=dict(zip(tested.classes, of_classes, strict=True)))
    return found


def _confusion(network: NetworkPredictions, classes: int) -> tuple[tuple[int, ...], ...]:
    counts = np.zeros((classes, classes), np.int64)
    for table in network.probabilities:
        known = ~np.isnan(table).any(axis=1)
        counts += confusion(network.labels[known], table[known].argmax(axis=1).astype(np.int32), classes)
    return tuple(map(tuple, counts.tolist()))


def _pair(a: NetworkPredictions, b: NetworkPredictions, evaluate: _Evaluator) -> PairedDifferences:
    both = _on_both(a, b, evaluate)
    several = min(len(a.seeds), len(b.seeds)) > 1
    recipe = {metric: found.interval for metric, found in recipe_difference(*both).items()} if several else {}
    images = len(np.intersect1d(a.images, b.images))
    return PairedDifferences(a.name, b.name, images, paired_difference(*both), recipe)


def _on_both(
    a: NetworkPredictions, b: NetworkPredictions, evaluate: _Evaluator
) -> tuple[BootstrapFigures, BootstrapFigures]:
    """Return the figures of two networks on the images that both classified."""
    of_a, of_b = a.select(~a.unclassified), b.select(~b.unclassified)
    in_a, in_b = np.isin(of_a.images, of_b.images), np.isin(of_b.images, of_a.images)
    return evaluate(of_a.select(in_a)), evaluate(of_b.select(in_b))


_cache: OrderedDict[str, BootstrapFigures] = OrderedDict()
_MOST_CACHED = 64


class _Evaluator:
    """Computes the figures of networks, the same ones once, and reports how far it is.

    Args:
        bootstrap: how intervals are made.
        steps: how many evaluations there will be that take long.
        report: told of resamples.
    """

    def __init__(self, bootstrap: _Bootstrap, steps: int, report: ReportProgress) -> None:
        self.bootstrap = bootstrap
        self._total = steps * bootstrap.resamples
        self._done = 0
        self._report = report

    def __call__(self, network: NetworkPredictions) -> BootstrapFigures:
        """Return a network's figures; after every trial of a run most networks are as they were."""
        digest = hashlib.sha256(repr(self.bootstrap).encode())
        for column in (network.labels, network.groups, network.probabilities):
            digest.update(np.ascontiguousarray(column).tobytes())
        key = digest.hexdigest()
        if key not in _cache:
            _cache[key] = cluster_bootstrap(
                network.labels,
                network.probabilities,
                network.groups,
                **asdict(self.bootstrap),
                on_resamples=self._report_resamples,
            )
        _cache.move_to_end(key)
        while len(_cache) > _MOST_CACHED:
            _cache.popitem(last=False)
        return _cache[key]

    def step(self, network: NetworkPredictions) -> BootstrapFigures:
        """Return a network's figures, as one of the steps."""
        found = self(network)
        self.done()
        return found

    def done(self) -> None:
        """Count a step."""
        self._done += self.bootstrap.resamples
        self._report_resamples(0)

    def _report_resamples(self, done: int) -> None:
        # A pair of which one network tested fewer images takes a little more than was foreseen.
        self._report(Progress("resample", min(self._done + done, self._total), self._total))


def _spreads(rows: Iterable[Values]) -> dict[str, Spread]:
    """Mean and standard deviation of every overall figure over the rows that have it."""
    values = list(rows)
    return {name: _spread([row[name] for row in values]) for name in ALL_METRICS}


def _spread(values: Sequence[float | None]) -> Spread:
    known = [value for value in values if value is not None]
    if not known:
        return Spread(None, None)
    return Spread(float(np.mean(known)), float(np.std(known, ddof=1)) if len(known) > 1 else None)


def _count(weight: float | None) -> int:
    return round(weight or 0.0)
