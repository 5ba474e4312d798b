"""A report's section on calibration, and on leaving uncertain images to a person."""

from __future__ import annotations

from collections.abc import Iterator

from aimic_tui.engine.evaluation import calibration_words
from aimic_tui.engine.evaluation.class_calibration import class_curves_of
from aimic_tui.engine.evaluation.metric_titles import TITLES
from aimic_tui.engine.evaluation.run_results import Calibration
from aimic_tui.engine.formatting.numbers import PER_CENT, percent, range_text
from aimic_tui.engine.report.calibration_charts import class_curve, reliability, risk_coverage
from aimic_tui.engine.report.document import Block, Drawing, Paragraph, Section, Table
from aimic_tui.engine.report.printed import interval, number
from aimic_tui.engine.report.run_record import RunRecord

_MOST_DRAWN = 12  # classes that get a curve each; the table has all


def calibration_section(record: RunRecord) -> Iterator[Section]:
    """Lay out the calibration of each network that has validation predictions."""
    calibrations = record.results.calibration
    if not calibrations:
        return
    yield Section(
        "Calibration",
        [
            Paragraph(
                "Temperature scaling: each fold's logits are divided by one number, fitted on its validation images, "
                "shrunk towards 1 and accepted only where held-out validation images gain. It changes no predicted "
                "class, only the stated probability. Predictions with these models are calibrated in the same way."
            )
        ],
    )
    for name, found in calibrations.items():
        yield Section(name, [*_calibration(name, found), *_classes(record, name, found)], level=3)


def _classes(record: RunRecord, name: str, found: Calibration) -> Iterator[Block]:
    """Slope and intercept of each class and, of the network that is shown closely, the curves."""
    if not found.classes:
        return
    keys = ("slope_before", "slope_after", "intercept_before", "intercept_after")
    yield Table(
        "Each class against the rest: logistic recalibration (Cox 1958; Van Calster et al. 2016). Slope 1 and "
        "intercept 0 are right; a slope below 1 means probabilities that are too extreme, an intercept below 0 too "
        "much probability on the whole. Intervals: Student's t, jackknife over groups; these trained networks.",
        ["class", "slope, as trained", "calibrated", "intercept, as trained", "calibrated"],
        [[one, *(interval(getattr(of, key), 2) for key in keys)] for one, of in found.classes.items()],
    )
    if name != record.chosen or len(found.classes) > _MOST_DRAWN:
        return
    network, confidence = record.chosen_network, record.results.confidence
    for code, one in enumerate(found.classes):
        curves = class_curves_of(record.folder.path, record.tested, network, positive=code, confidence=confidence)
        if curves.after is not None:
            drawn = class_curve(name, one, curves.before, curves.after)
            caption = (
                f"{one}: its probability against its share of the images, smoothed; dots: equally many images each. "
                f"Band, calibrated: {percent(confidence, None)} over the whole range."
            )
            yield Drawing("class-calibration", drawn, caption, narrow=True)


def _calibration(name: str, found: Calibration) -> Iterator[Block]:
    rows = [
        [TITLES[metric], *(interval(figures[metric]) for figures in (found.before, found.after, found.difference))]
        for metric in ("ece", "log_loss", "brier")
    ]
    if found.corrected.get("before") is not None:
        shown = [number(found.corrected[key]) for key in ("before", "after")]
        rows.insert(1, ["calibration error, corrected for chance", *shown, ""])
    temperatures = " ".join(calibration_words.temperature_lines(found))
    yield Table(
        f"Before and after. {temperatures} Lower is better. The calibration error (15 bins of equal "
        "width) is biased upwards, the more so the fewer images; its interval covers the true one.",
        ["", "as trained", "calibrated", "change"],
        rows,
    )
    drawn = reliability(name, found.reliability_before, found.reliability_after)
    caption = f"{name}: stated probability against the share that is correct; area: number of images."
    yield Drawing("reliability", drawn, caption, narrow=True)
    risk = risk_coverage(name, found.coverage, found.risk)
    yield Drawing("risk", risk, f"{name}: share of errors among the most certain images, calibrated.", narrow=True)
    words = " ".join(calibration_words.rejection_lines(found))
    if not found.rejections:
        yield Paragraph(words)
        return
    yield Table(
        f"Leaving uncertain images to a person. {words}",
        ["max. error rate", "threshold", "across folds", "images answered, %", "errors among these, %"],
        [
            [
                percent(rejection.max_error, None),
                number(rejection.threshold),
                range_text(threshold for threshold in rejection.thresholds if threshold is not None),
                interval(rejection.answered, 1, scale=PER_CENT),
                interval(rejection.error, 1, scale=PER_CENT),
            ]
            for rejection in found.rejections
        ],
    )
