"""Marks: kept, changed by several at once, edited by hand, and what they do to a data set."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from aimic_tui.engine.data.listing.data_source import DataSource
from aimic_tui.engine.data.listing.find_data_set import find_data_set, scan_data_set
from aimic_tui.engine.data.listing.marks import (
    COLUMNS,
    MARKS_NAME,
    Mark,
    add_marks,
    by_image,
    group_images,
    marks_file,
    marks_stamp,
    read_marks,
    remove_marks,
    writable_marks_file,
)
from aimic_tui.engine.errors import AimicError, InputProblem, UsageProblem
from aimic_tui.engine.files import FileLock, read_table
from tests.engine.data.listing.test_find_data_set import touch


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / MARKS_NAME


def kinds(marks: tuple[Mark, ...]) -> set[tuple[str, str]]:
    return {(mark.image, mark.kind) for mark in marks}


class TestKeeping:
    def test_what_is_added_is_read_back_sorted_with_the_time(self, file):
        added = add_marks(file, [Mark("b.png", "exclude", note="blurred"), Mark("a.png", "label", label="band")])
        assert read_marks(file) == added
        assert [(mark.image, mark.kind, mark.label, mark.note) for mark in added] == [
            ("a.png", "label", "band", ""),
            ("b.png", "exclude", "", "blurred"),
        ]
        assert all(mark.when.endswith("+00:00") for mark in added)
        assert tuple(read_table(file)[0]) == COLUMNS

    def test_an_image_can_have_marks_of_several_kinds_and_one_of_each(self, file):
        add_marks(
            file, [Mark("a.png", "exclude"), Mark("a.png", "note", note="odd"), Mark("a.png", "exclude", note="2")]
        )
        marks = by_image(read_marks(file))["a.png"]
        assert [(mark.kind, mark.note) for mark in marks] == [("exclude", "2"), ("note", "odd")]

    def test_the_latest_word_on_the_label_counts(self, file):
        add_marks(file, [Mark("a.png", "label-error")])
        assert kinds(add_marks(file, [Mark("a.png", "label", label="x")])) == {("a.png", "label")}
        assert kinds(add_marks(file, [Mark("a.png", "reviewed")])) == {("a.png", "reviewed")}
        assert kinds(add_marks(file, [Mark("a.png", "label-error")])) == {("a.png", "label-error")}

    def test_marks_are_taken_back_all_or_of_a_kind(self, file):
        add_marks(file, [Mark(image, kind) for image in ("a", "b", "c") for kind in ("exclude", "reviewed")])
        assert ("a", "exclude") not in kinds(remove_marks(file, ["a"], ["exclude"]))
        assert kinds(remove_marks(file, ["b", "c"])) == {("a", "reviewed")}
        assert remove_marks(file, ["a"]) == ()
        assert read_marks(file) == ()

    def test_to_remove_nothing_makes_no_file(self, file):
        remove_marks(file, ["a"])
        assert not file.exists()

    def test_groups_grow_together(self, file):
        group_images(file, ["c", "b"])
        group_images(file, ["x", "y"])
        group_images(file, ["b", "y", "z"], note="one cell")
        marks = {mark.image: mark for mark in read_marks(file)}
        assert {mark.group for mark in marks.values()} == {"b"}
        assert set(marks) == {"b", "c", "x", "y", "z"}
        assert (marks["z"].note, marks["c"].note) == ("one cell", "")

    def test_any_name_survives_and_none_is_a_formula(self, file):
        names = ["=1+1.png", "'=x.png", 'new\nline,".png', " a .png", "[red].png", "\x1b[2J.png", "\udcff.png", "-a"]
        add_marks(file, [Mark(name, "label", label=name, note=name) for name in names])
        assert {mark.image for mark in read_marks(file)} == set(names)
        assert all(mark.label == mark.image for mark in read_marks(file))
        assert not any(line.startswith(("=", "-", "+", "@")) for line in file.read_text(errors="replace").split("\n"))

    def test_several_processes_lose_nothing(self, file):
        program = (
            "import sys; from pathlib import Path; from aimic_tui.engine.data.listing.marks import Mark, add_marks\n"
            "for number in range(20): add_marks(Path(sys.argv[1]), [Mark(f'{sys.argv[2]}-{number}', 'exclude')])"
        )
        writers = [subprocess.Popen([sys.executable, "-c", program, str(file), str(writer)]) for writer in range(3)]
        assert [writer.wait() for writer in writers] == [0, 0, 0]
        assert len(read_marks(file)) == 60

    def test_who_holds_the_file_for_long_is_not_waited_for_for_ever(self, file, monkeypatch):
        monkeypatch.setattr("aimic_tui.engine.data.listing.marks._PATIENCE", 0.1)
        lock = FileLock(file.with_name(f".{file.name}.lock"))
        assert lock.acquire()
        with pytest.raises(AimicError, match="being changed by another process"):
            add_marks(file, [Mark("a", "exclude")])
        assert not file.exists()

    @pytest.mark.parametrize(
        ("mark", "words"),
        [
            (Mark("a", "label"), "without a label"),
            (Mark("a", "group"), "without a group"),
            (Mark("", "exclude"), "has no image"),
            (Mark("a", "exlude"), "Did you mean exclude"),  # type: ignore[arg-type]
        ],
    )
    def test_a_mark_that_makes_no_sense_leaves_all_as_it_was(self, file, mark, words):
        add_marks(file, [Mark("b", "exclude")])
        before = file.read_bytes()
        with pytest.raises(UsageProblem, match=words):
            add_marks(file, [Mark("c", "exclude"), mark])
        assert file.read_bytes() == before


class TestByHand:
    def test_a_spreadsheets_file_with_few_columns(self, file):
        file.write_bytes("\ufeffMark;Image;my own\r\nexclude;a.png;x\r\n;;\r\nreviewed;b.png\r\n".encode())
        assert kinds(read_marks(file)) == {("a.png", "exclude"), ("b.png", "reviewed")}

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("path,label\na,b\n", "needs the columns image and mark"),
            ("image,mark\na.png,exclud\n", r"line 2 has the mark exclud; marks are .* Did you mean exclude\?"),
            ("image,mark\na.png,label\n", "line 2 is a mark label without a label"),
            ("image,mark,label\na,label,x\na,label,y\n", "line 3 gives a a second label"),
            ("image,mark\n,exclude\n", "line 2 has no image"),
        ],
    )
    def test_what_is_wrong_is_said(self, file, text, words):
        file.write_text(text)
        with pytest.raises(InputProblem, match=words):
            read_marks(file)
        with pytest.raises(InputProblem):
            add_marks(file, [Mark("b", "exclude")])
        assert file.read_text() == text


def test_marks_that_a_spreadsheet_saved_in_windows_letters_find_their_images_and_classes(tmp_path: Path) -> None:
    for name in ("größe/ü1.png", "größe/2.png", "b/3.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    text = "image;mark;label\ngröße/ü1.png;exclude;\nb/3.png;label;größe\n"
    (tmp_path / "aimic-marks.csv").write_bytes(text.encode("cp1252"))
    found = scan_data_set(DataSource(str(tmp_path)))
    assert found.data_set.counts() == {"größe": 2}
    assert list(found.excluded) == ["größe/ü1.png"]


class TestWhere:
    def test_in_the_folder_or_beside_the_file_under_its_name(self, tmp_path):
        touch(tmp_path, "cells/a/1.png", "list.csv")
        assert marks_file(tmp_path / "cells") == tmp_path / "cells" / MARKS_NAME
        assert marks_file(tmp_path / "list.csv") == tmp_path / f"list.{MARKS_NAME}"
        assert marks_file(tmp_path, "none") is None
        assert marks_file(tmp_path, str(tmp_path / "mine.csv")) == tmp_path / "mine.csv"

    def test_where_the_folder_is_not_ours_they_go_elsewhere(self, tmp_path, monkeypatch):
        touch(tmp_path, "cells/a/1.png", "other/cells/a/1.png")
        assert writable_marks_file(tmp_path / "cells", "auto", tmp_path / "w") == tmp_path / "cells" / MARKS_NAME
        monkeypatch.setattr(os, "access", lambda path, mode: False)
        one = writable_marks_file(tmp_path / "cells", "auto", tmp_path / "w")
        other = writable_marks_file(tmp_path / "other" / "cells", "auto", tmp_path / "w")
        assert one.parent == tmp_path / "w" and one != other
        assert add_marks(one, [Mark("a/1.png", "exclude")]) == read_marks(one)
        assert writable_marks_file(tmp_path, str(one), tmp_path / "w") == one
        with pytest.raises(UsageProblem, match=r"data\.marks is none"):
            writable_marks_file(tmp_path, "none", tmp_path)

    def test_the_stamp_tells_a_change(self, file):
        before = marks_stamp(file)
        add_marks(file, [Mark("a", "exclude")])
        assert marks_stamp(file) != before
        assert marks_stamp(None) == before


class TestWhatTheyDo:
    @pytest.fixture
    def cells(self, tmp_path: Path) -> Path:
        return touch(tmp_path / "cells", *(f"{name}/s{n}_{name}.png" for name in ("a", "b", "c") for n in range(4)))

    def test_excluded_relabelled_grouped(self, cells):
        file = marks_file(cells)
        assert file is not None
        add_marks(file, [Mark("a/s0_a.png", "exclude"), Mark("a/s1_a.png", "label", label="b")])
        add_marks(file, [Mark("c/s0_c.png", "label-error"), Mark("gone.png", "exclude")])
        group_images(file, ["b/s2_b.png", "c/s3_c.png"])
        found = scan_data_set(DataSource(str(cells), group=r"^(s\d)"))
        data_set = found.data_set
        assert data_set.counts() == {"a": 2, "b": 5, "c": 4}
        assert dict(found.excluded) == {"a/s0_a.png": "a"}
        assert found.original_classes == {"a": 3, "b": 5, "c": 4}
        assert found.others == ()
        assert set(data_set.group_names) == {"s0", "s1", "s2"}  # s2 and s3 became one, with all their images
        assert data_set.decisions == (
            "Marks exclude 1 image.",
            "Marks give another class to 1 image.",
            "Marks put 2 images into common groups.",
            "Marks name 1 possible label error, still used for training.",
            "Marks name 1 image not in the data set; the first is gone.png.",
        )

    def test_none_takes_none_and_a_path_takes_that_one(self, cells, tmp_path):
        add_marks(cells / MARKS_NAME, [Mark("a/s0_a.png", "exclude")])
        add_marks(tmp_path / "mine.csv", [Mark("b/s0_b.png", "exclude")])
        assert find_data_set(DataSource(str(cells))).counts()["a"] == 3
        assert find_data_set(DataSource(str(cells), marks="none")).counts()["a"] == 4
        assert find_data_set(DataSource(str(cells), marks=str(tmp_path / "mine.csv"))).counts() == {
            "a": 4,
            "b": 3,
            "c": 4,
        }
        with pytest.raises(InputProblem, match=r"data\.marks = .*nowhere\.csv does not exist"):
            find_data_set(DataSource(str(cells), marks=str(tmp_path / "nowhere.csv")))

    def test_a_mark_can_give_an_unlabelled_image_its_class(self, cells):
        touch(cells, "loose.png")
        assert scan_data_set(DataSource(str(cells))).unlabelled == ("loose.png",)
        add_marks(cells / MARKS_NAME, [Mark("loose.png", "label", label="a")])
        found = scan_data_set(DataSource(str(cells)))
        assert found.unlabelled == ()
        assert found.data_set.counts()["a"] == 5

    def test_a_group_stays_one_where_its_first_image_is_left_out(self, cells):
        file = cells / MARKS_NAME
        group_images(file, ["a/s0_a.png", "b/s1_b.png", "c/s2_c.png"])
        add_marks(file, [Mark("a/s0_a.png", "exclude")])
        data_set = find_data_set(DataSource(str(cells), group="none"))
        groups = dict(zip(data_set.images, data_set.groups.tolist(), strict=True))
        assert groups["b/s1_b.png"] == groups["c/s2_c.png"]
        assert len(data_set.group_names) == len(data_set) - 1

    def test_nothing_left_is_said(self, cells):
        images = find_data_set(DataSource(str(cells))).images
        add_marks(cells / MARKS_NAME, [Mark(image, "exclude") for image in images])
        with pytest.raises(InputProblem, match="no image left: marks exclude 12"):
            find_data_set(DataSource(str(cells)))
        remove_marks(cells / MARKS_NAME, [image for image in images if image.startswith("a")])
        with pytest.raises(InputProblem, match=r"a single class, a .*Marks exclude 8 images"):
            find_data_set(DataSource(str(cells)))

    def test_the_file_of_marks_is_no_data_set(self, cells):
        add_marks(cells / MARKS_NAME, [Mark("a/s0_a.png", "exclude")])
        with pytest.raises(InputProblem, match="holds marks on a data set"):
            find_data_set(DataSource(str(cells / MARKS_NAME)))
        add_marks(cells / "a" / MARKS_NAME, [Mark("s0_a.png", "exclude")])
        assert scan_data_set(DataSource(str(cells))).others == ()


def test_marks_need_neither_pydantic_nor_a_tensor() -> None:
    program = (
        "import sys, json, aimic_tui.engine.data.listing.marks, aimic_tui.engine.data.listing.find_data_set\n"
        "print(json.dumps([name for name in ('pydantic', 'torch', 'sklearn') if name in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []
