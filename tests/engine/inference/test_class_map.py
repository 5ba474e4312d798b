from __future__ import annotations

import unicodedata

import numpy as np
import pytest

from aimic_tui.engine.errors import UsageProblem
from aimic_tui.engine.inference.class_map import match_classes

MODEL = ("basophil", "immature granulocyte", "lymphocyte", "neutrophil")


def test_equal_names_match_whatever_their_case_spaces_dashes_and_underscores() -> None:
    data = {"Basophil": 3, "LYMPHOCYTE": 4, "immature_granulocyte": 2, "neutro-phil": 9}
    found = match_classes(MODEL, data)
    assert found.classes == MODEL
    assert {name: MODEL[place] for name, place in found.of_data.items()} == {
        "Basophil": "basophil",
        "LYMPHOCYTE": "lymphocyte",
        "immature_granulocyte": "immature granulocyte",
        "neutro-phil": "neutrophil",
    }
    assert (found.left_out, found.absent) == ({}, ())
    assert found.similar["neutro-phil"] == "neutrophil"
    assert match_classes(MODEL, dict.fromkeys(MODEL, 1)).similar == {}


def test_a_name_in_another_unicode_form_is_the_same_name_either_way() -> None:
    nfc, nfd = (unicodedata.normalize(form, "größe") for form in ("NFC", "NFD"))
    for model, data in ((nfc, nfd), (nfd, nfc)):
        found = match_classes((model, "rund"), {data: 5, "rund": 5})
        assert (found.of_data, found.similar) == ({data: 0, "rund": 1}, {})
    assert match_classes((nfd, "a"), {"x": 1, "a": 1}, [f"{nfc}=x"]).of_data == {"x": 0, "a": 1}


def test_a_sign_is_part_of_the_name() -> None:
    """Once -1 counted as 1, and CD4 as CD4-, without a word."""
    assert match_classes(("0", "1"), {"-1": 4, "1": 4}, leave_out=["-1"]).of_data == {"1": 1}
    with pytest.raises(UsageProblem, match="Which class is which"):
        match_classes(("0", "1"), {"-1": 4, "1": 4})
    with pytest.raises(UsageProblem, match="Which class is which"):
        match_classes(("CD4+", "CD4-"), {"CD4": 4, "CD4+": 4})


def test_numbers_of_a_spreadsheet_are_matched_and_said() -> None:
    assert match_classes(("0", "1"), {"0.0": 4, "1.0": 4}).similar == {"0.0": "0", "1.0": "1"}


def test_of_several_that_look_the_same_none_is_taken() -> None:
    with pytest.raises(UsageProblem, match="Which class is which"):
        match_classes(("Blast", "blast", "b"), {"BLAST": 4, "b": 4})


def test_proposed_options_can_be_pasted() -> None:
    with pytest.raises(UsageProblem, match="Which class is which") as caught:
        match_classes(("a", "c"), {"$(reboot)": 1, "c": 2})
    assert "--leave-out '$(reboot)'" in caught.value.sentence
    data = {"Blast": 1, "blast ": 1, "b": 2}
    found = match_classes(("a", "b"), data, ["a=blast ", "a=Blast"])
    assert found.of_data == {"Blast": 0, "blast ": 0, "b": 1}
    assert match_classes(("a", "b"), data, leave_out=["blast ", "Blast"]).left_out == {"Blast": 1, "blast ": 1}


def test_what_cant_be_matched_is_asked_for_with_the_very_option() -> None:
    data = {"basophil": 3, "immature granulocyte": 1, "lymphocyte": 4, "Neu t": 120}
    with pytest.raises(UsageProblem, match=r"Neu t \(120 images\).*--map 'neutrophil=Neu t'.*--leave-out 'Neu t'"):
        match_classes(MODEL, data)
    found = match_classes(MODEL, data, ["neutrophil=Neu t"])
    assert found.of_data["Neu t"] == 3
    assert match_classes(MODEL, data, leave_out=["Neu t"]).left_out == {"Neu t": 120}


def test_classes_that_the_model_does_not_know_are_left_out_and_counted() -> None:
    found = match_classes(MODEL, {**dict.fromkeys(MODEL, 5), "platelet": 70})
    assert found.left_out == {"platelet": 70}
    assert match_classes(MODEL, {"basophil": 1, "neutrophil": 2}).absent == ("immature granulocyte", "lymphocyte")


def test_several_classes_of_the_data_can_be_one_of_the_models() -> None:
    data = {"basophil": 3, "band": 5, "segmented": 6, "lymphocyte": 4}
    found = match_classes(MODEL, data, ["neutrophil=band", "neutrophil=segmented"])
    assert (found.of_data["band"], found.of_data["segmented"]) == (3, 3)


def test_several_classes_of_the_model_can_be_one_of_the_datas_and_their_probabilities_add_up() -> None:
    data = {"basophil": 3, "granular": 5, "lymphocyte": 4}
    found = match_classes(MODEL, data, ["neutrophil=granular", "immature granulocyte=granular"])
    assert found.classes == ("basophil", "granular", "lymphocyte")
    np.testing.assert_allclose(found.probabilities(np.array([[0.1, 0.2, 0.3, 0.4]])), [[0.1, 0.6, 0.3]])
    with pytest.raises(UsageProblem, match="can't be merged"):
        match_classes(MODEL, {**data, "band": 1}, ["neutrophil=granular", "basophil=granular", "neutrophil=band"])


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        ("neutrophil", "MODEL_CLASS=DATA_CLASS"),
        ("neutrophile=basophil", "the model has no class neutrophile.*Did you mean neutrophil"),
        ("neutrophil=basophill", "the data has no class basophill.*Did you mean basophil"),
    ],
)
def test_a_wish_that_names_no_class_is_a_sentence(wish: str, words: str) -> None:
    with pytest.raises(UsageProblem, match=words):
        match_classes(MODEL, {"basophil": 1}, [wish])


def test_names_that_hold_an_equals_sign_or_a_control_sequence_are_understood_and_harmless() -> None:
    found = match_classes(("a=b", "c"), {"x=y": 1, "c": 2}, ["a=b=x=y"])
    assert found.of_data == {"x=y": 0, "c": 1}
    with pytest.raises(UsageProblem) as problem:
        match_classes(("a", "c"), {"\x1b[31m": 1, "c": 2})
    assert "\x1b" not in problem.value.sentence


def test_nothing_in_common_is_said() -> None:
    with pytest.raises(UsageProblem, match="Which class is which"):
        match_classes(("a", "b"), {"x": 1, "y": 2})
    with pytest.raises(UsageProblem, match="None of the data's classes"):
        match_classes(("a", "b"), {"x": 1, "y": 2}, leave_out=["x", "y"])
    with pytest.raises(UsageProblem, match="no class z"):
        match_classes(("a", "b"), {"a": 1}, leave_out=["z"])


def test_two_names_that_differ_in_case_only_are_told_apart() -> None:
    found = match_classes(("t", "T"), {"t": 1, "T": 2})
    assert found.of_data == {"t": 0, "T": 1}
