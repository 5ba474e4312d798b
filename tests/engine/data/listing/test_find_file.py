"""Paths as tables write them find the files as they are stored."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

import pytest

from aimic_tui.engine.data.listing.find_file import FileFinder

NFC, NFD = (unicodedata.normalize(form, "größe") for form in ("NFC", "NFD"))


def _folder(root: Path, *files: str) -> FileFinder:
    for name in files:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return FileFinder(root)


@pytest.mark.parametrize(("stored", "written"), [(NFC, NFD), (NFD, NFC)])
def test_a_path_in_another_unicode_form_finds_the_file_as_it_is_stored(
    tmp_path: Path, stored: str, written: str
) -> None:
    finder = _folder(tmp_path, f"{stored}/{stored}1.png")
    assert finder.find(f"{written}/{written}1.png") == f"{stored}/{stored}1.png"
    whole = f"{tmp_path}/{written}/{written}1.png"
    assert finder.find(whole) == f"{tmp_path}/{stored}/{stored}1.png"


def test_a_path_that_exists_is_taken_as_it_is_written(tmp_path: Path) -> None:
    finder = _folder(tmp_path, f"{NFC}.png", f"{NFD}.png", "A.png", "a.png", "x\\y.png", "x/y.png")
    for written in (f"{NFC}.png", f"{NFD}.png", "A.png", "a.png", "x\\y.png", "./a.png", "x/../a.png"):
        assert finder.find(written) == written


def test_case_and_slashes_of_windows_are_forgiven(tmp_path: Path) -> None:
    finder = _folder(tmp_path, "Slides/s1/A.TIF")
    assert finder.find("slides\\S1/a.tif") == "Slides/s1/A.TIF"
    assert finder.find(f"{tmp_path}\\slides\\s1\\a.tif".replace(f"{tmp_path}\\", f"{tmp_path}/")) == (
        f"{tmp_path}/Slides/s1/A.TIF"
    )


def test_nothing_is_guessed_where_several_files_fit(tmp_path: Path) -> None:
    finder = _folder(tmp_path, "A.png", "a.png")
    assert finder.find("a.PNG") is None


def test_what_is_not_there_is_not_found(tmp_path: Path) -> None:
    finder = _folder(tmp_path, "a.png")
    for written in ("b.png", "x/a.png", "a.png/b", "/nowhere/a.png"):
        assert finder.find(written) is None


def test_a_folder_that_can_be_entered_but_not_listed_is_no_obstacle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    finder = _folder(tmp_path, "a.png")

    def closed(_: str) -> list[str]:
        raise PermissionError

    monkeypatch.setattr("os.listdir", closed)
    assert finder.find("a.png") == "a.png"
    assert finder.find("A.png") is None


def test_each_folder_is_listed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    finder = _folder(tmp_path, "x/a.png", "x/b.png")
    listed: list[str] = []
    names = os.listdir

    def counted(folder: str) -> list[str]:
        listed.append(folder)
        return names(folder)

    monkeypatch.setattr("os.listdir", counted)
    for name in ("x/a.png", "x/b.png", "x/c.png", "X/A.png"):
        finder.find(name)
    assert sorted(listed) == [f"{tmp_path}/", f"{tmp_path}/x/"]
