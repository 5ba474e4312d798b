"""Signs of states, bars, and what stands for them in ASCII."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from aimic_tui.wording import signs


@given(st.floats(allow_nan=True), st.integers(0, 60))
def test_a_bar_has_exactly_its_width(share: float, width: int) -> None:
    assert cell_len(signs.bar_text(share, width)) == width


def test_a_bar_shows_a_little_of_what_is_not_nothing() -> None:
    assert signs.bar_text(0, 8).strip() == ""
    assert signs.bar_text(0.0001, 8).strip() != ""
    assert signs.bar_text(0.5, 8).rstrip() == "████"


@given(st.text())
def test_ascii_has_the_width_of_what_it_stands_for(text: str) -> None:
    assert signs.to_ascii(text).isascii()
    if all(cell_len(char) == 1 for char in text):
        assert len(signs.to_ascii(text)) == cell_len(text)


def test_every_sign_has_an_ascii_form_that_is_its_own() -> None:
    states = ("running", "finished", "attention", "failed", "queued", "stopped")
    assert len({signs.ASCII_SIGNS[state] for state in states}) == len(states)
    for state, sign in signs.SIGNS.items():
        assert signs.to_ascii(sign) == signs.ASCII_SIGNS[state]


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"LANG": "C.UTF-8"}, False),
        ({"LC_ALL": "de_DE.utf8"}, False),
        ({"LANG": "C.UTF-8", "LC_ALL": "C"}, True),
        ({}, True),
        ({"AIMIC_ASCII": "0"}, False),
        ({"LANG": "C.UTF-8", "AIMIC_ASCII": "1"}, True),
    ],
)
def test_the_locale_decides_between_signs_and_ascii(variables: dict[str, str], expected: bool) -> None:
    program = "from aimic_tui.wording.signs import ascii_only; print(ascii_only())"
    environment = {"PATH": os.environ["PATH"], **variables}
    answer = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == str(expected)


def test_a_line_is_shown_as_the_terminal_can(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIMIC_ASCII", "0")
    assert signs.as_shown("● 3 × 2") == "● 3 × 2"
    monkeypatch.setenv("AIMIC_ASCII", "1")
    assert signs.as_shown("● 3 × 2") == "* 3 x 2"


@pytest.mark.parametrize("locale", ["C", "en_US.ISO-8859-1"])
def test_names_keep_their_letters_where_the_locale_has_no_signs(monkeypatch: pytest.MonkeyPatch, locale: str) -> None:
    monkeypatch.delenv("AIMIC_ASCII", raising=False)
    monkeypatch.setenv("LC_ALL", locale)
    assert signs.as_shown("✓ größe · cafe\u0301 日本: 3 × 2 …") == "+ größe - cafe\u0301 日本: 3 x 2 ~"
    monkeypatch.setenv("AIMIC_ASCII", "1")
    assert signs.as_shown("größe 日").isascii()
