"""Whatever a file holds, it is read at once or named as damaged: no hang, no deep recursion, no memory without end."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from aimic_tui.engine.bounded_files import (
    JSON_LIMIT,
    CsvRows,
    DamagedFile,
    read_bounded,
    read_end,
    read_json,
    read_toml,
)
from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.files import digest_of_file, is_locked


def write(folder: Path, content: bytes | str, name: str = "file") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def in_place_of_a_file(folder: Path, kind: str) -> Path:
    """Put something there that is no file, or one without end."""
    path = folder / "file"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "endless":
        path.symlink_to("/dev/zero")
    else:
        with path.open("wb") as file:
            file.truncate(300 << 30)  # takes no room on the disk
    return path


@pytest.mark.parametrize("kind", ["folder", "pipe", "endless", "huge"])
@pytest.mark.parametrize("read", [read_json, read_toml, lambda path: list(CsvRows(path))])
def test_what_is_no_file_or_has_no_end_is_refused_at_once(
    tmp_path: Path, kind: str, read: Callable[[Path], object]
) -> None:
    path = in_place_of_a_file(tmp_path, kind)
    with pytest.raises(DamagedFile) as problem:
        read(path)
    assert str(path) in problem.value.sentence
    assert problem.value.sentence.startswith(f"{path} can't be read: it ")


def test_a_damaged_file_is_bad_input_and_a_bad_value(tmp_path: Path) -> None:
    with pytest.raises(InputProblem):
        read_json(write(tmp_path, "["))
    with pytest.raises(ValueError, match="it is not JSON"):
        read_json(write(tmp_path, "["))


def test_a_missing_file_is_no_damaged_one(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_json(tmp_path / "none")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "it is empty"),
        ('{"a": 1', "it is not JSON"),
        (b"\xff\xfe\x00", "it is not text in UTF-8"),
        ("[" * 100_000, "it is nested more than 64 levels deep"),
        ('{"a": ' * 100_000, "it is nested more than 64 levels deep"),
        ('{"a": ' + "[" * 100 + "]" * 100 + "}", "it is nested more than 64 levels deep"),
        ('{"a": ' + "9" * 400 + "}", "a number in it has 400 digits"),
        ('{"a": ' + "9" * 100_000 + "}", "a number in it has 100000 digits"),
        ('{"a": 1e999}', "the number 1e999 in it is too large"),
        ('{"a": NaN}', "NaN stands in it"),
        ('{"a": [-Infinity]}', "-Infinity stands in it"),
        ('{"a": 1, "a": 2}', "a key stands in it twice"),
        (r'{"a": "\ud800"}', "half a character"),
        (r'{"\udfff": 1}', "half a character"),
        ("[" + "[]," * 600_000 + "1]", "it holds more values than any such file"),
        ("[]", "it holds a list, not a JSON object"),
        ("null", "it holds null, not a JSON object"),
        ('"text"', "it holds a text, not a JSON object"),
    ],
)
def test_json_that_is_none_of_ours_is_named(tmp_path: Path, content: bytes | str, reason: str) -> None:
    with pytest.raises(DamagedFile) as problem:
        read_json(write(tmp_path, content))
    assert reason in problem.value.reason


def test_what_we_write_ourselves_is_read(tmp_path: Path) -> None:
    value = {
        "name of a file that is not UTF-8": os.fsdecode(b"\xff.png"),
        "beyond the first plane": "🔬",
        "digest": "12345678901234567890123456789012",
        "largest": [2**64 - 1, -(2**63), 1e300, 0.1234567890123456789],
        "type123": {"nested": [[1], [2]]},
    }
    assert read_json(write(tmp_path, json.dumps(value))) == value


def test_a_file_may_not_grow_past_its_limit_while_it_is_read(tmp_path: Path) -> None:
    assert len(read_bounded(write(tmp_path, b"x" * 100), 100)) == 100
    with pytest.raises(DamagedFile, match="at most 100 B"):
        read_bounded(write(tmp_path, b"x" * 101), 100)
    with pytest.raises(DamagedFile):  # files of the system say that they have no byte
        read_bounded(Path("/proc/self/maps"), 100)
    assert JSON_LIMIT < 1 << 26


def test_of_a_log_its_end_is_read(tmp_path: Path) -> None:
    assert read_end(write(tmp_path, "a" * 1000 + "end"), 3) == "end"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("a = " + "[" * 100_000, "nested more than 64 levels deep"),
        ("a = " + "{a=" * 100 + "1" + "}" * 100, "nested more than 64 levels deep"),
        (".".join("a" * 300) + " = 1", "nested more than 64 levels deep"),
        ("a = " + "1" * 5000, "it is not TOML"),
        ("a = 0x" + "f" * 5000, "a number in it has more than 20 digits"),
        ("a = [1, 0x" + "f" * 50 + "]", "a number in it has more than 20 digits"),
        ("a = ", "it is not TOML"),
        (b"\xff", "it is not text in UTF-8"),
    ],
)
def test_toml_that_is_none_of_ours_is_named(tmp_path: Path, content: bytes | str, reason: str) -> None:
    with pytest.raises(DamagedFile) as problem:
        read_toml(write(tmp_path, content))
    assert reason in problem.value.reason


def test_rows_of_a_table_come_with_their_lines(tmp_path: Path) -> None:
    path = write(tmp_path, 'image,label\na.png,"two\nlines"\nb.png,x\n')
    with CsvRows(path) as rows:
        found = [(rows.line, row) for row in rows]
    assert found == [(1, ["image", "label"]), (3, ["a.png", "two\nlines"]), (4, ["b.png", "x"])]


@pytest.mark.parametrize(
    "content",
    ["a," * 5_000_000, 'a\n"' + f"{'x' * 99}\n" * 50_000, f'"{"a" * 99}\n",' * 50_000],
    ids=["line", "cell", "row"],
)
def test_a_row_without_end_is_not_read_to_its_end(tmp_path: Path, content: str) -> None:
    with pytest.raises(DamagedFile), CsvRows(write(tmp_path, content)) as rows:
        list(rows)


def test_a_pipe_in_place_of_a_lock_or_of_weights_is_not_waited_for(tmp_path: Path) -> None:
    pipe = in_place_of_a_file(tmp_path, "pipe")
    assert not is_locked(pipe)
    with pytest.raises(DamagedFile):
        digest_of_file(pipe)
