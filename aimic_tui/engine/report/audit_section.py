"""What was known of the images before the run: the audit's findings, and what people decided about single images."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime

from aimic_tui.engine.data.audit.finding import FINDING_KINDS, FindingKind
from aimic_tui.engine.data.audit.finding_titles import finding_title
from aimic_tui.engine.data.audit.shortcut import Shortcut
from aimic_tui.engine.evaluation.interval import Interval
from aimic_tui.engine.formatting.numbers import p_value
from aimic_tui.engine.report.document import Block, Bullets, Paragraph, Section, Table
from aimic_tui.engine.report.printed import interval, number
from aimic_tui.engine.report.run_record import RunRecord
from aimic_tui.engine.text import listed, plural

TITLE = "The data's audit"
_TESTED = (
    "Features are tested where each class has images in enough groups, by permuting labels over groups, adjusted for "
    "all features (Holm)."
)
_UNSEEN = frozenset({"file name", "file date", "camera", "day of recording"})  # not in the pixels
_WITHIN = {True: "yes", False: "less or not at all", None: "not known"}


def audit_section(record: RunRecord) -> Section:
    """Lay out the audit's findings and the decisions, or say that there was no audit."""
    return Section(TITLE, [*_findings(record), *_decisions(record)])


def audit_sentence(record: RunRecord) -> str:
    """Say in a sentence for the methods what the audit found, or that there was none."""
    if record.audit is None:
        return (
            "The images were not audited for shortcuts, outliers or label conflicts; each was opened once before "
            "training."
        )
    counts = _counts(record)
    found = listed([finding_title(kind, count) for kind, count in counts.items()])
    sentence = f"An audit before training found {found or 'nothing wrong with single images'}"
    alarms = shortcut_alarms(record)
    return f"{sentence}. {' '.join(alarms) or 'It found no feature beside the cell that predicts the class.'}"


def shortcut_alarms(record: RunRecord) -> list[str]:
    """Say of each shortcut that the audit found how well it predicts the class by itself."""
    return [] if record.audit is None else [_alarm(found) for found in record.audit.report.shortcuts]


def _alarm(found: Shortcut) -> str:
    sentence = (
        f"A feature beside the cell, the {found.feature}, predicts the class by itself (balanced accuracy "
        f"{_reached(found)}, chance {number(found.chance)})"
    )
    if found.feature in _UNSEEN:
        return f"{sentence}. No network sees it, but what goes along with it (stain, light, camera) may show."
    if found.within_groups:
        return f"{sentence}, within groups as well, so that at least part of it is what the images show."
    return f"{sentence}, so that the networks may rest on it."


def _reached(found: Shortcut) -> str:
    return interval(Interval(found.balanced_accuracy, found.low, found.high))


def _counts(record: RunRecord) -> dict[FindingKind, int]:
    counts = Counter(finding.kind for finding in record.audit.report.problems) if record.audit else Counter()
    return {kind: counts[kind] for kind in FINDING_KINDS if counts[kind]}


def _findings(record: RunRecord) -> Iterator[Block]:
    if record.audit is None:
        yield Paragraph(
            "The images were not audited before this run, so nobody looked for shortcuts, outliers and label "
            "conflicts. Each image was opened once; a damaged one would have stopped the run. A run that starts after "
            "`aimic inspect` in the same workspace keeps the audit's findings."
        )
        return
    report = record.audit.report
    yield Paragraph(
        f"{plural(report.images, 'image')} were audited on {_day(record.audit.when)}, after the decisions below."
    )
    counts = _counts(record)
    if counts:
        rows = [[finding_title(kind, count), _fate(kind, record)] for kind, count in counts.items()]
        yield Table("What the audit found in single images.", ["finding", "in this run"], rows, numeric=False)
    else:
        yield Paragraph("It found no damaged image, no duplicate, no label conflict and no outlier.")
    if report.shortcuts:
        rows = [
            [
                found.feature,
                _reached(found),
                number(found.chance),
                p_value(found.p),
                _WITHIN[found.within_groups],
                found.sentence,
            ]
            for found in report.shortcuts
        ]
        yield Table(
            "Shortcuts: features that predict the class without the cell, by balanced accuracy on unseen groups. A "
            f"network may have learned them in place of the cell. {_TESTED}",
            ["feature", "balanced accuracy", "chance", "p, adjusted", "also within groups", "what it means"],
            rows,
            numeric=False,
        )
    else:
        yield Paragraph(f"No feature beside the cell was shown to predict the class. {_TESTED}")
    if report.notes:
        yield Bullets(report.notes)


def _decisions(record: RunRecord) -> Iterator[Block]:
    if record.decisions:
        yield Paragraph("Decided before the run:")
        yield Bullets(record.decisions)
    else:
        yield Paragraph("No image was excluded or given another class by a mark, and no class was renamed or left out.")
    if record.cautions:
        yield Paragraph("Warned of when the run was made:")
        yield Bullets(record.cautions)
    if record.afterwards:
        yield Paragraph("After the run was made:")
        yield Bullets(record.afterwards)


def _fate(kind: FindingKind, record: RunRecord) -> str:
    if kind in ("duplicate", "near-duplicate"):
        return (
            "may be in both training and test parts: folds ignore groups"
            if record.results.optimistic
            else "one group each, so that no split separates them"
        )
    if kind == "unlabelled":
        return "left out"
    return "trained and tested on"


def _day(when: str) -> str:
    moment = datetime.fromisoformat(when)
    return f"{moment.day} {moment:%B %Y}"
