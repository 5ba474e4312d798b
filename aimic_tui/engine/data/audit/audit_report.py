"""The result of an audit, as passed between processes: the answer of `aimic inspect --json`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, cast

from aimic_tui.engine.data.audit.finding import FINDING_KINDS, Finding, FindingKind
from aimic_tui.engine.data.audit.shortcut import Shortcut
from aimic_tui.engine.errors import InputProblem

VERSION = 1


@dataclass(frozen=True)
class ImageSize:
    """How many images have this size in pixels."""

    width: int
    height: int
    images: int


@dataclass(frozen=True)
class AuditReport:
    """What an audit found.

    Attributes:
        images: how many there are.
        classes: name -> images.
        groups: how many there are, None where images have no groups.
        suggested_group: the group pattern that the names suggest, or None.
        problems: everything wrong, worst kinds first.
        shortcuts: what gives the class away, the clearest first.
        path: the folder that image names are relative to.
        group_rule: the pattern or column that made the groups, or "none".
        class_groups: class name -> groups with images of it, None where images have no groups.
        bytes: of all files.
        formats: format -> images that can be read.
        sizes: the most common ones first.
        notes: sentences on what was left out, and other remarks.
        decisions: sentences on what people decided.
        merged_classes: the `data.classes` that merges all classes that look the same, None where none do.
        version: of these fields; within one version fields may be added, and none changes its meaning.
    """

    images: int
    classes: Mapping[str, int]
    groups: int | None
    suggested_group: str | None
    problems: tuple[Finding, ...]
    shortcuts: tuple[Shortcut, ...]
    path: str
    group_rule: str
    class_groups: Mapping[str, int] | None
    bytes: int
    formats: Mapping[str, int]
    sizes: tuple[ImageSize, ...]
    notes: tuple[str, ...]
    decisions: tuple[str, ...]
    merged_classes: Mapping[str, str] | None = None
    version: int = VERSION

    @property
    def count(self) -> int:
        """How many findings need attention: problems and shortcuts."""
        return len(self.problems) + len(self.shortcuts)

    def to_json(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        return asdict(self)

    @classmethod
    def from_json(cls, answer: object) -> AuditReport:
        """Read what `to_json` wrote.

        Raises:
            InputProblem: it is not an audit's report, or of another version.
        """
        try:
            fields = dict(cast("Mapping[str, Any]", answer))
            if fields["version"] != VERSION:
                raise InputProblem(f"The audit's answer is of version {fields['version']}; {VERSION} was expected.")
            fields["problems"] = tuple(map(_finding, fields["problems"]))
            fields["shortcuts"] = tuple(map(_shortcut, fields["shortcuts"]))
            fields["sizes"] = tuple(ImageSize(**size) for size in fields["sizes"])
            fields["notes"], fields["decisions"] = tuple(fields["notes"]), tuple(fields["decisions"])
            optional = {"merged_classes": None}
            return cls(**{name: {**optional, **fields}[name] for name in cls.__dataclass_fields__})
        except (KeyError, TypeError, ValueError) as error:
            raise InputProblem(f"The audit's answer can't be read: {type(error).__name__}: {error}.") from error


def _finding(problem: Mapping[str, Any]) -> Finding:
    if problem["kind"] not in FINDING_KINDS:
        raise ValueError(f"{problem['kind']!r} is no kind of finding")
    return Finding(cast("FindingKind", problem["kind"]), tuple(problem["paths"]), str(problem["detail"]))


def _shortcut(found: Mapping[str, Any]) -> Shortcut:
    examples = {name: tuple(images) for name, images in found["examples"].items()}
    return Shortcut(**{**found, "examples": examples})
