"""`aimic results`: what a run found out, and how far it can be believed."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import click
from rich.cells import cell_len

from aimic_tui.commands.answers import print_answer
from aimic_tui.commands.class_calibration import print_class_calibration
from aimic_tui.commands.decision import print_decisions
from aimic_tui.commands.prevalence import (
    Named,
    prevalence_lines,
    prevalence_option,
    prevalences_to_json,
    read_prevalences,
)
from aimic_tui.commands.progress import ProgressMeter, shows_progress
from aimic_tui.commands.review import print_review
from aimic_tui.commands.subgroups import print_subgroups
from aimic_tui.engine.errors import StorageProblem, UsageProblem
from aimic_tui.engine.evaluation import baseline_words, calibration_words
from aimic_tui.engine.evaluation.dominant_group import dominant_group
from aimic_tui.engine.evaluation.estimand import IN_SHORT, TRAINED_NETWORKS_ONLY
from aimic_tui.engine.evaluation.fold_spread import spread_warning
from aimic_tui.engine.evaluation.interval import Interval
from aimic_tui.engine.evaluation.learned_nothing import learned_nothing
from aimic_tui.engine.evaluation.metric_titles import CLASS_TITLES, TITLES, method_of
from aimic_tui.engine.evaluation.results_file import results_to_json
from aimic_tui.engine.evaluation.run_results import Calibration, NetworkResults, RunResults
from aimic_tui.engine.files import folder_problem
from aimic_tui.engine.formatting import numbers
from aimic_tui.engine.progress import ReportProgress, no_report
from aimic_tui.engine.proposed_command import run_command
from aimic_tui.engine.run_folder import RunFolder
from aimic_tui.engine.runs.status import read_status
from aimic_tui.engine.text import NOTHING, plural, printable
from aimic_tui.engine.workspace_folder import Workspace
from aimic_tui.wording import class_calibration, signs
from aimic_tui.wording import results as results_words
from aimic_tui.wording.text_tables import aligned

_SIDE_BY_SIDE = ("macro_f1", "accuracy", "auroc", "ece")
_OF_FOLDS = ("macro_f1", "accuracy", "balanced_accuracy", "auroc", "log_loss", "ece")
_WIDTH = 120  # columns of a table that goes to no terminal


@click.command()
@click.argument("run")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as one JSON object.")
@click.option("--again", is_flag=True, help="Recompute results.json from the stored predictions first.")
@click.option(
    "--baselines",
    is_flag=True,
    help="Predict the baselines from the run's images first: colour, frozen features. Done when a run ends.",
)
@click.option("--decision", metavar="CLASS", help="Print the decision curve (net benefit) of this class instead.")
@click.option(
    "--calibration", metavar="CLASS", help="Print slope, intercept and calibration curve of this class instead."
)
@prevalence_option
@click.option(
    "--by",
    metavar="COLUMN",
    help="Print figures in subgroups by this column of the manifest (sex, site, age:40,60) instead, or by group.",
)
@click.option(
    "--table",
    type=click.Path(dir_okay=False, path_type=Path),
    help="CSV file with the column of --by and one of image paths or group names (default: the run's manifest).",
)
@click.option("--network", help="Network whose curve or subgroups to print (default: all).")
@click.option(
    "--review", is_flag=True, help="List likely label errors and the images that networks disagree on instead."
)
@click.pass_context
@shows_progress
def results(
    context: click.Context,
    *,
    run: str,
    as_json: bool,
    again: bool,
    baselines: bool,
    decision: str | None,
    calibration: str | None,
    prevalences: tuple[str, ...],
    by: str | None,
    table: Path | None,
    network: str | None,
    review: bool,
    meter: ProgressMeter,
) -> None:
    """The figures of RUN with their intervals: pooled, by fold, by class, and the confusion matrix.

    RUN is a run's folder, its name, a unique beginning of it, or latest.
    """
    folder = Workspace(context.obj).find_run(run)
    chosen = [
        option
        for option, given in (
            ("--decision", decision),
            ("--calibration", calibration),
            ("--by", by),
            ("--review", review or None),
        )
        if given is not None
    ]
    recomputed = "--again" if again else "--baselines" if baselines else None
    _check_options(chosen, recomputed, network=network, table=table, prevalences=prevalences)
    if baselines:
        if problem := folder_problem(folder.path, locks=False):
            raise StorageProblem(f"The baselines are kept in the run's folder. {problem}", retry=False)
        from aimic_tui.engine.runs.baselines.make_baselines import make_baselines

        make_baselines(folder, meter.report)
    if review:
        print_review(folder, as_json=as_json)
        return
    if by is not None:
        print_subgroups(folder, by, table, network, meter, as_json=as_json)
        return
    found = recompute(folder, meter.report) if again or baselines else read_run(folder, meter.report)
    meter.clear()
    if decision is not None:
        print_decisions(folder, found, decision, network, as_json=as_json)
        return
    if calibration is not None:
        print_class_calibration(folder, found, calibration, network, as_json=as_json)
        return
    named = read_prevalences(prevalences, found)
    if as_json:
        answer = results_to_json(found)
        if named:
            answer["predictive_values"] = {name: prevalences_to_json(of, named) for name, of in found.networks.items()}
        print_answer(answer)
        return
    for line in report_lines(found, named, compare=run_command("compare", folder)):
        click.echo(signs.as_shown(line))
    if not found.networks:
        click.echo(f"No fold of it is tested yet. {run_command('watch', folder)} shows how far it is.", err=True)


def _check_options(
    chosen: Sequence[str],
    recomputed: str | None,
    *,
    network: str | None,
    table: Path | None,
    prevalences: Sequence[str],
) -> None:
    """Refuse options that don't go together.

    Args:
        chosen: those that print something instead of the figures.
        recomputed: the one that computes the figures anew.

    Raises:
        UsageProblem: two of them contradict each other, or one lacks another.
    """
    if network is not None and not set(chosen) & {"--decision", "--calibration", "--by"}:
        raise UsageProblem(
            "--network goes with --decision CLASS, --calibration CLASS or --by COLUMN only; the figures are of all "
            "networks."
        )
    if table is not None and "--by" not in chosen:
        raise UsageProblem("--table goes with --by COLUMN: it says where the column is.")
    if prevalences and chosen:
        raise UsageProblem(f"--prevalence goes with the figures, which {chosen[0]} does not print. Leave one out.")
    if len(chosen) > 1:
        raise UsageProblem(f"{' and '.join(chosen)} print different things. Choose one of them.")
    if recomputed is not None and set(chosen) & {"--review", "--by"}:
        raise UsageProblem(
            f"{recomputed} recomputes the figures, which {chosen[0]} does not print. Leave one of them out."
        )


def read_run(folder: RunFolder, report: ReportProgress = no_report) -> RunResults:
    """Return a run's figures, with its state as its lock confirms it.

    Raises:
        InputProblem: a file of the run is missing or damaged.
    """
    from aimic_tui.engine.evaluation.build_results import read_results

    return replace(read_results(folder.path, report), state=read_status(folder).state)


def recompute(folder: RunFolder, report: ReportProgress = no_report) -> RunResults:
    """Recompute a run's results.json and return it: the same figures, as long as the predictions are the same.

    Of a run whose folder can't be written they are only returned, which is said before the work.

    Raises:
        InputProblem: a file of the run is missing or damaged.
        OSError: the run's folder can't be written all of a sudden.
    """
    from aimic_tui.engine.evaluation.build_results import build_results, write_results

    state = read_status(folder).state
    if problem := folder_problem(folder.path, locks=False):
        click.echo(f"! {printable(problem)} The figures are printed, not kept.", err=True)
        return replace(build_results(folder.path, report), state=state)
    return replace(write_results(folder.path, report), state=state)


def report_lines(
    found: RunResults, prevalences: Sequence[Named] = (), *, compare: str = "`aimic compare RUN`"
) -> Iterator[str]:
    """Write a run's figures as plain text.

    Args:
        prevalences: to give predictive values at.
        compare: the command that compares the run's networks, as a sentence proposes it.
    """
    state = found.state
    yield (
        f"{printable(found.run)}  {signs.sign(state)} {state}  ·  "
        f"{plural(found.images, 'test image')} of {plural(found.groups, 'group')}  ·  "
        f"{found.protocol} protocol{' (optimistic)' if found.optimistic else ''}"
    )
    yield found.note
    networks = found.networks
    if not networks:
        return
    yield f"{found.method}."
    if not any(network.recipe for network in networks.values()):
        yield TRAINED_NETWORKS_ONLY
    if not found.complete:
        yield "Not every fold is tested yet: the figures are of those that are."
    if len(networks) > 1:
        yield ""
        yield from _side_by_side(networks)
        yield from _differences(found, compare)
        yield from _chosen(found)
    yield from _baselines(found)
    for name, network in networks.items():
        yield ""
        yield from _of_network(name, network, found)
        if prevalences:
            yield ""
            yield from prevalence_lines(network, prevalences)


def _side_by_side(networks: Mapping[str, NetworkResults]) -> Iterator[str]:
    rows = [["network", *(TITLES[metric] for metric in _SIDE_BY_SIDE)]]
    for name, network in networks.items():
        rows.append([printable(name), *(_interval(network.pooled[metric]) for metric in _SIDE_BY_SIDE)])
    yield from aligned(rows)


def _baselines(found: RunResults) -> Iterator[str]:
    """Show what the networks must beat, and which they are not shown to."""
    if not found.baselines:
        return
    yield ""
    rows = [["baseline", *(TITLES[metric] for metric in _SIDE_BY_SIDE)]]
    for baseline in found.baselines:
        rows.append([baseline.title, *(_interval(baseline.pooled[metric]) for metric in _SIDE_BY_SIDE)])
    yield from aligned(rows)
    for warning in baseline_words.not_beaten(found, _interval):
        yield f"{signs.SIGNS['attention']} {warning}"
    yield from baseline_words.absences(found)


def _differences(found: RunResults, compare: str) -> Iterator[str]:
    yield ""
    yield "Paired differences in macro F1, on the same images:"
    rows = [["", IN_SHORT["trained networks"], IN_SHORT["recipe"]]]
    for pair in found.pairs:
        names = f"{printable(pair.a)} - {printable(pair.b)}"
        rows.append([names, _interval(pair.differences["macro_f1"]), _bounds(pair.recipe.get("macro_f1"))])
    yield from aligned(_without_empty_columns(rows))
    yield f"Which of these are shown, with all pairs in mind: {compare}."


def _chosen(found: RunResults) -> Iterator[str]:
    """Say what choosing between the networks is worth, on images that had no say in the choice."""
    for line in results_words.choice_lines(found, "macro_f1")[:1]:
        yield ""
        yield line
    if not found.selected:
        return
    yield ""
    yield "Selecting a network in each fold without its test images, evaluated on these:"
    rows = [["selected by", *(TITLES[metric] for metric in _SIDE_BY_SIDE), "folds that took"]]
    for selected in found.selected:
        times = ", ".join(f"{printable(name)} {count}" for name, count in selected.times.items() if count)
        by = f"{selected.by}, {TITLES[selected.metric]}"
        rows.append([by, *(_interval(selected.results.pooled[metric]) for metric in _SIDE_BY_SIDE), times])
    yield from aligned(rows)


def _means(network: NetworkResults) -> str:
    """Say over what a figure is a mean, "" where over nothing."""
    over = [
        plural(len(sets), word)
        for sets, word in ((network.seeds, "seed"), (network.repeats, "repeat"))
        if len(sets) > 1
    ]
    if not over:
        return ""
    return f"A figure is the mean over {' and '.join(over)}; the matrix counts the images of all of them."


def _of_network(key: str, network: NetworkResults, found: RunResults) -> Iterator[str]:
    trials = f"{network.trials_done} of {plural(network.trials_total, 'trial')}"
    images = f"{plural(network.images, 'image')} of {plural(network.groups, 'group')}"
    yield f"{printable(key)}: {trials}, {images}"
    if said := _means(network):
        yield said
    if network.unclassified:
        yield f"! {plural(network.unclassified, 'test image')} could not be classified and do not count."
    warnings = [*learned_nothing(key, network), spread_warning(key, network, found.confidence)]
    yield from (f"! {printable(sentence)}" for sentence in warnings if sentence)
    yield ""
    level = numbers.percent(found.confidence, None)
    rows = [
        ["all folds together", "value", f"{level}, {IN_SHORT['trained networks']}", IN_SHORT["recipe"], "interval by"]
    ]
    for metric, title in TITLES.items():
        figure = network.pooled[metric]
        way = method_of(metric, figure) or results_words.interval_note(metric, network)
        limits = _bounds(figure) or NOTHING
        rows.append([title, numbers.number(figure.value), limits, _bounds(network.recipe.get(metric)), way])
    yield from aligned(_without_empty_columns(rows), indent=2)
    yield ""
    yield from aligned(_fold_rows(network), indent=2)
    yield ""
    for rows in _folded(_class_rows(network)):
        yield from aligned(rows, indent=2)
        yield ""
    for line in (
        f"{results_words.class_methods(found.confidence)}.",
        *filter(None, [dominant_group(network)]),
        *results_words.classes_without_intervals(network),
    ):
        yield f"  {line}"
    yield ""
    yield from aligned(_matrix_rows(network.confusion, found.classes), indent=2)
    if calibration := found.calibration.get(key):
        yield ""
        yield from _calibration(calibration)
        yield ""
        yield from _calibration_of_classes(calibration)


def _calibration(found: Calibration) -> Iterator[str]:
    """Say whether probabilities can be believed, and what leaving unsure images to a person buys."""
    rows = [["calibration", "as trained", "calibrated", "change"]]
    rows += [
        [TITLES[metric], *(_interval(figures[metric]) for figures in (found.before, found.after, found.difference))]
        for metric in ("ece", "log_loss", "brier")
    ]
    yield from aligned(rows, indent=2)
    yield from (f"  {line}" for line in calibration_words.temperature_lines(found))
    yield ""
    yield "  Leaving unsure images to a person (`aimic predict --max-error`)."
    rows = [["max. error rate", "threshold", "images answered, %", "errors among these, %"]]
    for rejection in found.rejections:
        max_error = numbers.percent(rejection.max_error, None)
        threshold = numbers.number(rejection.threshold)
        rows.append([max_error, threshold, _percent(rejection.answered), _percent(rejection.error)])
    if found.rejections:
        yield from aligned(rows, indent=2)
    yield from (f"  {line}" for line in calibration_words.rejection_lines(found))


def _calibration_of_classes(found: Calibration) -> Iterator[str]:
    rows = [["class", "slope, as trained", "calibrated", "intercept, as trained", "calibrated"]]
    rows += [
        [
            printable(name),
            *map(
                class_calibration.figure_text,
                (of.slope_before, of.slope_after, of.intercept_before, of.intercept_after),
            ),
        ]
        for name, of in found.classes.items()
    ]
    yield from aligned(rows, indent=2)
    yield f"  {class_calibration.METHOD}"


def _percent(figure: Interval) -> str:
    return numbers.interval_text(figure.value, figure.low, figure.high, 1, scale=numbers.PER_CENT)


def _fold_rows(network: NetworkResults) -> list[list[str]]:
    seeds = len(network.seeds) > 1
    rows = [["fold", "images", *(TITLES[metric] for metric in _OF_FOLDS)]]
    for fold in network.folds:
        label = f"{fold.fold}, seed {fold.seed}" if seeds else str(fold.fold)
        rows.append([label, f"{fold.images:,}", *(numbers.number(fold.values[metric]) for metric in _OF_FOLDS)])
    rows.append(["mean", "", *(numbers.number(network.spread[metric].mean) for metric in _OF_FOLDS)])
    rows.append(["sd", "", *(numbers.number(network.spread[metric].sd) for metric in _OF_FOLDS)])
    for title, spread in (("sd over seeds", network.seed_spread), ("sd over repeats", network.repeat_spread)):
        if "accuracy" in spread and spread["accuracy"].sd is not None:
            rows.append([title, "", *(numbers.number(spread[metric].sd) for metric in _OF_FOLDS)])
    return rows


def _class_rows(network: NetworkResults) -> list[list[str]]:
    rows = [["class", "images", *(CLASS_TITLES[metric] for metric in results_words.OF_CLASSES)]]
    for name, row in network.classes.items():
        cells = [_interval(row.figures[metric]) for metric in results_words.OF_CLASSES]
        rows.append([printable(name), f"{row.support:,}", *cells])
    return rows


def _folded(rows: Sequence[Sequence[str]]) -> Iterator[list[list[str]]]:
    """Part a table that is wider than the terminal into several, each with the first column."""
    room = shutil.get_terminal_size().columns if sys.stdout.isatty() else _WIDTH
    widths = [max(cell_len(row[place]) for row in rows) + 3 for place in range(len(rows[0]))]
    start = 1
    while start < len(widths):
        stop, used = start + 1, 2 + widths[0] + widths[start]
        while stop < len(widths) and used + widths[stop] <= room:
            used += widths[stop]
            stop += 1
        yield [[row[0], *row[start:stop]] for row in rows]
        start = stop


def _matrix_rows(matrix: Sequence[Sequence[int]], classes: Sequence[str]) -> list[list[str]]:
    names = [printable(name) for name in classes]
    rows = [["true \\ predicted", *names]]
    rows += [[name, *(f"{count:,}" for count in row)] for name, row in zip(names, matrix, strict=True)]
    return rows


def _bounds(figure: Interval | None) -> str:
    """Write limits as `0.921 to 0.946`, "" where there are none."""
    if figure is None or figure.low is None:
        return ""
    return f"{numbers.number(figure.low)} to {numbers.number(figure.high)}"


def _without_empty_columns(rows: Sequence[Sequence[str]]) -> list[list[str]]:
    """Leave out columns that have nothing below their heading: a run with one seed has no figures of the recipe."""
    filled = [place for place in range(len(rows[0])) if any(row[place] for row in rows[1:])]
    return [[row[place] for place in filled] for row in rows]


def _interval(figure: Interval) -> str:
    return numbers.interval_text(figure.value, figure.low, figure.high)
