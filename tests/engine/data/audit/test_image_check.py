from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from aimic_tui.engine.data.audit.image_check import check_images, group_duplicates
from aimic_tui.engine.data.data_set import DataSet
from aimic_tui.engine.data.listing.find_data_set import find_data_set
from aimic_tui.engine.data.manifest import COLUMNS, read_manifest, write_manifest
from aimic_tui.engine.errors import InputProblem, Interrupted
from aimic_tui.engine.experiment import DataSettings
from aimic_tui.engine.files import read_table
from aimic_tui.engine.progress import Progress
from tests.engine.data.conftest import MakeFolder


def find(path: Path, **settings: str) -> DataSet:
    return find_data_set(DataSettings(path=str(path), **settings))


class TestChecks:
    def test_sizes_and_digests_of_every_image(self, make_folder: MakeFolder):
        data_set = find(make_folder({"a": 20, "b": 20}))
        reports: list[Progress] = []
        checks = check_images(data_set, reports.append)
        checks.require_readable()
        assert set(checks.widths) == {24}
        assert set(checks.heights) == {20}
        assert checks.digests[3] == hashlib.sha256(data_set.path(3).read_bytes()).hexdigest()
        assert (reports[0], reports[-1]) == (Progress("read", 0, 40), Progress("read", 40, 40))

    def test_broken_images_are_named(self, make_folder: MakeFolder):
        root = make_folder({"a": 5, "b": 5})
        (root / "a/001.png").write_bytes(b"")
        (root / "b/002.png").write_bytes((root / "b/002.png").read_bytes()[:200])
        (root / "b/003.png").write_bytes(b"hello")
        checks = check_images(find(root))
        assert [(problem.path, problem.kind) for problem in checks.problems] == [
            ("a/001.png", "empty"),
            ("b/002.png", "truncated"),
            ("b/003.png", "not-an-image"),
        ]
        with pytest.raises(InputProblem, match=r"3 images can't be used: a/001\.png is empty \(0 bytes\); b/002"):
            checks.require_readable()

    def test_a_file_that_a_manifest_invents_is_named(self, make_folder: MakeFolder):
        root = make_folder({"a": 1, "b": 1})
        (root / "list.csv").write_text("path,label\na/000.png,a\nb/000.png,b\nb/nine.png,b\n")
        with pytest.raises(InputProblem, match=r"b/nine\.png does not exist"):
            check_images(find(root / "list.csv")).require_readable()

    def test_it_can_be_stopped(self, make_folder: MakeFolder):
        with pytest.raises(Interrupted):
            check_images(find(make_folder({"a": 1, "b": 1})), should_stop=lambda: True)


class TestDuplicates:
    def data_set(self, groups: list[int]) -> DataSet:
        count = len(groups)
        return DataSet(
            Path("/x"),
            tuple("abcdefgh"[:count]),
            ("one", "two"),
            np.array([0, 1] * count, np.int32)[:count],
            np.array(groups, np.int32),
            tuple(f"g{group}" for group in range(max(groups) + 1)),
            "none",
        )

    def test_equal_files_and_their_groups_become_one_group(self):
        joined = group_duplicates(self.data_set([0, 0, 1, 2, 2, 3]), ["p", "q", "r", "q", "s", "t"])
        assert [joined.group_names[group] for group in joined.groups] == ["g0", "g0", "g1", "g0", "g0", "g3"]

    def test_chains_are_joined(self):
        joined = group_duplicates(self.data_set([3, 2, 1, 2, 0, 1]), ["p", "p", "q", "r", "r", "r"])
        assert len(set(joined.groups)) == 1

    def test_without_duplicates_nothing_changes_and_unread_files_are_none(self):
        data_set = self.data_set([0, 1, 2])
        assert group_duplicates(data_set, ["", "", "p"]) is data_set


class TestManifest:
    def test_a_data_set_comes_back(self, make_folder: MakeFolder, tmp_path):
        root = make_folder({"a": 3, "=b": 2})
        data_set = find(root)
        checks = check_images(data_set)
        write_manifest(tmp_path / "manifest.csv", data_set, checks)
        back = read_manifest(tmp_path / "manifest.csv")
        assert (back.root, back.images, back.classes, back.group_rule) == (root, data_set.images, ("=b", "a"), "none")
        assert (back.labels == data_set.labels).all()
        assert back.path(4) == data_set.path(4)
        row = read_table(tmp_path / "manifest.csv")[4]
        assert tuple(row) == COLUMNS
        assert (row["width"], row["height"], row["digest"]) == ("24", "20", checks.digests[4])

    def test_groups_and_odd_names_come_back(self, make_folder: MakeFolder, tmp_path):
        root = make_folder({"a": 0, "b": 0})
        names = ["a/s1 ,1.png", 'a/s1"2.png', "b/s2\n3.png", "b/=4.png", "b/\udcff.png"]
        for name in names:
            (root / name).write_bytes(b"x")
        data_set = find(root, group=r"^(s\d)")
        write_manifest(tmp_path / "manifest.csv", data_set)
        back = read_manifest(tmp_path / "manifest.csv")
        assert back.images == data_set.images
        assert [back.group_names[g] for g in back.groups] == [data_set.group_names[g] for g in data_set.groups]
        assert back.group_rule == "group"
        assert all(back.path(index).exists() for index in range(5))

    def test_images_outside_the_folder_come_back(self, make_folder: MakeFolder, tmp_path):
        root = make_folder({"a": 2})
        (tmp_path / "lists").mkdir()
        text = f"path,label\n{root}/a/000.png,x\n../images/a/001.png,y\n"
        (tmp_path / "lists/list.csv").write_text(text)
        data_set = find(tmp_path / "lists/list.csv")
        write_manifest(tmp_path / "manifest.csv", data_set)
        back = read_manifest(tmp_path / "manifest.csv")
        assert back.images == data_set.images
        assert all(back.path(index).exists() for index in range(2))

    @pytest.mark.parametrize("text", ["", "image,label\n", ",".join(COLUMNS) + "\na,b\n"])
    def test_another_table_is_refused(self, tmp_path, text):
        (tmp_path / "manifest.csv").write_text(text)
        with pytest.raises(InputProblem, match="is not a run's manifest"):
            read_manifest(tmp_path / "manifest.csv")

    def test_a_missing_one_is_refused(self, tmp_path):
        with pytest.raises(InputProblem, match="can't be read"):
            read_manifest(tmp_path / "manifest.csv")
