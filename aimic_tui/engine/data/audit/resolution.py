"""Resolving an audit's findings by marks: all duplicates at once, and which findings are resolved."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from aimic_tui.engine.data.audit.finding import Finding
from aimic_tui.engine.data.data_set import DataSet
from aimic_tui.engine.data.listing.marks import Mark

DuplicatePolicy = Literal["keep-one", "one-group"]


@dataclass(frozen=True)
class DuplicateResolution:
    """How duplicates are resolved.

    Attributes:
        marks: on the images that are excluded.
        together: sets of images that form one group.
        undecided: the number of label conflicts, which only a person can resolve.
    """

    marks: tuple[Mark, ...]
    together: tuple[tuple[str, ...], ...]
    undecided: int


def keep_one_marks(images: Sequence[str], keep: str) -> tuple[Mark, ...]:
    """Return marks that exclude all of a set of identical images but one."""
    return tuple(Mark(image, "exclude", note=f"same as {keep}") for image in images if image != keep)


def resolve_duplicates(findings: Iterable[Finding], data_set: DataSet, how: DuplicatePolicy) -> DuplicateResolution:
    """Resolve all duplicates that an audit found.

    Args:
        findings: of the audit; only duplicates and near duplicates count.
        data_set: the audited one.
        how: "keep-one" leaves out all but the first of identical images, unless they have several labels, and puts
            near duplicates into one group; "one-group" leaves nothing out.
    """
    label_of = dict(zip(data_set.images, data_set.labels.tolist(), strict=True))
    marks: list[Mark] = []
    together: list[tuple[str, ...]] = []
    undecided = 0
    sets = [finding for finding in findings if len(finding.paths) > 1]
    for finding in sets:
        if finding.kind != "duplicate":
            continue
        if how == "one-group":
            together.append(finding.paths)
        elif len({label_of.get(image) for image in finding.paths}) > 1:
            undecided += 1
        else:
            marks += keep_one_marks(finding.paths, finding.paths[0])
    gone = {mark.image for mark in marks}
    for finding in sets:
        left = tuple(image for image in finding.paths if image not in gone)
        if finding.kind == "near-duplicate" and len(left) > 1:
            together.append(left)
    return DuplicateResolution(tuple(marks), tuple(together), undecided)


def is_resolved(kind: str, images: Sequence[str], data_set: DataSet, marks: Collection[Mark]) -> bool:
    """Tell whether a finding has been resolved by decisions.

    Duplicates and look-alike groups are resolved when one is left or the rest share a group; a label conflict and
    look-alike classes when the remaining images have one class; any other finding when each of its images is excluded,
    reviewed or relabelled.

    Args:
        kind: of the finding.
        images: of the finding.
        data_set: with the decisions applied.
        marks: on these images.
    """
    rows = [row for row in map(data_set.index, images) if row is not None]
    if kind in ("duplicate", "near-duplicate", "look-alike-groups"):
        return len({int(data_set.groups[row]) for row in rows}) <= 1
    if kind in ("label-conflict", "look-alike-classes"):
        return len(images) > 1 and len({int(data_set.labels[row]) for row in rows}) <= 1
    seen = {mark.image for mark in marks if mark.kind in ("exclude", "reviewed", "label")}
    return seen.issuperset(images)
