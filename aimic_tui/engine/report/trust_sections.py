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
                "It changes no prediction, only how sure the network says it is. Thresholds below which an image is "
                "better left to a person are chosen on validation images, too; the table shows what they do on test "
                "images. Predictions with these models are calibrated in the same way."
            )
        ],
    )
    for name, found in calibrations.items():
        yield Section(name, list(_calibration(name, found)), level=3)


def _calibration(name: str, found: Calibration) -> Iterator[Block]:
    temperatures = [row.value for row in found.temperatures]
    rows = [
        [TITLES[metric], *(interval(of[metric]) for of in (found.before, found.after, found.difference))]
        for metric in ("ece", "log_loss", "brier")
    ]
    if found.corrected["before"] is not None:
        shown = [number(found.corrected[key]) for key in ("before", "after")]
        rows.insert(1, ["calibration error without what chance adds", *shown, ""])
    spread = range_text(temperatures)
    yield Table(
        f"Before and after, with temperatures of {spread}. Lower is better. The calibration error, in 15 bins of equal "
        "width, is too high in every sample, the smaller the more; its interval is that of the true one.",
        ["", "as trained", "calibrated", "change"],
        rows,
    )
    drawn = charts.reliability(name, found.reliability_before, found.reliability_after)
    caption = f"{name}: stated probability and how often it is right; area: images."
    yield Drawing("reliability", drawn, caption, narrow=True)
    risk = charts.risk_coverage(name, found.coverage, found.risk)
    yield Drawing("risk", risk, f"{name}: errors among the surest images, calibrated.", narrow=True)
    yield Table(
        "Leaving unsure images to a person. A dash: the validation images are too few, or too often wrong, to promise "
        "it.",
        ["errors wanted, at most", "thresholds by fold", "images answered, %", "errors among these, %"],
        [
            [
                percent(row.max_error, None),
                _thresholds(row.thresholds),
                interval(row.answered, 1, scale=PER_CENT),
                interval(row.error, 1, scale=PER_CENT),
            ]
            for row in found.rejections
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
        "What acting on it is worth",
        [
            Paragraph(
                f"Net benefit (Vickers and Elkin 2006) of {network.name}, taking {positive} as the case: cases found "
                "an image, less actions for nothing, weighed by the probability from which on one acts. The network is "
                "worth using where its line is above both others; which probabilities are sensible is a matter of "
                f"what a missed case and an action for nothing cost. Probabilities are {kind}. The share of cases, "
                f"{number(curve.share)}, is that of these images; elsewhere it is another."
            ),
            Drawing(
                "decision",
                curve_charts.decision(network.name, positive, curve),
                f"{network.name}: net benefit by the probability of {positive} from which on one acts.",
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
        sentence = f"{len(worse)} of {len(found)} groups are shown to be worse than the others: {listed}."
    else:
        sentence = f"None of {len(found)} groups is shown to be worse than the others."
    yield Section(
        "By group",
        [
            Paragraph(
                f"{network.name}: {sentence} Some group is always the worst, so each is tested against all others "
                f"(Fisher's exact test, one-sided) with Holm's adjustment for how many they are.{left_out}"
            ),
            Drawing(
                "groups",
                comparison_charts.groups(
                    network.name, [names[one.group] for one in shown], shown, overall, 1 - confidence
                ),
                f"{network.name}: correct images of each group with Wilson's interval, the worst first"
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
