"""A study's figures put into tables as Liu et al. 2022 lay theirs out, the published number beside ours.

All figures are in per cent. Ours are pooled over the test images of all folds, with the intervals of the runs;
differences to a published number take that number as exact, since its scatter is not published.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from aimic_tui.engine.evaluation.interval import Interval
from aimic_tui.engine.evaluation.interval_limits import wilson
from aimic_tui.engine.evaluation.metric_titles import TITLES
from aimic_tui.engine.evaluation.network_choice import BEST_OF_MANY
from aimic_tui.engine.formatting.numbers import PER_CENT, interval_text
from aimic_tui.engine.inference.timings import NetworkTiming
from aimic_tui.engine.report.document import Block, Bullets, Document, Drawing, Paragraph, Section, Table
from aimic_tui.engine.report.interval_chart import interval_chart
from aimic_tui.engine.report.printed import number
from aimic_tui.engine.report.rank_chart import rank_diagram
from aimic_tui.engine.study.figures import METRICS, StudyFigures, mean_of
from aimic_tui.engine.study.published_paper import AVERAGES, DATA_SETS, LATENCY, LATENCY_DEVICE
from aimic_tui.engine.study.sentences import (
    DEFINITIONS,
    GAP,
    INCOMPLETE,
    INTERVALS,
    PROTOCOLS,
    PUBLISHED,
    beside,
    best_sentence,
    gap_sentence,
    percent,
    ranking_sentence,
)
from aimic_tui.engine.text import NOTHING


def make_study_document(figures: StudyFigures, timings: Mapping[str, Mapping[str, NetworkTiming]]) -> Document:
    """Lay out a study.

    Args:
        timings: device -> network -> what `aimic benchmark` measured.
    """
    study = figures.study
    sets = ", ".join(data.name for data in study.data_sets)
    lead = [
        f"{len(study.networks)} networks on {len(study.data_sets)} data sets ({sets}); {', '.join(study.protocols)}.",
        "Laid out as Tables 3 and 4 and Figures 7 and 8 of Liu et al. 2022; made from the runs' folders.",
    ]
    sections = [
        Section("Summary", list(_summary(figures))),
        *(section for protocol in study.protocols for section in _of_protocol(figures, protocol)),
        *_gap(figures),
        *(section for protocol in study.protocols for section in _ranking(figures, protocol)),
        *_latency(figures, timings),
        Section("Runs", [_runs(figures)]),
    ]
    return Document(f"Study: {study.name}", lead, sections)


def _summary(figures: StudyFigures) -> Iterator[Block]:
    if not figures.complete:
        yield Paragraph(INCOMPLETE, strong=True)
    for sentence in figures.problems:
        yield Paragraph(sentence, strong=True)
    yield Paragraph(DEFINITIONS)
    yield Paragraph(INTERVALS)
    if figures.study.compares_with_the_paper:
        yield Paragraph(PUBLISHED)
    points = [sentence for protocol in figures.study.protocols if (sentence := best_sentence(figures, protocol))]
    if figures.gaps:
        points.append(gap_sentence(figures))
    if points:
        yield Bullets(points)


def _of_protocol(figures: StudyFigures, protocol: str) -> Iterator[Section]:
    study = figures.study
    if not any(key[1] == protocol for key in figures.networks):
        return
    yield Section(f"Results, {protocol}", [Paragraph(PROTOCOLS[protocol], protocol != "honest")])
    averages = {name: {m: figures.average(protocol, name, m) for m in METRICS} for name in study.networks}
    if len(study.data_sets) > 1 and any(found["macro_f1"] for found in averages.values()):
        yield Section("Averages over the data sets", list(_averages(figures, protocol, averages)), 3)
    yield Section("F1 by network and data set", list(_by_data_set(figures, protocol, "macro_f1")), 3)
    for metric in METRICS[:-1]:
        yield Section(f"{_title(metric)} by network and data set", list(_by_data_set(figures, protocol, metric)), 3)
    yield from _best(figures, protocol)


def _title(metric: str) -> str:
    title = TITLES[metric]
    return title[0].upper() + title[1:]


def _averages(
    figures: StudyFigures, protocol: str, averages: Mapping[str, Mapping[str, Interval | None]]
) -> Iterator[Block]:
    names = sorted(figures.study.networks, key=lambda name: -_value(averages[name]["macro_f1"]))
    header = ["network"]
    published = figures.study.compares_with_the_paper
    for metric in METRICS:
        theirs = published and any(metric in row for row in AVERAGES.values())
        header += [TITLES[metric], *(["published", "difference"] if theirs else [])]
    rows = []
    for name in names:
        cells = [name]
        for metric in METRICS:
            cells.append(percent(averages[name][metric]))
            if published and any(metric in row for row in AVERAGES.values()):
                number_of = AVERAGES.get(name, {}).get(metric)
                cells += [number(number_of, 2), percent(beside(averages[name][metric], number_of))]
        rows.append(cells)
    yield Table("Means over the data sets, %, with 95 % intervals; the highest F1 first.", header, rows)
    drawn = [(name, [averages[name]["macro_f1"], _published(AVERAGES.get(name, {}).get("macro_f1"))]) for name in names]
    series = ["here", "published"] if published else ["here"]
    chart = interval_chart(f"averages-{protocol}", [(name, found[: len(series)]) for name, found in drawn], series)
    yield Drawing(f"averages-{protocol}", chart, f"Mean F1 over the data sets, {protocol}. A line is the interval.")


def _by_data_set(figures: StudyFigures, protocol: str, metric: str) -> Iterator[Block]:
    study = figures.study
    header, columns = ["network"], []
    for data in study.data_sets:
        f1 = DATA_SETS[data.published].f1 if data.published and metric == "macro_f1" else {}
        columns.append((data, f1))
        header += [data.name, *(["published", "difference"] if f1 else [])]
    rows = []
    for name in study.networks:
        cells = [name]
        for data, f1 in columns:
            ours = figures.figure(data.name, protocol, name, metric)
            cells.append(percent(ours))
            if f1:
                cells += [number(f1.get(name), 2), percent(beside(ours, f1.get(name)))]
        rows.append(cells)
    rows.append(_mean_row(figures, protocol, metric))
    if metric == "accuracy":
        rows.append(_majority_row(figures, protocol))
    yield Table(f"{_title(metric)}, %, {protocol}, with 95 % intervals.", header, rows)
    if metric == "macro_f1":
        drawn = [
            (name, [figures.figure(data.name, protocol, name, metric) for data in study.data_sets])
            for name in study.networks
        ]
        chart = interval_chart(f"f1-{protocol}", drawn, [data.name for data in study.data_sets])
        yield Drawing(f"f1-{protocol}", chart, f"F1 by network and data set, {protocol}. A line is the interval.")


def _mean_row(figures: StudyFigures, protocol: str, metric: str) -> list[str]:
    cells = ["mean of the networks"]
    for data in figures.study.data_sets:
        found = [figures.figure(data.name, protocol, name, metric) for name in figures.study.networks]
        values = [figure.value for figure in found if figure is not None and figure.value is not None]
        # No interval: the networks are tested on the same images, so their figures are not independent.
        mean = Interval(sum(values) / len(values)) if len(values) == len(found) and values else None
        cells.append(percent(mean))
        if data.published and metric == "macro_f1":
            published = DATA_SETS[data.published].mean_f1
            cells += [number(published, 2), percent(beside(mean, published))]
    return cells


def _majority_row(figures: StudyFigures, protocol: str) -> list[str]:
    """What naming the majority class for every image gives, which an accuracy must be compared with."""
    cells = ["majority class for every image"]
    for data in figures.study.data_sets:
        found = [figures.networks.get((data.name, protocol, name)) for name in figures.study.networks]
        known = [network.majority for network in found if network is not None and network.majority is not None]
        cells.append(percent(Interval(known[0]) if known else None))
    return cells


def _best(figures: StudyFigures, protocol: str) -> Iterator[Section]:
    """Earlier work, the published best, and the best here."""
    rows = []
    for data in figures.study.data_sets:
        found = {
            name: figure
            for name in figures.study.networks
            if (figure := figures.figure(data.name, protocol, name, "accuracy")) is not None
            and figure.value is not None
        }
        if not found or not data.published:
            continue
        record = DATA_SETS[data.published]
        best = max(found, key=lambda name: found[name].value or 0.0)
        others = ", ".join(f"{name} {value:g}" for name, value in record.others.items())
        rows.append(
            [
                data.name,
                others,
                interval_text(
                    record.best / 100, *wilson(record.best / 100, record.images), 2, style="print", scale=PER_CENT
                ),
                best,
                percent(found[best]),
                percent(beside(found[best], record.best)),
            ]
        )
    if rows:
        networks = len(figures.study.networks)
        of_best = f" {BEST_OF_MANY.format(networks=networks)}" if networks > 1 else ""
        header = ["data set", "others", "published best", "best here", "accuracy here", "difference"]
        caption = (
            "Accuracy (share of correct images), %. In parentheses after the published best: its 95 % interval by "
            f"Wilson, as if its images were independent.{of_best}"
        )
        yield Section("Best against others", [Table(caption, header, rows, numeric=False)], 3)


def _gap(figures: StudyFigures) -> Iterator[Section]:
    """What the published protocol adds by its own design."""
    study = figures.study
    if not figures.gaps:
        return
    rows = []
    for name in study.networks:
        cells = [name]
        for data in study.data_sets:
            gap = figures.gaps.get((data.name, name))
            cells += [
                percent(figures.figure(data.name, "honest", name, "macro_f1")),
                percent(figures.figure(data.name, "aimic-2022", name, "macro_f1")),
                percent(None if gap is None else gap["macro_f1"]),
            ]
        rows.append(cells)
    means = ["mean of the networks"]
    for data in study.data_sets:
        there = [gap["macro_f1"] for key, gap in figures.gaps.items() if key[0] == data.name]
        mean = Interval(mean_of(there).value) if there else None
        means += [NOTHING, NOTHING, percent(mean)]
    header = ["network"]
    for data in study.data_sets:
        header += [f"{data.name}, honest", f"{data.name}, aimic-2022", "gap"]
    yield Section("Honest beside optimistic", [Table(GAP, header, [*rows, means])])


def _ranking(figures: StudyFigures, protocol: str) -> Iterator[Section]:
    ranking = figures.rankings.get(protocol)
    if ranking is None:
        return
    title = f"Ranks over the data sets, {protocol}"
    if isinstance(ranking, str):
        yield Section(title, [Paragraph(ranking)])
        return
    rows = [
        [
            ranking.networks[place],
            number(ranking.average_ranks[place], 2),
            *(f"{row[place]:g}" for row in ranking.ranks),
        ]
        for place in ranking.by_rank
    ]
    blocks: list[Block] = [
        Paragraph(ranking_sentence(ranking)),
        Drawing(f"ranks-{protocol}", rank_diagram(ranking), "Average ranks; a bar joins networks not shown to differ."),
        Table("Ranks by F1, 1 is the best.", ["network", "average rank", *ranking.data_sets], rows),
        Table(
            "Bayesian signed-rank test (Benavoli et al. 2017): probability over data sets that the F1 of the first "
            f"network is lower, equivalent within ±{ranking.margin:g}, or higher. With few data sets the prior weighs.",
            ["pair", "lower", "equivalent", "higher"],
            [
                [
                    f"{pair.a} – {pair.b}",
                    *(number(chance) for chance in (pair.practical.below, pair.practical.rope, pair.practical.above)),
                ]
                for pair in ranking.pairs
                if pair.practical is not None
            ],
        ),
    ]
    yield Section(title, blocks)


def _latency(figures: StudyFigures, timings: Mapping[str, Mapping[str, NetworkTiming]]) -> Iterator[Section]:
    """Table 3, where `aimic benchmark` was called."""
    tables = []
    for device, networks in timings.items():
        found = [networks[name] for name in figures.study.networks if name in networks]
        if not found:
            continue
        rows = []
        for timing in found:
            published = LATENCY.get(timing.network)
            theirs = [NOTHING] * 3
            if published:
                theirs = [number(published.seconds_100), number(published.seconds_1), number(published.ratio, 2)]
            ours = [number(timing.seconds_100), number(timing.seconds_1), number(timing.ratio, 2)]
            rows.append([timing.network, *ours, *theirs])
        header = ["network", "100 images", "1 image", "ratio", "published 100", "published 1", "ratio"]
        caption = f"Seconds from files to classes on {device}, medians; published on a {LATENCY_DEVICE}, means."
        tables.append(Table(caption, header, rows))
    if tables:
        yield Section("Latency", tables)


def _runs(figures: StudyFigures) -> Table:
    rows = [
        [run, data, protocol, state]
        for (data, protocol), runs in figures.states.items()
        for run, state in (runs or {"no run yet": NOTHING}).items()
    ]
    return Table(
        "Each has its own report: `aimic report RUN`.", ["run", "data set", "protocol", "state"], rows, None, False
    )


def _published(value: float | None) -> Interval | None:
    return None if value is None else Interval(value / 100)


def _value(figure: Interval | None) -> float:
    return -1.0 if figure is None or figure.value is None else figure.value
