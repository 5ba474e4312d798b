"""What a run's record knows to limit its figures; what it can't know (patients, laboratories, aims) is the authors'."""

from __future__ import annotations

from collections.abc import Iterator

from aimic_tui.engine.evaluation.baseline_words import not_beaten
from aimic_tui.engine.evaluation.estimand import TRAINED_NETWORKS_ONLY
from aimic_tui.engine.evaluation.network_choice import BEST_OF_MANY
from aimic_tui.engine.report.audit_section import shortcut_alarms
from aimic_tui.engine.report.document import Bullets, Paragraph, Section
from aimic_tui.engine.report.printed import interval
from aimic_tui.engine.report.robustness_section import ELSEWHERE, robustness_summary
from aimic_tui.engine.report.run_record import RunRecord

TITLE = "Limitations"
_FEW_GROUPS = 20  # of a class; below that a single patient or slide moves its figures visibly


def limitations_section(record: RunRecord) -> Section:
    """Lay out what is known to limit the figures."""
    return Section(
        TITLE,
        [
            Paragraph("What the run's own files show. Limits of the patients, samples and labels are not among them."),
            Bullets(limitations(record)),
        ],
    )


def limitations(record: RunRecord) -> list[str]:
    """Return sentences, those that weigh most first."""
    return list(_limitations(record))


def _limitations(record: RunRecord) -> Iterator[str]:
    results = record.results
    if results.optimistic:
        yield (
            "Each fold's test images chose its epoch, and images of one group may be in both training and test parts: "
            "expect lower figures on new images."
        )
    if not results.complete:
        yield "Not every fold is tested yet: the figures cover the tested ones."
    yield from not_beaten(results, interval)
    yield from shortcut_alarms(record)
    yield from record.audit.report.notes if record.audit is not None else ()
    if record.audit is None:
        yield "The images were not audited: whether a shortcut predicts the class is not known."
    if not record.grouped_by_rule and not results.optimistic:
        yield (
            "It is not known which images share a patient or slide. If some do, they may be in both training and test "
            "parts, and the figures are likely too high and the intervals too narrow."
        )
    yield from _small_classes(record)
    if record.tested.seeds == 1 and record.tested.split.repeats == 1:
        yield TRAINED_NETWORKS_ONLY
    if len(record.networks) > 1 and record.results.selection_of_best("macro_f1") is None:
        yield BEST_OF_MANY.format(networks=len(record.networks))
    if record.evaluations:
        yield f"Other data sets were evaluated (section {ELSEWHERE}); on any further kind of image figures may differ."
    else:
        yield (
            "All images come from one data set: nothing here shows how the networks do on images of another "
            "laboratory, device, stain or population."
        )
    yield robustness_summary(record) or (
        "How far blur, noise, light, stain or compression lower the figures was not measured."
    )
    yield "Predictive values hold for the class frequencies of these images; with other frequencies they differ."


def _small_classes(record: RunRecord) -> Iterator[str]:
    classes = record.results.networks[record.chosen].classes
    few = {name: found.groups for name, found in classes.items() if found.support and found.groups < _FEW_GROUPS}
    if few:
        unit = "group" if record.grouped else "image"
        named = ", ".join(f"{name} ({count})" for name, count in few.items())
        yield f"Classes with fewer than {_FEW_GROUPS} independent {unit}s, whose figures are uncertain: {named}."
