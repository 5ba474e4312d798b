"""A run's record put into the sections of its report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import Any

import numpy as np

from aimic_tui.engine.data.data_set import Part
from aimic_tui.engine.evaluation.titles import TITLES
from aimic_tui.engine.report import charts
from aimic_tui.engine.report.cases import pictures_of
from aimic_tui.engine.report.checklists import Item, claim, tripod
from aimic_tui.engine.report.document import Block, Bullets, Document, Drawing, Facts, Paragraph, Section, Table
from aimic_tui.engine.report.method import methods_paragraphs
from aimic_tui.engine.report.record import RunRecord
from aimic_tui.engine.report.words import NOTHING, duration, interval, listed, number, p_value, percent

_ON_ONE_SCALE = ("macro_f1", "accuracy", "balanced_accuracy", "macro_precision", "auroc", "average_precision")
_OF_FOLDS = ("macro_f1", "accuracy", "balanced_accuracy", "auroc", "log_loss", "ece")
_OF_CLASSES = {"recall": "sensitivity (recall)", "specificity": "specificity", "precision": "precision", "f1": "F1"}
_MOST_CLASSES_DRAWN = 40
_MOST_PAIRS_SUMMED_UP = 5
_PATHS = frozenset({"data.path", "model.weights"})


def make_document(record: RunRecord) -> Document:
    """Lay out a run's report."""
    results = record.results
    created = record.snapshot.status.created
    lead = [
        f"{len(record.tested.data):,} images in {len(record.tested.classes)} classes, "
        f"{listed(record.networks)}, {results['protocol']} protocol"
        + (f", {created.day} {created:%B %Y}." if created else "."),
        f"Run {results['run']}, {record.snapshot.status.state}.",
    ]
    sections = [
        Section("Summary", list(_summary(record))),
        Section("Results", list(_overview(record))),
        *(section for name in record.networks for section in _network(record, name)),
        *_comparison(record),
        *_calibration(record),
        *_cases(record),
        Section("Data", list(_data(record))),
        Section("Methods paragraph", [Paragraph(text) for text in methods_paragraphs(record)]),
        Section("Recipe", [Facts(list(_settings(record)))]),
        Section("Software, hardware, time", [Facts(list(_surroundings(record)))]),
        _checklist("CLAIM 2024", "Checklist for Artificial Intelligence in Medical Imaging", claim(record)),
        _checklist("TRIPOD+AI", "Transparent reporting of prediction models that use machine learning", tripod(record)),
    ]
    return Document(f"Report: {record.setting('name') or results['run']}", lead, sections)


def _summary(record: RunRecord) -> Iterator[Block]:
    results = record.results
    yield Paragraph(results["note"], strong=bool(results["optimistic"]))
    if not results["complete"]:
        yield Paragraph("Not every fold is tested yet: the figures are of those that are.", strong=True)
    points = []
    for name in record.networks:
        said = [one for one, figures in results["networks"][name]["classes"].items() if figures["predicted"]]
        if len(said) == 1:
            yield Paragraph(f"{name} says {said[0]} whatever it is shown: it has learned nothing.", strong=True)
        pooled = results["networks"][name]["pooled"]
        points.append(
            f"{name}: macro F1 {interval(pooled['macro_f1'])}, accuracy {interval(pooled['accuracy'])}, "
            f"AUROC {interval(pooled['auroc'])}."
        )
    if record.comparison is not None:
        shown = [pair for pair in record.comparison.pairs if pair.better is not None]
        points += [
            f"{pair.a} against {pair.b}: {pair.better} is better on these images, macro F1 "
            f"{interval(vars(pair.difference))} (adjusted p {p_value(pair.p_adjusted)}; "
            f"over folds {p_value(pair.t_adjusted)})."
            for pair in shown[:_MOST_PAIRS_SUMMED_UP]
        ]
        if not shown:
            points.append("No network is shown to differ from another.")
    yield Bullets(points)
    yield Paragraph(f"In parentheses: {results['method']}. No interval is given where groups are too few for one.")


def _overview(record: RunRecord) -> Iterator[Block]:
    networks = record.results["networks"]
    names = record.networks
    drawn = charts.intervals(
        "all",
        [(TITLES[metric], [networks[name]["pooled"][metric] for name in names]) for metric in _ON_ONE_SCALE],
        names,
    )
    yield Drawing("figures", drawn, "All folds together, on one scale. A line is the interval.")
    rows = [[TITLES[metric], *(interval(networks[name]["pooled"][metric]) for name in names)] for metric in TITLES]
    yield Table("All folds together. Log loss, Brier score and calibration error: lower is better.", ["", *names], rows)


def _network(record: RunRecord, name: str) -> Iterator[Section]:
    network = record.results["networks"][name]
    classes = record.results["classes"]
    blocks: list[Block] = []
    if network["unclassified"]:
        blocks.append(Paragraph(f"{network['unclassified']:,} test images could not be classified and do not count."))
    blocks.append(_matrix(network, classes))
    rows = [
        [one, f"{figures['support']:,}", *(interval(figures[metric]) for metric in _OF_CLASSES)]
        for one, figures in network["classes"].items()
    ]
    blocks.append(Table("Each class against the rest.", ["class", "images", *_OF_CLASSES.values()], rows))
    if len(classes) <= _MOST_CLASSES_DRAWN:
        shown = [(one, [network["classes"][one][metric] for metric in ("recall", "precision")]) for one in classes]
        drawn = charts.intervals(f"classes of {name}", shown, ("sensitivity", "precision"))
        blocks.append(Drawing("classes", drawn, f"{name}: sensitivity and precision of each class."))
    folds = [
        [f"{fold['fold']}" + _seed(fold, network), f"{fold['images']:,}", *(number(fold[m]) for m in _OF_FOLDS)]
        for fold in network["folds"]
    ]
    for title, key in (("mean", "mean"), ("standard deviation", "sd")):
        folds.append([title, "", *(number(network["spread"][metric][key]) for metric in _OF_FOLDS)])
    blocks.append(Table("By fold.", ["fold", "images", *(TITLES[metric] for metric in _OF_FOLDS)], folds))
    trials = [trial for trial in record.trials_of(name) if trial.epochs]
    if trials:
        monitor = TITLES.get(str(record.setting("training.monitor")), "loss")
        part = "test" if record.results["optimistic"] else "validation"
        caption = f"{name}: learning curves of the folds; a dot marks the epoch that was kept."
        blocks.append(Drawing("learning", charts.learning_curves(name, trials, monitor, part), caption))
    yield Section(name, blocks, level=3)


def _seed(fold: Mapping[str, Any], network: Mapping[str, Any]) -> str:
    return f", seed {fold['seed']}" if len(network["seeds"]) > 1 else ""


def _matrix(network: Mapping[str, Any], classes: list[str]) -> Table:
    counts = np.array(network["confusion"])
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    rows = [[name, *(f"{count:,}" for count in row)] for name, row in zip(classes, counts.tolist(), strict=True)]
    caption = "Confusion matrix: rows are the truth, columns what the network said; shaded by the share of the row."
    if len(network["seeds"]) > 1:
        caption += f" It counts the images of all {len(network['seeds'])} seeds."
    return Table(caption, ["truth", *classes], rows, shades=shares.tolist())


def _comparison(record: RunRecord) -> Iterator[Section]:
    found = record.comparison
    if found is None:
        return
    rows = [
        [
            f"{pair.a} – {pair.b}",
            interval(vars(pair.difference)),
            p_value(pair.p_adjusted),
            p_value(pair.mcnemar_adjusted),
            p_value(pair.t_adjusted),
            pair.verdict,
        ]
        for pair in found.pairs
    ]
    header = ["pair", f"difference in {TITLES[found.metric]}", "p, adjusted", "McNemar", "over folds", "verdict"]
    blocks: list[Block] = [Table("Paired differences on the same images; all p-values adjusted by Holm.", header, rows)]
    blocks += [Paragraph(text) for text in (found.method, *found.notes)]
    yield Section("Comparison of networks", blocks)


def _calibration(record: RunRecord) -> Iterator[Section]:
    calibrations = record.results.get("calibration") or {}
    if not calibrations:
        return
    yield Section(
        "Calibration",
        [
            Paragraph(
                "Temperature scaling: each fold's logits are divided by one number, fitted on its validation images. "
                "It changes no prediction, only how sure the network says it is. Thresholds below which an image is "
                "better left to a person are chosen on validation images, too; the table shows what they do on test "
                "images."
            )
        ],
    )
    for name, found in calibrations.items():
        temperatures = [row["value"] for row in found["temperatures"]]
        rows = [
            [
                TITLES[metric],
                interval(found["before"][metric]),
                interval(found["after"][metric]),
                interval(found["difference"][metric]),
            ]
            for metric in ("ece", "log_loss", "brier")
        ]
        rejections = [
            [
                f"{100 * row['wanted']:g} %",
                _thresholds(row["thresholds"]),
                percent(row["answered"]),
                percent(row["error"]),
            ]
            for row in found["rejections"]
        ]
        spread = f"{min(temperatures):.2f} to {max(temperatures):.2f}"
        drawn = charts.reliability(name, found["reliability_before"], found["reliability_after"])
        risk = charts.risk_coverage(name, found["coverage"], found["risk"])
        yield Section(
            name,
            [
                Table(
                    f"Before and after, with temperatures of {spread}. Lower is better.",
                    ["", "as trained", "calibrated", "change"],
                    rows,
                ),
                Drawing(
                    "reliability",
                    drawn,
                    f"{name}: stated probability and how often it is right; area: images.",
                    narrow=True,
                ),
                Drawing("risk", risk, f"{name}: errors among the surest images, calibrated.", narrow=True),
                Table(
                    "Leaving unsure images to a person. A dash: the validation images are too few, or too often wrong, "
                    "to promise it.",
                    ["errors wanted, at most", "thresholds by fold", "images answered, %", "errors among these, %"],
                    rejections,
                ),
            ],
            level=3,
        )


def _thresholds(values: list[float | None]) -> str:
    shown = [number(value) for value in values]
    return NOTHING if all(value is None for value in values) else ", ".join(shown)


def _cases(record: RunRecord) -> Iterator[Section]:
    name = record.chosen
    network = next(network for network in record.tested.networks if network.name == name)
    blocks: list[Block] = []
    if len(record.networks) > 1:
        blocks.append(Paragraph(f"Of {name}, the network with the best validation figure."))
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
            "No groups are known: every image is taken to be independent. Where images share a patient or slide, these "
            "figures are too good."
        )
        return
    kept = "may be on both sides" if record.results["optimistic"] else "never on both sides of a split"
    origin = (
        f"Groups come from {rule}." if rule != "none" else "Identical images form a group; no other groups are known."
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
    yield "energy", "not measured"


def _device(device: Any) -> str:
    return str(device.get("name", device)) if isinstance(device, Mapping) else str(device)


def _checklist(title: str, long: str, items: list[Item]) -> Section:
    open_items = sum(item.answer is None for item in items)
    caption = (
        f"{long}. What the run's record can answer; {open_items} of {len(items)} are open and the authors' to fill in."
    )
    rows = [[item.number, item.asks, item.answer or "open"] for item in items]
    return Section(title, [Table(caption, ["item", "asks for", "answer"], rows, numeric=False)])
