"""Which network when resources are short: a report's figures against what the networks cost."""

from __future__ import annotations

from collections.abc import Iterator

from aimic_tui.engine.errors import UsageProblem
from aimic_tui.engine.evaluation.metric_titles import TITLES
from aimic_tui.engine.evaluation.pareto import Cost, front, worth_noting
from aimic_tui.engine.models.catalogue import find_network
from aimic_tui.engine.report import comparison_charts
from aimic_tui.engine.report.document import Block, Drawing, Paragraph, Section, Table
from aimic_tui.engine.report.run_record import RunRecord
from aimic_tui.engine.text import listed
from aimic_tui.wording.numbers import three_figures
from aimic_tui.wording.printed import interval

MERIT = "macro_f1"


def network_costs(record: RunRecord) -> list[Cost]:
    """Return what the run's networks cost, each kind that is known of two of them or more.

    Parameters and the size of the weights are of the trained models; multiply-adds are the catalogue's, at the size
    that a network was made for; times are what `aimic benchmark` measured in the same workspace.
    """
    parameters: dict[str, float] = {}
    weights: dict[str, float] = {}
    operations: dict[str, float] = {}
    for name in record.networks:
        started = next((trial.start for trial in record.trials_of(name) if trial.start), None)
        if started is not None and started.parameters:
            parameters[name] = started.parameters / 1e6
        files = sorted((record.folder.trials_folder / name).glob("*/model/weights.safetensors"))
        if files:
            weights[name] = files[0].stat().st_size / 1e6
        try:
            info = find_network(name)
        except UsageProblem:
            continue
        operations[name] = info.gmacs
        parameters.setdefault(name, info.parameters / 1e6)
    costs = [
        Cost("parameters, millions", "of the trained networks", parameters),
        Cost("weights, MB", "the files of the trained models", weights),
        Cost(
            "multiply-adds, thousand millions", "the catalogue's, of one image at the size it was made for", operations
        ),
    ]
    for device, timings in record.timings.items():
        known = [timings[name] for name in record.networks if name in timings]
        if not known:
            continue
        measured = f"measured by `aimic benchmark` on {device}, median of {min(len(one.one) for one in known)}"
        costs += [
            Cost(
                f"seconds for one image, {device}",
                f"{measured}, from a file to its class, the network loaded before",
                {one.network: one.seconds_1 for one in known},
            ),
            Cost(
                f"seconds for 100 images, {device}",
                f"{measured}, from files to classes",
                {one.network: one.seconds_100 for one in known},
            ),
        ]
    return worth_noting(dict.fromkeys(record.networks, 1.0), costs)


def cost_sections(record: RunRecord) -> Iterator[Section]:
    """Lay out merit against cost, where there are two networks or more."""
    if len(record.networks) < 2:
        return
    costs = network_costs(record)
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
    untimed = not record.timings or not any(cost.title.startswith("seconds") for cost in costs)
    blocks: list[Block] = [
        Paragraph(
            f"A network marked ◆ is on the front of {TITLES[MERIT]} against that cost: no other is as good and as "
            "cheap, and better in one of the two. " + " ".join(sentences)
        ),
        Paragraph(
            "The front looks at the figures alone; whether neighbours differ at all, the comparison of networks says. "
            + "; ".join(f"{cost.title}: {cost.source}" for cost in costs)
            + "."
            + (
                " No times were measured in this workspace: `aimic benchmark` with the networks' names does."
                if untimed
                else ""
            )
        ),
        *(
            Drawing(
                "cost",
                comparison_charts.pareto(record.folder.name, merits, cost, kept, TITLES[MERIT]),
                f"{TITLES[MERIT]} against {cost.title}; the line joins the front.",
                narrow=True,
            )
            for cost, kept in zip(costs, fronts, strict=True)
        ),
        Table("Merit and cost.", ["network", TITLES[MERIT], *(cost.title for cost in costs)], rows),
    ]
    yield Section("Which network when resources are short", blocks)
