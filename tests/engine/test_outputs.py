"""Where an answer goes is tried before the work, and never is what it was made from."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from aimic_tui.engine.errors import StorageProblem, UsageProblem
from aimic_tui.engine.outputs import check_output_file, check_output_folder, kept

NOT_A_DISK = Path("/proc")  # a folder in which nobody can make anything, not even root


def test_a_place_that_can_be_written_is_left_as_it_was(tmp_path: Path) -> None:
    check_output_file(tmp_path / "a.csv", "a.csv")
    check_output_folder(tmp_path / "new")
    check_output_folder(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("output", "why"),
    [("folder", "is a folder"), ("nowhere/a.csv", "does not exist"), ("pipe", "is not a plain file")],
)
def test_what_can_be_no_file_is_refused(tmp_path: Path, output: str, why: str) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UsageProblem, match=f"--to .*{why}.*a.csv"):
        check_output_file(tmp_path / output, "a.csv", option="--to")


@pytest.mark.parametrize(("output", "why"), [("file", "is a file"), ("nowhere/new", "does not exist")])
def test_what_can_be_no_folder_is_refused(tmp_path: Path, output: str, why: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageProblem, match=why):
        check_output_folder(tmp_path / output)


@pytest.mark.skipif(not NOT_A_DISK.is_dir(), reason="no /proc here")
def test_a_place_that_refuses_a_file_is_found_by_trying() -> None:
    with pytest.raises(StorageProblem, match="Name another place with --output"):
        check_output_file(NOT_A_DISK / "a.csv", "a.csv")
    with pytest.raises(StorageProblem, match="Name another place with --output"):
        check_output_folder(NOT_A_DISK / "new")
    with pytest.raises(StorageProblem, match="Name another place with --output"):
        check_output_folder(NOT_A_DISK)


def test_no_input_is_replaced_under_whatever_name(tmp_path: Path) -> None:
    image = tmp_path / "a.png"
    image.write_bytes(b"pixels")
    (tmp_path / "link.png").symlink_to(image)
    for output in (image, tmp_path / "link.png", tmp_path / "." / "a.png"):
        with pytest.raises(UsageProblem, match="one of the inputs"):
            check_output_file(output, "a.csv", inputs=[tmp_path / "b.png", image])
    with pytest.raises(UsageProblem, match="one of the inputs"):
        check_output_folder(tmp_path, inputs=[tmp_path])
    check_output_file(tmp_path / "new.png", "a.csv", inputs=[image])


def test_an_answer_that_could_not_be_written_is_a_sentence(tmp_path: Path) -> None:
    assert kept(lambda: None) is None
    problem = kept((tmp_path / "nowhere" / "a.json").touch)
    assert problem is not None
    assert "The answer is shown, but it could not be written" in problem.sentence
