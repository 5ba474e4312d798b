"""`aimic compare`: which networks differ, and how sure that is."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import click

from aimic_tui.commands.answers import print_answer
from aimic_tui.commands.progress import ProgressMeter, shows_progress
from aimic_tui.engine.evaluation.comparison import Comparison, Pair, RecipeTest, compare_runs
from aimic_tui.engine.evaluation.estimand import IN_SHORT
from aimic_tui.engine.evaluation.metric_titles import TITLES
from aimic_tui.engine.evaluation.metrics import ALL_METRICS
from aimic_tui.engine.evaluation.ranking import Ranking, diagram_lines
from aimic_tui.engine.formatting import numbers
from aimic_tui.engine.outputs import check_output_file, kept
from aimic_tui.engine.text import plural, printable
from aimic_tui.engine.workspace_folder import Workspace
from aimic_tui.wording import signs
from aimic_tui.wording.text_tables import aligned

_FEW_DATA_SETS = 6


@click.command()
@click.argument("runs", nargs=-1, required=True, metavar="RUN [RUN...]")
@click.option(
    "--metric", type=click.Choice(ALL_METRICS), default="macro_f1", show_default=True, help="The metric to compare by."
)
@click.option(
    "--margin",
    type=float,
    help="Largest difference of no importance, on the metric's scale: what lies within is equivalent. "
    "(default: evaluation.margin of the first run; auto is 0.02 for macro F1, accuracy and other shares: two images in "
    "100).",
)
@click.option(
    "--data-sets", is_flag=True, help="Rank networks over the data sets of the runs (also done where runs differ)."
)
@click.option(
    "--diagram",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the critical-difference diagram of several data sets to this .svg or .pdf file.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the comparison as one JSON object.")
@click.pass_context
@shows_progress
def compare(
    context: click.Context,
    *,
    runs: tuple[str, ...],
    metric: str,
    margin: float | None,
    data_sets: bool,
    diagram: Path | None,
    as_json: bool,
    meter: ProgressMeter,
) -> None:
    """Compare the networks of RUNs.

    Where the runs test the same images: paired differences with intervals and tests, of these trained networks and,
    where both were trained with several seeds or repeats, of the recipes (network and settings, trained anew). Where
    they are on different data sets: Friedman's test, Nemenyi's critical difference of average ranks, and the Bayesian
    signed-rank test, which says how probable it is that two networks are equivalent within the margin.

    RUN is a run's folder, its name, a unique beginning of it, or latest.
    """
    from aimic_tui.engine.evaluation.several_data_sets import on_several_data_sets, rank_runs

    workspace = Workspace(context.obj)
    folders = [workspace.find_run(run).path for run in runs]
    if diagram is not None:
        check_output_file(diagram, "ranks.svg", option="--diagram")
    if data_sets or diagram is not None or on_several_data_sets(folders):
        ranking = rank_runs(folders, metric, margin=margin)
        problem = None
        if diagram is not None:
            from aimic_tui.engine.report.rank_chart import write_diagram

            problem = kept(partial(write_diagram, ranking, diagram))
        if as_json:
            print_answer(ranking_to_json(ranking), problem)
        else:
            _print(ranking_lines(ranking))
        if problem is not None:
            raise problem
        return
    found = compare_runs(folders, metric, margin=margin, report=meter.report)
    meter.clear()
    if as_json:
        print_answer(to_json(found))
        return
    _print(comparison_lines(found))


def _print(lines: Iterator[str]) -> None:
    for line in lines:
        click.echo(signs.as_shown(line))


def ranking_to_json(found: Ranking) -> dict[str, Any]:
    """Return a ranking as plain values; F is null where it is infinite."""
    return {
        "metric": found.metric,
        "networks": list(found.networks),
        "data_sets": {
            name: {
                network: {"value": value, "rank": rank}
                for network, value, rank in zip(found.networks, values, ranks, strict=True)
            }
            for name, values, ranks in zip(found.data_sets, found.values, found.ranks, strict=True)
        },
        "average_ranks": dict(zip(found.networks, found.average_ranks, strict=True)),
        "friedman": {
            "chi_square": found.chi_square,
            "f": found.f if math.isfinite(found.f) else None,
            "p": found.p,
        },
        "critical_difference": found.critical_difference,
        "alpha": found.alpha,
        "margin": found.margin,
        "pairs": [asdict(pair) for pair in found.pairs],
    }


def ranking_lines(found: Ranking) -> Iterator[str]:
    """Write a ranking as plain text: figures with ranks, tests, the critical-difference diagram."""
    names = [printable(name) for name in found.networks]
    rows = [[TITLES[found.metric], *names]]
    for name, values, ranks in zip(found.data_sets, found.values, found.ranks, strict=True):
        cells = [f"{numbers.number(value)} ({rank:g})" for value, rank in zip(values, ranks, strict=True)]
        rows.append([printable(name), *cells])
    rows.append(["average rank", *(numbers.number(rank, 2) for rank in found.average_ranks)])
    yield from aligned(rows)
    yield ""
    yield from map(printable, diagram_lines(found))
    yield ""
    yield from ranking_sentences(found)
    yield ""
    yield from practical_lines(found)


def practical_lines(found: Ranking) -> Iterator[str]:
    """Write how probable it is that a pair differs by more than the margin, either way, or less."""
    yield (
        f"Bayesian signed-rank test: probability over data sets that the {TITLES[found.metric]} of the first is lower, "
        f"equivalent within ±{found.margin:g}, or higher:"
    )
    rows = [["", "lower", "equivalent", "higher"]]
    for pair in found.pairs:
        if pair.practical is not None:
            chances = (pair.practical.below, pair.practical.rope, pair.practical.above)
            rows.append([f"{printable(pair.a)} - {printable(pair.b)}", *(numbers.number(chance) for chance in chances)])
    yield from aligned(rows, indent=2)


def ranking_sentences(found: Ranking) -> Iterator[str]:
    """Say what the tests of a ranking found."""
    count, sets = len(found.networks), len(found.data_sets)
    verdict = "networks differ" if found.p <= found.alpha else "no difference is shown"
    yield (
        f"Friedman's test over {sets} data sets, by permutation: chi-square {numbers.number(found.chi_square, 2)} with "
        f"{plural(count - 1, 'degree')} of freedom, p {_p(found.p)}: {verdict}."
    )
    yield (
        f"Nemenyi's critical difference of average ranks at {numbers.percent(found.alpha, None)}: "
        f"{numbers.number(found.critical_difference, 2)}. "
        "Networks joined by a bar are not shown to differ."
    )
    shown = [pair for pair in found.pairs if pair.differ]
    for pair in shown:
        better, worse = (pair.a, pair.b) if pair.difference < 0 else (pair.b, pair.a)
        yield f"{printable(better)} ranks better than {printable(worse)} (p {_p(pair.p)})."
    if sets < _FEW_DATA_SETS:
        yield (f"{sets} data sets are few: only large differences can be shown. Compare networks on each of them, too.")


def to_json(found: Comparison) -> dict[str, Any]:
    """Return the comparison as docs/design.md lays it out, with further keys."""
    return {
        "metric": found.metric,
        "networks": list(found.networks),
        "values": found.networks,
        "pairs": [
            {
                "a": pair.a,
                "b": pair.b,
                "difference": pair.difference.value,
                "low": pair.difference.low,
                "high": pair.difference.high,
                "p": pair.p,
                "p_adjusted": pair.p_adjusted,
                "estimand": pair.shown.estimand,
                "recipe_difference": pair.recipe.difference.value if pair.recipe else None,
                "recipe_low": pair.recipe.difference.low if pair.recipe else None,
                "recipe_high": pair.recipe.difference.high if pair.recipe else None,
                "recipe_p": pair.recipe.p if pair.recipe else None,
                "recipe_p_adjusted": pair.recipe.p_adjusted if pair.recipe else None,
                "same_recipe": pair.shown.same_recipe,
                "ahead": pair.shown.ahead,
                "better": pair.better,
                "equivalent": pair.shown.equivalent,
                "equivalence_p_adjusted": pair.equivalence_p,
                "verdict": pair.verdict,
                "images": pair.images,
                "groups": pair.groups,
                "mcnemar": {**asdict(pair.mcnemar), "p_adjusted": pair.mcnemar_adjusted},
                "corrected_t": {**asdict(pair.corrected_t), "p_adjusted": pair.t_adjusted},
            }
            for pair in found.pairs
        ],
        "same_recipes": [asdict(one) for one in found.same_recipes],
        "confidence": found.confidence,
        "margin": found.margin,
        "method": found.method,
        "notes": list(found.notes),
    }


def comparison_lines(found: Comparison) -> Iterator[str]:
    """Write a comparison as plain text."""
    title = TITLES[found.metric]
    yield from aligned(
        [["network", title], *([printable(name), numbers.number(value)] for name, value in found.networks.items())]
    )
    yield ""
    yield from (f"{_names(pair)}: {printable(pair.verdict)}." for pair in found.pairs)
    yield ""
    yield f"Difference of {title}, {IN_SHORT['trained networks']}:"
    rows = [["", title, "p", "adjusted", "McNemar adj.", "over folds adj."]]
    rows += [_row(pair) for pair in found.pairs]
    yield from aligned(rows, indent=2)
    if any(pair.recipe is not None for pair in found.pairs):
        yield ""
        yield f"Difference of {title}, {IN_SHORT['recipe']}:"
        rows = [["", title, "p", "adjusted"], *(_recipe_row(pair, pair.recipe) for pair in found.pairs if pair.recipe)]
        yield from aligned(rows, indent=2)
    yield ""
    yield printable(found.method)
    yield from map(printable, found.notes)


def _row(pair: Pair) -> list[str]:
    difference = pair.difference
    return [
        _names(pair),
        numbers.interval_text(difference.value, difference.low, difference.high),
        _p(pair.p),
        _p(pair.p_adjusted),
        _p(pair.mcnemar_adjusted),
        _p(pair.t_adjusted),
    ]


def _recipe_row(pair: Pair, recipe: RecipeTest) -> list[str]:
    difference = recipe.difference
    figure = numbers.interval_text(difference.value, difference.low, difference.high)
    return [_names(pair), figure, _p(recipe.p), _p(recipe.p_adjusted)]


def _names(pair: Pair) -> str:
    return f"{printable(pair.a)} - {printable(pair.b)}"


def _p(value: float | None) -> str:
    return "<0.001" if value is not None and value < 0.001 else numbers.number(value)
