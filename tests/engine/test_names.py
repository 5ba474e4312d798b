"""Names in two writings: the Unicode form is evened out, all else is a look-alike."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimic_tui.engine.names import differences, find_name, look_alikes, name_key, nfc, wide_name_key


@given(st.text())
def test_a_name_in_any_unicode_form_is_one_name(text: str) -> None:
    assert nfc(unicodedata.normalize("NFD", text)) == nfc(text) == nfc(nfc(text))


@given(st.text())
def test_the_keys_of_a_name_in_any_unicode_form_are_one(text: str) -> None:
    decomposed = unicodedata.normalize("NFD", text)
    assert name_key(decomposed) == name_key(text)
    assert wide_name_key(decomposed) == wide_name_key(text)
    assert bool(name_key(text)) == bool(text)


def test_a_byte_that_is_not_utf_8_is_kept() -> None:
    name = b"gr\xf6\xdfe".decode("utf-8", "surrogateescape")
    assert nfc(name) == name
    assert name_key(name) != name_key("grösse")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Neutrophil", "neutrophil "),
        ("NEUTROPHIL", "neutrophil"),
        ("GRÖSSE", "größe"),
        ("mast cell", "mast_cell"),
        ("mast cell", "Mast – Cell"),
        ("mast cell", "mast\u00a0cell"),
        ("mast cell", "mast  cell\n"),
        ("mast cell", "mast‐cell"),
        ("blast", "\ufeffblast"),
        ("blast", "bla\u200bst"),
        ("blast", "bla\u00adst"),
        ("blast", "ｂｌａｓｔ"),
        ("5 µm", "5 μm"),
        ("Barrett's", "Barrett’s"),
        ("blast", "blast."),
        ("CD4-", "CD4−"),
        ("-1", "−1"),
    ],
)
def test_names_in_two_writings_have_one_key(one: str, other: str) -> None:
    assert name_key(one) == name_key(other)
    assert look_alikes([one, "something else", other]) == ((one, other),)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("class 1", "class1"),
        ("class 1", "Class_01"),
        ("T cell", "Tcell"),
        ("1", "1.0"),
        ("1", "01"),
        ("1", "1e0"),
        ("0", "-0.0"),
        ("blast", "bl\u0430st"),  # Cyrillic
        ("normal", "n\u03bfrmal"),  # Greek
        ("Ph", "\u0420h"),
        ("blast", "'blast'"),
        ("blast", '"Blast"'),
        ("blast", "blast - Copy"),
        ("mast cell", "Copy of mast_cell"),
        ("normal", "normal - Kopie"),
    ],
)
def test_names_that_may_be_meant_look_alike_but_have_two_keys(one: str, other: str) -> None:
    assert name_key(one) != name_key(other)
    assert look_alikes([one, other]) == ((one, other),)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("neutrophil", "neutrophils"),
        ("CD4+", "CD4-"),
        ("CD4", "CD4-"),
        ("1", "-1"),
        ("1", "10"),
        ("stage 1-1", "stage 11"),
        ("2.01", "2.1"),
        ("10²", "102"),
        ("1.0", "1 0"),
        ("-", "_"),
        ("12345678901234567890123", "12345678901234567890124"),
        ("slide10", "slide1"),
        ("e", "é"),
        ("low copy number", "low"),
        ("copy", "Copy of"),
        ("5'", "5"),
    ],
)
def test_names_that_mean_different_things_never_look_alike(one: str, other: str) -> None:
    assert look_alikes([one, other]) == ()


def test_look_alikes_are_sets_in_the_order_of_the_names() -> None:
    assert look_alikes(["b", "A", "c", "B ", "a", "b"]) == (("b", "B "), ("A", "a"))


def test_what_look_alikes_differ_in_is_said() -> None:
    assert differences(["Blast", "blast"]) == ("case",)
    assert differences(["Mast cell", "mast_cell"]) == ("case", "spaces or punctuation")
    assert differences(["1", "1.0"]) == ("how a number is written",)
    assert differences(["blast", "bl\u0430st"]) == ("letters of another alphabet",)
    assert differences(["blast", "bla\u200bst"]) == ("invisible characters",)
    assert differences(["blast", "blast - Copy"]) == ("the name of a copy",)
    assert differences(["blast", "'blast'"]) == ("quotation marks",)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("Mast cell", "Mast cell"),
        (" mast_cell ", "Mast cell"),
        ("gro\u0308\u00dfe", "gr\u00f6\u00dfe"),
        ("a", "a"),  # the same name comes before those that look like it
        ("\u0430", None),  # Cyrillic; it may be either of two
        ("nothing", None),
    ],
)
def test_a_name_is_found_in_another_writing_where_only_one_can_be_meant(wanted: str, found: str | None) -> None:
    assert find_name(wanted, ["Mast cell", "gr\u00f6\u00dfe", "a", "A"]) == found
