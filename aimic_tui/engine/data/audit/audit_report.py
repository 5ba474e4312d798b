"""The result of an audit, as passed between processes: the answer of `aimic inspect --json`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, cast

from aimic_tui.engine.data.audit.finding import FINDING_KINDS, Finding
from aimic_tui.engine.data.audit.shortcut import Shortcut
from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.typed_values import MALFORMED, flag, items, mapping, number, one_of, text, whole

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
            groups, of_classes, merged = fields["groups"], fields["class_groups"], fields.get("merged_classes")
            return cls(
                images=whole(fields["images"]),
                classes=mapping(fields["classes"], whole),
                groups=None if groups is None else whole(groups),
                suggested_group=None if fields["suggested_group"] is None else text(fields["suggested_group"]),
                problems=items(fields["problems"], _finding),
                shortcuts=items(fields["shortcuts"], _shortcut),
                path=text(fields["path"]),
                group_rule=text(fields["group_rule"]),
                class_groups=None if of_classes is None else mapping(of_classes, whole),
                bytes=whole(fields["bytes"], high=2**60),
                formats=mapping(fields["formats"], whole),
                sizes=items(fields["sizes"], _size),
                notes=items(fields["notes"], text),
                decisions=items(fields["decisions"], text),
                merged_classes=None if merged is None else mapping(merged, text),
            )
        except MALFORMED as error:
            raise InputProblem(f"The audit's answer can't be read: {type(error).__name__}: {error}.") from error


def _size(size: Mapping[str, Any]) -> ImageSize:
    return ImageSize(whole(size["width"]), whole(size["height"]), whole(size["images"]))


def _finding(problem: Mapping[str, Any]) -> Finding:
    kind = one_of(problem["kind"], FINDING_KINDS)
    return Finding(kind, items(problem["paths"], text), text(problem["detail"]))


def _shortcut(found: Mapping[str, Any]) -> Shortcut:
    within = found["within_groups"]
    figures = {name: number(found[name]) for name in ("balanced_accuracy", "low", "high", "chance", "p")}
    return Shortcut(
        feature=text(found["feature"]),
        **figures,
        clearest=text(found["clearest"]),
        within_groups=None if within is None else flag(within),
        sentence=text(found["sentence"]),
        examples=mapping(found["examples"], lambda images: items(images, text)),
    )
