"""Classes and groups in two writings: one Unicode form everywhere, a merge offered for all else."""

from __future__ import annotations

import shlex
import unicodedata
from pathlib import Path

import pytest

from aimic_tui.engine.data.listing.class_names import classes_option
from aimic_tui.engine.data.listing.decisions import FoundData
from aimic_tui.engine.data.listing.find_data_set import scan_data_set
from aimic_tui.engine.data.listing.marks import Mark, add_marks
from aimic_tui.engine.errors import UsageProblem
from aimic_tui.engine.experiment import DataSettings, Experiment, with_overrides

NFC, NFD = (unicodedata.normalize(form, "größe") for form in ("NFC", "NFD"))


def folder(root: Path, *images: str) -> Path:
    for image in images:
        (root / image).parent.mkdir(parents=True, exist_ok=True)
        (root / image).write_bytes(b"x")
    return root


def scan(path: Path, classes: dict[str, str] | None = None, **settings: str) -> FoundData:
    return scan_data_set(DataSettings(path=str(path), classes=classes or {}, **settings))


def notes(found: FoundData) -> dict[str, str]:
    return {note.kind: note.sentence for note in found.data_set.notes}


class TestUnicodeForms:
    def test_folders_in_two_forms_are_one_class_and_keep_their_names_on_disk(self, tmp_path: Path) -> None:
        found = scan(folder(tmp_path, f"{NFC}/1.png", f"{NFD}/2.png", "rund/1.png"))
        assert found.data_set.counts() == {NFC: 2, "rund": 1}
        assert set(found.data_set.images) == {f"{NFC}/1.png", f"{NFD}/2.png", "rund/1.png"}
        assert all(path.exists() for path in found.data_set.paths())
        assert not found.look_alikes

    def test_columns_names_and_marks_in_two_forms_are_one(self, tmp_path: Path) -> None:
        folder(tmp_path, "1.png", "2.png", "3.png", "4.png")
        table = tmp_path / "list.csv"
        table.write_text(f"path,label,patient\n1.png,{NFC},{NFC}\n2.png,{NFD},{NFD}\n3.png,rund,x\n4.png,rund,y\n")
        add_marks(tmp_path / "list.aimic-marks.csv", [Mark("3.png", "label", label=NFD)])
        found = scan(table)
        assert found.data_set.counts() == {NFC: 3, "rund": 1}
        assert found.data_set.group_names == (NFC, "x", "y")
        named = scan(folder(tmp_path / "named", f"{NFC}_1.png", f"{NFD}_2.png", "rund_3.png"), pattern="{label}_*.png")
        assert named.data_set.counts() == {NFC: 2, "rund": 1}

    def test_an_image_listed_in_two_forms_of_its_label_is_no_conflict(self, tmp_path: Path) -> None:
        table = folder(tmp_path, "1.png", "2.png") / "list.csv"
        table.write_text(f"path,label\n1.png,{NFC}\n1.png,{NFD}\n2.png,rund\n")
        assert scan(table).conflicts == ()

    @pytest.mark.parametrize("written", [NFC, NFD])
    def test_data_classes_take_either_form(self, tmp_path: Path, written: str) -> None:
        root = folder(tmp_path, f"{NFD}/2.png", "rund/1.png")
        assert scan(root, {written: "gross"}).data_set.classes == ("gross", "rund")
        assert scan(root, {"rund": NFD}).data_set.counts() == {NFC: 2}


class TestClasses:
    def test_a_merge_is_offered_that_can_be_pasted(self, tmp_path: Path) -> None:
        root = folder(
            tmp_path, "Neutrophil/1.png", "Neutrophil/2.png", "neutrophil /1.png", "NEUTROPHIL/1.png", "b/1.png"
        )
        found = scan(root)
        assert notes(found)["look-alike-classes"] == (
            'Classes look the same: "NEUTROPHIL" (1 image), "Neutrophil" (2 images) and "neutrophil " (1 image) differ '
            "only in case and spaces or punctuation. If they are one class, merge them: --set "
            "'data.classes=NEUTROPHIL=Neutrophil, \"neutrophil \"=Neutrophil'."
        )
        assert found.merged_classes == {"NEUTROPHIL": "Neutrophil", "neutrophil ": "Neutrophil"}
        _, option = shlex.split(classes_option(found.merged_classes))
        values = with_overrides({"data": {"path": str(root)}}, [option])
        merged = scan_data_set(Experiment.from_mapping(values).data)
        assert merged.data_set.counts() == {"Neutrophil": 4, "b": 1}
        assert "look-alike-classes" not in notes(merged)

    @pytest.mark.parametrize("other", ["bl\u0430st", "bla\u200bst", "blast\u00a0", "blast."])
    def test_a_merge_of_names_that_look_identical_can_be_pasted_too(self, tmp_path: Path, other: str) -> None:
        root = folder(tmp_path, "blast/1.png", "blast/2.png", f"{other}/1.png", "b/1.png")
        found = scan(root)
        assert found.merged_classes == {other: "blast"}
        assert other not in notes(found)["look-alike-classes"].partition("differ")[0] or other == "blast."
        _, option = shlex.split(classes_option(found.merged_classes))
        values = with_overrides({"data": {"path": str(root)}}, [option])
        assert scan_data_set(Experiment.from_mapping(values).data).data_set.counts() == {"b": 1, "blast": 3}

    def test_what_data_classes_says_already_stays_in_the_offer(self, tmp_path: Path) -> None:
        root = folder(tmp_path, "band/1.png", "band/2.png", "Neutrophil/1.png", "junk/1.png", "b/1.png")
        found = scan(root, {"band": "neutrophil", "junk": ""})
        assert found.merged_classes == {"band": "neutrophil", "junk": "", "Neutrophil": "neutrophil"}
        assert scan(root, dict(found.merged_classes)).data_set.counts() == {"b": 1, "neutrophil": 3}

    def test_numbers_of_a_spreadsheet(self, tmp_path: Path) -> None:
        table = folder(tmp_path, *(f"{number}.png" for number in range(5))) / "list.csv"
        table.write_text("path,label\n0.png,1\n1.png,1.0\n2.png,01\n3.png,2\n4.png,1\n")
        found = scan(table)
        assert found.merged_classes == {"01": "1", "1.0": "1"}
        assert "how a number is written" in notes(found)["look-alike-classes"]

    def test_names_that_differ_in_meaning_are_left_alone(self, tmp_path: Path) -> None:
        found = scan(folder(tmp_path, "CD4+/1.png", "CD4-/1.png", "neutrophil/1.png", "neutrophils/1.png"))
        assert not found.look_alikes
        assert found.merged_classes is None

    def test_a_key_in_another_writing_is_refused_with_the_right_one(self, tmp_path: Path) -> None:
        root = folder(tmp_path, "Mast cell/1.png", "b/1.png")
        with pytest.raises(UsageProblem, match="did you mean Mast cell"):
            scan(root, {"mast_cell": "x"})


class TestGroups:
    def _table(self, root: Path, *groups: str) -> FoundData:
        folder(root, *(f"{number}.png" for number in range(len(groups))))
        rows = [f'{number}.png,{"ab"[number % 2]},"{group}"' for number, group in enumerate(groups)]
        (root / "list.csv").write_text("path,label,patient\n" + "\n".join(rows) + "\n")
        return scan(root / "list.csv")

    def test_one_patient_in_two_writings_is_one_group(self, tmp_path: Path) -> None:
        found = self._table(tmp_path, "P1", "p1 ", "P1", "P-2", "p_2", "P3")
        assert found.data_set.group_names == ("P1", "p_2", "P3")
        assert found.data_set.groups.tolist() == [0, 0, 0, 1, 1, 2]
        assert notes(found)["joined-groups"] == (
            'Groups whose names differ only in writing count as one: "P1" and "p1"; "P-2" and "p_2".'
        )

    def test_groups_that_may_be_one_are_asked_about_until_a_mark_joins_them(self, tmp_path: Path) -> None:
        found = self._table(tmp_path, "P1", "P01", "P10", "P01")
        assert len(found.data_set.group_names) == 3
        (alike,) = found.look_alike_groups
        assert (alike.names, alike.images) == (("P01", "P1"), ("1.png", "0.png"))
        assert "how a number is written" in notes(found)["look-alike-groups"]
        marks = [Mark(image, "group", group="one") for image in alike.images]
        add_marks(tmp_path / "list.aimic-marks.csv", marks)
        joined = scan(tmp_path / "list.csv")
        assert joined.data_set.groups.tolist() == [0, 0, 1, 0]
        assert joined.look_alike_groups == ()

    def test_images_that_are_their_own_group_have_no_group_name(self, tmp_path: Path) -> None:
        found = scan(folder(tmp_path, "a/1.png", "b/01.png"))
        assert not found.look_alike_groups
        assert len(found.data_set.group_names) == 2


class TestMarks:
    @pytest.mark.parametrize(("stored", "marked"), [(NFC, NFD), (NFD, NFC)])
    def test_an_image_that_a_copy_gave_another_unicode_form_keeps_its_mark(
        self, tmp_path: Path, stored: str, marked: str
    ) -> None:
        root = folder(tmp_path, f"a/{stored}.png", "a/2.png", "b/1.png")
        add_marks(root / "aimic-marks.csv", [Mark(f"a/{marked}.png", "exclude")])
        found = scan(root)
        assert set(found.excluded) == {f"a/{stored}.png"}

    def test_an_exact_name_comes_first_and_none_is_guessed(self, tmp_path: Path) -> None:
        root = folder(tmp_path, f"a/{NFC}.png", f"a/{NFD}.png", "a/3.png", "b/1.png")
        add_marks(root / "aimic-marks.csv", [Mark(f"a/{NFD}.png", "exclude"), Mark("a/ö.png", "exclude")])
        found = scan(root)
        assert set(found.excluded) == {f"a/{NFD}.png"}
        assert any("1 image not in the data set" in sentence for sentence in found.data_set.decisions)
