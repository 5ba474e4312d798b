"""A split that is used again: by name or file, on the very same images only."""

from __future__ import annotations

import shutil
import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from aimic_tui.engine.data.manifest import read_manifest
from aimic_tui.engine.data.splitting.split import read_split
from aimic_tui.engine.errors import AimicError, InputProblem
from aimic_tui.engine.event_log import EventReader
from aimic_tui.engine.experiment import Experiment
from aimic_tui.engine.run_folder import RunFolder
from aimic_tui.engine.runs.prepare.creation import create_run
from aimic_tui.engine.runs.prepare.first_trial import first_trial
from aimic_tui.engine.runs.status import read_status
from aimic_tui.engine.workspace_folder import Workspace


def experiment(data: Path, **values: Any) -> Experiment:
    keys = {"data.path": str(data), "model.weights": "none", "split.folds": 3}
    return Experiment().with_values({**keys, **{key.replace("__", "."): value for key, value in values.items()}})


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "space")


@pytest.fixture
def data(tmp_path: Path, cells: Path) -> Path:
    return Path(shutil.copytree(cells, tmp_path / "cells"))


@pytest.fixture
def first(workspace: Workspace, data: Path) -> RunFolder:
    return create_run(experiment(data, name="first", split__repeats=2, split__validation=0.3), workspace, [])


def test_another_run_gets_the_same_split_its_groups_and_its_settings(
    workspace: Workspace, data: Path, first: RunFolder
) -> None:
    wanted = experiment(data, name="second", split__from="latest", split__folds=5, seed=9, model__networks=["resnet18"])
    second = create_run(wanted, workspace, [])

    assert second.split_file.read_bytes() == first.split_file.read_bytes()
    before, after = read_manifest(first.manifest_file), read_manifest(second.manifest_file)
    assert [before.group_names[code] for code in before.groups] == [after.group_names[code] for code in after.groups]
    resolved, source = (Experiment.from_file(run.experiment_file) for run in (second, first))
    assert resolved.split.from_ == str(first.split_file)
    assert (resolved.split.folds, resolved.split.repeats, resolved.split.validation) == (3, 2, 0.3)
    assert resolved.data.group == source.data.group
    assert [trial.seed for trial in read_status(second).trials] == [9] * 6
    told = [event.get("sentence", "") for event in EventReader(second.events_file).new()]
    assert any(f"The split of {first.name} is used again" in sentence for sentence in told)


def test_a_resolved_experiment_can_be_run_again(workspace: Workspace, data: Path, first: RunFolder) -> None:
    second = create_run(experiment(data, name="second", split__from=str(first.path)), workspace, [])
    third = create_run(Experiment.from_file(second.experiment_file, ["name=third"]), workspace, [])
    assert third.split_file.read_bytes() == first.split_file.read_bytes()


def test_a_file_with_its_manifest_is_enough(workspace: Workspace, data: Path, first: RunFolder, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    for file in (first.split_file, first.manifest_file):
        shutil.copy(file, kept)
    toml = kept / "mine.toml"
    toml.write_text(f'[data]\npath = "{data}"\n[model]\nweights = "none"\n[split]\nfrom = "split.csv"\n')
    second = create_run(Experiment.from_file(toml), workspace, [])
    assert second.split_file.read_bytes() == first.split_file.read_bytes()
    resolved = Experiment.from_file(second.experiment_file)
    assert (resolved.split.method, resolved.split.folds, resolved.split.repeats) == ("k-fold", 3, 2)


def test_inner_folds_are_made_within_the_given_folds(workspace: Workspace, data: Path, first: RunFolder) -> None:
    nested = create_run(experiment(data, name="n", split__from=first.name, split__inner_folds=2), workspace, [])
    images = read_manifest(nested.manifest_file).images
    split = read_split(nested.split_file, images)
    assert (split.folds, split.inner_folds) == (6, 2)
    again = create_run(experiment(data, name="m", split__from=nested.name, split__inner_folds=2, seed=5), workspace, [])
    assert (read_split(again.split_file, images).inner == split.inner).all()
    without = create_run(experiment(data, name="o", split__from=nested.name), workspace, [])
    assert read_split(without.split_file, images).inner is None


def changed_label(data: Path) -> None:
    (data / "dark" / "smear000_dark0.jpg").rename(data / "light" / "smear000_dark0.jpg")


def another_image(data: Path) -> None:
    shutil.copy(data / "dark" / "smear000_dark0.jpg", data / "dark" / "smear900_more.jpg")


def one_image_less(data: Path) -> None:
    (data / "dark" / "smear000_dark0.jpg").unlink()


def another_content(data: Path) -> None:
    Image.fromarray(np.zeros((32, 32, 3), np.uint8)).save(data / "dark" / "smear000_dark0.jpg")


def a_class_under_another_name(data: Path) -> None:
    (data / "dark").rename(data / "gloomy")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (another_image, r"1 image \(dark/smear900_more\.jpg\) of the data set is not in \d{8}-\d{6}-first"),
        (one_image_less, r"1 image \(dark/smear000_dark0\.jpg\) of .*-first is not in the data set"),
        (changed_label, r"1 image \(dark/smear000_dark0\.jpg\) of .*first is not in the data set; 1 image \(light/"),
        (
            a_class_under_another_name,
            r"12 images \(dark/.*\.\.\.\) of .* are not in the data set; 12 images",
        ),
        (another_content, r"1 image \(dark/smear000_dark0\.jpg\) has changed since .*-first was made"),
    ],
)
def test_other_images_are_refused_with_their_numbers_and_names(
    workspace: Workspace, data: Path, first: RunFolder, change: Any, why: str
) -> None:
    change(data)
    with pytest.raises(InputProblem, match=why):
        create_run(experiment(data, name="second", split__from=first.name), workspace, [])
    assert [run.name for run in workspace.runs()] == [first.name]


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"split.from": "nowhere"}, "no run nowhere"),
        ({"split.from": "/nowhere/split.csv"}, "there is no such file"),
        ({"data.group": "^(s)"}, r"1 group of data\.group = \^\(s\) spans several groups"),
        ({"split.protocol": "aimic-2022"}, "has validation parts, which split.protocol = aimic-2022"),
        ({"split.inner_folds": 1}, "split.inner_folds = 1 divides nothing"),
    ],
)
def test_what_does_not_go_with_the_split_is_a_sentence(
    workspace: Workspace, data: Path, first: RunFolder, values: dict[str, Any], why: str
) -> None:
    with pytest.raises(AimicError, match=why):
        create_run(experiment(data, split__from=first.name).with_values(values), workspace, [])


def test_a_published_split_is_no_honest_one(workspace: Workspace, data: Path) -> None:
    published = create_run(experiment(data, split__protocol="aimic-2022", name="p"), workspace, [])
    with pytest.raises(InputProblem, match=r"fold 1 of .*-p has no validation part"):
        create_run(experiment(data, split__from=published.name), workspace, [])


def test_undersampling_needs_a_split_that_was_undersampled(workspace: Workspace, data: Path) -> None:
    one_image_less(data)
    whole = create_run(experiment(data, name="whole"), workspace, [])
    with pytest.raises(InputProblem, match=r"of unequal size, and data.balance = undersample drops images"):
        create_run(experiment(data, split__from=whole.name, data__balance="undersample"), workspace, [])
    equal = create_run(experiment(data, name="equal", data__balance="undersample"), workspace, [])
    again = create_run(experiment(data, split__from=equal.name, data__balance="undersample"), workspace, [])
    assert again.split_file.read_bytes() == equal.split_file.read_bytes()


def test_a_changed_split_that_parts_a_group_is_refused(workspace: Workspace, data: Path, first: RunFolder) -> None:
    lines = first.split_file.read_text().splitlines()
    place = next(place for place, line in enumerate(lines) if line.endswith(",1,train"))
    lines[place] = lines[place].replace(",1,train", ",1,validation")
    first.split_file.write_text("\n".join(lines) + "\n")
    with pytest.raises(InputProblem, match=r"Fold 1 has 1 group in more than one part"):
        create_run(experiment(data, split__from=first.name), workspace, [])


def test_what_is_tried_before_a_run_is_tried_on_the_given_split(
    workspace: Workspace, data: Path, first: RunFolder, tmp_path: Path
) -> None:
    made = experiment(data, split__from="latest", seed=4)
    task = first_trial(made, None, workspace, tmp_path / "try", "cpu")
    given = read_split(first.split_file, task.data_set.images)
    assert (task.split.parts == given.parts).all()


def test_a_split_of_classes_in_another_unicode_form_fits(workspace: Workspace, data: Path, first: RunFolder) -> None:
    """Runs of 0.1 kept the form that a folder had."""
    nfc, nfd = (unicodedata.normalize(form, "häll") for form in ("NFC", "NFD"))
    text = first.manifest_file.read_text("utf-8")
    first.manifest_file.write_text(text.replace(",light,", f",{nfd},"), "utf-8")
    assert read_manifest(first.manifest_file).classes == ("dark", nfd)  # a run's own file is read as it stands
    again = experiment(data, name="second", split__from="latest", data__classes={"light": nfc})
    assert read_manifest(create_run(again, workspace, []).manifest_file).classes == ("dark", nfc)
