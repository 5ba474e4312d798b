"""results.json of a study: the one place that reads and writes it, and knows its keys.

`aimic study --tables --json` prints the same object.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from aimic_tui.engine.bounded_files import read_json
from aimic_tui.engine.evaluation.bayesian_signed_rank import PracticalDifference
from aimic_tui.engine.evaluation.interval import Interval, interval_from_json
from aimic_tui.engine.evaluation.ranking import RankedPair
from aimic_tui.engine.files import write_json
from aimic_tui.engine.study.study_results import (
    CellResults,
    ComparedFigure,
    NetworkResults,
    ProtocolGap,
    StudyRanking,
    StudyResults,
    StudySentences,
)
from aimic_tui.engine.typed_values import MALFORMED, flag, items, mapping, number, optional_number, text, whole

VERSION = 1
"""Of the file; one without this key is of version 1, too. Files of other versions are not read, but made again."""

_NETWORK_KEYS = ("fold_means", "images", "groups", "complete", "run")


def write_study_results(path: Path, results: StudyResults) -> None:
    """Write results to a file, atomically.

    Raises:
        OSError: the disk is full; the old file is then untouched.
    """
    write_json(path, study_results_to_json(results))


def read_study_results(path: Path) -> StudyResults | None:
    """Read results; None where there is no such file, or it is damaged or of another version."""
    try:
        return study_results_from_json(read_json(path))
    except (OSError, ValueError):
        return None


def study_results_to_json(results: StudyResults) -> dict[str, Any]:
    """Return results as plain values, in the order of the file."""
    return {
        "version": VERSION,
        "study": results.study,
        "complete": results.complete,
        "definitions": results.definitions,
        "cells": [_cell_to_json(cell) for cell in results.cells],
        "averages": {
            protocol: {name: _figures_to_json(figures) for name, figures in networks.items()}
            for protocol, networks in results.averages.items()
        },
        "gaps": [
            {
                "data_set": gap.data,
                "network": gap.network,
                **{name: _interval_to_json(one) for name, one in gap.figures.items()},
            }
            for gap in results.gaps
        ],
        "ranking": {
            protocol: None if ranking is None else _ranking_to_json(ranking)
            for protocol, ranking in results.rankings.items()
        },
        "sentences": {
            "state": results.sentences.state,
            "protocols": dict(results.sentences.protocols),
            "best": dict(results.sentences.best),
            "gap": results.sentences.gap,
            "gap_method": results.sentences.gap_method,
            "ranking": dict(results.sentences.ranking),
        },
        "problems": list(results.problems),
    }


def study_results_from_json(value: Any) -> StudyResults:
    """Read what `study_results_to_json` returned.

    Raises:
        ValueError: it is something else, or of another version.
    """
    if not isinstance(value, dict) or value.get("version", 1) != VERSION:
        raise ValueError("no results of a study, or of another version")
    try:
        return _results(value)
    except MALFORMED as error:
        raise ValueError(f"damaged results of a study: {error!r}") from None


def _results(value: Mapping[str, Any]) -> StudyResults:
    return StudyResults(
        study=text(value["study"]),
        complete=flag(value["complete"]),
        definitions=text(value["definitions"]),
        cells=items(value["cells"], _cell),
        averages={
            protocol: {name: _figures(figures) for name, figures in networks.items()}
            for protocol, networks in value["averages"].items()
        },
        gaps=items(value["gaps"], _gap),
        rankings={
            protocol: None if ranking is None else _ranking(ranking) for protocol, ranking in value["ranking"].items()
        },
        sentences=_sentences(value["sentences"]),
        problems=items(value["problems"], text),
    )


def _cell_to_json(cell: CellResults) -> dict[str, Any]:
    return {
        "data_set": cell.data,
        "published": cell.published or None,
        "protocol": cell.protocol,
        "runs": dict(cell.runs),
        "networks": {
            name: {
                **_figures_to_json(network.figures),
                "fold_means": dict(network.fold_means),
                "images": network.images,
                "groups": network.groups,
                "complete": network.complete,
                "run": network.run,
            }
            for name, network in cell.networks.items()
        },
    }


def _cell(value: Mapping[str, Any]) -> CellResults:
    return CellResults(
        data=text(value["data_set"]),
        published=text(value["published"] or ""),
        protocol=text(value["protocol"]),
        runs=mapping(value["runs"], text),
        networks=mapping(value["networks"], _network),
    )


def _network(value: Mapping[str, Any]) -> NetworkResults:
    return NetworkResults(
        figures=_figures({name: figure for name, figure in value.items() if name not in _NETWORK_KEYS}),
        fold_means=mapping(value["fold_means"], optional_number),
        images=whole(value["images"]),
        groups=whole(value["groups"]),
        complete=flag(value["complete"]),
        run=text(value["run"]),
    )


def _figures_to_json(figures: Mapping[str, ComparedFigure]) -> dict[str, Any]:
    return {
        name: {
            **_interval_to_json(figure.interval),
            "published": figure.published,
            "difference": None if figure.difference is None else _interval_to_json(figure.difference),
        }
        for name, figure in figures.items()
    }


def _figures(value: Mapping[str, Any]) -> dict[str, ComparedFigure]:
    return {
        name: ComparedFigure(
            interval_from_json(figure),
            optional_number(figure["published"]),
            None if figure["difference"] is None else interval_from_json(figure["difference"]),
        )
        for name, figure in value.items()
    }


def _gap(value: Mapping[str, Any]) -> ProtocolGap:
    figures = {
        name: interval_from_json(figure) for name, figure in value.items() if name not in ("data_set", "network")
    }
    return ProtocolGap(text(value["data_set"]), text(value["network"]), figures)


def _ranking_to_json(ranking: StudyRanking) -> dict[str, Any]:
    return {
        "average_ranks": dict(ranking.average_ranks),
        "p": ranking.p,
        "critical_difference": ranking.critical_difference,
        "pairs": [asdict(pair) for pair in ranking.pairs],
        "data_sets": list(ranking.data_sets),
        "ranks": {name: list(ranks) for name, ranks in ranking.ranks.items()},
    }


def _ranking(value: Mapping[str, Any]) -> StudyRanking:
    return StudyRanking(
        average_ranks=mapping(value["average_ranks"], number),
        p=number(value["p"]),
        critical_difference=number(value["critical_difference"]),
        pairs=tuple(
            RankedPair(
                text(pair["a"]),
                text(pair["b"]),
                number(pair["difference"]),
                number(pair["p"]),
                flag(pair["differ"]),
                PracticalDifference(**mapping(pair["practical"], number)) if pair.get("practical") else None,
            )
            for pair in value["pairs"]
        ),
        data_sets=items(value["data_sets"], text),
        ranks=mapping(value["ranks"], lambda ranks: items(ranks, number)),
    )


def _sentences(value: Mapping[str, Any]) -> StudySentences:
    return StudySentences(
        state=text(value["state"]),
        protocols=mapping(value["protocols"], text),
        best=mapping(value["best"], text),
        gap=text(value["gap"]),
        gap_method=text(value["gap_method"]),
        ranking=mapping(value["ranking"], text),
    )


def _interval_to_json(figure: Interval) -> dict[str, float | None]:
    return {"value": figure.value, "low": figure.low, "high": figure.high}
