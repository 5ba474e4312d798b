"""Words for a missing value: unlabelled in a table, a class where a folder has the name."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from aimic_tui.engine.data.data_set import Part
from aimic_tui.engine.data.listing.decisions import FoundData
from aimic_tui.engine.data.listing.find_data_set import find_data_set, scan_data_set
from aimic_tui.engine.data.listing.missing_values import is_missing, may_be_missing, without_missing
from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.experiment import DataSettings

# The words that pandas.read_csv takes for missing values, as of pandas 2.2.
PANDAS = (
    *("", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A"),
    *("NA", "NULL", "NaN", "None", "n/a", "nan", "null"),
)


def table(folder: Path, labels: list[str], *, header: str = "path,label", more: list[str] | None = None) -> Path:
    """Write a manifest of images that exist, with these labels and further cells."""
    rows = [header]
    for number, label in enumerate(labels):
        (folder / f"{number:02}.png").write_bytes(b"x")
        rows.append(",".join([f"{number:02}.png", label, *([more[number]] if more else [])]))
    file = folder / "list.csv"
    file.write_text("\n".join(rows) + "\n", "utf-8")
    return file


def scan(file: Path, classes: dict[str, str] | None = None, **settings: str) -> FoundData:
    return scan_data_set(DataSettings(path=str(file), classes=classes or {}, **settings))


def notes(found: FoundData) -> dict[str, str]:
    return {note.kind: note.sentence for note in found.notes}


@pytest.mark.parametrize("word", [*PANDAS, "NAN", "NaT", "<undefined>", "#VALUE!", "?", "-", ".", " nan ", "Null"])
def test_what_programs_write_for_a_missing_value(word: str) -> None:
    assert is_missing(word)


@pytest.mark.parametrize("word", ["none", "Na", "unknown", "other", "0", "negative", "+", "n", "nano", "-1", "no"])
def test_what_may_be_a_class(word: str) -> None:
    assert not is_missing(word)


def test_rows_without_a_label_are_unlabelled_and_said(tmp_path: Path) -> None:
    found = scan(table(tmp_path, ["blast", "nan", "normal", "n/a", "blast", "nan", ""]))
    assert found.data_set.counts() == {"blast": 2, "normal": 1}
    assert found.unlabelled == ("01.png", "03.png", "05.png", "06.png")
    assert notes(found)["missing-labels"] == (
        "4 images have no label and are left out. Their label is nan (2), empty (1) or n/a (1). If nan is a class, say "
        "so: --set data.classes=nan=nan."
    )
    assert notes(found)["missing-labels"] in {note.sentence for note in found.data_set.notes}


def test_a_word_that_is_a_class_is_named_in_data_classes(tmp_path: Path) -> None:
    found = scan(table(tmp_path, ["EU", "NA", "EU", "NA", "nan"]), {"NA": "NA"})
    assert found.data_set.counts() == {"EU": 2, "NA": 2}
    assert dict(found.missing) == {"nan": 1}
    renamed = scan(tmp_path / "list.csv", {"NA": "America"})
    assert renamed.data_set.counts() == {"EU": 2, "America": 2}


def test_minus_is_a_class_beside_plus(tmp_path: Path) -> None:
    found = scan(table(tmp_path, ["+", "-", "+", "-"]))
    assert (found.data_set.counts(), notes(found)) == ({"+": 2, "-": 2}, {})
    assert without_missing(["tumour", "-"]).values == ("tumour", "")


def test_a_table_without_any_label_says_what_it_has_instead(tmp_path: Path) -> None:
    with pytest.raises(InputProblem, match=r"no labelled image.*NA \(3\).*data\.classes=NA=NA"):
        scan(table(tmp_path, ["NA", "NA", "NA"]))


def test_a_single_class_that_is_left_says_what_the_others_were(tmp_path: Path) -> None:
    with pytest.raises(InputProblem, match=r"single class, tumour.*2 images have no label.*None \(2\)"):
        find_data_set(DataSettings(path=str(table(tmp_path, ["tumour", "None", "tumour", "None"]))))


def test_a_row_without_a_label_does_not_contradict_one_that_has(tmp_path: Path) -> None:
    file = table(tmp_path, ["a", "b"])
    file.write_text("path,label\n00.png,nan\n00.png,a\n01.png,b\n01.png,NA\n")
    found = scan(file)
    assert (found.conflicts, found.data_set.counts()) == ((), {"a": 1, "b": 1})


def test_a_folder_of_such_a_name_stays_a_class_and_is_asked_about(tmp_path: Path) -> None:
    for name in ("NA", "unknown", "round"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.png").write_bytes(b"x")
    found = scan(tmp_path)
    assert found.data_set.classes == ("NA", "round", "unknown")
    assert notes(found)["doubtful-classes"] == (
        '"NA" and "unknown" are classes here. If their images have no label, leave them out: --set '
        "'data.classes=NA=, unknown='. If not, say so: --set 'data.classes=NA=NA, unknown=unknown'."
    )
    assert "doubtful-classes" not in notes(scan(tmp_path, {"NA": "NA", "unknown": "unknown"}))
    assert scan(tmp_path, {"NA": "", "unknown": ""}).data_set.classes == ("round",)


@pytest.mark.parametrize(
    "name", ["none", "Unlabelled", "not labeled", "UNK", "NA", "?", "Results", "New Folder", "to_sort"]
)
def test_names_that_are_asked_about(name: str) -> None:
    assert may_be_missing(name)


def test_missing_groups_are_no_common_group(tmp_path: Path) -> None:
    groups = ["p1", "nan", "p1", "NaN", "", "p2"]
    found = scan(table(tmp_path, list("ababab"), header="path,label,patient", more=groups))
    sizes = Counter(found.data_set.groups.tolist())
    assert sorted(sizes.values()) == [1, 1, 1, 1, 2]
    assert notes(found)["missing-groups"] == (
        "3 images have no group, and each counts as a group of its own. Their group is empty (1), NaN (1) or nan (1)."
    )


def test_a_file_name_made_of_a_missing_patient_is_no_group(tmp_path: Path) -> None:
    for name in ("nan", "7", "8"):
        for label in "ab":
            (tmp_path / label).mkdir(exist_ok=True)
            (tmp_path / label / f"patient{name}_1.png").write_bytes(b"x")
    found = scan(tmp_path, group=r"^patient([a-z\d]+)_")
    assert set(found.data_set.group_names) == {"7", "8", "a/patientnan_1.png", "b/patientnan_1.png"}


def test_missing_parts_are_no_part(tmp_path: Path) -> None:
    parts = ["train", "nan", "test", "NA"]
    found = scan(table(tmp_path, list("abab"), header="path,label,split", more=parts))
    assert found.data_set.parts is not None
    assert found.data_set.parts.tolist() == [Part.TRAIN, Part.UNUSED, Part.TEST, Part.UNUSED]
