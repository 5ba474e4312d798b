"""A report's table of predictive values at prevalences that its author named."""

from __future__ import annotations

from collections.abc import Sequence

from aimic_tui.engine.evaluation.predictive_values import predictive_values
from aimic_tui.engine.evaluation.run_results import NetworkResults
from aimic_tui.engine.formatting.numbers import percent
from aimic_tui.engine.report.document import Table
from aimic_tui.engine.report.printed import interval


def prevalence_table(network: NetworkResults, prevalences: Sequence[tuple[str, float]]) -> Table:
    """Lay out PPV and NPV of a network's classes.

    Args:
        prevalences: (class, prevalence above 0 and below 1), as they were named.
    """
    tested = sum(found.support for found in network.classes.values())
    rows = []
    for name, prevalence in prevalences:
        of = network.classes[name]
        found = predictive_values(of.figures["recall"], of.figures["specificity"], prevalence, of.rate_correlation)
        share = percent(of.support / tested, 1) if tested else percent(None)
        rows.append([name, percent(prevalence, None), share, interval(found.positive), interval(found.negative)])
    return Table(
        "Predictive values at a named prevalence, from sensitivity and specificity. They hold at that prevalence, as "
        "long as images of a class look there as they do here; beside it the share of the class in these images. "
        "Intervals: from those of sensitivity and specificity and their correlation over groups (MOVER; Donner and Zou "
        "2012); these trained networks.",
        ["class", "prevalence", "share here", "PPV", "NPV"],
        rows,
    )
