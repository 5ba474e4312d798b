"""A report's section on groups that a network fails on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from aimic_tui.engine.evaluation.subgroups import FEWEST_IMAGES, FEWEST_OTHERS, GroupFigures, group_figures
from aimic_tui.engine.formatting.numbers import p_value
from aimic_tui.engine.report import comparison_charts
from aimic_tui.engine.report.document import Drawing, Paragraph, Section, Table
from aimic_tui.engine.report.printed import interval, number
from aimic_tui.engine.report.run_record import RunRecord

_MOST_GROUPS = 30


def group_section(record: RunRecord) -> Iterator[Section]:
    """Lay out which groups the network that is shown closely fails on."""
    network = record.chosen_network
    confidence = record.results.confidence
    everyone = group_figures(network, confidence=confidence)
    found = [one for one in everyone if one.images >= FEWEST_IMAGES]
    if len(found) < 2:
        return  # of a group of few images nothing can be said
    names = record.tested.data.group_names
    shown = found[:_MOST_GROUPS]
    overall = 1 - sum(one.wrong for one in everyone) / sum(one.images for one in everyone)
    few = len(everyone) - len(found)
    left_out = f" {few:,} groups of fewer than {FEWEST_IMAGES} images are left out." if few else ""
    drawn = f"; {len(shown)} of {len(found)} groups" if len(shown) < len(found) else ""
    yield Section(
        "By group",
        [
            Paragraph(f"{network.name}: {_verdict(found, names)}{left_out}"),
            Drawing(
                "groups",
                comparison_charts.groups(network.name, [names[one.group] for one in shown], shown, overall),
                f"{network.name}: share of correct images in each group with Wilson's interval, the lowest first"
                f"{drawn}. Short strokes are the funnel limits; the dashed line is all groups together.",
            ),
            Table(
                "The groups with the lowest accuracy.",
                ["group", "images", "wrong", "accuracy (Wilson)", "funnel limit", "p, adjusted"],
                [_group_row(names[one.group], one) for one in shown],
            ),
        ],
    )


def _verdict(found: Sequence[GroupFigures], names: Sequence[str]) -> str:
    """Say which groups are worse, and what that means."""
    if all(one.p is None for one in found):
        return (
            f"Groups are not tested: what is ordinary among them shows from {FEWEST_OTHERS + 1} groups of several "
            "images on."
        )
    worse = [one for one in found if one.worse]
    if worse:
        listed = ", ".join(names[one.group] for one in worse[:_MOST_GROUPS])
        have = "has" if len(worse) == 1 else "have"
        sentence = f"{len(worse)} of {len(found)} groups {have} more errors than the spread of the others explains"
        sentence = f"{sentence}: {listed}."
    else:
        sentence = f"None of {len(found)} groups is shown to have more errors than the spread of the others explains."
    return (
        f"{sentence} Groups of one population differ, and some group always comes last; so each is tested against the "
        "mean and the spread that the others show (cross-validatory predictive p-value, beta-binomial or with a random "
        "intercept, whichever is larger; one-sided), with Holm's adjustment for their number. Its funnel limit is the "
        "lowest accuracy that this spread explains."
    )


def _group_row(name: str, one: GroupFigures) -> list[str]:
    wrong = number(one.wrong, 0 if one.wrong == round(one.wrong) else 1)
    return [name, f"{one.images:,}", wrong, interval(one.accuracy), number(one.limit), p_value(one.p)]
