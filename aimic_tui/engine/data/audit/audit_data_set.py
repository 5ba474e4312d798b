"""The audit of a data set: what is in it, and what is wrong with it, before a network is trained on it."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from aimic_tui.engine.data.audit.audit_report import AuditReport, ImageSize
from aimic_tui.engine.data.audit.duplicates import find_duplicates
from aimic_tui.engine.data.audit.finding import FINDING_KINDS, Finding
from aimic_tui.engine.data.audit.measures import Blank, Measures, measure_images
from aimic_tui.engine.data.audit.outliers import find_outliers, notes_on_balance
from aimic_tui.engine.data.audit.shortcut import Shortcut
from aimic_tui.engine.data.audit.shortcuts import find_shortcuts
from aimic_tui.engine.data.data_set import DataSet
from aimic_tui.engine.data.listing.decisions import FoundData
from aimic_tui.engine.data.listing.find_data_set import scan_data_set
from aimic_tui.engine.data.note import Note
from aimic_tui.engine.data.reading.exposure import resolve_exposure
from aimic_tui.engine.data.reading.input_rule import rule_from_settings
from aimic_tui.engine.data.reading.read_image import UnreadableImage, read_pixels
from aimic_tui.engine.data.threads import ShouldStop
from aimic_tui.engine.progress import ReportProgress, no_report
from aimic_tui.engine.text import one_line, plural

if TYPE_CHECKING:
    from aimic_tui.engine.experiment import DataSettings

SMALLEST = 16  # pixels; below that no network of the catalogue sees a shape
_SIZES = 20  # the most common ones that a report lists


@dataclass(frozen=True, eq=False)
class Audit:
    """What an audit found.

    Attributes:
        data_set: the labelled images, readable or not.
        suggested_group: the group pattern that the names suggest, or None.
        findings: everything wrong, worst kinds first.
        shortcuts: what gives the class away without the cell, the clearest first.
        notes: on what was left out, and other remarks.
        measures: the measurements of each image of `data_set`.
        merged_classes: the `data.classes` that merges all classes that look the same, None where none do.
    """

    data_set: DataSet
    suggested_group: str | None
    findings: tuple[Finding, ...]
    shortcuts: tuple[Shortcut, ...]
    notes: tuple[Note, ...]
    measures: Measures
    merged_classes: Mapping[str, str] | None = None

    def with_findings(self, more: Iterable[Finding]) -> Audit:
        """Return the same with further findings, those of one kind in the order given."""
        found = sorted((*self.findings, *more), key=lambda finding: FINDING_KINDS.index(finding.kind))
        return dataclasses.replace(self, findings=tuple(found))

    def report(self) -> AuditReport:
        """Return the result for other processes."""
        data_set, measures = self.data_set, self.measures
        readable = measures.readable
        sizes = Counter(zip(measures.width[readable].tolist(), measures.height[readable].tolist(), strict=True))
        return AuditReport(
            images=len(data_set),
            classes=data_set.counts(),
            groups=len(data_set.group_names) if data_set.grouped else None,
            suggested_group=self.suggested_group,
            problems=self.findings,
            shortcuts=tuple(shortcut.rounded() for shortcut in self.shortcuts),
            path=str(data_set.root),
            group_rule=data_set.group_rule,
            class_groups=data_set.group_counts() if data_set.grouped else None,
            bytes=int(measures.file_size.sum()),
            formats=dict(Counter(name.decode() for name in measures.formats[readable].tolist())),
            sizes=tuple(ImageSize(width, height, count) for (width, height), count in sizes.most_common(_SIZES)),
            notes=tuple(note.sentence for note in self.notes),
            decisions=data_set.decisions,
            merged_classes=self.merged_classes,
        )


def audit_data_set(
    settings: DataSettings,
    report: ReportProgress = no_report,
    should_stop: ShouldStop | None = None,
    store: Path | None = None,
) -> Audit:
    """Audit a data set: every image is read once.

    Args:
        settings: which images.
        report: receives how many images are found and read, and how many pairs are compared.
        should_stop: checked regularly.
        store: a file for the measurements; see `measure_images`.

    Raises:
        InputProblem, UsageProblem: as `scan_data_set`.
        Interrupted: `should_stop` returned True.
    """

    found = scan_data_set(settings, report)
    data_set = found.data_set
    paths = data_set.paths()
    rule = resolve_exposure(rule_from_settings(settings), settings.percentiles, paths, should_stop=should_stop)
    measures = measure_images(paths, rule, report, should_stop, store)
    findings = [
        *_file_findings(data_set, measures),
        *_look_alikes(found),
        *_stray_files(data_set.root, found),
        *find_duplicates(data_set, measures, found, rule=rule, report=report, should_stop=should_stop),
    ]
    findings += find_outliers(data_set, measures)
    findings.sort(key=lambda finding: FINDING_KINDS.index(finding.kind))
    listed = (note for note in found.notes if note.kind not in FINDING_KINDS)  # names that look the same are findings
    notes = (*listed, *_notes(data_set, measures), *notes_on_balance(data_set))
    shortcuts = tuple(find_shortcuts(data_set, measures))
    return Audit(data_set, found.suggested_group, tuple(findings), shortcuts, notes, measures, found.merged_classes)


def _file_findings(data_set: DataSet, measures: Measures) -> list[Finding]:
    found = [Finding(fault.kind, (data_set.images[index],), fault.detail) for index, fault in measures.faults.items()]
    for index in np.flatnonzero(measures.readable & (measures.blank != Blank.NO)):
        found.append(Finding("blank", (data_set.images[index],), _BLANK[Blank(int(measures.blank[index]))]))
    small = np.flatnonzero(measures.readable & (np.minimum(measures.width, measures.height) < SMALLEST))
    for index in small:
        size = f"{measures.width[index]} x {measures.height[index]}"
        found.append(
            Finding("too-small", (data_set.images[index],), f"has {size} pixels; below {SMALLEST} no cell shows")
        )
    return found


def _look_alikes(found: FoundData) -> list[Finding]:
    """Name classes and groups that look the same, with an image of each."""
    data_set = found.data_set
    first = [data_set.images[index] for index in np.unique(data_set.labels, return_index=True)[1].tolist()]
    image_of = dict(zip(data_set.classes, first, strict=True))
    return [
        *(
            Finding("look-alike-classes", tuple(image_of[name] for name in alike.images), alike.detail)
            for alike in found.look_alikes
        ),
        *(Finding("look-alike-groups", alike.images, alike.detail) for alike in found.look_alike_groups),
    ]


_BLANK = {Blank.ONE_VALUE: "has one value in all its pixels", Blank.TRANSPARENT: "is wholly transparent"}


def _stray_files(root: Path, found: FoundData) -> list[Finding]:
    why = "has no label" if found.in_table else "is in no class folder"
    strays = [Finding("unlabelled", (name,), why) for name in found.unlabelled]
    for name in (
        name for name in found.others if "/" in name
    ):  # files beside the class folders are READMEs and the like
        try:
            read_pixels(root / name)
        except UnreadableImage as error:
            strays.append(Finding(error.kind, (name,), error.detail))
        else:
            strays.append(Finding("unlabelled", (name,), "is an image without an image's suffix, and was left out"))
    return strays


def _notes(data_set: DataSet, measures: Measures) -> list[Note]:
    notes = []
    if len(data_set.classes) < 2:
        notes.append(Note("single-class", "There is a single class; a classifier needs at least two."))
    depths = sorted(set(measures.bits[measures.readable].tolist()))
    if len(depths) > 1:
        bits = ", ".join(map(str, depths))
        notes.append(
            Note(
                "mixed-bit-depths",
                f"Images differ in bit depth ({bits} bits): check that all come from one microscope.",
            )
        )
    deep = measures.readable & (measures.bits > 8)
    if deep.any() and float(measures.thumbs[deep].max()) < 64:
        notes.append(
            Note(
                "underexposed",
                "The 16-bit images use only the darkest quarter of their range; set data.intensity = percentiles "
                "unless their brightness carries meaning.",
            )
        )
    beyond = np.flatnonzero(measures.exceeded).tolist()
    if beyond:
        example = f"{one_line(data_set.images[beyond[0]], 80)} declares {measures.exceeded[beyond[0]]} bits"
        notes.append(
            Note(
                "declared-depth-exceeded",
                f"{plural(len(beyond), 'image')} with values beyond the declared bit depth, which is ignored there: "
                f"{example}, for example.",
            )
        )
    return notes
