"""results.json: the one place that reads and writes it, and knows its keys.

`aimic results --json` prints the same object.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from aimic_tui.engine.bounded_files import read_json
from aimic_tui.engine.evaluation.baseline import BASELINES, Absence, AbsentBaseline, Baseline
from aimic_tui.engine.evaluation.interval import Interval, interval_from_json, intervals_from_json
from aimic_tui.engine.evaluation.metric_titles import CLASS_METHODS, METHODS
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
    Selection,
    Spread,
    Temperature,
)
from aimic_tui.engine.files import write_json
from aimic_tui.engine.typed_values import (
    MALFORMED,
    flag,
    items,
    mapping,
    number,
    one_of,
    optional_number,
    text,
    whole,
)

VERSION = 8
"""Of the file, under its key `format`: counts up when a key changes or figures are computed in another way.

Files of other versions are not read; `build_results.read_results` then makes the figures anew. It stayed the same when
Student's quantiles became exact: limits of a class in five groups moved by 0.03 % of their width, others by less.
"""

if TYPE_CHECKING:
    from aimic_tui.engine.experiment import SplitProtocol  # its module imports pydantic

_PROTOCOLS: tuple[SplitProtocol, ...] = ("honest", "aimic-2022")
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
            name: Interval(
                number(figure["value"]), optional_number(figure.get("low")), optional_number(figure.get("high"))
            )
            for name, figure in pooled.items()
            if figure and figure["value"] is not None
        }
    except (OSError, *MALFORMED):
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
        found = _run_from_json(value)
        _check_names(found)
        return found
    except MALFORMED as error:
        raise ValueError(f"damaged results of a run: {error!r}") from None


def _run_from_json(value: Mapping[str, Any]) -> RunResults:
    return RunResults(
        run=text(value["run"]),
        state=text(value["state"]),
        protocol=one_of(value["protocol"], _PROTOCOLS),
        optimistic=flag(value["optimistic"]),
        note=text(value["note"]),
        method=text(value["method"]),
        confidence=number(value["confidence"]),
        resamples=whole(value["resamples"]),
        complete=flag(value["complete"]),
        methods=mapping(value["methods"]["pooled"], text),
        class_methods=mapping(value["methods"]["classes"], text),
        images=whole(value["images"]),
        groups=whole(value["groups"]),
        classes=items(value["classes"], text),
        repeats=whole(value["repeats"]),
        inner_folds=whole(value["inner_folds"]),
        networks=mapping(value["networks"], _network),
        selected=items(value["chosen"], _selected),
        calibration=mapping(value["calibration"], _calibration),
        pairs=items(value["pairs"], _paired),
        baselines=tuple(_baseline(name, found) for name, found in value["baselines"].items()),
        absent_baselines=tuple(
            AbsentBaseline(
                one_of(name, BASELINES), one_of(absent["reason"], get_args(Absence)), text(absent["sentence"])
            )
            for name, absent in value["absent_baselines"].items()
        ),
    )


def _check_names(results: RunResults) -> None:
    """Do nothing if every part speaks of the same classes and networks: whoever shows one looks them up in another.

    Raises:
        ValueError: one doesn't.
    """
    classes, networks = results.classes, set(results.networks)
    if len(set(classes)) != len(classes):
        raise ValueError("a class stands in it twice")
    for found in (*results.networks.values(), *(selected.results for selected in results.selected)):
        if tuple(found.classes) != classes:
            raise ValueError("a network has other classes than the run")
        overall = (found.pooled, found.spread, *(fold.values for fold in found.folds), *found.by_seed.values())
        of_classes = [row.figures for row in found.classes.values()]
        if not (
            all(METHODS.keys() <= set(row) for row in overall)
            and all(CLASS_METHODS.keys() <= set(row) for row in of_classes)
        ):
            raise ValueError("figures are missing in it")
        if [len(row) for row in found.confusion] != [len(classes)] * len(classes):
            raise ValueError("a confusion matrix has another size than there are classes")
    named = set(results.calibration).union(*(baseline.differences for baseline in results.baselines))
    named.update(*((pair.a, pair.b) for pair in results.pairs), *(selected.times for selected in results.selected))
    if not named <= networks:
        raise ValueError(f"it speaks of networks that it has no figures of: {', '.join(sorted(named - networks))}")
    if any(tuple(calibration.classes) not in (classes, ()) for calibration in results.calibration.values()):
        raise ValueError("a calibration has other classes than the run")


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
        trials_done=whole(value["trials_done"]),
        trials_total=whole(value["trials_total"]),
        seeds=items(value["seeds"], whole),
        repeats=items(value["repeats"], whole),
        images=whole(value["images"]),
        groups=whole(value["groups"]),
        effective_groups=number(value["effective_groups"]),
        largest_group=_largest_group(value["largest_group"]) if value["largest_group"] else None,
        unclassified=whole(value["unclassified"]),
        pooled=intervals_from_json(value["pooled"]),
        recipe=intervals_from_json(value["recipe"]),
        folds=items(value["folds"], _fold),
        spread=_spreads(value["spread"]),
        by_seed={whole(row["seed"]): _values(_without(row, ("seed",))) for row in value["by_seed"]},
        seed_spread=_spreads(value["seed_spread"]),
        by_repeat={whole(row["repeat"]): _values(_without(row, ("repeat",))) for row in value["by_repeat"]},
        repeat_spread=_spreads(value["repeat_spread"]),
        classes=mapping(value["classes"], _class_figures),
        confusion=items(value["confusion"], lambda row: items(row, whole)),
    )


def _largest_group(value: Mapping[str, Any]) -> LargestGroup:
    return LargestGroup(text(value["name"]), number(value["share"]))


def _class_figures(row: Mapping[str, Any]) -> ClassFigures:
    return ClassFigures(
        figures=intervals_from_json(_without(row, _CLASS_KEYS)),
        support=whole(row["support"]),
        predicted=whole(row["predicted"]),
        groups=whole(row["groups"]),
        groups_outside=whole(row["groups_outside"]),
        effective_groups=number(row["effective_groups"]),
        effective_groups_outside=number(row["effective_groups_outside"]),
        rate_correlation=number(row["rate_correlation"]),
    )


def _fold(row: Mapping[str, Any]) -> FoldFigures:
    fold, repeat, seed, images = (whole(row[key]) for key in ("fold", "repeat", "seed", "images"))
    only_class = None if row["only_class"] is None else text(row["only_class"])
    return FoldFigures(fold, repeat, seed, images, only_class, _values(_without(row, _FOLD_KEYS)))


def _paired(value: Mapping[str, Any]) -> PairedDifferences:
    return PairedDifferences(
        text(value["a"]),
        text(value["b"]),
        whole(value["images"]),
        intervals_from_json(value["differences"]),
        intervals_from_json(value["recipe"]),
    )


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
        by=one_of(value["by"], get_args(Selection)),
        metric=text(value["metric"]),
        choices=tuple(
            FoldChoice(
                whole(choice["fold"]),
                whole(choice["repeat"]),
                text(choice["network"]),
                mapping(choice["values"], number),
            )
            for choice in value["choices"]
        ),
        times=mapping(value["times"], whole),
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
                whole(row["fold"]),
                whole(row["seed"]),
                number(row["value"]),
                whole(row["images"]),
                flag(row["at_bound"]),
                flag(row["weights_undone"]),
            )
            for row in value["temperatures"]
        ),
        before=intervals_from_json(value["before"]),
        after=intervals_from_json(value["after"]),
        difference=intervals_from_json(value["difference"]),
        corrected=_values(value["corrected"]),
        reliability_before=items(value["reliability_before"], _bin),
        reliability_after=items(value["reliability_after"], _bin),
        coverage=items(value["coverage"], number),
        risk=items(value["risk"], number),
        rejections=tuple(
            Rejection(
                number(row["wanted"]),
                optional_number(row["threshold"]),
                items(row["thresholds"], optional_number),
                interval_from_json(row["answered"]),
                interval_from_json(row["error"]),
                flag(row["rests_on_groups"]),
            )
            for row in value["rejections"]
        ),
        classes={
            name: ClassCalibration(*(interval_from_json(row[key]) for key in _CLASS_CALIBRATION_KEYS))
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
        name=one_of(name, BASELINES),
        detail=text(value["detail"]),
        images=whole(value["images"]),
        groups=whole(value["groups"]),
        pooled=intervals_from_json(value["pooled"]),
        differences=mapping(value["differences"], intervals_from_json),
    )


def _bin(value: Mapping[str, Any]) -> ReliabilityBin:
    return ReliabilityBin(
        number(value["low"]),
        number(value["high"]),
        whole(value["images"]),
        optional_number(value["confidence"]),
        optional_number(value["accuracy"]),
    )


def _intervals_to_json(figures: Intervals) -> dict[str, dict[str, float | str | None]]:
    return {name: _interval_to_json(figure) for name, figure in figures.items()}


def _interval_to_json(figure: Interval) -> dict[str, float | str | None]:
    limits: dict[str, float | str | None] = {"value": figure.value, "low": figure.low, "high": figure.high}
    return limits if figure.missing is None else {**limits, "missing": figure.missing}


def _spreads_to_json(spreads: Mapping[str, Spread]) -> dict[str, dict[str, float | None]]:
    return {name: asdict(spread) for name, spread in spreads.items()}


def _spreads(value: Mapping[str, Any]) -> dict[str, Spread]:
    return mapping(value, lambda spread: Spread(optional_number(spread["mean"]), optional_number(spread["sd"])))


def _values(value: Mapping[str, Any]) -> dict[str, float | None]:
    return mapping(value, optional_number)


def _without(row: Mapping[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key not in keys}
