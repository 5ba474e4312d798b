"""A report's section on calibration, and on leaving uncertain images to a person."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from aimic_tui.engine.evaluation.metric_titles import TITLES
from aimic_tui.engine.evaluation.run_results import Calibration
from aimic_tui.engine.formatting.numbers import PER_CENT, percent, range_text
from aimic_tui.engine.report.calibration_charts import reliability, risk_coverage
from aimic_tui.engine.report.document import Block, Drawing, Paragraph, Section, Table
from aimic_tui.engine.report.printed import interval, number
from aimic_tui.engine.report.run_record import RunRecord
from aimic_tui.engine.text import NOTHING


def calibration_section(record: RunRecord) -> Iterator[Section]:
    """Lay out the calibration of each network that has validation predictions."""
    calibrations = record.results.calibration
    if not calibrations:
        return
    yield Section(
        "Calibration",
        [
            Paragraph(
                "Temperature scaling: each fold's logits are divided by one number, fitted on its validation images. "
                "It changes no predicted class, only the stated probability. Thresholds below which an image should be "
                "left to a person are chosen on validation images, too; the table shows their effect on test images. "
                "Predictions with these models are calibrated in the same way."
            )
        ],
    )
    for name, found in calibrations.items():
        yield Section(name, list(_calibration(name, found)), level=3)


def _calibration(name: str, found: Calibration) -> Iterator[Block]:
    temperatures = [temperature.value for temperature in found.temperatures]
    rows = [
        [TITLES[metric], *(interval(figures[metric]) for figures in (found.before, found.after, found.difference))]
        for metric in ("ece", "log_loss", "brier")
    ]
    if found.corrected.get("before") is not None:
        shown = [number(found.corrected[key]) for key in ("before", "after")]
        rows.insert(1, ["calibration error, corrected for chance", *shown, ""])
    spread = range_text(temperatures)
    yield Table(
        f"Before and after, with temperatures of {spread}. Lower is better. The calibration error (15 bins of equal "
        "width) is biased upwards, the more so the fewer images; its interval covers the true one.",
        ["", "as trained", "calibrated", "change"],
        rows,
    )
    drawn = reliability(name, found.reliability_before, found.reliability_after)
    caption = f"{name}: stated probability against the share that is correct; area: number of images."
    yield Drawing("reliability", drawn, caption, narrow=True)
    risk = risk_coverage(name, found.coverage, found.risk)
    yield Drawing("risk", risk, f"{name}: share of errors among the most certain images, calibrated.", narrow=True)
    yield Table(
        "Leaving uncertain images to a person. A dash: there are too few validation images, or too many errors among "
        "them, to guarantee the rate.",
        ["max. error rate", "thresholds by fold", "images answered, %", "errors among these, %"],
        [
            [
                percent(rejection.max_error, None),
                _thresholds(rejection.thresholds),
                interval(rejection.answered, 1, scale=PER_CENT),
                interval(rejection.error, 1, scale=PER_CENT),
            ]
            for rejection in found.rejections
        ],
    )


def _thresholds(values: Sequence[float | None]) -> str:
    return NOTHING if all(value is None for value in values) else ", ".join(number(value) for value in values)
