"""Paths of tables that were written for another folder, machine or program."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from aimic_tui.engine.data.listing.table_paths import FoundPaths, TablePaths, missing_sentence
from aimic_tui.engine.errors import InputProblem


def touch(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


def find(root: Path, *written: str, stored: tuple[str, ...] = ("im/1.png", "im/2.png")) -> FoundPaths:
    touch(root, *stored)
    return TablePaths(root / "list.csv").find(written)


@pytest.mark.parametrize(
    "written",
    [
        ("im/1.png", "im/2.png"),
        ("im\\1.png", "im\\2.png"),
        ("./im/1.png", "im//2.png"),
        (" im/1.png ", '"im/2.png"'),
        ("ROOT/im/1.png", "ROOT/im\\2.png"),
    ],
)
def test_the_usual_ways_to_write_a_path_need_no_word(tmp_path: Path, written: tuple[str, ...]) -> None:
    found = find(tmp_path, *(path.replace("ROOT", str(tmp_path)) for path in written))
    assert found == FoundPaths(["im/1.png", "im/2.png"], (), ())


@pytest.mark.parametrize(
    ("written", "how"),
    [
        (("im/1.PNG", "IM/2.png"), "in another letter case"),
        (("file:ROOT/im/1.png", "file://ROOT/im/2.png"), "by their file: addresses"),
        (("im/1", "im/2"), "by names without suffix"),
        (("1", "2"), "by names without suffix in folders below"),
        (("1.png", "2.png"), "in folders below"),
        (("im/1.tif", "im/2.tif"), "with another suffix"),
        (("C:\\Users\\x\\data\\im\\1.png", "C:\\Users\\x\\data\\im\\2.png"), "by the ends of their paths"),
        (("/home/other/data/im/1.png", "/home/other/data/im/2.png"), "by the ends of their paths"),
        (("/home/other/data/1.png", "/home/other/data/2.png"), "by the ends of their paths"),
        (("NAME/im/1.png", "NAME/im/2.png"), "by the ends of their paths"),
    ],
)
def test_other_ways_are_found_and_said(tmp_path: Path, written: tuple[str, ...], how: str) -> None:
    found = find(tmp_path, *(path.replace("ROOT", str(tmp_path)).replace("NAME", tmp_path.name) for path in written))
    assert found.images == ["im/1.png", "im/2.png"]
    assert not found.missing
    assert len(found.notes) == 1 and "2 images" in found.notes[0] and how in found.notes[0]


def test_escaped_spaces_of_addresses(tmp_path: Path) -> None:
    assert find(tmp_path, "my%20im/1.png", stored=("my im/1.png",)).images == ["my im/1.png"]


def test_bytes_of_another_encoding_on_the_disk_and_in_the_table(tmp_path: Path) -> None:
    raw = b"gr\xf6\xdfe.png".decode("utf-8", "surrogateescape")
    assert find(tmp_path, raw, stored=(raw,)).images == [raw], "both have the bytes"
    (tmp_path / raw).unlink()
    assert find(tmp_path, raw, stored=("größe.png",)).images == ["größe.png"], "only the table has"


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("i0", ("part_1/i0.jpg", "part_2/i0.jpg")),
        ("i0", ("i0.jpg", "i0.png")),
        ("x/y/1.png", ("a/y/1.png", "b/y/1.png")),
        ("1.png", ("1.PNG", "1.Png")),
    ],
)
def test_what_may_be_several_images_is_refused_with_both(tmp_path: Path, written: str, stored: tuple[str, str]) -> None:
    with pytest.raises(InputProblem, match=f"{written}, which may be {stored[0]} or {stored[1]}"):
        find(tmp_path, written, stored=stored)


def test_a_missing_image_is_not_replaced_by_another_one_of_the_table(tmp_path: Path) -> None:
    found = find(tmp_path, "good/1.png", "bad/1.png", "good/2.png", stored=("good/1.png", "good/2.png"))
    assert found.missing == (1,)
    assert found.images[1] == "bad/1.png"


def test_two_names_are_not_one_image(tmp_path: Path) -> None:
    assert find(tmp_path, "im/1", "im/1.tif", "im/2.png").missing == (0, 1)


def test_paths_for_the_folder_above_the_tables(tmp_path: Path) -> None:
    touch(tmp_path, "im/1.png", "images/2.png", "tables/list.csv")
    found = TablePaths(tmp_path / "tables/list.csv").find(["im/1.png", "2.png"])
    assert found.images == [f"{tmp_path}/im/1.png", f"{tmp_path}/images/2.png"]
    assert "beside the table's folder" in found.notes[0]


def test_what_is_missing_in_a_folder_that_is_there_is_not_looked_for_in_others(tmp_path: Path) -> None:
    found = find(tmp_path, "good/1.png", "good/9.png", stored=("good/1.png", "bad/9.png"))
    assert found.missing == (1,)


def test_what_is_missing_beside_others_is_missing_wherever_its_name_is_below(tmp_path: Path) -> None:
    found = find(tmp_path, "1.png", "2.png", stored=("1.png", "old/2.png", "older/2.png"))
    assert found.missing == (1,)


def test_a_folder_that_is_too_large_to_search_is_said_and_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aimic_tui.engine.data.listing.table_paths._FOLDERS_LIMIT", 1)
    touch(tmp_path, "im/1.png", "im/2/3.png")
    paths = TablePaths(tmp_path / "list.csv")
    assert paths.find(["im/1.png", "3.png"]).missing == (1,)
    assert paths.gave_up
    assert "too many folders to search" in missing_sentence("list.csv", "3.png", gave_up=True)


def test_folders_are_listed_once_however_many_paths_there_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path, *(f"part_{i % 3}/i{i}.jpg" for i in range(300)))
    looked: list[object] = []
    for name in ("stat", "listdir", "scandir"):
        real = getattr(os, name)
        monkeypatch.setattr(os, name, lambda *args, real=real, **more: looked.append(args) or real(*args, **more))
    found = TablePaths(tmp_path / "list.csv").find([f"i{i}" for i in range(300)])
    assert not found.missing
    assert len(looked) < 60


@pytest.mark.parametrize(
    ("first", "words"),
    [
        ("https://example.org/1.png", "an address on the web"),
        ("$DATA/1.png", "variables are not filled in"),
        ("%DATA%/1.png", "variables are not filled in"),
        ("i0", "with or without a suffix"),
    ],
)
def test_why_nothing_is_found_is_said(first: str, words: str) -> None:
    assert words in missing_sentence("list.csv", first)
