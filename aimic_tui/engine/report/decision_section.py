"""A report's section on the benefit of acting on predictions."""

from __future__ import annotations

from collections.abc import Iterator

from aimic_tui.engine.evaluation.decision import decision_of
from aimic_tui.engine.report import curve_charts
from aimic_tui.engine.report.document import Drawing, Paragraph, Section
from aimic_tui.engine.report.printed import number
from aimic_tui.engine.report.run_record import RunRecord


def decision_section(record: RunRecord) -> Iterator[Section]:
    """Lay out the decision curve of the network that is shown closely, where there are two classes."""
    if len(record.results.classes) != 2:
        return
    network = record.chosen_network
    confidence = record.results.confidence
    found = decision_of(record.folder.path, record.tested, network, positive=1, confidence=confidence)
    curve = found.curve
    if curve is None:
        return
    positive = record.results.classes[1]
    kind = "calibrated" if found.calibrated else "not calibrated"
    yield Section(
        "Benefit of acting on predictions",
        [
            Paragraph(
                f"Net benefit (Vickers and Elkin 2006) of {network.name}, with {positive} as the positive class: true "
                "positives minus weighted false positives, per image. The weight follows from the threshold, the "
                "probability above which one acts. The network is useful where its line is above both others; which "
                "thresholds are sensible depends on the cost of a missed case against that of a false alarm. "
                f"Probabilities are {kind}. The prevalence is {number(curve.share)} in these images; elsewhere it may "
                "differ."
            ),
            Drawing(
                "decision",
                curve_charts.decision(network.name, positive, curve),
                f"{network.name}: net benefit by the probability of {positive} above which one acts.",
            ),
        ],
    )
