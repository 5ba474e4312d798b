"""Text on its way out: nothing that a terminal or a spreadsheet would act on; counts, sizes and lists in sentences."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimic_tui.engine.text import (
    bytes_text,
    csv_line,
    csv_rows,
    from_csv_cell,
    listed,
    one_line,
    plural,
    printable,
    to_csv_cell,
)


@given(st.lists(st.text(), min_size=2, max_size=4))
def test_a_row_of_a_table_comes_back_as_one_row(cells: list[str]) -> None:
    line = csv_line(cells)
    assert line.endswith("\n")
    assert list(csv.reader(io.StringIO(line + csv_line("ab"), newline=""))) == [cells, ["a", "b"]]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("cell_01.png", "cell_01.png"),
        ("Zelle Übung.png", "Zelle Übung.png"),
        ("細胞.tif", "細胞.tif"),
        ("\x1b[2Jgone", "\\x1b[2Jgone"),
        ("two\nlines", "two\\x0alines"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        (b"caf\xe9.png".decode("utf-8", "surrogateescape"), "caf\\xe9.png"),
        ("\u2028", "\\u2028"),
        ("\U000e0001", "\\U000e0001"),
    ],
)
def test_a_name_is_shown_without_anything_a_terminal_obeys(text: str, shown: str) -> None:
    assert printable(text) == shown


@given(st.text())
def test_printable_text_has_no_control_character_and_is_stable(text: str) -> None:
    shown = printable(text)
    assert not any(ord(char) < 32 or 127 <= ord(char) < 160 for char in shown)
    assert printable(shown) == shown
    shown.encode("utf-8")


@given(st.text() | st.text(alphabet="'=+-@ab\t"))
def test_a_csv_cell_is_never_a_formula_and_comes_back_exactly(text: str) -> None:
    cell = to_csv_cell(text)
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))
    assert from_csv_cell(cell) == text


def test_a_formula_survives_a_real_csv_file() -> None:
    file = io.StringIO(newline="")
    csv.writer(file).writerow([to_csv_cell('=HYPERLINK("x")'), to_csv_cell("plain")])
    row = next(csv.reader(io.StringIO(file.getvalue(), newline="")))
    assert row == ['\'=HYPERLINK("x")', "plain"]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@given(st.lists(st.text(alphabet="'\"=+-@＝ab,;|\t\r\n"), min_size=1, max_size=3))
def test_no_spreadsheet_finds_a_formula_whatever_it_separates_by(separator: str, cells: list[str]) -> None:
    line = csv_line(map(to_csv_cell, ["cell.png", *cells]))
    rows = csv.reader(io.StringIO(line, newline=""), delimiter=separator)
    assert not [cell for row in rows for cell in row if cell.startswith(("=", "+", "-", "@", "＝", "\t", "\r"))]
    assert [from_csv_cell(cell) for cell in next(csv_rows(io.StringIO(line, newline="")))] == ["cell.png", *cells]


def test_a_name_with_another_separator_and_a_formula_is_quoted_and_harmless() -> None:
    assert csv_line([to_csv_cell('a;=HYPERLINK("x")'), "b"]) == '"a;\'=HYPERLINK(""x"")",b\n'
    assert from_csv_cell("'=1") == "=1", "as tables of earlier versions have it"


def test_long_cells_are_read_and_endless_ones_are_a_sentence() -> None:
    assert next(csv_rows([f"{'x' * 200_000},b\n"]))[1] == "b"
    with pytest.raises(ValueError, match="line 2: field larger than field limit"):
        list(csv_rows(["a,b\n", "x" * ((1 << 24) + 1) + "\n"]))


def test_one_line_folds_and_cuts() -> None:
    assert one_line("a\n b\t c") == "a b c"
    assert one_line("x" * 50, limit=10) == "x" * 9 + "…"


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (9_960, "10 kB"),
        (999_999, "1.0 MB"),
        (41e9, "41 GB"),
        (2e15, "2000 TB"),
    ],
)
def test_bytes_have_two_or_three_figures(count: float, text: str) -> None:
    assert bytes_text(count) == text


def test_counts_are_written_with_the_word_for_what_is_counted() -> None:
    assert plural(1, "image") == "1 image"
    assert plural(0, "image") == "0 images"
    assert plural(1877, "class", "classes") == "1,877 classes"


def test_names_are_joined_as_in_a_sentence() -> None:
    assert listed([]) == "–"
    assert listed(["a"]) == "a"
    assert listed(["a", "b", "c"]) == "a, b and c"
