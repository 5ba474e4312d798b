"""A study's tables as files in its folder: a page, Markdown with its figures, CSV, JSON."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from aimic_tui.engine.evaluation.interval import Interval
from aimic_tui.engine.files import write_atomically, write_json, write_table
from aimic_tui.engine.inference.timings import read_timings
from aimic_tui.engine.report.html import to_html
from aimic_tui.engine.report.markdown import to_markdown
from aimic_tui.engine.study.document import DEFINITIONS, best_of, compares_with_the_paper, make_document
from aimic_tui.engine.study.figures import METRICS, StudyFigures
from aimic_tui.engine.study.published_paper import AVERAGES, DATA_SETS
from aimic_tui.engine.study.study_folder import StudyFolder
from aimic_tui.engine.study.words import GAP, INCOMPLETE, PROTOCOLS, beside, gap_words, ranking_words
from aimic_tui.engine.workspace_folder import Workspace

_COLUMNS = (
    *("data_set", "protocol", "network", "figure", "value", "low", "high", "fold_mean"),
    *("published", "difference", "difference_low", "difference_high", "images", "groups", "complete", "run"),
)


def write_study(figures: StudyFigures, folder: StudyFolder, workspace: Workspace) -> Path:
    """Write study.html, study.md with study-figures/, figures.csv, gaps.csv and results.json; return the page's path.

    Raises:
        OSError: the disk is full or not writable.
    """
    document = make_document(figures, read_timings(workspace.root))
    folder.path.mkdir(parents=True, exist_ok=True)
    drawings = folder.path / "study-figures"
    text, files = to_markdown(document, drawings.name)
    drawings.mkdir(exist_ok=True)
    for name, content in files.items():
        write_atomically(drawings / name, content)
    write_atomically(folder.path / "study.md", text.encode("utf-8", "replace"))
    write_table(folder.path / "figures.csv", _COLUMNS, _figure_rows(figures))
    gaps = ("data_set", "network", "figure", "gap", "low", "high")
    write_table(folder.path / "gaps.csv", gaps, _gap_rows(figures))
    write_json(folder.path / "results.json", to_json(figures))
    page = folder.path / "study.html"
    write_atomically(page, to_html(document).encode("utf-8", "replace"))
    return page


def _figure_rows(figures: StudyFigures) -> Iterator[list[object]]:
    """Shares from 0 to 1; the published ones too."""
    published = {data.name: data.published for data in figures.study.data_sets}
    for (data, protocol, network), found in figures.networks.items():
        for metric in METRICS:
            figure = found.pooled[metric]
            theirs = _published(published[data], network, metric)
            difference = beside(figure, theirs)
            yield [
                *(data, protocol, network, metric, figure.value, figure.low, figure.high, found.fold_means[metric]),
                None if theirs is None else theirs / 100,
                *((None, None, None) if difference is None else (difference.value, difference.low, difference.high)),
                *(found.images, found.groups, "yes" if found.complete else "no", found.run.name),
            ]


def _gap_rows(figures: StudyFigures) -> Iterator[list[object]]:
    for (data, network), gap in figures.gaps.items():
        for metric, figure in gap.items():
            yield [data, network, metric, figure.value, figure.low, figure.high]


def to_json(figures: StudyFigures) -> dict[str, Any]:
    """Return the study's figures as plain values."""
    study, four = figures.study, compares_with_the_paper(figures)
    cells = []
    for cell in study.cells:
        of_cell = {
            name: figures.networks[cell.data.name, cell.protocol, name]
            for name in study.networks
            if (cell.data.name, cell.protocol, name) in figures.networks
        }
        cells.append(
            {
                "data_set": cell.data.name,
                "published": cell.data.published or None,
                "protocol": cell.protocol,
                "runs": figures.states[cell.data.name, cell.protocol],
                "networks": {
                    name: {
                        **{
                            metric: _with_published(figure, _published(cell.data.published, name, metric))
                            for metric, figure in found.pooled.items()
                        },
                        "fold_means": found.fold_means,
                        "images": found.images,
                        "groups": found.groups,
                        "complete": found.complete,
                        "run": found.run.name,
                    }
                    for name, found in of_cell.items()
                },
            }
        )
    return {
        "study": study.name,
        "complete": figures.complete,
        "definitions": DEFINITIONS,
        "cells": cells,
        "averages": {
            protocol: {
                name: {
                    metric: _with_published(mean, AVERAGES.get(name, {}).get(metric) if four else None)
                    for metric in METRICS
                    if (mean := figures.average(protocol, name, metric)) is not None
                }
                for name in study.networks
            }
            for protocol in study.protocols
        },
        "gaps": [
            {"data_set": data, "network": name, **{metric: asdict(figure) for metric, figure in gap.items()}}
            for (data, name), gap in figures.gaps.items()
        ],
        "ranking": {protocol: _ranking(figures, protocol) for protocol in study.protocols},
        "sentences": {
            "state": "" if figures.complete else INCOMPLETE,
            "protocols": {protocol: PROTOCOLS[protocol] for protocol in study.protocols},
            "best": {protocol: best_of(figures, protocol) for protocol in study.protocols},
            "gap": gap_words([gap["macro_f1"] for gap in figures.gaps.values()]) if figures.gaps else "",
            "gap_method": GAP,
            "ranking": {
                protocol: found if isinstance(found, str) else ranking_words(found)
                for protocol, found in figures.rankings.items()
            },
        },
        "problems": list(figures.problems),
    }


def _published(data_set: str, network: str, metric: str) -> float | None:
    return DATA_SETS[data_set].f1.get(network) if data_set and metric == "macro_f1" else None


def _with_published(figure: Interval, published: float | None) -> dict[str, Any]:
    """Return a figure as plain values, the published one (per cent) and the difference to it beside it."""
    difference = beside(figure, published)
    return {
        **asdict(figure),
        "published": None if published is None else published / 100,
        "difference": None if difference is None else asdict(difference),
    }


def _ranking(figures: StudyFigures, protocol: str) -> dict[str, Any] | None:
    ranking = figures.rankings.get(protocol)
    if ranking is None or isinstance(ranking, str):
        return None
    return {
        "average_ranks": dict(zip(ranking.networks, ranking.average_ranks, strict=True)),
        "p": ranking.p,
        "critical_difference": ranking.critical_difference,
        "pairs": [asdict(pair) for pair in ranking.pairs],
        "data_sets": list(ranking.data_sets),
        "ranks": {name: [row[place] for row in ranking.ranks] for place, name in enumerate(ranking.networks)},
    }
