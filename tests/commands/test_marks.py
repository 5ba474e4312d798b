"""`aimic marks`, and the cleaned manifest of `aimic inspect`."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from aimic_tui.cli import main
from aimic_tui.engine.data.listing.data_source import DataSource
from aimic_tui.engine.data.listing.find_data_set import find_data_set
from aimic_tui.engine.data.listing.marks import MARKS_NAME, read_marks
from tests.screens.made_run import make_data


@pytest.fixture
def cells(tmp_path: Path) -> Path:
    return make_data(tmp_path / "cells", each=6)


@pytest.fixture
def aimic(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    def run(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as left:
            main(["--workspace", str(tmp_path / "workspace"), *arguments])
        out, err = capsys.readouterr()
        return int(left.value.code or 0), out, err

    return run


def marked(cells: Path) -> list[tuple[str, str, str]]:
    return [(mark.image, mark.kind, mark.label or mark.note) for mark in read_marks(cells / MARKS_NAME)]


FIRST = "platelet/smear000_0.jpg"
SECOND = "platelet/smear000_1.jpg"


def test_marks_are_added_listed_and_taken_back(aimic, cells: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code, out, err = aimic("marks", str(cells), "--exclude", FIRST, str(cells / SECOND), "--note", "blurred")
    assert (code, err) == (0, "")
    assert out == f"{cells / MARKS_NAME}    exclude 2\n"
    monkeypatch.chdir(cells / "platelet")
    assert aimic("marks", str(cells), "--label", "red_cell", "smear000_1.jpg")[0] == 0
    assert marked(cells) == [
        (FIRST, "exclude", "blurred"),
        (SECOND, "exclude", "blurred"),
        (SECOND, "label", "red_cell"),
    ]
    code, out, _ = aimic("marks", str(cells))
    assert code == 0
    assert [line.split()[:3] for line in out.splitlines()[:3]] == [
        [FIRST, "exclude", "blurred"],
        [SECOND, "exclude", "blurred"],
        [SECOND, "label", "red_cell"],
    ]
    assert aimic("marks", str(cells), "--remove", SECOND)[0] == 0
    answer = json.loads(aimic("marks", str(cells), "--json")[1])
    assert answer["counts"] == {"exclude": 1}
    assert answer["marks"][0]["image"] == FIRST and answer["marks"][0]["note"] == "blurred"
    assert set(answer["marks"][0]) == {"image", "mark", "label", "group", "note", "when"}


def test_images_are_grouped_and_noted(aimic, cells: Path) -> None:
    assert aimic("marks", str(cells), "--group", FIRST, "red_cell/smear003_0.jpg")[0] == 0
    assert aimic("marks", str(cells), "--note", "=look again", FIRST)[0] == 0
    data_set = find_data_set(DataSource(str(cells)))
    assert len(data_set.group_names) == 8
    assert (FIRST, "note", "=look again") in marked(cells)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--exclude"], "Name the images"),
        ([FIRST], "Choose what to do"),
        (["--exclude", "nowhere.jpg"], "nowhere.jpg: no such image in the data set. Names are such as platelet/"),
        (["--label", "red", FIRST], "There is no class red here. Did you mean red_cell?"),
        (["--remove", "--exclude", FIRST], "can't be combined with other options"),
        (["--reviewed", "--label", "red_cell", FIRST], "contradict each other"),
        (["--group", FIRST], "two images or more"),
        (["--duplicates", "keep-one", FIRST, "--exclude"], "name no images beside it"),
        (["--set", "data.marks=none", "--exclude", FIRST], "data.marks is none"),
    ],
)
def test_what_makes_no_sense_is_said_and_marks_nothing(aimic, cells: Path, arguments: list[str], words: str) -> None:
    code, out, err = aimic("marks", str(cells), *arguments)
    assert code == 2
    assert words in err and out == ""
    assert not (cells / MARKS_NAME).exists()


def test_a_data_set_that_is_not_there_is_refused(aimic, tmp_path: Path) -> None:
    code, out, err = aimic("marks", str(tmp_path / "mistyped"), "--json")
    assert code == 3
    assert json.loads(out)["error"]["key"] == "data.path"
    assert "mistyped does not exist. Name a folder with one subfolder per class" in err


def test_a_new_class_is_made_where_it_is_asked_for(aimic, cells: Path) -> None:
    assert aimic("marks", str(cells), "--label", "artefact", "--new", FIRST)[0] == 0
    assert aimic("marks", str(cells), "--label", "artefact", SECOND)[0] == 0
    assert find_data_set(DataSource(str(cells))).counts()["artefact"] == 2


def test_where_the_folder_cannot_be_written_the_workspace_keeps_them(
    aimic, cells: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.access", lambda path, mode: mode != os.W_OK)
    code, out, err = aimic("marks", str(cells), "--exclude", FIRST)
    assert code == 0
    (file,) = (tmp_path / "workspace" / "marks").glob("*.csv")
    assert f"--set data.marks={file}" in err and str(file) in out
    assert find_data_set(DataSource(str(cells), marks=str(file))).index(FIRST) is None
    assert FIRST in aimic("marks", str(cells))[1]


def test_hostile_names_reach_no_terminal(aimic, cells: Path) -> None:
    name = "platelet/\x1b[2J[red]\n=x.jpg"
    shutil.copy(cells / FIRST, cells / name)
    assert aimic("marks", str(cells), "--exclude", "--note", "\x1b]0;title", name)[0] == 0
    code, out, _ = aimic("marks", str(cells))
    assert code == 0 and "\x1b" not in out
    assert json.loads(aimic("marks", str(cells), "--json")[1])["marks"][0]["image"] == name


def test_duplicates_are_resolved_by_what_the_audit_finds(aimic, cells: Path) -> None:
    shutil.copy(cells / FIRST, cells / "platelet/smear900_0.jpg")
    shutil.copy(cells / FIRST.replace("000_0", "001_0"), cells / "red_cell/smear901_0.jpg")
    code, out, err = aimic("marks", str(cells), "--duplicates", "keep-one")
    assert code == 0
    assert "1 image excluded" in err and "1 picture with several labels left as they are" in err
    assert ("platelet/smear900_0.jpg", "exclude", f"same as {FIRST}") in marked(cells)
    assert out.startswith(str(cells / MARKS_NAME))


def test_the_cleaned_manifest_is_a_data_set_by_itself(aimic, cells: Path, tmp_path: Path) -> None:
    aimic("marks", str(cells), "--exclude", FIRST)
    file = tmp_path / "clean.csv"
    classes = "data.classes=red_cell=rbc, white_cell="
    code, out, err = aimic("inspect", str(cells), "--set", classes, "--write-manifest", str(file))
    assert code == 0
    assert "Marks exclude 1 image." in out and "white_cell (6) is excluded" in out
    assert f"{file} lists 11 images." in err
    assert find_data_set(DataSource(str(file))).counts() == {"platelet": 5, "rbc": 6}
    for path, words in ((cells / "x.txt", "ends with .csv"), (tmp_path / "no" / "x.csv", "is not a folder")):
        code, _, err = aimic("inspect", str(cells), "--write-manifest", str(path))
        assert code == 2 and words in err
    code, _, err = aimic("inspect", str(file), "--write-manifest", str(file))
    assert code == 2 and "is the data set itself" in err
