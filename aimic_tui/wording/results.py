"""What a run's figures are worth, in words: how intervals are made, why there is none, what choosing the best does.

For the Results screen and for `aimic results`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from aimic_tui.engine.evaluation.interval import (
    FEWEST_EFFECTIVE_GROUPS,
    FEWEST_GROUPS,
    FEWEST_GROUPS_OF_A_CLASS,
    NoInterval,
)
from aimic_tui.engine.evaluation.metric_titles import CLASS_METHODS, CLASS_TITLES, TITLES
from aimic_tui.engine.evaluation.metrics import LOWER_IS_BETTER
from aimic_tui.engine.evaluation.network_choice import BEST_OF_MANY
from aimic_tui.engine.evaluation.run_results import ClassFigures, NetworkResults, RunResults
from aimic_tui.engine.evaluation.undefined_figures import undefined_predictive_values
from aimic_tui.engine.formatting.numbers import interval_text, percent
from aimic_tui.engine.text import listed, plural, printable

# What stands in a table of classes, in the order of a laboratory's report.
OF_CLASSES = ("recall", "specificity", "precision", "negative_predictive_value", "f1", "auroc", "average_precision")
_NO_ERROR = "these images contain no error to estimate it from"
_EQUAL_SCORES = "all images have the same score, so it can't vary"
_SAME_IN_ALL = "it is the same whichever groups are drawn"
_CHANCE = 0.5  # the AUROC of scores that rank nothing


def class_methods(confidence: float) -> str:
    """Say how the intervals in a table of classes are made, figures of one way together."""
    ways: dict[str, list[str]] = {}
    for metric in OF_CLASSES:
        ways.setdefault(CLASS_METHODS[metric], []).append(CLASS_TITLES[metric])
    said = "; ".join(f"{way} ({', '.join(names)})" for way, names in ways.items())
    return f"{percent(confidence, None)} intervals: {said}"


def interval_note(metric: str, network: NetworkResults) -> str:
    """Say in a table's cell why an overall figure of a network has no interval; "" where it has one."""
    reason = why_no_interval(metric, network)
    return f"none: {reason}" if reason and network.pooled[metric].value is not None else reason


def why_no_interval(metric: str, network: NetworkResults) -> str:
    """Say why an overall figure of a network has no interval; "" where it has one."""
    figure = network.pooled[metric]
    if figure.low is not None:
        return ""
    if figure.value is None:
        return "not defined for so few classes" if metric.startswith("top_") else "not defined on these images"
    reasons: dict[NoInterval, Callable[[NetworkResults], str]] = {
        "few groups": _few,
        "unequal groups": _unequal,
        "few groups of a class": lambda of: f"{_class_with_least(of, _fewest)} has too few groups",
        "unequal groups of a class": lambda of: f"one group holds too much of {_class_with_least(of, _effective)}",
    }
    return reasons[figure.missing](network) if figure.missing in reasons else _nothing_varies(metric, figure.value)


def _nothing_varies(metric: str, value: float) -> str:
    """Say why a figure is the same whichever groups are drawn."""
    if metric == "auroc" and value == _CHANCE:
        return _EQUAL_SCORES
    best = 0 if metric in LOWER_IS_BETTER else 1
    return _NO_ERROR if value == best else _SAME_IN_ALL


def _few(network: NetworkResults) -> str:
    return f"{plural(network.groups, 'group')}; {FEWEST_GROUPS} are needed"


def _unequal(network: NetworkResults) -> str:
    return (
        f"{plural(network.groups, 'group')}, so unequal that they count as {network.effective_groups:.1f}; "
        f"{FEWEST_EFFECTIVE_GROUPS:g} are needed"
    )


def _class_with_least(network: NetworkResults, count: Callable[[ClassFigures], float]) -> str:
    present = [name for name, found in network.classes.items() if found.support]
    return printable(min(present, key=lambda name: count(network.classes[name])))


def _fewest(found: ClassFigures) -> int:
    return min(found.groups, found.groups_outside)


def _effective(found: ClassFigures) -> float:
    return min(found.effective_groups, found.effective_groups_outside)


def classes_without_intervals(network: NetworkResults) -> list[str]:
    """Say, a sentence a cause, which classes have figures without an interval or no figure at all, and why."""
    undefined = undefined_predictive_values(network.classes)
    if network.groups < FEWEST_GROUPS:
        return [f"No intervals: the images come from {_few(network)}.", *undefined]
    if network.effective_groups < FEWEST_EFFECTIVE_GROUPS:
        return [f"No intervals: {_unequal(network)}.", *undefined]
    needed = f"{FEWEST_GROUPS_OF_A_CLASS} are needed"
    sentences = {
        "absent": "No image of {} was tested.",
        "inside": f"No interval for {{}}: its images come from too few groups; {needed}.",
        "outside": f"No interval for {{}}: too few groups have images of other classes; {needed}.",
        "unequal": "No interval for {}: one group holds so many of its images, or of the other classes', that all "
        f"groups count as fewer than {FEWEST_EFFECTIVE_GROUPS:g} of equal size.",
        **{reason: f"No interval for {{}}: {reason}." for reason in (_NO_ERROR, _EQUAL_SCORES, _SAME_IN_ALL)},
    }
    names: dict[str, list[str]] = {cause: [] for cause in sentences}
    for label, found in network.classes.items():
        for cause, addition in _causes(found):
            names[cause].append(f"{printable(label)}{addition}")
    said = [sentence.format(listed(names[cause])) for cause, sentence in sentences.items() if names[cause]]
    return [*said, *undefined]


def _causes(found: ClassFigures) -> Iterator[tuple[str, str]]:
    """Yield why a class has figures without an interval, and what stands behind its name; nothing where it has none."""
    if not found.support:
        yield "absent", ""
    elif found.groups < FEWEST_GROUPS_OF_A_CLASS:
        yield "inside", f" ({found.groups})"
    elif found.groups_outside < FEWEST_GROUPS_OF_A_CLASS:
        yield "outside", f" ({found.groups_outside})"
    elif _effective(found) < FEWEST_EFFECTIVE_GROUPS:
        yield "unequal", f" ({_effective(found):.1f})"
    else:
        bare: dict[str, list[str]] = {}
        for metric in OF_CLASSES:
            figure = found.figures[metric]
            if figure.value is not None and figure.low is None:
                bare.setdefault(_nothing_varies(metric, figure.value), []).append(CLASS_TITLES[metric])
        yield from ((reason, f" ({listed(titles)})") for reason, titles in bare.items())


def choice_lines(results: RunResults, metric: str) -> list[str]:
    """Say what the best network's figure is worth, a line each; none where one network alone was tested.

    Args:
        results: the run's.
        metric: the overall figure in question.
    """
    count = len(results.networks)
    if count < 2:
        return []
    if (confirmed := results.selection_of_best(metric)) is not None:
        best = results.best_network(metric)
        return [
            f"{printable(best)} is the best of {count} networks. Each fold chooses it by its {confirmed.by}, too, "
            "without any test image: the choice does not inflate its figure."
        ]
    best = BEST_OF_MANY.format(networks=count)
    if not results.inner_folds:
        protocol = " in the honest protocol" if results.optimistic else ""
        best += f" Nested cross-validation avoids that: split.inner_folds = 3{protocol}."
    lines = [best]
    for selected in results.selected:
        figure = selected.results.pooled[metric]
        value = interval_text(figure.value, figure.low, figure.high)
        lines.append(f"Selected in each fold by its {selected.by}: {TITLES[metric]} {value}, without that bias.")
    return lines
