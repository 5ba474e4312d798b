"""What an audit found, gathered by kind: what the Data place lists."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from aimic_tui.engine.data.audit.audit_report import AuditReport
from aimic_tui.engine.data.audit.finding import Finding, FindingKind
from aimic_tui.engine.data.audit.finding_titles import finding_title
from aimic_tui.engine.data.audit.shortcut import Shortcut
from aimic_tui.wording.findings import finding_meaning, finding_sentence, shortcut_title

ListedKind = FindingKind | Literal["shortcut", "note", "marked"]
"""Of what an audit found; "marked" is of the images that people have marked."""


@dataclass(frozen=True)
class FindingsOfKind:
    """All findings of one kind, a single shortcut, or a note.

    Attributes:
        kind: what was found.
        title: it in a few words.
        meaning: what it means for training, in a sentence; empty where the title says it.
        groups: the images of each finding: one of a broken file, two or more of duplicates.
        sentences: what is wrong with each of `groups`; none where nothing is.
    """

    kind: ListedKind
    title: str
    meaning: str = ""
    groups: tuple[tuple[str, ...], ...] = ()
    sentences: tuple[str, ...] = ()

    @property
    def images(self) -> tuple[str, ...]:
        """The images, those of one finding beside each other."""
        return tuple(image for group in self.groups for image in group)


@dataclass(frozen=True)
class AuditFindings:
    """What an audit found.

    Attributes:
        listed: the worst kinds first, shortcuts and notes last.
        flagged: every image that something is wrong with; a shortcut's examples are not.
        count: how many findings want attention, as Home counts them.
    """

    listed: tuple[FindingsOfKind, ...]
    flagged: frozenset[str]
    count: int

    @classmethod
    def from_report(cls, report: AuditReport) -> AuditFindings:
        """Gather what an audit reports."""
        kinds: dict[FindingKind, list[Finding]] = {}
        for problem in report.problems:
            kinds.setdefault(problem.kind, []).append(problem)
        listed = [_of_kind(kind, findings) for kind, findings in kinds.items()]
        listed += [_shortcut(shortcut) for shortcut in report.shortcuts]
        listed += [FindingsOfKind("note", sentence) for sentence in report.notes]
        flagged = frozenset(image for problem in report.problems for image in problem.paths)
        return cls(tuple(listed), flagged, report.count)

    def sentences_on(self, image: str) -> list[str]:
        """Return what is wrong with an image, with the images that share it."""
        found = []
        for findings in self.listed:
            for images, sentence in zip(findings.groups, findings.sentences, strict=False):
                if image in images:
                    others = ", ".join(other for other in images if other != image)
                    found.append(f"{sentence.removesuffix('.')}: {others}" if others else sentence)
        return found


def _of_kind(kind: FindingKind, findings: list[Finding]) -> FindingsOfKind:
    return FindingsOfKind(
        kind,
        finding_title(kind, len(findings)),
        finding_meaning(kind),
        tuple(finding.paths for finding in findings),
        tuple(map(finding_sentence, findings)),
    )


def _shortcut(shortcut: Shortcut) -> FindingsOfKind:
    return FindingsOfKind(
        "shortcut", shortcut_title(shortcut), shortcut.sentence, tuple(map(tuple, shortcut.examples.values()))
    )
