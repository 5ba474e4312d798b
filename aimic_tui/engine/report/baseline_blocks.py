"""What a report says of a run's baselines: their figures, by how much each network is better, how they were made."""

from __future__ import annotations

from collections.abc import Iterator

from aimic_tui.engine.evaluation.baseline import JUDGED_BY
from aimic_tui.engine.evaluation.baseline_words import METHOD, absences
from aimic_tui.engine.evaluation.metric_titles import TITLES
from aimic_tui.engine.evaluation.run_results import RunResults
from aimic_tui.engine.report.document import Block, Paragraph, Table
from aimic_tui.engine.report.printed import interval

_SHOWN = ("macro_f1", "accuracy", "balanced_accuracy", "auroc", "log_loss")


def baseline_blocks(results: RunResults) -> Iterator[Block]:
    """Yield the tables of the baselines and what is to be said of them; nothing without any."""
    if not results.baselines:
        return
    rows = [
        [baseline.title, *(interval(baseline.pooled[metric]) for metric in _SHOWN)] for baseline in results.baselines
    ]
    yield Table("Baselines, on the same test images.", ["", *(TITLES[metric] for metric in _SHOWN)], rows)
    differences = [
        [network, *(interval(baseline.differences[network][JUDGED_BY]) for baseline in results.baselines)]
        for network in results.networks
    ]
    caption = f"Difference in {TITLES[JUDGED_BY]}: each network minus each baseline, paired on the same images."
    yield Table(caption, ["network", *(f"− {baseline.title}" for baseline in results.baselines)], differences)
    yield Paragraph(METHOD)
    for sentence in absences(results):
        yield Paragraph(sentence)
