"""Layouts of data sets that people bring, most of them after public ones, by the names of their files."""

from __future__ import annotations

import re
from collections import Counter
from itertools import product
from pathlib import Path
from typing import get_args

import pytest

from aimic_tui.engine.data.data_set import Part
from aimic_tui.engine.data.listing.find_data_set import find_data_set, scan_data_set
from aimic_tui.engine.data.listing.layout import LAYOUTS, Layout
from aimic_tui.engine.data.listing.list_images import list_images
from aimic_tui.engine.data.listing.recognize_layout import UnclearLayout, chosen_layout, recognize_layout
from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.experiment import DataSettings, FolderLayout
from tests.engine.data.listing.test_find_data_set import touch

CELLS = "eosinophil lymphocyte monocyte neutrophil"


def tree(*levels: str) -> list[str]:
    """Return the names of two images in each folder that one name of each level makes; `|` or blanks between names."""
    choices = [level.split("|") if "|" in level else level.split() for level in levels]
    return [f"{'/'.join(folders)}/{at}.png" for folders in product(*choices) for at in range(2)]


def recognized(*trees: list[str], root: str = "/data/set") -> tuple[Layout, dict[str, int], dict[Part, int]]:
    images = sorted(name for names in trees for name in names)
    layout = recognize_layout(images, Path(root))
    labels, parts = layout.read(images)
    return layout, dict(Counter(labels)), dict(Counter(parts))


class TestParts:
    @pytest.mark.parametrize(
        ("tops", "parts"),
        [
            ("TRAIN TEST TEST_SIMPLE", {Part.TRAIN: 8, Part.TEST: 16}),  # Blood Cell Images
            ("Train TestA TestB", {Part.TRAIN: 8, Part.TEST: 16}),  # Raabin-WBC
            ("train_data val_data", {Part.TRAIN: 8, Part.VALIDATION: 8}),
            ("trainset valset testset", {Part.TRAIN: 8, Part.VALIDATION: 8, Part.TEST: 8}),
            ("Training Data|Testing Data", {Part.TRAIN: 8, Part.TEST: 8}),
            ("Train and Validation Set|Test Set", {Part.TRAIN: 8, Part.TEST: 8}),  # LC25000 as it is passed on
        ],
    )
    def test_folders_named_after_parts_that_hold_the_same_folders_are_parts(self, tops, parts):
        layout, classes, found = recognized(tree(tops, CELLS))
        assert layout.kind == "parts"
        assert sorted(classes) == CELLS.split()
        assert found == parts
        assert "are parts" in layout.sentence
        assert "data.layout" in layout.sentence

    @pytest.mark.parametrize("above", ["data", "Anything at all", "dataset/images", "x/y/z", "/".join("abcdef" * 500)])
    def test_below_any_folder_that_holds_all_of_them(self, above):
        layout, classes, _ = recognized([f"{above}/{name}" for name in tree("train val", "a b")])
        assert (layout.kind, sorted(classes)) == ("parts", ["a", "b"])

    def test_folders_beside_them_make_no_classes_of_the_parts(self):
        beside = ["extra/1.png", "README images/2.png", "unlabeled/3.png", "extra/deep/4.png"]
        layout, classes, parts = recognized(tree("train val test", "a b"), beside)
        assert classes == {"a": 6, "b": 6, "": 4}
        assert parts[Part.UNUSED] == 4
        assert "Without a class: extra (2 images), README images (1 image), unlabeled (1 image)." in layout.sentence

    def test_a_folder_beside_them_with_the_same_classes_is_no_part(self):
        _, classes, parts = recognized(tree("train test more", "a b"))
        assert classes == {"a": 6, "b": 6}
        assert parts == {Part.TRAIN: 4, Part.TEST: 4, Part.UNUSED: 4}

    def test_one_part_beside_images_without_a_class(self):  # C-NMC
        layout, classes, _ = recognized(
            tree("C-NMC_training_data", "fold_0 fold_1 fold_2", "all hem"),
            tree("C-NMC_test_prelim_phase_data C-NMC_test_final_phase_data"),
        )
        assert classes == {"all": 6, "hem": 6, "": 4}
        assert "fold_0, fold_1 and fold_2 hold the same folders and are put together" in layout.sentence

    def test_a_folder_between_part_and_class(self):
        layout, classes, _ = recognized(tree("train test", "images", "a b"))
        assert (layout.kind, classes) == ("parts", {"a": 4, "b": 4})

    def test_parts_inside_the_classes(self):
        layout, classes, parts = recognized(tree("a b", "train val test"))
        assert (layout.kind, classes) == ("classes", {"a": 6, "b": 6})
        assert parts == {Part.TRAIN: 4, Part.VALIDATION: 4, Part.TEST: 4}

    def test_parts_of_each_site(self):
        layout, classes, parts = recognized(tree("site1 site2", "train test", "a b"))
        assert (layout.kind, classes, parts) == ("parts", {"a": 8, "b": 8}, {Part.TRAIN: 8, Part.TEST: 8})

    def test_parts_of_each_fold_contradict_each_other(self):
        layout, classes, _ = recognized(tree("fold_1 fold_2 fold_3", "train val", "a b"))
        assert classes == {"a": 12, "b": 12}
        assert not layout.gives_parts
        assert "contradict each other" in layout.sentence

    def test_numbered_runs_of_parts_that_hold_the_classes(self):
        layout, classes, _ = recognized(tree("1 2 3", "train test", "blast normal"))
        assert (layout.kind, sorted(classes)) == ("parts", ["blast", "normal"])

    def test_parts_without_a_labelled_test_image_are_no_split(self):
        layout, _, parts = recognized(tree("train", "a b"), tree("test"))
        assert parts == {Part.TRAIN: 4, Part.UNUSED: 2}
        assert "predefined" not in layout.sentence
        assert "predefined" in recognized(tree("train test", "a b"))[0].sentence

    def test_classes_may_be_called_after_parts(self):
        layout, _, _ = recognized(tree("train test"))
        assert layout.kind == "classes"
        assert "named after parts, but hold no class folders" in layout.sentence
        assert recognized(tree("testis train_of_cells other"))[0].sentence == ""


class TestFoldersThatSayNothing:
    @pytest.mark.parametrize(
        "tops",
        [
            "fold_0 fold_1 fold_2",
            "split1 split2",
            "40X 100X 200X 400X",
            "original augmented",
            "raw processed",
            "site_A site_B",
            "scanner1 scanner2",
            "batch1 batch2 batch3",
            "TEST TEST_SIMPLE",
            "part_1 part_2",
            "NCT-CRC-HE-100K CRC-VAL-HE-7K",
            "kfold_1 kfold_2 kfold_3 kfold_4 kfold_5",  # never groups: a patient may be in several
            "0.5um 1um",
            "Data set A|Data set B",
            "0001-1000 1001-2000",
        ],
    )
    def test_folds_copies_magnifications_and_sites_are_put_together(self, tops):
        layout, classes, _ = recognized(tree(tops, "blast normal"))
        assert layout.kind == "pooled"
        assert sorted(classes) == ["blast", "normal"]
        assert "are put together" in layout.sentence

    def test_names_that_occur_twice_may_be_copies(self):
        layout, _, _ = recognized(tree("original augmented", "a b"))
        assert "8 images have the file name of another image" in layout.sentence
        other = [name.replace(".png", "x.png") for name in tree("augmented", "a b")]
        assert "file name of another" not in recognized(tree("original", "a b"), other)[0].sentence

    def test_a_data_set_in_itself_once_more(self):  # malaria cell images
        nested = tree("Parasitized Uninfected"), tree("cell_images", "Parasitized Uninfected")
        for prefix in ("", "cell_images/"):
            layout, classes, _ = recognized(*([prefix + name for name in names] for names in nested))
            assert classes == {"Parasitized": 4, "Uninfected": 4}
            assert "cell_images holds folders of the same names once more" in layout.sentence

    def test_parts_in_themselves_once_more(self):  # chest X-rays
        layout, classes, parts = recognized(tree("train val test", "a b"), tree("chest_xray", "train val test", "a b"))
        assert (layout.kind, classes) == ("parts", {"a": 12, "b": 12})
        assert set(parts.values()) == {8}

    def test_a_folder_in_one_of_its_name(self):
        layout, classes, _ = recognized(tree("Set", "a b"), root="/data/Set")
        assert classes == {"a": 2, "b": 2}
        assert layout.sentence.startswith("Layout: The images lie in Set.")

    def test_drawings_over_the_images_are_left_out(self):  # LISC
        layout, classes, _ = recognized(tree("Main Dataset|Ground Truth Segmentation", "baso eosi"))
        assert classes == {"baso": 2, "eosi": 2, "": 4}
        assert "Without a class: Ground Truth Segmentation (4 images)" in layout.sentence

    def test_drawings_inside_the_classes_are_named(self):  # COVID-19 radiography
        layout, classes, _ = recognized(tree("COVID Normal", "images masks"))
        assert sorted(classes) == ["COVID", "Normal"]
        assert "Images in masks count as images of their class" in layout.sentence


class TestGroups:
    @pytest.mark.parametrize(
        "tops",
        [
            " ".join(f"patient_{number}" for number in range(8, 12)),
            " ".join(f"case{number}" for number in range(9)),
            " ".join(str(8863 + number) for number in range(20)),
            " ".join(f"{number:03}" for number in range(4)),
        ],
    )
    def test_patients_that_hold_the_classes_are_groups(self, tops):  # IDC breast
        layout, classes, _ = recognized(tree(tops, "0 1"))
        assert (layout.kind, sorted(classes)) == ("groups", ["0", "1"])
        assert layout.group_pattern == "^([^/]+)/"
        assert "are groups" in layout.sentence

    def test_not_all_of_them_need_each_class(self):
        patients = [f"p{number}" for number in range(10)]
        images = [name for at, patient in enumerate(patients) for name in tree(patient, "0 1" if at % 4 else "0")]
        assert recognized(images)[0].kind == "groups"

    def test_patients_below_another_folder(self, tmp_path):
        touch(tmp_path, *tree("images", "patient1 patient2 patient3 patient4", "a b"))
        data_set = find_data_set(DataSettings(path=str(tmp_path)))
        assert data_set.group_names == ("patient1", "patient2", "patient3", "patient4")

    def test_slides_of_patients_are_not_one_group_across_patients(self):
        layout, _, _ = recognized(tree("patient1 patient2 patient3 patient4 patient5", "slide1 slide2", "a b"))
        assert layout.group_pattern == "^([^/]+)/"


class TestClasses:
    @pytest.mark.parametrize(
        "images",
        [
            tree("a b c"),
            tree("benign malignant", " ".join(f"p{number}" for number in range(6))),
            tree("benign malignant", " ".join(f"{number}" for number in range(1, 4))),
            tree("Homogeneous Speckled", "001 002 003"),
            tree("benign malignant", "p1 p2 p3"),
            tree("a b", "slide-1 slide-2"),
            tree("BLA EBO NGS", "0001-1000 1001-2000"),
            [*tree("blast", "1 2 3 4 5 6"), *tree("normal", "4 5 6 7 8")],
            [*tree("a", "x y"), *tree("b c d")],
            [*tree("a b"), "logo.png"],
        ],
    )
    def test_the_folders_at_the_top_are_the_classes_and_that_needs_no_word(self, images):
        layout, classes, _ = recognized(images)
        assert (layout.kind, layout.sentence) == ("classes", "")
        assert set(classes) - {""} == {image.partition("/")[0] for image in images if "/" in image}

    @pytest.mark.parametrize(
        "tops",
        [
            "patient_01 patient_02 patient_03",
            "fold1 fold2",
            "HAM10000_images_part_1 HAM10000_images_part_2",
            "images_001 images_002 images_003",  # NIH chest X-rays
            "drive-download-20230101T101010Z-001 drive-download-20230101T101010Z-002",
        ],
    )
    def test_folders_that_hardly_are_classes_are_named(self, tmp_path, tops):
        layout, classes, _ = recognized(tree(tops))
        assert sorted(classes) == sorted(tops.split())
        assert "must say the classes; if not, data.layout = classes says so" in layout.sentence
        touch(tmp_path, *tree(tops))
        assert not scan_data_set(DataSettings(path=str(tmp_path), layout="classes")).notes

    def test_folders_that_only_divide_the_files_are_named(self):
        images = [f"{first + 1:04}-{first + 1000}/{first + at:05}.png" for first in (0, 1000) for at in range(1, 5)]
        assert "must say the classes" in recognized(images)[0].sentence

    @pytest.mark.parametrize("tops", ["grade_1 grade_2", "0 1 2", "CD4-1 CD4-2", "20-29 30-39", "HER2_0 HER2_3", "a"])
    def test_numbers_in_the_names_of_classes_need_no_word(self, tops):
        assert recognized(tree(tops))[0].sentence == ""

    def test_downloads_in_portions_are_put_together(self):  # Google Drive
        layout, classes, _ = recognized(tree("data-20230101T1010Z-001 data-20230101T1010Z-002", "a b"))
        assert (layout.kind, classes) == ("pooled", {"a": 4, "b": 4})

    def test_numbered_classes_are_classes(self):
        assert sorted(recognized(tree("grade1 grade2 grade3", "left right"))[1]) == ["grade1", "grade2", "grade3"]

    def test_patients_inside_parts_inside_classes(self, tmp_path):
        touch(tmp_path, *tree("a b c", "train val test", "p1 p2 p3"))
        data_set = find_data_set(DataSettings(path=str(tmp_path)))
        assert data_set.classes == ("a", "b", "c")
        assert data_set.group_names == ("p1", "p2", "p3")

    def test_what_has_no_label_is_beside_what_has(self):
        assert recognized(tree("labeled", "a b"), tree("unlabeled"))[1] == {"a": 2, "b": 2, "": 2}

    @pytest.mark.parametrize("above", ["images", "PBC_dataset_normal_DIB", "data/pictures"])
    def test_a_folder_of_data_that_holds_all_of_them_is_no_class(self, above):
        layout, classes, _ = recognized([f"{above}/{name}" for name in tree("a b")])
        assert classes == {"a": 2, "b": 2}
        assert layout.sentence.startswith(f"Layout: The images lie in {above}.")

    def test_patients_of_a_single_class_are_no_classes(self):
        assert recognized(tree("images", " ".join(f"p{number}" for number in range(6))))[1] == {"images": 12}

    @pytest.mark.parametrize(
        "images",
        [
            [*tree("lung_image_sets", "lung_aca lung_n lung_scc"), *tree("colon_image_sets", "colon_aca colon_n")],
            [*tree("upper", "landmarks", "pylorus z-line"), *tree("lower", "landmarks", "cecum ileum")],  # Kvasir
        ],
    )
    def test_finer_classes_inside_the_classes_are_named(self, images):
        layout, classes, _ = recognized(images)
        assert len(classes) == 2
        assert "are not told apart; data.layout = deepest would" in layout.sentence

    def test_several_views_of_one_object_inside_the_classes_are_named(self):  # SIPaKMeD, BreakHis
        for inner in ("original augmented", "CROPPED whole", "40X 100X"):
            assert "need a common group" in recognized(tree("blast normal", inner))[0].sentence


class TestWhatCannotBeDecided:
    @pytest.mark.parametrize("levels", [("leica zeiss", "blast normal"), ("0 1", "left right"), ("2019 2020", "a b")])
    def test_it_is_refused_with_the_choice(self, tmp_path, levels):
        touch(tmp_path, *tree(*levels))
        one, two = levels[0].split()
        with pytest.raises(UnclearLayout, match=rf"{one} and {two} hold the same .* Set data\.layout = ") as caught:
            find_data_set(DataSettings(path=str(tmp_path)))
        assert caught.value.key == "data.layout"
        assert find_data_set(DataSettings(path=str(tmp_path), layout="classes")).classes == (one, two)
        assert find_data_set(DataSettings(path=str(tmp_path), layout="pooled")).classes == tuple(levels[1].split())

    def test_an_audit_asks_too(self, tmp_path):
        with pytest.raises(UnclearLayout):
            scan_data_set(DataSettings(path=str(touch(tmp_path, *tree("leica zeiss", "blast normal")))))


class TestChosen:
    IMAGES = sorted(tree("TRAIN TEST TEST_SIMPLE", "a b"))

    @pytest.mark.parametrize(
        ("kind", "classes", "parts"),
        [
            ("classes", {"TEST", "TEST_SIMPLE", "TRAIN"}, {Part.UNUSED}),
            ("parts", {"a", "b"}, {Part.TRAIN, Part.TEST}),
            ("groups", {"a", "b"}, {Part.UNUSED}),
            ("pooled", {"a", "b"}, {Part.UNUSED}),
            ("deepest", {"a", "b"}, {Part.UNUSED}),
        ],
    )
    def test_each_value_reads_the_folders_in_its_way(self, kind, classes, parts):
        layout = chosen_layout(self.IMAGES, Path("/data"), kind)
        labels, found = layout.read(self.IMAGES)
        assert (set(labels), set(found)) == (classes, parts)
        assert layout.sentence == ""
        assert (layout.group_pattern is not None) == (kind == "groups")

    def test_the_setting_offers_them_all(self):
        assert get_args(FolderLayout) == ("auto", *LAYOUTS)

    def test_the_setting_is_obeyed(self, tmp_path):
        touch(tmp_path, *tree("TRAIN TEST", "a/x a/y b/z"))
        for value, classes in (("auto", 2), ("classes", 2), ("deepest", 3)):
            assert len(find_data_set(DataSettings(path=str(tmp_path), layout=value)).classes) == classes
        assert list_images(DataSettings(path=str(tmp_path), layout="groups")).rule == "^([^/]+)/"

    def test_parts_that_no_name_gives_are_none(self):
        layout = chosen_layout(sorted(tree("one two", "a b")), Path("/data"), "parts")
        assert set(layout.bases.values()) == {Part.UNUSED}


def test_a_data_set_says_how_its_folders_were_read(tmp_path):
    touch(tmp_path, *tree("Train TestA", "a b"))
    found = scan_data_set(DataSettings(path=str(tmp_path)))
    assert [note.kind for note in found.notes] == ["layout"]
    assert found.data_set.layout == found.notes[0].sentence
    assert found.data_set.parts is not None


def test_a_single_class_names_the_folder_that_holds_several(tmp_path):
    touch(tmp_path, *tree("histology", "breast", "benign malignant"))
    with pytest.raises(InputProblem, match=re.escape(f"did you mean {tmp_path}/histology/breast?")):
        find_data_set(DataSettings(path=str(tmp_path)))


def test_many_folders_are_patients_of_the_classes():
    images = sorted(f"{'ab'[at % 2]}/p{at // 2:06}/{at}.png" for at in range(10_000))
    layout = recognize_layout(images, Path("/data"))
    assert layout.kind == "classes"


def test_a_tree_deeper_than_pythons_stack_is_read():
    deep = "/".join(["d"] * 3000)
    assert recognized([f"a/{deep}/1.png", "b/1.png"])[1] == {"a": 1, "b": 1}
