"""results.json: the one place that reads and writes it, and knows its keys.

`aimic results --json` prints the same object.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from aimic_tui.engine.evaluation.baseline import AbsentBaseline, Baseline
from aimic_tui.engine.evaluation.interval import Interval
from aimic_tui.engine.evaluation.run_results import (
    Calibration,
    ClassCalibration,
    ClassFigures,
    FoldChoice,
    FoldFigures,
    Intervals,
    LargestGroup,
    NetworkResults,
    PairedDifferences,
    Rejection,
    ReliabilityBin,
    RunResults,
    SelectedNetwork,
    Spread,
    Temperature,
)
from aimic_tui.engine.files import read_json, write_json

VERSION = 8
"""Of the file, under its key `format`: counts up when a key changes or figures are computed in another way.

Files of other versions are not read; `build_results.read_results` then makes the figures anew. It stayed the same when
Student's quantiles became exact: limits of a class in five groups moved by 0.03 % of their width, others by less.
"""

_FOLD_KEYS = ("fold", "repeat", "seed", "images", "only_class")
_CLASS_CALIBRATION_KEYS = ("slope_before", "intercept_before", "slope_after", "intercept_after")
_CLASS_KEYS = (
    *("support", "predicted", "groups", "groups_outside"),
    *("effective_groups", "effective_groups_outside", "rate_correlation"),
)


def write_results_file(path: Path, results: RunResults) -> None:
    """Write results to a file, atomically.

    Raises:
        OSError: the disk is full; the old file is then untouched.
    """
    write_json(path, results_to_json(results))


def read_results_file(path: Path) -> RunResults | None:
    """Read results; None where there is no such file, or it is damaged or of another version."""
    try:
        return results_from_json(read_json(path))
    except (OSError, ValueError):
        return None


def read_pooled_figure(path: Path, metric: str) -> dict[str, Interval] | None:
    """Read one pooled figure of every network that has it: name -> figure; None where there is no readable file.

    Reads files of any version, in a fraction of the time that reading everything takes.
    """
    try:
        networks = read_json(path)["networks"]
        pooled = {name: network["pooled"].get(metric) for name, network in networks.items()}
        return {
            name: Interval(float(figure["value"]), figure.get("low"), figure.get("high"))
            for name, figure in pooled.items()
            if figure and figure["value"] is not None
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def results_to_json(results: RunResults) -> dict[str, Any]:
    """Return results as plain values, in the order of the file."""
    return {
        "format": VERSION,
        "run": results.run,
        "state": results.state,
        "protocol": results.protocol,
        "optimistic": results.optimistic,
        "note": results.note,
        "method": results.method,
        "confidence": results.confidence,
        "resamples": results.resamples,
        "complete": results.complete,
        "methods": {"pooled": dict(results.methods), "classes": dict(results.class_methods)},
        "images": results.images,
        "groups": results.groups,
        "classes": list(results.classes),
        "repeats": results.repeats,
        "inner_folds": results.inner_folds,
        "networks": {name: _network_to_json(network) for name, network in results.networks.items()},
        "chosen": [_selected_to_json(selected) for selected in results.selected],
        "calibration": {name: _calibration_to_json(found) for name, found in results.calibration.items()},
        "pairs": [
            {
                "a": pair.a,
                "b": pair.b,
                "images": pair.images,
                "differences": _intervals_to_json(pair.differences),
                "recipe": _intervals_to_json(pair.recipe),
            }
            for pair in results.pairs
        ],
        "baselines": {baseline.name: _baseline_to_json(baseline) for baseline in results.baselines},
        "absent_baselines": {
            absent.name: {"reason": absent.reason, "sentence": absent.sentence} for absent in results.absent_baselines
        },
    }


def results_from_json(value: Any) -> RunResults:
    """Read what `results_to_json` returned.

    Raises:
        ValueError: it is something else, or of another version.
    """
    if not isinstance(value, dict) or value.get("format") != VERSION:
        raise ValueError("no results of a run, or of another version")
    try:
        return _run_from_json(value)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"damaged results of a run: {error!r}") from None


def _run_from_json(value: Mapping[str, Any]) -> RunResults:
    return RunResults(
        run=str(value["run"]),
        state=str(value["state"]),
        protocol=value["protocol"],
        optimistic=bool(value["optimistic"]),
        note=str(value["note"]),
        method=str(value["method"]),
        confidence=float(value["confidence"]),
        resamples=int(value["resamples"]),
        complete=bool(value["complete"]),
        methods=dict(value["methods"]["pooled"]),
        class_methods=dict(value["methods"]["classes"]),
        images=int(value["images"]),
        groups=int(value["groups"]),
        classes=tuple(value["classes"]),
        repeats=int(value["repeats"]),
        inner_folds=int(value["inner_folds"]),
        networks={name: _network(network) for name, network in value["networks"].items()},
        selected=tuple(map(_selected, value["chosen"])),
        calibration={name: _calibration(found) for name, found in value["calibration"].items()},
        pairs=tuple(
            PairedDifferences(
                pair["a"], pair["b"], int(pair["images"]), _intervals(pair["differences"]), _intervals(pair["recipe"])
            )
            for pair in value["pairs"]
        ),
        baselines=tuple(_baseline(name, found) for name, found in value["baselines"].items()),
        absent_baselines=tuple(
            AbsentBaseline(name, absent["reason"], str(absent["sentence"]))
            for name, absent in value["absent_baselines"].items()
        ),
    )


def _network_to_json(network: NetworkResults) -> dict[str, Any]:
    return {
        "trials_done": network.trials_done,
        "trials_total": network.trials_total,
        "seeds": list(network.seeds),
        "repeats": list(network.repeats),
        "images": network.images,
        "groups": network.groups,
        "effective_groups": network.effective_groups,
        "largest_group": asdict(network.largest_group) if network.largest_group else None,
        "unclassified": network.unclassified,
        "pooled": _intervals_to_json(network.pooled),
        "recipe": _intervals_to_json(network.recipe),
        "folds": [{**{key: getattr(fold, key) for key in _FOLD_KEYS}, **fold.values} for fold in network.folds],
        "spread": _spreads_to_json(network.spread),
        "by_seed": [{"seed": seed, **values} for seed, values in network.by_seed.items()],
        "seed_spread": _spreads_to_json(network.seed_spread),
        "by_repeat": [{"repeat": repeat, **values} for repeat, values in network.by_repeat.items()],
        "repeat_spread": _spreads_to_json(network.repeat_spread),
        "classes": {
            name: {
                **_intervals_to_json(found.figures),
                **{key: getattr(found, key) for key in _CLASS_KEYS},
            }
            for name, found in network.classes.items()
        },
        "confusion": [list(row) for row in network.confusion],
    }


def _network(value: Mapping[str, Any]) -> NetworkResults:
    return NetworkResults(
        trials_done=int(value["trials_done"]),
        trials_total=int(value["trials_total"]),
        seeds=tuple(value["seeds"]),
        repeats=tuple(value["repeats"]),
        images=int(value["images"]),
        groups=int(value["groups"]),
        effective_groups=float(value["effective_groups"]),
        largest_group=LargestGroup(**value["largest_group"]) if value["largest_group"] else None,
        unclassified=int(value["unclassified"]),
        pooled=_intervals(value["pooled"]),
        recipe=_intervals(value["recipe"]),
        folds=tuple(map(_fold, value["folds"])),
        spread=_spreads(value["spread"]),
        by_seed={int(row["seed"]): _without(row, ("seed",)) for row in value["by_seed"]},
        seed_spread=_spreads(value["seed_spread"]),
        by_repeat={int(row["repeat"]): _without(row, ("repeat",)) for row in value["by_repeat"]},
        repeat_spread=_spreads(value["repeat_spread"]),
        classes={name: _class_figures(row) for name, row in value["classes"].items()},
        confusion=tuple(map(tuple, value["confusion"])),
    )


def _class_figures(row: Mapping[str, Any]) -> ClassFigures:
    return ClassFigures(
        figures=_intervals(_without(row, _CLASS_KEYS)),
        support=int(row["support"]),
        predicted=int(row["predicted"]),
        groups=int(row["groups"]),
        groups_outside=int(row["groups_outside"]),
        effective_groups=float(row["effective_groups"]),
        effective_groups_outside=float(row["effective_groups_outside"]),
        rate_correlation=float(row["rate_correlation"]),
    )


def _fold(row: Mapping[str, Any]) -> FoldFigures:
    fold, repeat, seed, images = (int(row[key]) for key in ("fold", "repeat", "seed", "images"))
    return FoldFigures(fold, repeat, seed, images, row["only_class"], _without(row, _FOLD_KEYS))


def _selected_to_json(selected: SelectedNetwork) -> dict[str, Any]:
    return {
        "by": selected.by,
        "metric": selected.metric,
        "choices": [asdict(choice) for choice in selected.choices],
        "times": dict(selected.times),
        **_network_to_json(selected.results),
    }


def _selected(value: Mapping[str, Any]) -> SelectedNetwork:
    return SelectedNetwork(
        by=value["by"],
        metric=str(value["metric"]),
        choices=tuple(
            FoldChoice(int(choice["fold"]), int(choice["repeat"]), choice["network"], dict(choice["values"]))
            for choice in value["choices"]
        ),
        times=dict(value["times"]),
        results=_network(value),
    )


def _calibration_to_json(found: Calibration) -> dict[str, Any]:
    return {
        "temperatures": [asdict(temperature) for temperature in found.temperatures],
        "before": _intervals_to_json(found.before),
        "after": _intervals_to_json(found.after),
        "difference": _intervals_to_json(found.difference),
        "corrected": dict(found.corrected),
        "reliability_before": [asdict(one) for one in found.reliability_before],
        "reliability_after": [asdict(one) for one in found.reliability_after],
        "coverage": list(found.coverage),
        "risk": list(found.risk),
        "rejections": [
            {
                "wanted": rejection.max_error,
                "threshold": rejection.threshold,
                "thresholds": list(rejection.thresholds),
                "answered": _interval_to_json(rejection.answered),
                "error": _interval_to_json(rejection.error),
                "rests_on_groups": rejection.rests_on_groups,
            }
            for rejection in found.rejections
        ],
        "classes": {
            name: {key: _interval_to_json(getattr(of_class, key)) for key in _CLASS_CALIBRATION_KEYS}
            for name, of_class in found.classes.items()
        },
    }


def _calibration(value: Mapping[str, Any]) -> Calibration:
    return Calibration(
        temperatures=tuple(
            Temperature(
                int(row["fold"]),
                int(row["seed"]),
                float(row["value"]),
                int(row["images"]),
                bool(row["at_bound"]),
                bool(row["weights_undone"]),
            )
            for row in value["temperatures"]
        ),
        before=_intervals(value["before"]),
        after=_intervals(value["after"]),
        difference=_intervals(value["difference"]),
        corrected=dict(value["corrected"]),
        reliability_before=tuple(map(_bin, value["reliability_before"])),
        reliability_after=tuple(map(_bin, value["reliability_after"])),
        coverage=tuple(value["coverage"]),
        risk=tuple(value["risk"]),
        rejections=tuple(
            Rejection(
                float(row["wanted"]),
                row["threshold"],
                tuple(row["thresholds"]),
                _interval(row["answered"]),
                _interval(row["error"]),
                bool(row["rests_on_groups"]),
            )
            for row in value["rejections"]
        ),
        classes={
            name: ClassCalibration(*(_interval(row[key]) for key in _CLASS_CALIBRATION_KEYS))
            for name, row in value["classes"].items()
        },
    )


def _baseline_to_json(baseline: Baseline) -> dict[str, Any]:
    return {
        "title": baseline.title,
        "detail": baseline.detail,
        "images": baseline.images,
        "groups": baseline.groups,
        "pooled": _intervals_to_json(baseline.pooled),
        "differences": {network: _intervals_to_json(found) for network, found in baseline.differences.items()},
        "beaten_by": {network: baseline.beaten_by(network) for network in baseline.differences},
    }


def _baseline(name: Any, value: Mapping[str, Any]) -> Baseline:
    return Baseline(
        name=name,
        detail=str(value["detail"]),
        images=int(value["images"]),
        groups=int(value["groups"]),
        pooled=_intervals(value["pooled"]),
        differences={network: _intervals(found) for network, found in value["differences"].items()},
    )


def _bin(value: Mapping[str, Any]) -> ReliabilityBin:
    return ReliabilityBin(
        float(value["low"]), float(value["high"]), int(value["images"]), value["confidence"], value["accuracy"]
    )


def _intervals_to_json(figures: Intervals) -> dict[str, dict[str, float | str | None]]:
    return {name: _interval_to_json(figure) for name, figure in figures.items()}


def _interval_to_json(figure: Interval) -> dict[str, float | str | None]:
    limits: dict[str, float | str | None] = {"value": figure.value, "low": figure.low, "high": figure.high}
    return limits if figure.missing is None else {**limits, "missing": figure.missing}


def _intervals(value: Mapping[str, Any]) -> dict[str, Interval]:
    return {name: _interval(figure) for name, figure in value.items()}


def _interval(value: Mapping[str, Any]) -> Interval:
    return Interval(value["value"], value["low"], value["high"], missing=value.get("missing"))


def _spreads_to_json(spreads: Mapping[str, Spread]) -> dict[str, dict[str, float | None]]:
    return {name: asdict(spread) for name, spread in spreads.items()}


def _spreads(value: Mapping[str, Any]) -> dict[str, Spread]:
    return {name: Spread(spread["mean"], spread["sd"]) for name, spread in value.items()}


def _without(row: Mapping[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key not in keys}
