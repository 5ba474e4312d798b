"""Exact and near duplicates, as findings."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from aimic_tui.engine.data.audit.finding import Finding, FindingKind
from aimic_tui.engine.data.audit.measures import Measures
from aimic_tui.engine.data.audit.near_duplicates import NearPair, near_pairs
from aimic_tui.engine.data.data_set import DataSet
from aimic_tui.engine.data.listing.decisions import FoundData
from aimic_tui.engine.data.reading.input_rule import InputRule
from aimic_tui.engine.data.reading.read_image import read_image
from aimic_tui.engine.data.threads import ShouldStop
from aimic_tui.engine.progress import ReportProgress, no_report
from aimic_tui.engine.text import one_line

_NAMED = 3  # groups that a finding names


def find_duplicates(
    data_set: DataSet,
    measures: Measures,
    found: FoundData,
    *,
    rule: InputRule,
    report: ReportProgress = no_report,
    should_stop: ShouldStop | None = None,
) -> list[Finding]:
    """Find sets of exact and near duplicates, and those among them with several labels.

    Args:
        data_set, measures: n images, and their measurements.
        found: the images that a manifest lists twice.
        rule: with which the images were measured.
        report: receives the number of candidates that are compared.
        should_stop: checked regularly.

    Raises:
        Interrupted: `should_stop` returned True.
    """
    findings = [Finding("label-conflict", (name,), "is listed under more than one label") for name in found.conflicts]
    findings += [Finding("duplicate", (name,), "is listed more than once") for name in found.repeated]
    first, copies = _same_pixels(measures)
    for indices in copies.values():
        findings += _set_of(data_set, "duplicate", indices, f"{len(indices)} images with the same pixels")
    pairs = near_pairs(
        measures.thumbs,
        first,
        lambda index: read_image(data_set.path(index), rule),
        report,
        should_stop,
    )
    for members, distance in _sets(pairs):
        indices = sorted(index for member in members for index in copies.get(member, [member]))
        upto = "" if len(indices) == 2 else "up to "
        findings += _set_of(
            data_set,
            "near-duplicate",
            indices,
            f"{len(indices)} nearly identical images, distance {upto}{distance:.3f}",
        )
    return findings


def _same_pixels(measures: Measures) -> tuple[npt.NDArray[np.integer], dict[int, list[int]]]:
    """Return the first image of each set of equal ones, in order; and for those with copies, the whole set."""
    readable = np.flatnonzero(measures.readable)
    digests = measures.pixels[readable]
    order = np.lexsort((readable, digests[:, 1], digests[:, 0]))
    new = np.ones(len(order), bool)
    new[1:] = (digests[order][1:] != digests[order][:-1]).any(axis=1)
    starts = np.flatnonzero(new)
    sizes = np.diff(np.append(starts, len(order)))
    copies = {
        int(readable[order[start]]): readable[order[start : start + size]].tolist()
        for start, size in zip(starts[sizes > 1].tolist(), sizes[sizes > 1].tolist(), strict=True)
    }
    return np.sort(readable[order[starts]]), dict(sorted(copies.items()))


def _set_of(data_set: DataSet, kind: FindingKind, indices: Sequence[int], words: str) -> list[Finding]:
    names = tuple(data_set.images[index] for index in indices)
    groups = list(dict.fromkeys(data_set.group_names[data_set.groups[index]] for index in indices))
    if data_set.grouped and len(groups) > 1:
        more = ", ..." if len(groups) > _NAMED else ""
        words += f", in {len(groups)} groups ({', '.join(one_line(group, 40) for group in groups[:_NAMED])}{more})"
    findings = [Finding(kind, names, words)]
    classes = sorted({data_set.classes[data_set.labels[index]] for index in indices})
    if len(classes) > 1:
        same = "nearly the same image" if kind == "near-duplicate" else "the same image"
        findings.append(Finding("label-conflict", names, f"{same} with the labels {', '.join(classes)}"))
    return findings


def _sets(pairs: Sequence[NearPair]) -> list[tuple[list[int], float]]:
    """Return the connected sets of images, each with the largest distance of a pair in it."""
    set_of: dict[int, int] = {}
    members: dict[int, list[int]] = {}
    for pair in pairs:
        ends = [set_of.setdefault(index, index) for index in (pair.first, pair.second)]
        for end in ends:
            members.setdefault(end, [end])
        first, second = sorted(ends)
        if first != second:
            for index in members[second]:
                set_of[index] = first
            members[first] += members.pop(second)
    distances: dict[int, float] = defaultdict(float)
    for pair in pairs:
        distances[set_of[pair.first]] = max(distances[set_of[pair.first]], pair.distance)
    return [(indices, distances[key]) for key, indices in members.items()]
