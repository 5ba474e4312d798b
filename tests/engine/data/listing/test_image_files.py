"""What somebody names for a prediction: files, folders, tables that list images, MedMNIST files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from aimic_tui.engine.data.listing.image_files import find_image_files
from aimic_tui.engine.errors import InputProblem
from tests.engine.data.conftest import MakeFolder


def touch(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return root


def names_and_paths(inputs: list[Path]) -> tuple[tuple[str, Path], ...]:
    return find_image_files(inputs).files


def test_a_folder_gives_names_relative_to_it(make_folder: MakeFolder) -> None:
    root = make_folder({"a": 2, "b": 1})
    assert names_and_paths([root]) == tuple((name, root / name) for name in ("a/000.png", "a/001.png", "b/000.png"))


def test_names_stay_unique(tmp_path: Path) -> None:
    one, two = touch(tmp_path / "one", "1.png", "2.png"), touch(tmp_path / "two", "1.png")
    assert [name for name, _ in names_and_paths([one, two])] == ["one/1.png", "one/2.png", "two/1.png"]
    assert [name for name, _ in names_and_paths([one / "1.png", one / "2.png"])] == ["1.png", "2.png"]
    assert len(names_and_paths([one, one / "1.png"])) == 2
    same = touch(tmp_path / "x" / "one", "1.png")
    assert len({name for name, _ in names_and_paths([one, same])}) == 3


def test_a_file_counts_whatever_its_suffix(tmp_path: Path) -> None:
    assert names_and_paths([touch(tmp_path, "scan.dat") / "scan.dat"])[0][0] == "scan.dat"


def test_nothing_to_predict_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputProblem, match="does not exist"):
        names_and_paths([tmp_path / "nowhere"])
    with pytest.raises(InputProblem, match=r"There are no images in .*\. Name "):
        names_and_paths([tmp_path])


def test_what_lies_in_a_folder_in_place_of_images_is_said(tmp_path: Path) -> None:
    touch(tmp_path, "1.heic", ".2.jpg.icloud")
    with pytest.raises(InputProblem, match=r"There are no images in .*iCloud.*1 \.heic file: HEIF photographs"):
        find_image_files([tmp_path])
    assert len(find_image_files([touch(tmp_path, "3.png")]).notes) == 2


def test_a_table_gives_its_images_by_the_names_that_it_writes(tmp_path: Path) -> None:
    touch(tmp_path, "im/1.png", "im/2.png")
    (tmp_path / "list.csv").write_text("id,label\n1,a\n2,b\n")
    found = find_image_files([tmp_path / "list.csv"])
    assert found.files == (("1", tmp_path / "im/1.png"), ("2", tmp_path / "im/2.png"))
    assert "by names without suffix" in found.notes[0]


@pytest.mark.parametrize("text", ["im/1.png\nim/2.png\n", "path\nim/1.png\n\nim/2.png\n"])
def test_a_list_of_paths_needs_no_labels_and_no_header(tmp_path: Path, text: str) -> None:
    touch(tmp_path, "im/1.png", "im/2.png")
    (tmp_path / "list.txt").write_text(text)
    assert [name for name, _ in names_and_paths([tmp_path / "list.txt"])] == ["im/1.png", "im/2.png"]


def test_a_medmnist_file_gives_all_its_images(tmp_path: Path) -> None:
    images, labels = np.zeros((2, 28, 28), np.uint8), np.zeros((2, 1), np.uint8)
    np.savez(tmp_path / "tiny.npz", train_images=images, train_labels=labels)
    assert names_and_paths([tmp_path / "tiny.npz"])[1] == ("tiny.npz/train-00001", tmp_path / "tiny.npz/train-00001")


def test_a_table_without_images_a_file_of_marks_and_other_arrays_are_refused(tmp_path: Path) -> None:
    (tmp_path / "ages.csv").write_text("age,sex\n40,f\n")
    (tmp_path / "aimic-marks.csv").write_text("image,mark\na.png,exclude\n")
    np.savez(tmp_path / "other.npz", x=np.zeros(3))
    (tmp_path / "list.xlsx").write_bytes(b"PK\x03\x04")
    (tmp_path / "list.jsonl").write_text('{"image": "a.png"}\n')
    for name, words in (
        ("ages.csv", "has no column path; its columns are age, sex"),
        ("aimic-marks.csv", "holds marks on a data set"),
        ("other.npz", "other.npz"),
        ("list.xlsx", "Save its sheet as CSV"),
        ("list.jsonl", "is JSON"),
    ):
        with pytest.raises(InputProblem, match=words):
            find_image_files([tmp_path / name])
