"""Classes under other names, and names that tell the class."""

from __future__ import annotations

from pathlib import Path

import pytest

from aimic_tui.engine.data.data_set import Part
from aimic_tui.engine.data.listing.class_names import original_class_name
from aimic_tui.engine.data.listing.find_data_set import find_data_set, scan_data_set
from aimic_tui.engine.data.listing.groups import group_values
from aimic_tui.engine.data.listing.marks import MARKS_NAME, Mark, add_marks
from aimic_tui.engine.data.listing.name_pattern import name_pattern
from aimic_tui.engine.data.note import Note
from aimic_tui.engine.errors import InputProblem, UsageProblem
from aimic_tui.engine.experiment import DataSettings, Experiment, with_overrides
from tests.engine.data.listing.test_find_data_set import touch


@pytest.fixture
def cells(tmp_path: Path) -> Path:
    names = {"band": 2, "segmented": 3, "basophil": 1, "monocyte": 4}
    return touch(tmp_path / "cells", *(f"{name}/{n}.png" for name, count in names.items() for n in range(count)))


class TestOtherNames:
    def test_renamed_merged_and_left_out(self, cells):
        classes = {"band": "neutrophil", "segmented": "neutrophil", "basophil": ""}
        data_set = find_data_set(DataSettings(path=str(cells), classes=classes))
        assert data_set.counts() == {"monocyte": 4, "neutrophil": 5}
        assert data_set.images[0] == "band/0.png"
        assert data_set.decisions == (
            "Classes: band (2) counts as neutrophil, segmented (3) counts as neutrophil, basophil (1) is excluded.",
        )

    def test_names_can_be_exchanged(self, cells):
        classes = {"band": "segmented", "segmented": "band"}
        assert find_data_set(DataSettings(path=str(cells), classes=classes)).counts()["band"] == 3

    def test_an_unknown_class_is_named_with_the_nearest(self, cells):
        settings = DataSettings(path=str(cells), classes={"Basophils": "", "xyz": "a"})
        with pytest.raises(UsageProblem, match=r"Basophils \(did you mean basophil\?\), xyz, .*classes are band, baso"):
            find_data_set(settings)

    def test_everything_left_out(self, cells):
        every = ("band", "segmented", "basophil", "monocyte")
        with pytest.raises(UsageProblem, match="leaves out every class"):
            find_data_set(DataSettings(path=str(cells), classes=dict.fromkeys(every, "")))
        with pytest.raises(InputProblem, match=r"a single class, x .* counts as x"):
            find_data_set(DataSettings(path=str(cells), classes=dict.fromkeys(every, "x")))

    def test_marks_speak_the_data_sets_own_names(self, cells):
        add_marks(cells / MARKS_NAME, [Mark("monocyte/0.png", "label", label="band")])
        found = scan_data_set(DataSettings(path=str(cells), classes={"band": "neutrophil"}))
        assert found.data_set.counts()["neutrophil"] == 3
        assert found.original_classes["band"] == 3

    def test_the_own_name_of_a_class_that_is_shown(self):
        classes = {"band": "neutrophil", "segmented": "neutrophil", "a": "b", "b": "a"}
        found = ("band", "segmented", "monocyte", "a", "b")
        assert original_class_name("monocyte", classes, found) == "monocyte"
        assert original_class_name("neutrophil", classes, found) == "band"
        assert original_class_name("b", classes, found) == "a"

    def test_one_text_form_for_the_flag_and_a_table_in_the_file(self, cells, tmp_path):
        values = with_overrides({"data": {"path": str(cells)}}, ["data.classes=band=neutrophil, basophil="])
        experiment = Experiment.from_mapping(values)
        assert experiment.data.classes == {"band": "neutrophil", "basophil": ""}
        file = tmp_path / "experiment.toml"
        file.write_text(experiment.to_toml())
        assert Experiment.from_file(file).data.classes == experiment.data.classes
        file.write_text('[data]\nclasses = {band = "neutrophil"}\nmarks = "mine.csv"\n')
        data = Experiment.from_file(file).data
        assert (data.classes, data.marks) == ({"band": "neutrophil"}, str(tmp_path / "mine.csv"))
        values = with_overrides({}, ['data.classes={band = "x"}'])
        assert Experiment.from_mapping(values).data.classes == {"band": "x"}


class TestNamePatterns:
    @pytest.mark.parametrize(
        ("pattern", "image", "label", "group"),
        [
            ("{group}_{label}_*.png", "deep/s1_band_7.png", "band", "s1"),
            ("{label}*", "deep/band7.png", "b", ""),
            ("{group}/{label}/**", "s1/band/x/y.png", "band", "s1"),
            ("**/{label}-{}.png", "band-x.png", "band", ""),
            ("{label}.?(1)*", "band.x(1).png", "band", ""),
            (r"^(?P<label>[a-z]+)\d+\.", "band12.png", "band", ""),
            (r"(?P<group>slide\d+)/(?P<label>[a-z]+)", "in/slide3/mono7.png", "mono", "slide3"),
            (r"(?P<label>[a-z]+)-(?P<group>\d+)?", "mono-x.png", "mono", ""),
        ],
    )
    def test_what_a_name_says(self, pattern, image, label, group):
        named = name_pattern(pattern).read(image)
        assert named is not None
        assert (named.label, named.group) == (label, group)

    def test_a_form_must_fit_the_whole_name(self):
        assert name_pattern("{label}_*.png").read("band_1.jpg") is None
        assert name_pattern("{group}/{label}.png").read("x/s1/band.png") is None

    @pytest.mark.parametrize(
        ("pattern", "words"),
        [
            ("(", "is not a regular expression"),
            (r"(\d+)", "has no part label"),
            ("{group}_*.png", "has no part label"),
            ("{label}_{patient}.png", "names a part patient"),
            ("(?P<label>a)(?P<class>b)", "names a part class"),
            ("{label}_{label}", "is not a regular expression: redefinition"),
        ],
    )
    def test_what_is_wrong_is_said(self, tmp_path, pattern, words):
        touch(tmp_path, "a_1.png", "b_1.png")
        with pytest.raises(UsageProblem, match=words):
            find_data_set(DataSettings(path=str(tmp_path), pattern=pattern))

    def test_a_flat_folder_gets_its_classes_groups_and_parts_from_names(self, tmp_path):
        touch(tmp_path, *(f"{part}_s{n}_{label}.png" for part in ("train", "test") for n in (1, 2) for label in "ab"))
        data_set = find_data_set(DataSettings(path=str(tmp_path), pattern="{part}_{group}_{label}.png"))
        assert data_set.counts() == {"a": 4, "b": 4}
        assert data_set.group_names == ("s1", "s2")
        assert data_set.parts is not None
        assert data_set.parts.tolist() == [Part.TEST] * 4 + [Part.TRAIN] * 4
        again = find_data_set(DataSettings(path=str(tmp_path), pattern="*_{label}.png", group=data_set.group_rule))
        assert again.groups.tolist() == data_set.groups.tolist()

    def test_the_group_setting_goes_before_the_patterns_group(self, tmp_path):
        touch(tmp_path, "s1_a.png", "s2_b.png", "s1_b.png")
        settings = {"path": str(tmp_path), "pattern": "{group}_{label}.png"}
        assert len(find_data_set(DataSettings(**settings)).group_names) == 2
        assert not find_data_set(DataSettings(**settings, group="none")).grouped

    def test_part_folders_still_say_the_part(self, tmp_path):
        touch(tmp_path, "train/a1.png", "train/b1.png", "test/a2.png")
        data_set = find_data_set(DataSettings(path=str(tmp_path), pattern=r"(?P<label>[ab])\d"))
        assert data_set.parts is not None
        assert data_set.parts.tolist() == [Part.TEST, Part.TRAIN, Part.TRAIN]

    def test_names_that_do_not_match_are_counted_and_named(self, tmp_path):
        touch(tmp_path, "a_1.png", "b_1.png", "odd.png", "x\x1b[2J.png")
        found = scan_data_set(DataSettings(path=str(tmp_path), pattern="{label}_*.png"))
        assert found.unlabelled == ("odd.png", "x\x1b[2J.png")
        assert found.notes == (
            Note(
                "names-without-match",
                r"2 images without a match for data.pattern, so without a class: odd.png, x\x1b[2J.png.",
            ),
        )
        with pytest.raises(InputProblem, match=r"matches none of the 4 images .* the first are a_1\.png, b_1\.png"):
            find_data_set(DataSettings(path=str(tmp_path), pattern="{label}-*.png"))

    def test_an_unknown_part_is_named(self, tmp_path):
        touch(tmp_path, "a_train.png", "b_later.png")
        with pytest.raises(InputProblem, match=r"data\.pattern = .* finds later as a part"):
            find_data_set(DataSettings(path=str(tmp_path), pattern="{label}_{part}.png"))

    def test_a_manifest_says_itself_what_its_images_are(self, tmp_path):
        touch(tmp_path, "list.csv")
        with pytest.raises(UsageProblem, match=r"Leave data\.pattern empty"):
            find_data_set(DataSettings(path=str(tmp_path / "list.csv"), pattern="{label}_*"))

    def test_a_flat_folder_without_a_pattern_is_told_of_it(self, tmp_path):
        with pytest.raises(InputProblem, match=r"if their names tell the class, set data\.pattern"):
            find_data_set(DataSettings(path=str(touch(tmp_path, "a_1.png"))))

    def test_the_real_names(self, shared):
        root = shared / "data/cell-types"
        by_folder = find_data_set(DataSettings(path=str(root)))
        by_name = find_data_set(DataSettings(path=str(root), pattern=r"(?P<label>[a-z_]+)/(?P<group>smear\d+)"))
        assert by_folder.group_rule == r"^(smear\d+)"
        assert by_name.counts() == by_folder.counts()
        assert by_name.group_names == by_folder.group_names
        with_path = find_data_set(DataSettings(path=str(root), group=r"/(smear\d+)"))
        assert with_path.groups.tolist() == by_folder.groups.tolist()


def test_a_group_pattern_with_parts_reads_the_whole_path() -> None:
    assert group_values(["a/s1/x.png", "b/s2/y.png", "z.png"], "{label}/{group}/*") == ["s1", "s2", None]
