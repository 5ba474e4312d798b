"""A report's section on the benefit of acting on predictions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from aimic_tui.engine.evaluation.decision import Decision, DecisionCurve, decision_of, threshold_ranges
from aimic_tui.engine.formatting.numbers import percent
from aimic_tui.engine.report import curve_charts
from aimic_tui.engine.report.document import Block, Drawing, Paragraph, Section, Table
from aimic_tui.engine.report.printed import number
from aimic_tui.engine.report.run_record import RunRecord
from aimic_tui.engine.text import NOTHING

_MOST_DRAWN = 12  # classes that get a drawing each; the table has all


def decision_section(record: RunRecord) -> Iterator[Section]:
    """Lay out the decision curves of the network that is shown closely: of two classes the second's, else each's."""
    classes, network = record.results.classes, record.chosen_network
    codes = [1] if len(classes) == 2 else list(range(len(classes)))
    found = [
        decision_of(record.folder.path, record.tested, network, positive=code, confidence=record.results.confidence)
        for code in codes
    ]
    # A class without images, or alone among these, has no curve.
    known = [
        (classes[code], decision, decision.curve)
        for code, decision in zip(codes, found, strict=True)
        if decision.curve is not None and 0 < decision.curve.share < 1
    ]
    if not known:
        return
    yield Section("Benefit of acting on predictions", list(_blocks(network.name, known)))


def _blocks(network: str, known: Sequence[tuple[str, Decision, DecisionCurve]]) -> Iterator[Block]:
    _, decision, first = known[0]
    level = percent(first.confidence, None)
    positive = f"{known[0][0]} as the positive class" if len(known) == 1 else "each class in turn as the positive one"
    kind = "calibrated" if decision.calibrated else "not calibrated"
    yield Paragraph(
        f"Net benefit (Vickers and Elkin 2006) of {network}, with {positive}: true positives minus weighted false "
        "positives, per image. The weight follows from the threshold, the probability above which one acts. The "
        "network is useful where its line is above both others; which thresholds are sensible depends on the cost of a "
        f"missed case against that of a false alarm. Probabilities are {kind}. The prevalence is that of these images; "
        f"elsewhere it may differ. Bands hold over the whole range of thresholds with {level} confidence (sup-t), for "
        "these trained networks on new groups."
    )
    for positive, _, curve in known[:_MOST_DRAWN]:
        yield Drawing(
            "decision",
            curve_charts.decision(network, positive, curve),
            f"{network}: net benefit by the probability of {positive} above which one acts.",
        )
    yield Table(
        "Thresholds at which acting on the network is better than acting on every image and on none: on these images, "
        f"and over the whole range with {level} confidence. A dash: too few groups for a band.",
        ["positive class", "prevalence", "useful on these images", "shown useful"],
        [
            [positive, number(curve.share), threshold_ranges(curve.useful) or "nowhere", _shown(curve)]
            for positive, _, curve in known
        ],
    )


def _shown(curve: DecisionCurve) -> str:
    if curve.shown_useful is None:
        return NOTHING
    return threshold_ranges(curve.shown_useful) or "nowhere"
