"""Paths as terminals and people write them."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from aimic_tui.workspace.typed_path import existing_path, typed_path

NAMES = ["my cells", "größe", "it's", 'a "b"', "50% (new)", "a&b", "tab\there", "$HOME", "plain"]


@pytest.mark.parametrize("name", NAMES)
def test_what_a_file_manager_types_is_the_folder_that_was_dragged(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    escaped = "".join(letter if letter.isalnum() or letter in "/-_." else "\\" + letter for letter in str(folder))
    for written in (
        str(folder),
        shlex.quote(str(folder)),
        escaped,
        folder.as_uri(),
        f" {folder} ",
        f"{folder.as_uri()}\n",
    ):
        assert typed_path(written) == str(folder), written


def test_a_path_that_exists_as_it_is_written_stays(tmp_path: Path) -> None:
    for name in ("'quoted'", "back\\slash", "blank at its end ", "%20"):
        (tmp_path / name).mkdir()
        assert typed_path(str(tmp_path / name)) == str(tmp_path / name)
        assert existing_path(str(tmp_path / name)) is None


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("'/x/my cells'", "/x/my cells"),
        ('"/x/my cells"', "/x/my cells"),
        ("/x/my\\ cells", "/x/my cells"),
        ("file:///x/my%20cells", "/x/my cells"),
        ("file://localhost/x", "/x"),
        ("file://server/x", "file://server/x"),
        ("/x/my cells", "/x/my cells"),
        ("'/x/open", "'/x/open"),
        ("", ""),
        ("   ", ""),
        ("a\0b", "a\0b"),
    ],
)
def test_a_path_that_is_not_there_is_read_all_the_same(written: str, meant: str) -> None:
    assert typed_path(written) == meant
    assert existing_path(written) is None
