"""What a report says about trust: calibration, leaving images to a person, what acting is worth, which groups fail."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from aimic_tui.engine.evaluation.decision import decision_of
from aimic_tui.engine.evaluation.metric_titles import TITLES
from aimic_tui.engine.evaluation.run_results import Calibration
from aimic_tui.engine.evaluation.subgroups import FEWEST_IMAGES, GroupFigures, group_figures
from aimic_tui.engine.evaluation.tested_run import TestedNetwork
from aimic_tui.engine.report import charts, comparison_charts, curve_charts
from aimic_tui.engine.report.document import Block, Drawing, Paragraph, Section, Table
from aimic_tui.engine.report.run_record import RunRecord
from aimic_tui.engine.text import NOTHING
from aimic_tui.wording.numbers import PER_CENT, p_value, percent, range_text
from aimic_tui.wording.printed import interval, number

_MOST_GROUPS = 30


def calibration_sections(record: RunRecord) -> Iterator[Section]:
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
    drawn = charts.reliability(name, found.reliability_before, found.reliability_after)
    caption = f"{name}: stated probability against the share that is correct; area: number of images."
    yield Drawing("reliability", drawn, caption, narrow=True)
    risk = charts.risk_coverage(name, found.coverage, found.risk)
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


def decision_sections(record: RunRecord) -> Iterator[Section]:
    """Lay out the decision curve of the network that is shown closely, where there are two classes."""
    if len(record.results.classes) != 2:
        return
    network = _chosen(record)
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


def group_sections(record: RunRecord) -> Iterator[Section]:
    """Lay out which groups the network that is shown closely fails on."""
    network = _chosen(record)
    confidence = record.results.confidence
    everyone = group_figures(network, confidence=confidence)
    found = [one for one in everyone if one.images >= FEWEST_IMAGES]
    if len(found) < 2:
        return  # of a group of few images nothing can be said
    names = record.tested.data.group_names
    worse = [one for one in found if one.p is not None and one.p <= 1 - confidence]
    shown = found[:_MOST_GROUPS]
    overall = 1 - sum(one.wrong for one in everyone) / sum(one.images for one in everyone)
    few = len(everyone) - len(found)
    left_out = f" {few:,} groups of fewer than {FEWEST_IMAGES} images are left out." if few else ""
    if worse:
        listed = ", ".join(names[one.group] for one in worse[:_MOST_GROUPS])
        have = "has" if len(worse) == 1 else "have"
        sentence = f"{len(worse)} of {len(found)} groups {have} significantly more errors than the others: {listed}."
    else:
        sentence = f"None of {len(found)} groups has significantly more errors than the others."
    yield Section(
        "By group",
        [
            Paragraph(
                f"{network.name}: {sentence} Some group always comes last, so each is tested against all others "
                f"(Fisher's exact test, one-sided) with Holm's adjustment for their number.{left_out}"
            ),
            Drawing(
                "groups",
                comparison_charts.groups(
                    network.name, [names[one.group] for one in shown], shown, overall, 1 - confidence
                ),
                f"{network.name}: share of correct images in each group with Wilson's interval, the lowest first"
                + (f"; {len(shown)} of {len(found)} groups" if len(shown) < len(found) else "")
                + ". The dashed line is all groups together.",
            ),
            Table(
                "The groups with the lowest accuracy.",
                ["group", "images", "wrong", "accuracy (Wilson)", "p, adjusted"],
                [_group_row(names[one.group], one) for one in shown],
            ),
        ],
    )


def _group_row(name: str, one: GroupFigures) -> list[str]:
    wrong = number(one.wrong, 0 if one.wrong == round(one.wrong) else 1)
    return [name, f"{one.images:,}", wrong, interval(one.accuracy), p_value(one.p)]


def _chosen(record: RunRecord) -> TestedNetwork:
    return next(network for network in record.tested.networks if network.name == record.chosen)
