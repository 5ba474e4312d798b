"""What a report says of each network: figures by class and fold, curves, matrix, learning."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from aimic_tui.engine.evaluation.curves import ClassCurves, class_curves
from aimic_tui.engine.evaluation.estimand import IN_FULL
from aimic_tui.engine.evaluation.metric_titles import CLASS_METHODS, TITLES
from aimic_tui.engine.evaluation.run_results import FoldFigures, Intervals, NetworkResults
from aimic_tui.engine.evaluation.undefined_figures import undefined_predictive_values
from aimic_tui.engine.formatting.numbers import percent
from aimic_tui.engine.report import comparison_charts, curve_charts
from aimic_tui.engine.report.document import Block, Drawing, Paragraph, Section, Table
from aimic_tui.engine.report.interval_chart import interval_chart
from aimic_tui.engine.report.learning_chart import learning_curves
from aimic_tui.engine.report.prevalence_table import prevalence_table
from aimic_tui.engine.report.printed import interval, number
from aimic_tui.engine.report.run_record import RunRecord
from aimic_tui.engine.text import plural

OF_FOLDS = ("macro_f1", "accuracy", "balanced_accuracy", "auroc", "log_loss", "ece")
OF_CLASSES = {
    "recall": "sensitivity (recall)",
    "specificity": "specificity",
    "precision": "precision (PPV)",
    "negative_predictive_value": "NPV",
    "f1": "F1",
}
MOST_CLASSES_DRAWN = 40
_MOST_IN_MATRIX = 20


def network_section(record: RunRecord, name: str) -> Section:
    """Lay out what there is to say of one network."""
    network = record.results.networks[name]
    classes = record.results.classes
    blocks: list[Block] = []
    if network.unclassified:
        count = plural(network.unclassified, "test image")
        blocks.append(
            Paragraph(f"{count} could not be classified and {'is' if network.unclassified == 1 else 'are'} left out.")
        )
    blocks.append(_matrix(network, classes))
    if len(classes) <= _MOST_IN_MATRIX:
        drawn = comparison_charts.confusion(name, classes, network.confusion)
        blocks.append(Drawing("confusion", drawn, f"{name}: confusion matrix, each row in per cent of the true class."))
    rows = [
        [one, f"{found.support:,}", *(interval(found.figures[metric]) for metric in OF_CLASSES)]
        for one, found in network.classes.items()
    ]
    caption = f"Each class against the rest. Intervals {IN_FULL['trained networks']}: {CLASS_METHODS['recall']}."
    blocks.append(Table(caption, ["class", "images", *OF_CLASSES.values()], rows))
    blocks += [Paragraph(sentence) for sentence in undefined_predictive_values(network.classes)]
    if record.prevalences:
        blocks.append(prevalence_table(network, record.prevalences))
    if len(classes) <= MOST_CLASSES_DRAWN:
        shown = [(one, [network.classes[one].figures[metric] for metric in ("recall", "precision")]) for one in classes]
        drawn = interval_chart(f"classes of {name}", shown, ("sensitivity", "precision"))
        blocks.append(Drawing("classes", drawn, f"{name}: sensitivity and precision of each class."))
    blocks += _curves(record, name)
    blocks.append(_folds(network))
    trials = [trial for trial in record.trials_of(name) if trial.epochs]
    if trials:
        monitor = TITLES.get(str(record.setting("training.monitor")), "loss")
        part = "test" if record.results.optimistic else "validation"
        caption = f"{name}: learning curves of the folds; a dot marks the epoch that was selected."
        blocks.append(Drawing("learning", learning_curves(name, trials, monitor, part), caption))
    return Section(name, blocks, level=3)


def _folds(network: NetworkResults) -> Table:
    folds = [
        [f"{fold.fold}" + _seed(fold, network), f"{fold.images:,}", *(number(fold.values[m]) for m in OF_FOLDS)]
        for fold in network.folds
    ]
    spreads = [network.spread[metric] for metric in OF_FOLDS]
    folds.append(["mean", "", *(number(spread.mean) for spread in spreads)])
    folds.append(["standard deviation", "", *(number(spread.sd) for spread in spreads)])
    return Table("By fold.", ["fold", "images", *(TITLES[metric] for metric in OF_FOLDS)], folds)


def _seed(fold: FoldFigures, network: NetworkResults) -> str:
    return f", seed {fold.seed}" if len(network.seeds) > 1 else ""


def _matrix(network: NetworkResults, classes: Sequence[str]) -> Table:
    counts = np.array(network.confusion)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    rows = [[name, *(f"{count:,}" for count in row)] for name, row in zip(classes, counts.tolist(), strict=True)]
    caption = "Confusion matrix: rows are true classes, columns predicted ones; shaded by the share of the row."
    sets = len(network.seeds) * len(network.repeats)
    if sets > 1:
        caption += f" It counts every image once for each of {sets} sets of folds."
    return Table(caption, ["truth", *classes], rows, shades=shares.tolist())


def _curves(record: RunRecord, name: str) -> Iterator[Block]:
    network = next(network for network in record.tested.networks if network.name == name)
    confidence = record.results.confidence
    curves, macro = class_curves(network, confidence=confidence, seed=int(record.setting("seed", 0)))
    if macro is None:
        return
    classes, results = record.results.classes, record.results.networks[name]
    if len(classes) <= MOST_CLASSES_DRAWN:
        band = (
            f"; band: {percent(confidence, None)} of resampled groups, pointwise" if macro.roc.low is not None else ""
        )
        drawn = curve_charts.roc(name, classes, curves, macro)
        yield Drawing("roc", drawn, f"{name}: ROC curves of each class against the rest{band}.", narrow=True)
        drawn = curve_charts.precision_recall(name, classes, curves, macro)
        yield Drawing("precision-recall", drawn, f"{name}: precision over recall of each class{band}.", narrow=True)
    rows = [
        _areas(one, results.classes[one].figures, found) for one, found in zip(classes, curves, strict=True) if found
    ]
    rows.append(_areas("mean", results.pooled, macro))
    yield Table(
        "Areas under these curves. Pooled: over the scores of all folds' networks together, as drawn; within folds: "
        "the mean of the folds' own areas. A clearly lower pooled area means that the folds' networks are not "
        f"calibrated alike. Intervals: AUROC {CLASS_METHODS['auroc']}; average precision "
        f"{CLASS_METHODS['average_precision']}.",
        ["class", "share of images", "AUROC, pooled", "within folds", "average precision, pooled", "within folds"],
        rows,
    )


def _areas(title: str, figures: Intervals, curves: ClassCurves) -> list[str]:
    return [
        title,
        number(curves.share),
        interval(figures["auroc"]),
        number(curves.fold_auroc),
        interval(figures["average_precision"]),
        number(curves.fold_average_precision),
    ]
