"""What an audit reports, gathered for the Data place."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from aimic_tui.engine.data.audit.audit_report import AuditReport, ImageSize
from aimic_tui.engine.data.audit.finding import FINDING_KINDS, Finding
from aimic_tui.engine.data.audit.finding_titles import finding_title
from aimic_tui.engine.data.audit.shortcut import Shortcut
from aimic_tui.engine.errors import InputProblem
from aimic_tui.wording.findings import finding_meaning
from aimic_tui.workspace.audit_findings import AuditFindings

SHORTCUT = Shortcut(
    feature="brightness",
    balanced_accuracy=0.81,
    low=0.78,
    high=0.84,
    chance=1 / 3,
    p=0.012,
    clearest="a",
    within_groups=None,
    sentence="The mean brightness alone tells the classes apart.",
    examples={"a": ("a/1.png", "a/2.png"), "b": ("b/1.png",)},
)


def audit_report(
    problems: Sequence[Finding] = (), shortcuts: Sequence[Shortcut] = (), notes: Sequence[str] = ()
) -> AuditReport:
    """What `aimic inspect --json` answers, on ten images."""
    return AuditReport(
        images=10,
        classes={"a": 6, "b": 4},
        groups=None,
        suggested_group=r"^(s\d+)",
        problems=tuple(problems),
        shortcuts=tuple(shortcuts),
        path="/cells",
        group_rule="none",
        class_groups=None,
        bytes=1000,
        formats={"PNG": 10},
        sizes=(ImageSize(24, 20, 10),),
        notes=tuple(notes),
        decisions=(),
    )


PROBLEMS = [
    Finding("empty", ("a/1.png",), "is empty"),
    Finding("empty", ("a/2.png",), "is empty"),
    Finding("duplicate", ("a/3.png", "a/4.png"), "2 images with the same pixels"),
]


def test_findings_are_gathered_by_kind() -> None:
    audit = AuditFindings.from_report(audit_report(PROBLEMS, [SHORTCUT], ["A link was not followed."]))
    assert [(found.kind, found.title) for found in audit.listed] == [
        ("empty", "2 empty files"),
        ("duplicate", "1 set of duplicates"),
        ("shortcut", "shortcut: brightness alone 0.810 [.780 .840], chance 0.333, p 0.012"),
        ("note", "A link was not followed."),
    ]
    assert audit.listed[0].sentences == ("This image is empty.", "This image is empty.")
    assert audit.listed[1].images == ("a/3.png", "a/4.png")
    assert audit.flagged == {"a/1.png", "a/2.png", "a/3.png", "a/4.png"}
    assert audit.count == 4


def test_a_shortcut_says_what_it_means_and_shows_both_sides_without_flagging_them() -> None:
    audit = AuditFindings.from_report(audit_report(shortcuts=[SHORTCUT]))
    (shortcut,) = audit.listed
    assert shortcut.meaning == SHORTCUT.sentence
    assert shortcut.images == ("a/1.png", "a/2.png", "b/1.png")
    assert not audit.flagged
    assert audit.sentences_on("a/1.png") == []


def test_what_is_wrong_with_an_image_names_those_that_share_it() -> None:
    audit = AuditFindings.from_report(audit_report(PROBLEMS))
    assert audit.sentences_on("a/1.png") == ["This image is empty."]
    assert audit.sentences_on("a/4.png") == ["2 images with the same pixels: a/3.png"]
    assert audit.sentences_on("b/1.png") == []


def test_every_kind_has_a_title_and_a_meaning() -> None:
    for kind in FINDING_KINDS:
        assert finding_title(kind, 1).startswith("1 ")
        assert finding_title(kind, 2) != f"2{finding_title(kind, 1)[1:]}"
        assert finding_meaning(kind).endswith(".")


def test_a_report_comes_back_from_json_with_any_name() -> None:
    odd = "a/\udcff\x1b[2J.png"
    report = audit_report([*PROBLEMS, Finding("unreadable", (odd,), "can't be read")], [SHORTCUT], ["Look."])
    assert AuditReport.from_json(json.loads(json.dumps(report.to_json()))) == report


@pytest.mark.parametrize("answer", [None, [], {}, {"version": 1}, {"version": 2}, {"error": {"sentence": "No."}}])
def test_what_is_no_report_is_refused(answer: object) -> None:
    with pytest.raises(InputProblem, match="audit's answer"):
        AuditReport.from_json(answer)


def test_a_kind_that_is_unknown_is_refused() -> None:
    answer = audit_report(PROBLEMS).to_json()
    answer["problems"][0]["kind"] = "odd"
    with pytest.raises(InputProblem, match="'odd' stands where one of label-conflict"):
        AuditReport.from_json(answer)
