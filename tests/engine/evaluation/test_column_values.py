"""Columns of a table as subgroups."""

from __future__ import annotations

import unicodedata

import pytest

from aimic_tui.engine.errors import InputProblem, UsageProblem
from aimic_tui.engine.evaluation.column_values import column_values, split_column


def test_words_and_few_numbers_are_taken_as_they_are() -> None:
    found = column_values("grade", ["2", "10", "1", "", "NA", "2"])
    assert found.names == ("1", "2", "10")
    assert found.codes.tolist() == [1, 2, 0, -1, -1, 1]
    assert found.banding == ""


def test_many_numbers_are_in_thirds_and_that_is_said() -> None:
    found = column_values("age", [str(age) for age in range(1, 31)] + ["unknown"])
    assert found.names == ("below 10", "10 to <20", "from 20")
    assert [found.codes.tolist().count(code) for code in (0, 1, 2, -1)] == [9, 10, 11, 1]
    assert "a third of the images" in found.banding


def test_bands_begin_with_their_lower_limit() -> None:
    found = column_values("age", ["39.9", "40", "60", "59"], (40.0, 60.0))
    assert found.names == ("below 40", "40 to <60", "from 60")
    assert found.codes.tolist() == [0, 1, 2, 1]


def test_a_band_without_images_is_left_out() -> None:
    found = column_values("age", ["10", "70"], (40.0, 60.0))
    assert found.names == ("below 40", "from 60")
    assert found.codes.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("cells", "limits", "said"),
    [
        (["f", "f", ""], (), "only the value f"),
        (["", "NA"], (), "no known value"),
        ([f"patient{number}" for number in range(40)], (), "40 values; 12 at most"),
        (["30", "old"], (40.0,), "no numbers alone (old)"),
    ],
)
def test_what_makes_no_subgroups_is_said(cells: list[str], limits: tuple[float, ...], said: str) -> None:
    with pytest.raises(InputProblem) as problem:
        column_values("column", cells, limits)
    assert said in problem.value.sentence


def test_limits_are_written_behind_the_column() -> None:
    assert split_column("age:40,60", ["age"]) == ("age", (40.0, 60.0))
    assert split_column("sex", ["sex"]) == ("sex", ())
    assert split_column("stain: HE", ["stain: HE"]) == ("stain: HE", ())
    for odd in ("age:60,40", "age:old", "age:", "age:nan"):
        with pytest.raises(UsageProblem):
            split_column(odd, ["age"])


def test_a_value_in_several_writings_is_one_and_a_missing_one_is_unknown() -> None:
    nfc, nfd = (unicodedata.normalize(form, "Köln") for form in ("NFC", "NFD"))
    found = column_values("site", [nfc, nfd, "köln ", "Bonn", "n/a", "NaN", "<NA>", "not available", "BONN", "Bonn"])
    assert found.names == ("Bonn", nfc)
    assert found.codes.tolist() == [1, 1, 1, 0, -1, -1, -1, -1, 0, 0]
