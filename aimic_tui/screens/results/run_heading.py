"""The lines around the ranking of networks: the run, how the drawn figure is to be taken, what selecting is worth."""

from __future__ import annotations

from textual.content import Content

from aimic_tui.engine.evaluation.baseline_words import not_beaten
from aimic_tui.engine.evaluation.estimand import IN_SHORT
from aimic_tui.engine.evaluation.interval import Interval
from aimic_tui.engine.evaluation.learned_nothing import learned_nothing
from aimic_tui.engine.evaluation.metric_titles import TITLES, method_of
from aimic_tui.engine.evaluation.run_results import RunResults
from aimic_tui.engine.formatting.numbers import bounds_text, interval_text, percent
from aimic_tui.engine.run_folder import run_title
from aimic_tui.engine.runs.status import RunStatus
from aimic_tui.engine.text import plural, printable
from aimic_tui.wording.results import choice_lines, why_no_interval
from aimic_tui.wording.signs import SIGNS


def run_lines(results: RunResults, status: RunStatus, network: str, metric: str) -> Content:
    """Write what stands above the networks: the run, its protocol, how the drawn figure's interval is computed.

    A network that predicts a single class is said to have learned nothing; the figures view says more.
    """
    parts = [
        "optimistic protocol" if results.optimistic else "honest protocol",
        plural(results.images, "image"),
        plural(results.groups, "group"),
    ]
    if not results.complete:
        done = f"{status.trials_done} of {plural(len(status.trials), 'trial')}"
        parts.insert(0, f"{status.state}, {done} so far")
    title = Content.assemble(
        f"{SIGNS[status.state]} ", (printable(run_title(status.run)), "bold"), "  ", " · ".join(parts)
    )
    warnings = [
        Content.styled(f"{SIGNS['attention']} {printable(sentence)}", "$warning")
        for sentence in learned_nothing(network, results.networks[network])[:1]
    ]
    method = Content.styled(_interval_method(results, network, metric), "$text-muted")
    note = printable(results.note)
    if results.optimistic:  # a warning comes before what explains
        return Content("\n").join([title, *warnings, Content.styled(f"! {note}", "$warning"), method])
    return Content("\n").join([title, *warnings, method, Content.styled(note, "$text-muted")])


def _interval_method(results: RunResults, network: str, metric: str) -> str:
    """Say by which method the drawn figure has its interval, or why it has none."""
    of = results.networks[network]
    method = method_of(metric, of.pooled[metric])
    if not method:
        return f"{TITLES[metric]} has no interval: {why_no_interval(metric, of)}"
    repeats = f", mean over {results.repeats} repeats" if results.repeats > 1 else ""
    sample = f"{plural(results.groups, 'group')}, {results.resamples:,} resamples{repeats}"
    level = f"{percent(results.confidence, None)} interval of {TITLES[metric]}"
    recipe = of.recipe.get(metric)
    if recipe is None or recipe.low is None:
        return f"{level}, {IN_SHORT['trained networks']}: {method} · {sample}"
    bounds = bounds_text(recipe.low, recipe.high)
    return f"{level}, {IN_SHORT['trained networks']}; {IN_SHORT['recipe']} {bounds}: {method} · {sample}"


def difference_line(results: RunResults, network: str, other: str | None, metric: str) -> Content:
    """Set a network beside another one, usually the first of the others, by the drawn figure."""
    if other is None:
        return Content("Only one network; nothing to compare.")
    pair = next((pair for pair in results.pairs if {pair.a, pair.b} == {network, other}), None)
    difference = pair.differences[metric] if pair is not None else None
    if pair is None or difference is None or difference.value is None:
        return Content(f"{printable(network)} and {printable(other)} have no test images in common yet.")
    sign = 1 if pair.a == network else -1
    names = f"{printable(network)} − {printable(other)}, {TITLES[metric]} {sign * difference.value:+.3f}"
    if difference.low is None or difference.high is None:
        return Content(f"{names}: no interval can be given for this difference.")
    recipe = pair.recipe.get(metric)
    of_recipe = (
        f", {_signed(recipe, sign)} {IN_SHORT['recipe']}" if recipe is not None and recipe.low is not None else ""
    )
    return Content.assemble(
        (f"{names} {_signed(difference, sign)}", "$foreground"),
        f" {IN_SHORT['trained networks']}{of_recipe}, on the same {plural(pair.images, 'image')}; d tests it",
    )


def _signed(difference: Interval, sign: int) -> str:
    low, high = sorted((sign * (difference.low or 0.0), sign * (difference.high or 0.0)))
    return f"[{low:+.3f}, {high:+.3f}]"


def baseline_warnings(results: RunResults, network: str) -> list[Content]:
    """Say what a network is not shown to beat, the plainest baseline only: whoever fails at it has the others after."""
    found = list(not_beaten(results, lambda figure: interval_text(figure.value, figure.low, figure.high), of=network))
    return [Content.styled(f"{SIGNS['attention']} {warning}", "$warning") for warning in found[:1]]


def choice_content(results: RunResults, metric: str) -> list[Content]:
    """Say what the best network's figure is worth, a line each; none where there is nothing to choose."""
    lines = choice_lines(results, metric)
    doubted = results.selection_of_best(metric) is None
    return [
        Content(f"{SIGNS['attention'] if doubted and not index else ' '} {line}") for index, line in enumerate(lines)
    ]
