"""A run's results.json: every figure with its interval, by network, class and fold, made from stored predictions."""

from __future__ import annotations

import hashlib
from collections import Counter, OrderedDict
from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.evaluation.calibration import calibrate
from aimic_tui.engine.evaluation.interval_limits import Interval
from aimic_tui.engine.evaluation.intervals import Judgement, cluster_bootstrap, paired_difference
from aimic_tui.engine.evaluation.metric_titles import CLASS_METHODS, METHODS
from aimic_tui.engine.evaluation.metrics import ALL_METRICS, class_scores, confusion, scores
from aimic_tui.engine.evaluation.model_calibration import keep_model_calibrations
from aimic_tui.engine.evaluation.network_choice import Chosen, chosen_networks
from aimic_tui.engine.evaluation.tested_run import TestedNetwork, TestedRun, read_tested, read_validations
from aimic_tui.engine.files import read_json, write_json

HONEST = (
    "Honest protocol: a validation part chose each fold's best epoch; the test images chose nothing and were judged "
    "once."
)
OPTIMISTIC = (
    "Optimistic: as in the protocol published in 2022, each fold's test images also chose its best epoch, and images "
    "of one group may be on both sides. Expect less on new images."
)
_BEST_OF_MANY = (
    "The best of {networks} networks by these figures is flattered by the choice, the more the closer they are."
)
_CHOSEN = "Not flattered: the figures of choosing, in each fold by {by} alone and judged on its test images."
_NESTED = "Nested cross-validation judges the choice itself: train again with split.inner_folds = 3."
_NESTED_HONEST = (
    "Nested cross-validation (split.inner_folds = 3) would judge the choice itself, but only in the honest protocol."
)
_BY = {"validation part": "its validation part", "inner folds": "its inner folds"}
FORMAT = 7  # counts up when figures are computed in another way or more is said of them: old files are made anew
_RESAMPLES = 2000
_CONFIDENCE = 0.95


def write_results(run: Path) -> dict[str, Any]:
    """Make the figures of the run in folder `run`, as far as it has come, and put them into its results.json.

    Beside each model goes its calibration.

    Raises:
        InputProblem: see `build_results`.
        OSError: the disk is full; the old file is then untouched.
    """
    results = build_results(run)
    write_json(run / "results.json", results)
    keep_model_calibrations(run)
    return results


def read_results(run: Path) -> dict[str, Any]:
    """Return what results.json says where it is newer than all that it was made from, else make the figures anew.

    Nothing is written.

    Raises:
        InputProblem: see `build_results`.
    """
    try:
        made = (run / "results.json").stat().st_mtime_ns
        sources = [run / "experiment.toml", run / "manifest.csv", run / "split.csv"]
        sources += (run / "trials").rglob("predictions.csv")
        sources += (run / "trials").rglob("validation.csv")
        if all(source.stat().st_mtime_ns <= made for source in sources):
            results = read_json(run / "results.json")
            if isinstance(results, dict) and results.get("format") == FORMAT:
                return {**results, "state": _state(run)}
    except (OSError, ValueError):
        pass  # there is none yet, or it is damaged: what it is made from decides
    return build_results(run)


def build_results(run: Path) -> dict[str, Any]:
    """Return the figures of the run in folder `run`, recomputed from its plain files.

    Returns:
        `format`, `run`, `state`, `protocol`, `optimistic` (whether test images chose anything), `note` (the sentence
        to that), `method` (of the intervals), `methods` (of each figure: `pooled` and `classes`), `confidence`,
        `resamples`, `complete`, `images` and `groups` (of the whole test), `classes` (names in the order of the
        matrices), `inner_folds` (of nested cross-validation), `networks`: name -> a dict of

        - `pooled`: figure -> {value, low, high} over all tested images together; names in `metrics.ALL_METRICS`
        - `folds`: a dict a tested fold and seed: its figures, `fold`, `repeat`, `seed` and `images`
        - `spread`: figure -> {mean, sd} over those (sd with n - 1; None for one)
        - `by_seed`, `by_repeat`: a dict a seed or repeat: its pooled figures, and `seed` or `repeat`; `seed_spread`,
          `repeat_spread`: figure -> {mean, sd} over those
        - `classes`: name -> figure -> {value, low, high}, `support` and `predicted` (images), `groups` (with images of
          it) and `groups_outside` (with images of other classes)
        - `confusion`: counts, rows truth, columns prediction, in the order of `classes`; summed over seeds and repeats
        - `images`, `groups`, `seeds`, `repeats`, `trials_done`, `trials_total`, `unclassified` (images without a
          prediction)

        `chosen`: for each way of choosing a network in each fold without its test images, the same as of a network,
        and `by` ("validation part", "inner folds"), `metric`, `choices` (`fold`, `repeat`, `network`, `values`: network
        -> what it was chosen by) and `times` (network -> folds that take it); empty where there is nothing to choose
        or test images choose anyway; `calibration`: name -> what `calibration.calibrate` finds, for networks with
        validation predictions; and
        `pairs`: for each two networks `a`, `b`, `images` (that both tested) and `differences`: figure ->
        {value, low, high} of a - b.

        A pooled figure is that of all folds' predictions together. With several seeds or repeats it is the mean over
        each of them, as one image's predictions are no independent images; intervals redraw groups of images, and
        with a group all that every seed and repeat says of it (Tsamardinos et al. 2018, Machine Learning 107, 1895,
        who redraw images in the same way over repeats). They say how figures vary with the images, not with the
        seed: that is `seed_spread`.

    Raises:
        InputProblem: a file is missing or damaged, or predictions are not of the test images of their fold.
    """
    tested = read_tested(run)
    evaluation = tested.experiment.get("evaluation", {})
    options = {
        "resamples": int(evaluation.get("resamples", _RESAMPLES)),
        "confidence": float(evaluation.get("confidence", _CONFIDENCE)),
        "seed": int(tested.experiment.get("seed", 0)),
    }
    protocol = str(tested.experiment.get("split", {}).get("protocol", "honest"))
    optimistic = protocol != "honest"
    notes = [OPTIMISTIC if optimistic else HONEST]
    chosen = chosen_networks(run, tested)
    if len(tested.wanted) > 1:
        notes.append(_BEST_OF_MANY.format(networks=len(tested.wanted)))
    if chosen:
        notes.append(_CHOSEN.format(by=" or ".join(_BY[found.by] for found in chosen)))
    if len(tested.wanted) > 1 and not tested.split.inner_folds:
        notes.append(_NESTED_HONEST if optimistic else _NESTED)
    return {
        "format": FORMAT,
        "run": run.name,
        "state": _state(run),
        "protocol": protocol,
        "optimistic": optimistic,
        "note": " ".join(notes),
        "method": f"{100 * options['confidence']:g} % intervals: cluster bootstrap over {tested.groups:,} groups, "
        f"{options['resamples']:,} resamples{_of_repeats(tested)} (BCa; shares: Wilson with the effective number of "
        "images; AUROC: normal in the logit; calibration error: inverted test)",
        "confidence": options["confidence"],
        "resamples": options["resamples"],
        "complete": tested.complete,
        "methods": {"pooled": METHODS, "classes": CLASS_METHODS},
        "images": tested.images,
        "groups": tested.groups,
        "classes": list(tested.classes),
        "repeats": tested.split.repeats,
        "inner_folds": tested.split.inner_folds,
        "networks": {network.name: _of_network(tested, network, options) for network in tested.networks},
        "chosen": [_of_chosen(tested, found, options) for found in chosen],
        "calibration": _calibrations(run, tested, options),
        "pairs": [_pair(a, b, options) for a, b in combinations(tested.networks, 2)],
    }


def _of_repeats(tested: TestedRun) -> str:
    repeats = tested.split.repeats
    return f", a figure being the mean over {repeats} repeats, redrawn together" if repeats > 1 else ""


def _state(run: Path) -> str:
    try:
        return str(read_json(run / "status.json")["state"])
    except (OSError, ValueError, KeyError, TypeError):
        raise InputProblem(f"{run} has no readable status.json. Name a run's folder.") from None


def _of_network(tested: TestedRun, network: TestedNetwork, options: dict[str, Any]) -> dict[str, Any]:
    judged = _judge(network, options)
    # Counts of images, not of images times seeds, stand beside a class.
    counts = class_scores(network.labels, network.probabilities[0])
    folds = [
        {
            "fold": trial.fold,
            "repeat": trial.repeat,
            "seed": trial.seed,
            "images": int(trial.images.sum()),
            **scores(network.labels[trial.images], network.probabilities[trial.place, trial.images]),
        }
        for trial in network.trials()
    ]
    by_seed, by_repeat = _by(network, network.seeds), _by(network, network.repeats)
    return {
        "trials_done": network.tables,
        "trials_total": tested.folds * max(tested.seeds, len(by_seed)),
        "seeds": list(by_seed),
        "repeats": list(by_repeat),
        "images": len(network.images),
        "groups": judged.groups,
        "unclassified": int(network.unclassified.sum()),
        "pooled": _intervals(judged.overall),
        "folds": folds,
        "spread": {name: _spread([fold[name] for fold in folds]) for name in ALL_METRICS},
        "by_seed": [{"seed": seed, **figures} for seed, figures in by_seed.items()],
        "seed_spread": {name: _spread([figures[name] for figures in by_seed.values()]) for name in ALL_METRICS},
        "by_repeat": [{"repeat": repeat, **figures} for repeat, figures in by_repeat.items()],
        "repeat_spread": {name: _spread([figures[name] for figures in by_repeat.values()]) for name in ALL_METRICS},
        "classes": {
            name: {
                **_intervals(figures),
                "support": _count(row["support"]),
                "predicted": _count(row["predicted"]),
                "groups": with_class,
                "groups_outside": without_class,
            }
            for name, figures, row, with_class, without_class in zip(
                tested.classes, judged.classes, counts, judged.groups_with, judged.groups_outside, strict=True
            )
        },
        "confusion": _confusion(network, len(tested.classes)),
    }


def _by(network: TestedNetwork, keys: Sequence[int]) -> dict[int, dict[str, float | None]]:
    """Seed or repeat (`keys` says which, of each set) -> every pooled figure, a mean over the sets that have it."""
    found: dict[int, list[dict[str, float | None]]] = {}
    for key, table in zip(keys, network.probabilities, strict=True):
        found.setdefault(key, []).append(scores(network.labels, table))
    return {
        key: {name: _spread([figures[name] for figures in sets])["mean"] for name in ALL_METRICS}
        for key, sets in sorted(found.items())
    }


def _of_chosen(tested: TestedRun, chosen: Chosen, options: dict[str, Any]) -> dict[str, Any]:
    times = Counter(choice.network for choice in chosen.choices)
    return {
        "by": chosen.by,
        "metric": chosen.metric,
        "choices": [
            {
                "fold": choice.fold,
                "repeat": tested.split.repeat_of(choice.fold),
                "network": choice.network,
                "values": dict(choice.values),
            }
            for choice in chosen.choices
        ],
        "times": {network.name: times[network.name] for network in tested.networks},
        **_of_network(tested, chosen.network, options),
    }


def _calibrations(run: Path, tested: TestedRun, options: dict[str, Any]) -> dict[str, Any]:
    found = {}
    for network in tested.networks:
        validations = read_validations(run, tested, network)
        calibration = calibrate(network, validations, _judge(network, options), **options)
        if calibration is not None:
            found[network.name] = _plain(calibration)
    return found


def _plain(value: Any) -> Any:
    """Turn data classes and arrays into what JSON knows."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    return value.tolist() if isinstance(value, np.ndarray) else value


def _confusion(network: TestedNetwork, classes: int) -> list[list[int]]:
    counts = np.zeros((classes, classes), np.int64)
    for table in network.probabilities:
        known = ~np.isnan(table).any(axis=1)
        counts += confusion(network.labels[known], table[known].argmax(axis=1).astype(np.int32), classes)
    found: list[list[int]] = counts.tolist()
    return found


def _pair(a: TestedNetwork, b: TestedNetwork, options: dict[str, Any]) -> dict[str, Any]:
    _, of_a, of_b = np.intersect1d(a.images, b.images, return_indices=True)
    in_both_a, in_both_b = np.zeros(len(a.images), bool), np.zeros(len(b.images), bool)
    in_both_a[of_a], in_both_b[of_b] = True, True
    differences = paired_difference(_judge(a.part(in_both_a), options), _judge(b.part(in_both_b), options))
    return {"a": a.name, "b": b.name, "images": len(of_a), "differences": _intervals(differences)}


_judged: OrderedDict[str, Judgement] = OrderedDict()
_REMEMBERED = 64


def _judge(network: TestedNetwork, options: dict[str, Any]) -> Judgement:
    """Judge a network, or remember: a scheduler asks after every trial, and most networks are as they were."""
    digest = hashlib.sha256(repr(options).encode())
    for column in (network.labels, network.groups, network.probabilities):
        digest.update(np.ascontiguousarray(column).tobytes())
    key = digest.hexdigest()
    if key not in _judged:
        _judged[key] = cluster_bootstrap(network.labels, network.probabilities, network.groups, **options)
    _judged.move_to_end(key)
    while len(_judged) > _REMEMBERED:
        _judged.popitem(last=False)
    return _judged[key]


def _intervals(figures: dict[str, Interval]) -> dict[str, dict[str, float | None]]:
    return {name: {"value": found.value, "low": found.low, "high": found.high} for name, found in figures.items()}


def _spread(values: list[float | None]) -> dict[str, float | None]:
    known = [value for value in values if value is not None]
    if not known:
        return {"mean": None, "sd": None}
    return {"mean": float(np.mean(known)), "sd": float(np.std(known, ddof=1)) if len(known) > 1 else None}


def _count(weight: float | None) -> int:
    return round(weight or 0.0)
