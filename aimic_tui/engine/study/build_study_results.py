"""A study's results from its figures: each beside the published one, with the sentences that belong to them."""

from __future__ import annotations

from aimic_tui.engine.evaluation.interval import Interval
from aimic_tui.engine.study.figures import METRICS, StudyFigures
from aimic_tui.engine.study.published_paper import AVERAGES, published_f1
from aimic_tui.engine.study.sentences import (
    DEFINITIONS,
    GAP,
    INCOMPLETE,
    PROTOCOLS,
    beside,
    best_sentence,
    gap_sentence,
    ranking_sentence,
)
from aimic_tui.engine.study.study_file import Cell
from aimic_tui.engine.study.study_results import (
    CellResults,
    ComparedFigure,
    NetworkResults,
    ProtocolGap,
    StudyRanking,
    StudyResults,
    StudySentences,
)


def build_study_results(figures: StudyFigures) -> StudyResults:
    """Return what a study found out, as far as it has come."""
    study = figures.study
    return StudyResults(
        study=study.name,
        complete=figures.complete,
        definitions=DEFINITIONS,
        cells=tuple(_cell(figures, cell) for cell in study.cells),
        averages={protocol: _averages(figures, protocol) for protocol in study.protocols},
        gaps=tuple(ProtocolGap(data, network, gap) for (data, network), gap in figures.gaps.items()),
        rankings={protocol: _ranking(figures, protocol) for protocol in study.protocols},
        sentences=_sentences(figures),
        problems=figures.problems,
    )


def _cell(figures: StudyFigures, cell: Cell) -> CellResults:
    networks = {}
    for name in figures.study.networks:
        found = figures.networks.get((cell.data.name, cell.protocol, name))
        if found is not None:
            networks[name] = NetworkResults(
                figures={
                    metric: _compared(interval, published_f1(cell.data.published, name, metric))
                    for metric, interval in found.pooled.items()
                },
                fold_means=found.fold_means,
                images=found.images,
                groups=found.groups,
                complete=found.complete,
                run=found.run.name,
            )
    runs = figures.states[cell.data.name, cell.protocol]
    return CellResults(cell.data.name, cell.data.published, cell.protocol, runs, networks)


def _averages(figures: StudyFigures, protocol: str) -> dict[str, dict[str, ComparedFigure]]:
    published = AVERAGES if figures.study.compares_with_the_paper else {}
    return {
        name: {
            metric: _compared(mean, published.get(name, {}).get(metric))
            for metric in METRICS
            if (mean := figures.average(protocol, name, metric)) is not None
        }
        for name in figures.study.networks
    }


def _compared(figure: Interval, published: float | None) -> ComparedFigure:
    """Put a figure beside a published one, which is in per cent."""
    return ComparedFigure(figure, None if published is None else published / 100, beside(figure, published))


def _ranking(figures: StudyFigures, protocol: str) -> StudyRanking | None:
    ranking = figures.rankings.get(protocol)
    if ranking is None or isinstance(ranking, str):
        return None
    return StudyRanking(
        average_ranks=dict(zip(ranking.networks, ranking.average_ranks, strict=True)),
        p=ranking.p,
        critical_difference=ranking.critical_difference,
        pairs=ranking.pairs,
        data_sets=ranking.data_sets,
        ranks=dict(zip(ranking.networks, zip(*ranking.ranks, strict=True), strict=True)),
    )


def _sentences(figures: StudyFigures) -> StudySentences:
    protocols = figures.study.protocols
    return StudySentences(
        state="" if figures.complete else INCOMPLETE,
        protocols={protocol: PROTOCOLS[protocol] for protocol in protocols},
        best={protocol: best_sentence(figures, protocol) for protocol in protocols},
        gap=gap_sentence(figures),
        gap_method=GAP,
        ranking={
            protocol: found if isinstance(found, str) else ranking_sentence(found)
            for protocol, found in figures.rankings.items()
        },
    )
