"""Duplicates resolved at once, findings that are resolved, and the manifest of what was decided."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from aimic_tui.engine.data.audit.finding import Finding
from aimic_tui.engine.data.audit.resolution import is_resolved, resolve_duplicates
from aimic_tui.engine.data.listing.data_source import DataSource
from aimic_tui.engine.data.listing.find_data_set import find_data_set
from aimic_tui.engine.data.listing.marks import MARKS_NAME, Mark, add_marks, read_marks
from aimic_tui.engine.data.manifest import write_cleaned_manifest
from aimic_tui.engine.errors import AimicError
from tests.engine.data.listing.test_find_data_set import touch

IMAGES = ("a/1.png", "a/2.png", "a/3.png", "b/1.png", "b/2.png")
FINDINGS = [
    Finding("label-conflict", ("a/3.png", "b/1.png"), ""),
    Finding("duplicate", ("a/1.png", "a/2.png"), ""),
    Finding("duplicate", ("a/3.png", "b/1.png"), ""),
    Finding("duplicate", ("b/2.png",), "is listed more than once"),
    Finding("near-duplicate", ("a/1.png", "a/2.png", "b/2.png"), ""),
]


@pytest.fixture
def cells(tmp_path: Path) -> Path:
    return touch(tmp_path / "cells", *IMAGES)


def settle(cells: Path, how: str) -> DataSource:
    choice = DataSource(str(cells), group="none")
    done = resolve_duplicates(FINDINGS, find_data_set(choice), how)  # type: ignore[arg-type]
    add_marks(cells / MARKS_NAME, done.marks, done.together)
    return choice


def test_keep_one_leaves_out_copies_and_groups_what_is_nearly_the_same(cells: Path) -> None:
    assert resolve_duplicates(FINDINGS, find_data_set(DataSource(str(cells))), "keep-one").undecided == 1
    data_set = find_data_set(settle(cells, "keep-one"))
    assert data_set.images == ("a/1.png", "a/3.png", "b/1.png", "b/2.png")
    assert data_set.groups[0] == data_set.groups[3] != data_set.groups[1]
    marks = read_marks(cells / MARKS_NAME)
    assert [mark.note for mark in marks if mark.kind == "exclude"] == ["same as a/1.png"]
    resolved = [is_resolved(finding.kind, finding.paths, data_set, marks) for finding in FINDINGS]
    assert resolved == [False, True, False, True, True]


def test_one_group_leaves_nothing_out(cells: Path) -> None:
    data_set = find_data_set(settle(cells, "one-group"))
    assert len(data_set) == 5
    assert len(data_set.group_names) == 2
    marks = read_marks(cells / MARKS_NAME)
    assert [is_resolved(finding.kind, finding.paths, data_set, marks) for finding in FINDINGS] == [False] + [True] * 4


def test_a_faulty_image_is_dealt_with_when_it_is_marked(cells: Path) -> None:
    data_set = find_data_set(DataSource(str(cells)))
    finding = ("empty", ("a/1.png",))
    assert not is_resolved(*finding, data_set, ())
    assert not is_resolved(*finding, data_set, [Mark("a/1.png", "note", note="?")])
    assert is_resolved(*finding, data_set, [Mark("a/1.png", "exclude")])
    assert is_resolved("outlier", ("a/1.png",), data_set, [Mark("a/1.png", "reviewed")])
    assert not is_resolved("unlabelled", ("loose.png",), data_set, ())


class TestCleanedManifest:
    def same(self, path: Path, original: Path) -> None:
        one, other = find_data_set(DataSource(str(path))), find_data_set(DataSource(str(original), group="none"))
        assert [one.path(i).resolve() for i in range(len(one))] == [other.path(i) for i in range(len(other))]
        assert [one.classes[i] for i in one.labels] == [other.classes[i] for i in other.labels]
        assert len(one.group_names) == len(other.group_names)

    def test_it_is_a_data_set_wherever_it_lies(self, cells: Path, tmp_path: Path) -> None:
        settle(cells, "keep-one")
        data_set = find_data_set(DataSource(str(cells), group="none"))
        (tmp_path / "elsewhere").mkdir()
        for path in (cells / "clean.csv", tmp_path / "clean.csv", tmp_path / "elsewhere" / "clean.csv"):
            write_cleaned_manifest(path, data_set)
            self.same(path, cells)
        moved = tmp_path / "moved"
        shutil.copytree(cells, moved)
        assert find_data_set(DataSource(str(moved / "clean.csv"))).root == moved

    def test_classes_parts_and_groups_are_in_it(self, tmp_path: Path) -> None:
        root = touch(
            tmp_path / "c",
            *(f"{part}/{name}/s{n}_{part}.png" for part in ("train", "test") for name in "ab" for n in (1, 2)),
        )
        touch(root, "train/x/1.png")
        choice = DataSource(str(root), group=r"^(s\d)", classes={"a": "A", "x": ""})
        data_set = find_data_set(choice)
        write_cleaned_manifest(tmp_path / "clean.csv", data_set)
        again = find_data_set(DataSource(str(tmp_path / "clean.csv")))
        assert again.counts() == {"A": 4, "b": 4}
        assert again.group_rule == "group" and again.group_names == data_set.group_names
        assert again.parts is not None and data_set.parts is not None
        assert again.parts.tolist() == data_set.parts.tolist()

    def test_marks_are_not_applied_a_second_time(self, cells: Path) -> None:
        add_marks(cells / MARKS_NAME, [Mark("a/1.png", "label", label="b")])
        choice = DataSource(str(cells), classes={"b": "B"})
        write_cleaned_manifest(cells / "clean.csv", find_data_set(choice))
        assert find_data_set(DataSource(str(cells / "clean.csv"))).counts() == {"B": 3, "a": 2}

    def test_hostile_names_survive(self, tmp_path: Path) -> None:
        names = ["=1+1.png", "new\nline.png", "\x1b[2J.png", " outer .png", "a;b.png", 'q"uote.png', "back\\slash.png"]
        root = touch(
            tmp_path / "c",
            *(f"{label}/{name}" for label in ("=a", "[b]") for name in names),
            " x.png/1.png",
            "y/ 2.png ",
        )
        write_cleaned_manifest(tmp_path / "clean.csv", find_data_set(DataSource(str(root), group="none")))
        again = find_data_set(DataSource(str(tmp_path / "clean.csv")))
        assert all(again.path(index).is_file() for index in range(len(again)))
        assert len(again) == 2 * len(names) + 1
        text = (tmp_path / "clean.csv").read_text()
        assert "\x1b" in text and not any(
            cell.startswith(("=", "@")) for line in text.split("\n") for cell in line.split(",")
        )

    def test_a_full_disk_leaves_nothing_behind(self, cells: Path, tmp_path: Path) -> None:
        with pytest.raises((OSError, AimicError)):
            write_cleaned_manifest(tmp_path / "nowhere" / "clean.csv", find_data_set(DataSource(str(cells))))
