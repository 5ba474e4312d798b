"""What a report says of the best of several networks: one verdict on one figure, wherever it stands."""

from __future__ import annotations

from aimic_tui.engine.evaluation.metric_titles import TITLES
from aimic_tui.engine.evaluation.network_choice import BEST_OF_MANY
from aimic_tui.engine.report.printed import interval
from aimic_tui.engine.report.run_record import RunRecord


def verdict_on_best(record: RunRecord, metric: str = "macro_f1") -> str:
    """Say whether being the best of several inflates the best network's own figure; "" with a single network."""
    if len(record.networks) < 2:
        return ""
    results = record.results
    best = results.best_network(metric)
    beginning = (
        f"{best} has the highest {TITLES[metric]} of {len(record.networks)} networks, "
        f"{interval(results.networks[best].pooled[metric])}."
    )
    if (selected := results.selection_of_best(metric)) is not None:
        return (
            f"{beginning} Each fold chooses it by its {selected.by}, too, without any test image, so the choice does "
            "not inflate this figure."
        )
    return f"{beginning} {BEST_OF_MANY.format(networks=len(record.networks))}"


def selection_sentences(record: RunRecord, metric: str = "macro_f1") -> list[str]:
    """Give the figure of each choice made without test images, where it is another than the best network's own."""
    results = record.results
    shared = results.selection_of_best(metric)
    return [
        f"When each fold chooses its network by its {selected.by}, without any test image, {TITLES[metric]} is "
        f"{interval(selected.results.pooled[metric])}; the choice does not inflate this figure."
        for selected in results.selected
        if selected != shared
    ]
