"""Between a stop and a resume: data sets are moved, images replaced, files edited, and nothing of it goes unnoticed."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from aimic_tui.engine.data import manifest_check
from aimic_tui.engine.data.data_set import DataSet
from aimic_tui.engine.data.listing.marks import marks_file
from aimic_tui.engine.data.manifest import read_manifest
from aimic_tui.engine.data.manifest_check import require_images
from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.experiment import Experiment
from aimic_tui.engine.run_events import ImagesAccepted, ImagesMoved, RunWarning, append_to_run
from aimic_tui.engine.run_folder import RunFolder
from aimic_tui.engine.runs.control import tell_where_images_are
from aimic_tui.engine.runs.data_story import data_story
from aimic_tui.engine.runs.prepare.creation import create_run
from aimic_tui.engine.runs.same_data import ChangedData, MissingImages, Told, check_same_data
from aimic_tui.engine.runs.status import read_status
from aimic_tui.engine.workspace_folder import Workspace
from tests.drawn_cells import draw_cells


@pytest.fixture
def images(tmp_path: Path) -> Path:
    folder = tmp_path / "data" / "cells"
    draw_cells(folder, 12, "s{group}_{number}")
    return folder


@pytest.fixture
def run(images: Path, tmp_path: Path) -> RunFolder:
    return made(images, tmp_path)


def made(data: Path, tmp_path: Path, **values: str) -> RunFolder:
    keys = {"data.path": str(data), "model.weights": "none", "split.folds": 3, **values}
    return create_run(Experiment().with_values(keys), Workspace(tmp_path / "space"), ["test"])


def check(run: RunFolder, *places: Path, accept_changed: bool = False) -> str:
    return " ".join(check_same_data(run, read_status(run), Told(places, accept_changed)))


def pictures(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def all_there(data: DataSet) -> bool:
    return all(path.is_file() for path in data.paths())


def replace_image(image: Path, other: Path) -> None:
    """Put another picture in an image's place, with its very size and time."""
    before = image.stat()
    content = other.read_bytes()
    image.write_bytes(content)
    os.utime(image, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_nothing_is_said_of_images_that_are_as_they_were(run: RunFolder) -> None:
    assert check(run) == ""
    assert data_story(run) == ()


def test_the_folder_that_is_gone_is_named_and_its_new_place_can_be_told(run: RunFolder, images: Path) -> None:
    images.parent.rename(images.parent.with_name("new place"))
    with pytest.raises(MissingImages) as problem:
        check(run)
    assert f"All 24 images are missing: the folder {images.parent} is not there." in problem.value.sentence
    assert "--data FOLDER" in problem.value.sentence
    said = check(run, images.parent.with_name("new place") / "cells")
    assert "The digests of all 24 images were compared." in said
    assert all_there(read_manifest(run.manifest_file))
    assert check(run) == ""  # it is noted
    assert "new place/cells" in data_story(run)[0]


@pytest.mark.parametrize("named", [".", "cells"])
def test_a_folder_above_the_data_set_will_do(run: RunFolder, images: Path, tmp_path: Path, named: str) -> None:
    images.parent.rename(tmp_path / "archive")
    check(run, tmp_path / "archive" / named)
    assert all_there(read_manifest(run.manifest_file))


def test_images_that_came_back_are_found_again(run: RunFolder, images: Path, tmp_path: Path) -> None:
    images.rename(tmp_path / "away")
    check(run, tmp_path / "away")
    (tmp_path / "away").rename(images)
    with pytest.raises(MissingImages):
        check(run)
    check(run, images)
    assert all_there(read_manifest(run.manifest_file))


def test_a_place_without_the_images_is_a_sentence(run: RunFolder, images: Path, tmp_path: Path) -> None:
    images.rename(tmp_path / "away")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputProblem, match="holds none of the images"):
        check(run, tmp_path / "empty")
    with pytest.raises(InputProblem, match="There is no folder"):
        check(run, tmp_path / "nowhere")
    assert not (run.path / "images.json").exists()


def test_a_moved_class_is_named_and_counted(run: RunFolder, images: Path) -> None:
    first = sorted(path for path in images.iterdir() if path.is_dir())[0]
    shutil.rmtree(first)
    with pytest.raises(MissingImages, match=rf"12 of 24 images are missing: the folder {first} is not there"):
        check(run)


def test_single_missing_images_are_named(run: RunFolder, images: Path) -> None:
    gone = pictures(images)[3]
    gone.unlink()
    with pytest.raises(MissingImages, match=rf"1 of 24 images are missing: {gone}\."):
        check(run)


def test_another_data_set_in_the_new_place_is_refused(run: RunFolder, images: Path, tmp_path: Path) -> None:
    images.rename(tmp_path / "away")
    for image in pictures(tmp_path / "away"):
        image.write_bytes(image.read_bytes() + b"\0")
    with pytest.raises(ChangedData, match="24 of 24 images are not the ones that the run was made with"):
        check(run, tmp_path / "away")


def test_a_replaced_image_of_the_same_size_and_time_is_named(run: RunFolder, images: Path) -> None:
    first, second = pictures(images)[:2]
    replace_image(first, second)
    with pytest.raises(ChangedData) as problem:
        check(run)
    name = first.relative_to(images).as_posix()
    assert f"1 of 24 images is not the one that the run was made with: {name}." in problem.value.sentence
    assert "--accept-changed" in problem.value.sentence
    assert check(run, accept_changed=True)
    assert check(run) == ""  # that version counts from now on
    assert name in data_story(run)[0]
    replace_image(first, pictures(images)[5])
    with pytest.raises(ChangedData):
        check(run)


def test_an_image_that_is_damaged_now_has_changed(run: RunFolder, images: Path) -> None:
    pictures(images)[0].write_bytes(b"")
    with pytest.raises(ChangedData):
        check(run)


def test_of_many_images_the_newer_files_come_first(
    run: RunFolder, images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(manifest_check, "_READ_LIMIT", 0)
    monkeypatch.setattr(manifest_check, "_READ_LEAST", 3)
    time.sleep(0.01)
    last = pictures(images)[-1]
    replace_image(last, pictures(images)[0])
    with pytest.raises(ChangedData, match=last.name):
        check(run)
    replace_image(last, pictures(images)[1])
    said = check(run, accept_changed=True)
    assert "The digests of 3 of 24 images were compared" in said


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("manifest.csv", lambda text: text.replace(",dark,", ",light,", 1)),
        ("split.csv", lambda text: text[:-1].rpartition("\n")[0] + "\n" + text[:-1].rpartition("\n")[2] + " \n"),
        ("experiment.toml", lambda text: text.replace("epochs = ", "epochs = 1", 1)),
    ],
)
def test_an_own_file_that_was_edited_is_named(run: RunFolder, name: str, change: Callable[[str], str]) -> None:
    file = run.path / name
    before = file.read_text()
    file.write_text(change(before))
    assert file.read_text() != before
    with pytest.raises(InputProblem, match=name.replace(".", r"\.")):
        check(run)


def test_edited_settings_are_accepted_when_told(run: RunFolder) -> None:
    file = run.experiment_file
    file.write_text(file.read_text().replace("epochs = ", "epochs = 1", 1))
    check(run, accept_changed=True)
    assert check(run) == ""  # that is what counts from now on
    assert data_story(run) == ("experiment.toml had been changed by hand since the run was made, which was accepted.",)


def test_what_a_resumed_run_may_change_is_no_change(run: RunFolder) -> None:
    text = run.experiment_file.read_text()
    run.experiment_file.write_text(text.replace('devices = "auto"', 'devices = "cpu"', 1))
    assert run.experiment_file.read_text() != text
    assert check(run) == ""


def test_a_run_of_an_earlier_version_has_no_digests_of_its_files(run: RunFolder) -> None:
    lines = [json.loads(line) for line in run.events_file.read_text().splitlines()]
    lines[0].pop("files")
    run.events_file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    run.manifest_file.write_bytes(run.manifest_file.read_bytes().replace(b"\n", b"\r\n"))
    assert check(run) == ""


def test_images_of_a_table_are_found_wherever_they_lay(images: Path, tmp_path: Path) -> None:
    table = tmp_path / "lists" / "cells.csv"
    table.parent.mkdir()
    rows = [f"{path},{path.parent.name}" for path in pictures(images) if path.suffix == ".jpg"]
    table.write_text("path,label\n" + "\n".join(rows) + "\n")
    run = made(table, tmp_path)
    images.parent.rename(tmp_path / "server")
    check(run, tmp_path / "server" / "cells")
    assert all_there(read_manifest(run.manifest_file))


def test_labels_and_marks_that_changed_do_not_reach_the_run_and_that_is_said(images: Path, tmp_path: Path) -> None:
    table = images / "cells.csv"
    rows = [f"{path.relative_to(images)},{path.parent.name}" for path in pictures(images)]
    table.write_text("path,label\n" + "\n".join(rows) + "\n")
    run = made(table, tmp_path)
    assert check(run) == ""
    table.write_text(table.read_text().replace(",dark", ",light", 1))
    assert check(run) == "cells.csv has changed; the run keeps the labels that it was made with."
    marks = marks_file(str(table), "auto")
    assert marks is not None
    marks.write_text("image,mark\n")
    assert "The marks on the images have changed" in check(run)
    images.rename(tmp_path / "moved")
    assert "The marks on the images have changed" in check(run, tmp_path / "moved")


def test_images_in_one_npz_file_are_found(tmp_path: Path) -> None:
    numbers = np.random.default_rng(0)
    arrays = {}
    for part, count in (("train", 12), ("val", 6), ("test", 6)):
        arrays[f"{part}_images"] = numbers.integers(0, 255, (count, 28, 28, 3), np.uint8)
        arrays[f"{part}_labels"] = np.arange(count).reshape(-1, 1) % 2
    (tmp_path / "old").mkdir()
    np.savez(tmp_path / "old" / "mnist.npz", **arrays)
    run = made(tmp_path / "old" / "mnist.npz", tmp_path, **{"split.method": "predefined"})
    (tmp_path / "old").rename(tmp_path / "new")
    with pytest.raises(MissingImages):
        check(run)
    check(run, tmp_path / "new" / "mnist.npz")
    assert check(run) == ""


def test_a_run_that_cant_be_written_cant_be_told_a_place_and_says_so(
    run: RunFolder, images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images.rename(tmp_path / "moved")
    monkeypatch.setattr(manifest_check, "folder_problem", lambda folder, locks: "That disk is mounted read-only.")
    with pytest.raises(
        InputProblem, match=r"can't be noted in the run: That disk is mounted read-only\. Put the images"
    ) as told:
        tell_where_images_are(run, Told((tmp_path / "moved",)))
    assert told.value.code == "storage"
    with pytest.raises(InputProblem, match=r"is not there\. Where the images are now can't be noted in the run"):
        require_images([images / "none.png"], run)


def test_a_damaged_note_is_a_sentence_and_not_forgotten(run: RunFolder, images: Path, tmp_path: Path) -> None:
    images.rename(tmp_path / "away")
    check(run, tmp_path / "away")
    (run.path / "images.json").write_text('{"version": 1, "moves": 7, "accepted": {}}')
    with pytest.raises(InputProblem, match=r"images\.json is damaged"):
        read_manifest(run.manifest_file)


def test_the_story_counts_and_names(run: RunFolder) -> None:
    append_to_run(run, RunWarning("something else"))
    append_to_run(run, ImagesMoved("/old", "/new", 24, 24))
    append_to_run(run, ImagesAccepted(7, 24, ("a", "b", "c", "d", "e", "f")))
    moved, accepted = data_story(run)
    assert moved == "The images of /old are read from /new; the digests of 24 of 24 were compared."
    assert "a, b, c, d, e and 2 more" in accepted
