from __future__ import annotations

import os
from pathlib import Path

import pytest

from aimic_tui.engine.data.data_set import Part
from aimic_tui.engine.data.listing.find_data_set import find_data_set, scan_data_set
from aimic_tui.engine.errors import InputProblem, UsageProblem
from aimic_tui.engine.experiment import DataSettings


def touch(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return root


def find(path: Path, **settings: str):
    return find_data_set(DataSettings(path=str(path), **settings))


class TestClassFolders:
    def test_the_first_sub_folder_is_the_class_at_any_depth(self, tmp_path):
        data_set = find(touch(tmp_path, "b/1.png", "a/deep/er/2.JPG", "a/3.tif"))
        assert data_set.images == ("a/3.tif", "a/deep/er/2.JPG", "b/1.png")
        assert data_set.classes == ("a", "b")
        assert data_set.labels.tolist() == [0, 0, 1]
        assert data_set.counts() == {"a": 2, "b": 1}
        assert data_set.path(2) == tmp_path / "b/1.png"

    def test_hidden_and_system_files_are_ignored(self, tmp_path):
        touch(tmp_path, "a/1.png", "b/1.png", "a/.2.png", "a/Thumbs.db", ".git/3.png", "__MACOSX/4.png", "a/._1.png")
        found = scan_data_set(DataSettings(path=str(tmp_path)))
        assert found.data_set.images == ("a/1.png", "b/1.png")
        assert found.others == ()

    def test_links_neither_loop_nor_lead_outside(self, tmp_path):
        root = touch(tmp_path / "set", "a/1.png", "b/1.png")
        touch(tmp_path, "secret/2.png")
        (root / "a" / "loop").symlink_to(root)
        (root / "c").symlink_to(tmp_path / "secret")
        (root / "a" / "out.png").symlink_to(tmp_path / "secret/2.png")
        (root / "b" / "in.png").symlink_to(root / "a/1.png")
        (root / "b" / "dangling.png").symlink_to(root / "nowhere.png")
        found = scan_data_set(DataSettings(path=str(root)))
        assert found.data_set.images == ("a/1.png", "b/1.png", "b/in.png")
        assert found.notes[0].kind == "links-not-followed"
        assert "4 links" in found.notes[0].sentence

    def test_a_pipe_is_not_an_image(self, tmp_path):
        touch(tmp_path, "a/1.png", "b/1.png")
        os.mkfifo(tmp_path / "a/2.png")
        assert len(find(tmp_path)) == 2

    def test_names_are_kept_byte_for_byte(self, tmp_path):
        odd = ["a/=1+1.png", "a/new\nline.png", "a/\x1b[31m.png", "b/[red].png", "b/слайд 1.png"]
        touch(tmp_path, *odd)
        os.close(os.open(os.fsencode(tmp_path) + b"/b/\xff.png", os.O_CREAT))
        data_set = find(tmp_path)
        assert set(odd) < set(data_set.images)
        assert all(data_set.path(index).exists() for index in range(len(data_set)))

    def test_part_folders_give_the_part_and_the_next_one_the_label(self, tmp_path):
        data_set = find(touch(tmp_path, "train/a/1.png", "Val/a/2.png", "test/b/1.png", "train/b/3.png"))
        assert data_set.classes == ("a", "b")
        assert data_set.parts is not None
        assert dict(zip(data_set.images, data_set.parts.tolist(), strict=True)) == {
            "train/a/1.png": Part.TRAIN,
            "Val/a/2.png": Part.VALIDATION,
            "test/b/1.png": Part.TEST,
            "train/b/3.png": Part.TRAIN,
        }

    def test_classes_that_are_called_train_and_test_stay_classes(self, tmp_path):
        data_set = find(touch(tmp_path, "train/1.png", "test/2.png"))
        assert data_set.classes == ("test", "train")
        assert data_set.parts is None

    def test_counts_of_the_real_images(self, shared):
        cells = find(shared / "data/cell-types")
        assert cells.counts() == {"platelet": 361, "red_cell": 1144, "white_cell": 372}
        assert cells.group_rule == r"^(smear\d+)"
        subtypes = find(shared / "data/wbc-subtypes", group=r"^(smear\d+)")
        assert list(subtypes.counts().values()) == [84, 33, 20, 202]
        assert len(subtypes.group_names) == 339


class TestWhatCannotBeUsed:
    def test_no_path(self):
        with pytest.raises(UsageProblem, match=r"data\.path is empty"):
            find_data_set(DataSettings())

    def test_a_missing_folder(self, tmp_path):
        with pytest.raises(InputProblem, match=r"nowhere does not exist\. Name a folder"):
            find(tmp_path / "nowhere")

    @pytest.mark.parametrize(
        ("name", "begin", "words"),
        [("list.xlsx", b"PK\x03\x04", "Save its sheet as CSV"), ("list.json", b'[{"path": 1}]', "is JSON")],
    )
    def test_another_kind_of_table(self, tmp_path, name, begin, words):
        (tmp_path / name).write_bytes(begin)
        with pytest.raises(InputProblem, match=words):
            find(tmp_path / name)

    def test_a_file_that_is_no_manifest(self, tmp_path):
        with pytest.raises(InputProblem, match="is not a folder"):
            find(touch(tmp_path, "x.png") / "x.png")

    def test_an_empty_folder(self, tmp_path):
        with pytest.raises(InputProblem, match="is empty"):
            find(tmp_path)

    def test_a_folder_of_other_files(self, tmp_path):
        with pytest.raises(InputProblem, match=r"holds 2 files but no images"):
            find(touch(tmp_path, "a/1.txt", "b/2.doc"))

    def test_images_without_class_folders(self, tmp_path):
        with pytest.raises(InputProblem, match=r"holds 2 images but no class folders"):
            find(touch(tmp_path, "1.png", "2.png"))

    def test_a_single_class(self, tmp_path):
        with pytest.raises(InputProblem, match=r"holds a single class, a \(2 images\)"):
            find(touch(tmp_path, "a/1.png", "a/2.png"))

    def test_a_folder_too_high_names_the_right_one(self, tmp_path):
        with pytest.raises(InputProblem, match=r"did you mean .*/leukemia\?"):
            find(touch(tmp_path, "leukemia/a/1.png", "leukemia/b/2.png"))

    def test_control_sequences_in_a_name_are_escaped(self, tmp_path):
        with pytest.raises(InputProblem) as caught:
            find(touch(tmp_path, "\x1b[2J/1.png"))
        assert "\x1b" not in caught.value.sentence

    def test_a_pattern_that_matches_nothing(self, tmp_path):
        touch(tmp_path, "a/1.png", "b/2.png")
        with pytest.raises(InputProblem, match=r"slide.* matches no file name \(the first is 1\.png\)"):
            find(tmp_path, group=r"^(slide\d+)")

    def test_a_pattern_that_is_none(self, tmp_path):
        touch(tmp_path, "a/1.png", "b/2.png")
        with pytest.raises(UsageProblem, match="neither a column nor a regular expression"):
            find(tmp_path, group="(")


class TestGroups:
    def test_a_pattern_groups_by_its_first_parenthesis(self, tmp_path):
        touch(tmp_path, "a/p1_1.png", "a/p2_1.png", "b/p1_2.png", "b/odd.png")
        data_set = find(tmp_path, group=r"^(p\d)")
        assert [data_set.group_names[group] for group in data_set.groups] == ["p1", "p2", "b/odd.png", "p1"]
        assert data_set.group_counts() == {"a": 2, "b": 2}
        assert data_set.grouped

    def test_none_gives_each_image_its_own(self, tmp_path):
        data_set = find(touch(tmp_path, "a/p1_1.png", "b/p1_1.png"), group="none")
        assert data_set.groups.tolist() == [0, 1]
        assert not data_set.grouped

    def test_auto_takes_what_the_names_show(self, tmp_path):
        touch(tmp_path, *(f"{'ab'[i % 2]}/slide{i // 8}_{i}.png" for i in range(40)))
        assert find(tmp_path).group_rule == r"^(slide\d+)"


class TestManifest:
    def write(self, tmp_path: Path, text: str, encoding: str = "utf-8") -> Path:
        touch(tmp_path, "img/1.png", "img/2.png", "img/3.png")
        (tmp_path / "list.csv").write_bytes(text.encode(encoding))
        return tmp_path / "list.csv"

    def test_images_labels_groups_and_parts(self, tmp_path):
        text = "path,label,patient,part\nimg/2.png,b,p1,test\nimg/1.png,a,p1,train\n./img/3.png,b,,val\n"
        data_set = find(self.write(tmp_path, text))
        assert data_set.images == ("img/1.png", "img/2.png", "img/3.png")
        assert data_set.labels.tolist() == [0, 1, 1]
        assert data_set.group_rule == "patient"
        assert [data_set.group_names[group] for group in data_set.groups] == ["p1", "p1", "img/3.png"]
        assert data_set.parts is not None
        assert data_set.parts.tolist() == [Part.TRAIN, Part.TEST, Part.VALIDATION]

    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
    @pytest.mark.parametrize("delimiter", [",", ";", "\t"])
    def test_whatever_a_spreadsheet_made_of_it(self, tmp_path, encoding, delimiter):
        rows = ["image,class", "img/1.png,α", 'img/2.png,"b b"']
        path = self.write(tmp_path, "\r\n".join(rows).replace(",", delimiter), encoding)
        assert find(path).classes == ("b b", "α")

    def test_other_column_names(self, tmp_path):
        path = self.write(tmp_path, "where,what\nimg/1.png,a\nimg/2.png,b\n")
        assert len(find(path, image_column="where", label_column="what")) == 2
        with pytest.raises(
            InputProblem, match=r"no column label; its columns are where, what\. Set data\.label_column"
        ):
            find(path)

    def test_whole_paths_may_lead_anywhere(self, tmp_path):
        outside = touch(tmp_path / "other", "9.png") / "9.png"
        path = self.write(tmp_path, f"path,label\n{outside},a\n{tmp_path}/img/1.png,b\n")
        data_set = find(path)
        assert data_set.images == ("img/1.png", "other/9.png")
        assert all(data_set.path(index).exists() for index in range(2))

    def test_one_image_under_two_labels(self, tmp_path):
        path = self.write(tmp_path, "path,label\nimg/1.png,a\nimg/1.png,b\nimg/2.png,b\n")
        with pytest.raises(InputProblem, match=r"more than one label, the first is img/1\.png"):
            find(path)

    def test_a_repeated_row_counts_once_and_a_row_without_label_is_left_out(self, tmp_path):
        path = self.write(tmp_path, "path,label\nimg/1.png,a\nimg/1.png,a\nimg/2.png,b\nimg/3.png,\n")
        found = scan_data_set(DataSettings(path=str(path)))
        assert found.data_set.counts() == {"a": 1, "b": 1}
        assert found.repeated == ("img/1.png",)
        assert found.unlabelled == ("img/3.png",)

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("", "is empty"),
            ("path,label\n", "lists no labelled image"),
            ("path,label\nimg/1.png\n", "line 2 .* too few columns"),
            ("path,label\nnowhere.png,a\n", "lists nowhere.png, but there is no such file"),
            ("path,label,part\nimg/1.png,a,sometimes\nimg/2.png,b,train", "has sometimes in its column part"),
            ("path,label\n\x00\x01,a\n", "."),
        ],
    )
    def test_what_is_wrong_is_said(self, tmp_path, text, words):
        with pytest.raises(InputProblem, match=words):
            find(self.write(tmp_path, text))
