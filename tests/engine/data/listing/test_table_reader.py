"""Tables as spreadsheets, editors and scripts write them: read, or refused with the line and the remedy."""

from __future__ import annotations

from pathlib import Path

import pytest

from aimic_tui.engine.data.listing.table_reader import TextTable, read_text_table, western
from aimic_tui.engine.errors import InputProblem

ROWS = [["im/1.png", "a"], ["im/2.png", "b"]]


def read(folder: Path, content: str | bytes, name: str = "t.csv") -> TextTable:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_text_table(path)


def cells(table: TextTable) -> list[list[str]]:
    return [row for _, row in table.rows()]


@pytest.mark.parametrize(
    "text",
    [
        "path,label\nim/1.png,a\nim/2.png,b\n",
        "sep=;\r\npath;label\r\nim/1.png;a\r\nim/2.png;b\r\n",
        '"sep=,"\r\npath,label\r\nim/1.png,a\r\nim/2.png,b\r\n',
        "sep=\t\npath\tlabel\nim/1.png\ta\nim/2.png\tb",
        "\r\n\r\npath,label\r\n\r\nim/1.png,a\r\nim/2.png,b\r\n",
        "# exported 2024\n#, by hand\npath,label\nim/1.png,a\n# the second half\nim/2.png,b\n",
        "# path,label\nim/1.png,a\nim/2.png,b\n",
        ",,,\npath,label,,\nim/1.png,a,,\nim/2.png,b,,\n,,,\n",
        "path,label\rim/1.png,a\rim/2.png,b\r",
        "path,label\nim/1.png,a\nim/2.png,b\n\x1a",
        "path|label\nim/1.png|a\nim/2.png|b\n",
        "path   label\nim/1.png a\nim/2.png   b\n",
        '"path","label"\n"im/1.png","a"\n"im/2.png","b"\n',
        '"path","label"\n"1","im/1.png","a"\n"2","im/2.png","b"\n',  # as R writes row names
        "path ; label \nim/1.png;a\nim/2.png;b\n",
        "path,label,\nim/1.png,a,remark\nim/2.png,b\n",
        '="path",="label"\n="im/1.png",="a"\n="im/2.png",="b"\n',
        "\ufeffpath,label\nim/1.png,a\nim/2.png,b\n",
    ],
)
def test_what_programs_put_around_a_table_is_passed_over(tmp_path: Path, text: str) -> None:
    table = read(tmp_path, text)
    assert table.names == ("path", "label")
    assert cells(table) == ROWS
    assert not table.notes


@pytest.mark.parametrize(
    "encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be", "utf-8-sig"]
)
def test_unicode_with_and_without_a_mark(tmp_path: Path, encoding: str) -> None:
    table = read(tmp_path, "path,label\nim/1.png,große α\n".encode(encoding))
    assert cells(table) == [["im/1.png", "große α"]]


def test_other_encodings_are_read_as_windows_and_that_is_said(tmp_path: Path) -> None:
    table = read(tmp_path, "path,label\nim/1.png,größe\n".encode("cp1252"))
    assert western(cells(table)[0][1]) == "größe"
    assert "is not in UTF-8" in table.notes[0]


def test_an_encoding_that_nothing_shows_is_said(tmp_path: Path) -> None:
    table = read(tmp_path, "path,label\nim/1.png,細胞\n".encode("shift_jis"))
    assert table.encoding == "unknown"
    assert "nothing says which encoding" in table.notes[0]


def test_a_table_without_header_has_numbered_columns_and_that_is_said(tmp_path: Path) -> None:
    table = read(tmp_path, "im/1.png,a\nim/2.png,b\n")
    assert table.names == ("column 1", "column 2")
    assert cells(table) == ROWS
    assert "has no header" in table.notes[0]


def test_rows_know_their_lines(tmp_path: Path) -> None:
    table = read(tmp_path, 'sep=,\n\npath,label\n\n"im/\n1.png",a\nim/2.png,b\n')
    assert [line for line, _ in table.rows()] == [5, 7]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b" \r\n,,\r\n", "is empty"),
        (b"PK\x03\x04", "Excel .* Save its sheet as CSV"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "old Excel"),
        (b"PAR1\x15", "Parquet .* to_csv"),
        (b"\x1f\x8b\x08", "gzip"),
        (b'{"path": "a"}', "is JSON"),
        (b'[\n {"path": "a"}]', "is JSON"),
        (b"<!DOCTYPE html>", "a web page"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        (b"path,label\na.png\x00,b\nb.png,c\n", "byte 0 in line 2"),
        (b'path,label\n"a.png,b\nb.png,c\n', "quotation mark in line 2 is never closed"),
        (b'path,label\na.png,b\n"b.png,c\nd.png,e\nf.png",g,h\n', "row of line 3 ends in line 5"),
        (b"path,label\na.png,b, big\n", "line 2 has 3 cells, but the table has 2 columns by line 1"),
        (
            b"Export of cells\npath,label\na.png,b\n",
            "line 2 has 2 cells.*If that line is a title",
        ),
        (b"path,label\n" + b"x" * (1 << 25) + b",b\n", "line 2: field larger"),
    ],
)
def test_what_can_not_be_read_rightly_is_refused_with_the_reason(tmp_path: Path, content: bytes, words: str) -> None:
    with pytest.raises(InputProblem, match=words):
        list(read(tmp_path, content).rows())


def test_a_cell_may_be_as_large_as_a_remark_gets(tmp_path: Path) -> None:
    assert cells(read(tmp_path, f"path,remark\n1.png,{'x' * 200_000}\n"))[0][0] == "1.png"


def test_few_rows_of_very_wide_tables_are_held(tmp_path: Path) -> None:
    wide = ",".join(["0"] * 40_000)
    table = read(tmp_path, f"path,{wide}\n" + f"1.png,{wide}\n" * 30)
    assert len(table.first) == 24
    assert len(cells(table)) == 30


def test_a_file_that_is_gone_and_a_folder_are_sentences(tmp_path: Path) -> None:
    with pytest.raises(InputProblem, match="does not exist"):
        read_text_table(tmp_path / "gone.csv")
    with pytest.raises(InputProblem, match="is not a file"):
        read_text_table(tmp_path)
