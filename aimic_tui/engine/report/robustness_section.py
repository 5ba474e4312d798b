"""A report's sections on what a run's models lose: on disturbed images, and on other data sets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePath

from aimic_tui.engine.evaluation.metric_titles import TITLES
from aimic_tui.engine.inference.disturbances import TITLES as KINDS
from aimic_tui.engine.inference.evaluation_file import EvaluationResults
from aimic_tui.engine.inference.robustness_file import METHOD, DisturbedFigures, NetworkRobustness
from aimic_tui.engine.report.document import Block, Bullets, Paragraph, Section, Table
from aimic_tui.engine.report.printed import interval
from aimic_tui.engine.report.run_record import RunRecord
from aimic_tui.engine.text import listed, plural

ROBUSTNESS = "Robustness"
ELSEWHERE = "On other data sets"
_LOSSES = ("macro_f1", "accuracy", "auroc", "ece")


def robustness_section(record: RunRecord) -> Iterator[Section]:
    """Lay out how far each network's figures fall when its test images are disturbed, where that was measured."""
    if record.robustness:
        yield Section(ROBUSTNESS, [Paragraph(METHOD)])
    for name, found in record.robustness.items():
        yield Section(name, [_disturbed(name, found)], level=3)


def elsewhere_section(record: RunRecord) -> Iterator[Section]:
    """Lay out the evaluations of the run's models on other data sets."""
    if not record.evaluations:
        return
    blocks: list[Block] = [
        Paragraph(
            "Models of this run on other labelled data sets. At home: the model's own test images, each classified by "
            "the model of its fold. Whether a data set is external (another laboratory, device or period) is for the "
            "authors to say."
        )
    ]
    rows = [
        [
            f"{data_name(found)}: {metric_title}",
            interval(found.pooled[metric]),
            interval((found.home or {}).get(metric)),
            interval(found.differences.get(metric)),
        ]
        for found in record.evaluations
        for metric, metric_title in ((metric, TITLES[metric]) for metric in _LOSSES if metric in found.pooled)
    ]
    blocks.append(Table("Figures there, at home, and their difference.", ["", "there", "at home", "difference"], rows))
    blocks.append(Bullets([_about(found) for found in record.evaluations]))
    yield Section(ELSEWHERE, blocks)


def robustness_summary(record: RunRecord) -> str:
    """Name the disturbance that costs each network most macro F1; "" where none was measured."""
    parts = []
    for name, found in record.robustness.items():
        if (worst := _worst(found)) is not None:
            parts.append(
                f"{name} loses most macro F1 by {_kind(worst)} ({worst.amount}): difference "
                f"{interval(worst.differences['macro_f1'])}"
            )
    return f"{'; '.join(parts)}." if parts else ""


def elsewhere_summary(record: RunRecord) -> str:
    """Give the macro F1 on each other data set; "" where there is none."""
    parts = [
        f"{data_name(found)} ({plural(found.images, 'image')}, {found.network}): macro F1 "
        f"{interval(found.pooled['macro_f1'])}"
        for found in record.evaluations
        if "macro_f1" in found.pooled
    ]
    return f"{'; '.join(parts)}." if parts else ""


def data_name(found: EvaluationResults) -> str:
    """Return a data set's name without the folders that it lies in here."""
    return PurePath(found.data).name or found.data


def _about(found: EvaluationResults) -> str:
    models = f"{plural(found.models, 'model')} together" if found.models > 1 else "one model"
    left_out = f" Left out: {listed(list(found.left_out))}." if found.left_out else ""
    said = " ".join(remark.sentence for remark in found.verdict)
    return (
        f"{data_name(found)}: {found.network}, {models}; {plural(found.images, 'image')} of "
        f"{plural(found.groups, 'group')}.{left_out} {said}"
    )


def _disturbed(name: str, found: NetworkRobustness) -> Table:
    unreadable = f" Left out since unreadable: {plural(found.unreadable, 'image')}." if found.unreadable else ""
    rows = [["undisturbed", "", *(interval(found.clean.get(metric)) for metric in _LOSSES)]]
    rows += [
        [_kind(row), row.amount, *(interval(row.differences.get(metric)) for metric in _LOSSES)] for row in found.rows
    ]
    caption = (
        f"{name}, {plural(found.images, 'image')} of {plural(found.groups, 'group')}: the first row gives the figures, "
        f"the others the differences to them.{unreadable}"
    )
    return Table(caption, ["", "amount", *(TITLES[metric] for metric in _LOSSES)], rows)


def _worst(found: NetworkRobustness) -> DisturbedFigures | None:
    known = [(row.differences["macro_f1"].value, row) for row in found.rows if "macro_f1" in row.differences]
    losses = [(value, place) for place, (value, _) in enumerate(known) if value is not None]
    return known[min(losses)[1]][1] if losses else None


def _kind(row: DisturbedFigures) -> str:
    return KINDS.get(row.kind, row.kind)
