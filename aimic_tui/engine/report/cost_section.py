"""Which network when resources are short: a report's figures against what the networks cost."""

from __future__ import annotations

from collections.abc import Iterator

from aimic_tui.engine.evaluation.metric_titles import TITLES
from aimic_tui.engine.evaluation.pareto import front
from aimic_tui.engine.formatting.numbers import three_figures
from aimic_tui.engine.report import comparison_charts
from aimic_tui.engine.report.document import Block, Drawing, Paragraph, Section, Table
from aimic_tui.engine.report.network_costs import network_costs
from aimic_tui.engine.report.printed import interval
from aimic_tui.engine.report.run_record import RunRecord
from aimic_tui.engine.text import listed

MERIT = "macro_f1"


def cost_section(record: RunRecord) -> Iterator[Section]:
    """Lay out merit against cost, where there are two networks or more."""
    if len(record.networks) < 2:
        return
    costs = network_costs(record.folder, record.snapshot, record.networks, record.timings)
    merits = {name: record.results.networks[name].pooled[MERIT] for name in record.networks}
    values = {name: merit.value for name, merit in merits.items()}
    fronts = [front(values, cost) for cost in costs]
    rows = [
        [
            name,
            interval(merits[name]),
            *(
                three_figures(cost.values.get(name)) + (" ◆" if name in kept else "")
                for cost, kept in zip(costs, fronts, strict=True)
            ),
        ]
        for name in record.networks
    ]
    sentences = [f"By {cost.title}: {listed(kept)}." for cost, kept in zip(costs, fronts, strict=True) if kept]
    untimed = not record.timings or not any(cost.timed for cost in costs)
    blocks: list[Block] = [
        Paragraph(
            f"◆ marks the best trade-offs between {TITLES[MERIT]} and that cost: no other network is at least as good "
            "in both and better in one. " + " ".join(sentences)
        ),
        Paragraph(
            "The marks follow the figures alone; the comparison of networks says which differences are significant. "
            + "; ".join(f"{cost.title}: {cost.source}" for cost in costs)
            + "."
            + (
                " No times were measured in this workspace; `aimic benchmark` with the networks' names measures them."
                if untimed
                else ""
            )
        ),
        *(
            Drawing(
                "cost",
                comparison_charts.pareto(record.folder.name, merits, cost, kept, TITLES[MERIT]),
                f"{TITLES[MERIT]} against {cost.title}; the line joins the best trade-offs.",
                narrow=True,
            )
            for cost, kept in zip(costs, fronts, strict=True)
        ),
        Table("Accuracy and cost.", ["network", TITLES[MERIT], *(cost.title for cost in costs)], rows),
    ]
    yield Section("Which network when resources are short", blocks)
