"""The document of a run's report: its sections, from the run's record."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import partial
from pathlib import PurePath
from typing import Any

from aimic_tui.engine.data.data_set import Part
from aimic_tui.engine.evaluation import baseline_words
from aimic_tui.engine.evaluation.dominant_group import dominant_group
from aimic_tui.engine.evaluation.estimand import IN_FULL, TRAINED_NETWORKS_ONLY
from aimic_tui.engine.evaluation.fold_spread import spread_warning
from aimic_tui.engine.evaluation.interval import Interval
from aimic_tui.engine.evaluation.learned_nothing import learned_nothing
from aimic_tui.engine.evaluation.metric_titles import METHODS, TITLES
from aimic_tui.engine.evaluation.network_choice import BEST_OF_MANY
from aimic_tui.engine.evaluation.run_results import NetworkResults
from aimic_tui.engine.formatting.numbers import p_value
from aimic_tui.engine.formatting.times import duration
from aimic_tui.engine.progress import Progress, ReportProgress, no_report
from aimic_tui.engine.report.accuracy import accuracy_text
from aimic_tui.engine.report.audit_section import audit_section
from aimic_tui.engine.report.baseline_blocks import baseline_blocks
from aimic_tui.engine.report.calibration_section import calibration_section
from aimic_tui.engine.report.checklist_answers import ChecklistAnswers, Item
from aimic_tui.engine.report.checklists import claim, tripod
from aimic_tui.engine.report.choice_words import selection_sentences, verdict_on_best
from aimic_tui.engine.report.comparison_words import comparison_points
from aimic_tui.engine.report.cost_section import cost_section
from aimic_tui.engine.report.decision_section import decision_section
from aimic_tui.engine.report.document import Block, Bullets, Document, Drawing, Facts, Paragraph, Section, Table
from aimic_tui.engine.report.example_images import pictures_of
from aimic_tui.engine.report.group_section import group_section
from aimic_tui.engine.report.initial_weights_section import initial_weights_section
from aimic_tui.engine.report.interval_chart import interval_chart
from aimic_tui.engine.report.limitations import limitations_section
from aimic_tui.engine.report.methods_text import methods_paragraphs
from aimic_tui.engine.report.network_section import network_section
from aimic_tui.engine.report.printed import interval
from aimic_tui.engine.report.reforms import reforms
from aimic_tui.engine.report.reproduction import reproduction_section
from aimic_tui.engine.report.robustness_section import elsewhere_section, robustness_section
from aimic_tui.engine.report.run_record import RunRecord
from aimic_tui.engine.report.subgroup_section import subgroup_section
from aimic_tui.engine.text import NOTHING, listed

_ON_ONE_SCALE = ("macro_f1", "accuracy", "balanced_accuracy", "macro_precision", "auroc", "average_precision")
_OF_CHOICE = ("macro_f1", "accuracy", "auroc")
_PATHS = frozenset({"data.path", "model.weights", "split.from"})


def make_run_document(record: RunRecord, report: ReportProgress = no_report) -> Document:
    """Lay out a run's report; its figures are computed here, so it takes the time that the report takes."""
    results = record.results
    created = record.snapshot.status.created
    lead = [
        f"{len(record.tested.data):,} images in {len(record.tested.classes)} classes, "
        f"{listed(record.networks)}, {results.protocol} protocol"
        + (f", {created.day} {created:%B %Y}." if created else "."),
        f"Run {results.run}, {record.snapshot.status.state}.",
    ]
    sections: list[Section] = []
    makers: list[Callable[[], Iterable[Section]]] = [
        lambda: [Section("Summary", list(_summary(record))), Section("Results", list(_overview(record)))],
        *(partial(_network, record, name) for name in record.networks),
        lambda: _comparison(record),
        lambda: _choosing(record),
        lambda: cost_section(record),
        lambda: calibration_section(record),
        lambda: decision_section(record),
        lambda: group_section(record),
        lambda: subgroup_section(record),
        lambda: robustness_section(record),
        lambda: elsewhere_section(record),
        lambda: _cases(record),
        lambda: [limitations_section(record)],
        lambda: _record_of_the_run(record),
        lambda: _checklists(record, {section.title for section in sections}),
    ]
    for number, make in enumerate(makers):
        report(Progress("write", number, len(makers)))
        sections += make()
    report(Progress("write", len(makers), len(makers)))
    return Document(f"Report: {record.setting('name') or results.run}", lead, sections)


def _network(record: RunRecord, name: str) -> Iterator[Section]:
    yield network_section(record, name)


def _record_of_the_run(record: RunRecord) -> Iterator[Section]:
    """Yield what the run's files say without any computing."""
    yield Section("Data", list(_data(record)))
    yield audit_section(record)
    yield Section("Methods paragraph", [Paragraph(text) for text in methods_paragraphs(record)])
    yield from initial_weights_section(record)
    yield Section("Recipe", [Facts(list(_settings(record)))])
    yield Section("Software, hardware, time", [Facts(list(_surroundings(record)))])
    yield reproduction_section(record)


def _checklists(record: RunRecord, sections: Collection[str]) -> Iterator[Section]:
    """Yield the checklists, whose answers name sections of the report."""
    known = ChecklistAnswers(record, sections)
    yield _checklist("CLAIM 2024", "Checklist for Artificial Intelligence in Medical Imaging", claim(known))
    yield _checklist("TRIPOD+AI", "Transparent reporting of prediction models that use machine learning", tripod(known))
    yield _checklist("REFORMS", "Consensus-based recommendations for machine-learning-based science", reforms(known))


def _summary(record: RunRecord) -> Iterator[Block]:
    results = record.results
    yield Paragraph(results.note, strong=results.optimistic)
    if not results.complete:
        yield Paragraph("Not every fold is tested yet: the figures cover the tested ones.", strong=True)
    points = []
    for name in record.networks:
        network = results.networks[name]
        for sentence in (*learned_nothing(name, network), spread_warning(name, network, results.confidence)):
            if sentence:
                yield Paragraph(sentence, strong=True)
        pooled = results.networks[name].pooled
        points.append(
            f"{name}: macro F1 {interval(pooled['macro_f1'])}, {accuracy_text(results, name)}; AUROC "
            f"{interval(pooled['auroc'])}." + _of_recipe(network)
        )
    if results.baselines:
        points.append(f"On the same images {baseline_words.against_baselines(results, interval)}.")
    if record.comparison is not None:
        points += comparison_points(record.comparison, results)
    points += selection_sentences(record)
    for warning in baseline_words.not_beaten(results, interval):
        yield Paragraph(warning, strong=True)
    yield Bullets(points)
    unequal = dict.fromkeys(filter(None, map(dominant_group, results.networks.values())))
    parts = [
        f"In parentheses: {results.method}.",
        *unequal,
        "Where there are too few groups, or they are worth too few equal ones, no interval is given.",
    ]
    yield Paragraph(" ".join(parts))


def _of_recipe(network: NetworkResults) -> str:
    """Say how far the macro F1 of newly trained networks may lie, "" where that can't be known."""
    found = network.recipe.get("macro_f1")
    if found is None or found.low is None:
        return ""
    return f" Macro F1 {IN_FULL['recipe']}: {interval(found)}."


def _overview(record: RunRecord) -> Iterator[Block]:
    networks = record.results.networks
    names = record.networks
    drawn = interval_chart(
        "all",
        [(TITLES[metric], [networks[name].pooled[metric] for name in names]) for metric in _ON_ONE_SCALE],
        names,
    )
    yield Drawing("figures", drawn, "All folds together, on one scale. Lines are intervals.")
    figures = [networks[name].pooled for name in names]
    known = [metric for metric in TITLES if any(of[metric].value is not None for of in figures)]
    rows = [[TITLES[metric], *(interval(of[metric]) for of in figures), METHODS[metric]] for metric in known]
    yield Table(
        f"All folds together; intervals {IN_FULL['trained networks']}. Log loss, Brier score and calibration error: "
        "lower is better.",
        ["", *names, "interval by"],
        rows,
    )
    yield from baseline_blocks(record.results)
    recipes = [networks[name].recipe for name in names]
    if any(recipes):
        empty = Interval(None)
        yield Table(
            f"The same with intervals {IN_FULL['recipe']}.",
            ["", *names],
            [[TITLES[metric], *(interval(of.get(metric, empty)) for of in recipes)] for metric in known],
        )
    else:
        yield Paragraph(TRAINED_NETWORKS_ONLY)


def _choosing(record: RunRecord) -> Iterator[Section]:
    """What the best network may be expected to do, which its own figure, being the best, may overstate."""
    if len(record.networks) < 2:
        return
    results = record.results
    blocks: list[Block] = [Paragraph(verdict_on_best(record))]
    rows = [
        [
            f"chosen in each fold by its {selected.by}",
            *(interval(selected.results.pooled[metric]) for metric in _OF_CHOICE),
            ", ".join(f"{name} {times}" for name, times in selected.times.items() if times),
        ]
        for selected in results.selected
    ]
    if rows:
        caption = (
            "The choice itself, evaluated: each fold chooses a network without its test images and is tested on them, "
            "so the choice does not inflate these figures. Quote them where you quote the best network."
        )
        header = ["", *(TITLES[metric] for metric in _OF_CHOICE), "folds by network chosen"]
        blocks.append(Table(caption, header, rows))
    else:
        blocks.append(
            Paragraph(
                "A figure without this optimism needs predictions of validation images or nested cross-validation; "
                "this run has neither."
            )
        )
    yield Section("The best network", blocks)


def _comparison(record: RunRecord) -> Iterator[Section]:
    found = record.comparison
    if found is None:
        return
    title = TITLES[found.metric]
    rows = [
        [
            f"{pair.a} – {pair.b}",
            interval(pair.difference),
            p_value(pair.p_adjusted),
            p_value(pair.mcnemar_adjusted),
            p_value(pair.t_adjusted),
            pair.verdict,
        ]
        for pair in found.pairs
    ]
    header = ["pair", f"difference in {title}", "p, adjusted", "McNemar", "over folds", "verdict"]
    caption = f"Paired differences on the same images, {IN_FULL['trained networks']}; all p-values adjusted by Holm."
    blocks: list[Block] = [Table(caption, header, rows)]
    recipes = [
        [f"{pair.a} – {pair.b}", interval(pair.recipe.difference), p_value(pair.recipe.p_adjusted)]
        for pair in found.pairs
        if pair.recipe is not None
    ]
    if recipes:
        caption = f"The same differences {IN_FULL['recipe']}; p-values adjusted by Holm."
        blocks.append(Table(caption, ["pair", f"difference in {title}", "p, adjusted"], recipes))
    of_best = BEST_OF_MANY.format(networks=len(found.networks))  # the next section says whether it holds here
    blocks += [Paragraph(text) for text in (found.method, *found.notes) if text != of_best]
    yield Section("Comparison of networks", blocks)


def _cases(record: RunRecord) -> Iterator[Section]:
    name = record.chosen
    network = record.chosen_network
    blocks: list[Block] = []
    if len(record.networks) > 1:
        blocks.append(Paragraph(f"From {name}, the network with the best validation figure."))
    blocks += pictures_of(record.tested.data, network, record.rule)
    yield Section("Typical and worst cases", blocks)


def _data(record: RunRecord) -> Iterator[Block]:
    data, split = record.tested.data, record.tested.split
    groups, counts = data.group_counts(), data.counts()
    used = (split.parts > 0).any(axis=0)
    rows = [
        [name, f"{counts[name]:,}", f"{groups[name]:,}", f"{int((used & (data.labels == code)).sum()):,}"]
        for code, name in enumerate(data.classes)
    ]
    rows.append(["all", f"{len(data):,}", f"{len(data.group_names):,}", f"{int(used.sum()):,}"])
    yield Table(
        "Images by class; a group with images of several classes counts in each.",
        ["class", "images", "groups", "used"],
        rows,
    )
    if record.sizes is not None:
        low, middle, high = record.sizes
        yield Paragraph(f"Longer side of the images: {low:,} to {high:,} pixels, median {middle:,}.")
    parts = [
        [f"{fold}", *(f"{len(split.indices(fold, part)):,}" for part in (Part.TRAIN, Part.VALIDATION, Part.TEST))]
        for fold in range(1, split.folds + 1)
    ]
    yield Table("The split: images of each part, by fold.", ["fold", "training", "validation", "test"], parts)
    rule = record.setting("data.group", "none")
    if not record.grouped:
        yield Paragraph(
            "No groups are known, so every image counts as independent. If images share a patient or slide, these "
            "figures are likely too high and their intervals too narrow."
        )
        return
    kept = "may be on both sides" if record.results.optimistic else "never on both sides of a split"
    origin = (
        f"Groups come from {rule}."
        if rule != "none"
        else "Images that are identical or nearly so form a group; no other groups are known."
    )
    yield Paragraph(f"{origin} Images of one group are {kept}.")


def _settings(record: RunRecord) -> Iterator[tuple[str, str]]:
    for key, value in record.tested.experiment.items():
        if isinstance(value, Mapping):
            yield from ((f"{key}.{name}", _shown(item, f"{key}.{name}")) for name, item in value.items())
        else:
            yield key, _shown(value, key)


def _shown(value: Any, key: str) -> str:
    if key in _PATHS:
        return PurePath(str(value)).name  # a report travels; where the images lie here is nobody else's matter
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _surroundings(record: RunRecord) -> Iterator[tuple[str, str]]:
    known, status = record.environment, record.snapshot.status
    for key, title in (("aimic", "aimic"), ("git_commit", "commit"), ("python", "Python"), ("system", "system")):
        if known.get(key):
            yield title, str(known[key])
    if known.get("versions"):
        yield "libraries", ", ".join(f"{name} {version}" for name, version in known["versions"].items())
    devices = sorted({trial.status.device for trial in record.snapshot.trials if trial.status.device})
    yield "trained on", ", ".join(devices) or NOTHING
    if known.get("devices"):
        yield "devices there", "; ".join(_device(device) for device in known["devices"])
    if known.get("processors"):
        yield "processors", str(known["processors"])
    formats = sorted(
        {trial.start.precision for trial in record.snapshot.trials if trial.start and trial.start.precision}
    )
    yield "arithmetic", ", ".join(formats) or NOTHING
    for name in record.networks:
        seconds = sum(epoch.seconds for trial in record.trials_of(name) for epoch in trial.epochs)
        parameters = next((trial.start.parameters for trial in record.trials_of(name) if trial.start), 0)
        yield name, f"{parameters:,} parameters; {duration(seconds)} of training and validation over all folds"
    if status.created and status.ended:
        yield "from creation to end", duration((status.ended - status.created).total_seconds())
    energy = [
        trial.system.energy
        for trial in record.snapshot.trials
        if trial.system is not None and math.isfinite(trial.system.energy)
    ]
    trials = sum(bool(trial.epochs) for trial in record.snapshot.trials)
    if energy:
        yield "energy of the GPUs", f"{sum(energy) / 3.6e6:.3g} kWh, reported for {len(energy)} of {trials} trials"
    else:
        yield "energy", "not measured: no GPU reports it"


def _device(device: Any) -> str:
    return str(device.get("name", device)) if isinstance(device, Mapping) else str(device)


def _checklist(title: str, long: str, items: list[Item]) -> Section:
    open_items = sum(item.answer is None for item in items)
    in_part = sum(item.answer is not None and bool(item.left) for item in items)
    caption = (
        f"{long}. Answers come from the run's record. Of {len(items)} items, {open_items} are open and {in_part} "
        "answered in part: for the authors to fill in."
    )
    rows = [[item.number, item.asks, item.text] for item in items]
    return Section(title, [Table(caption, ["item", "asks for", "answer"], rows, numeric=False)])
