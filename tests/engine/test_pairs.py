"""A mapping on one line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimic_tui.engine.pairs import pairs_text, read_pairs


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("", {}),
        ("band=neutrophil, basophil=", {"band": "neutrophil", "basophil": ""}),
        (" a = b ,c=d,", {"a": "b", "c": "d"}),
        ('"a, b"="=1+1"', {"a, b": "=1+1"}),
        ("red cell = red blood cell", {"red cell": "red blood cell"}),
    ],
)
def test_as_people_type_them(text: str, pairs: dict[str, str]) -> None:
    assert read_pairs(text) == pairs


@pytest.mark.parametrize("text", ["band", "=b", "a=b=c", '"a=b', "a=b, a=c", "a=b,,c=d", '"\\x"=b'])
def test_what_is_none(text: str) -> None:
    assert read_pairs(text) is None


@given(st.dictionaries(st.text(min_size=1, max_size=8), st.text(max_size=8), max_size=5))
def test_what_is_written_reads_back(pairs: dict[str, str]) -> None:
    assert read_pairs(pairs_text(pairs)) == pairs
