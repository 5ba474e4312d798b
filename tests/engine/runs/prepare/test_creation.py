"""What is checked before a run is made, and what its folder then holds."""

from __future__ import annotations

import errno
import os
import shutil
import stat
from pathlib import Path
from typing import Any

import pytest

from aimic_tui.engine import files
from aimic_tui.engine.bounded_files import read_json
from aimic_tui.engine.data.manifest import read_manifest
from aimic_tui.engine.data.splitting.split import read_split
from aimic_tui.engine.errors import AimicError, InputProblem, UsageProblem
from aimic_tui.engine.event_log import EventReader
from aimic_tui.engine.experiment import Experiment
from aimic_tui.engine.runs.prepare import creation
from aimic_tui.engine.runs.prepare.creation import create_run, creation_warnings
from aimic_tui.engine.runs.prepare.plan import make_plan
from aimic_tui.engine.runs.status import read_status
from aimic_tui.engine.workspace_folder import Workspace


def experiment(data: Path, **values: Any) -> Experiment:
    keys = {"data.path": str(data), "model.weights": "none", "split.folds": 3}
    return Experiment().with_values({**keys, **{key.replace("__", "."): value for key, value in values.items()}})


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "space")


def test_a_new_run_holds_all_that_is_needed_to_carry_it_out(workspace: Workspace, cells: Path) -> None:
    made = experiment(cells, model__networks=["mobilenet_v2", "resnet18", "mobilenet_v2"], seed=3)
    folder = create_run(made, workspace, ["aimic", "train", "--data", "cells"])

    status = read_status(folder)
    assert (status.state, status.run, status.folds, status.pid) == ("queued", folder.name, 3, None)
    assert folder.name.endswith("-cells")
    assert [trial.key.name for trial in status.trials][:4] == [
        "mobilenet_v2/fold-1-seed-3",
        "mobilenet_v2/fold-2-seed-3",
        "mobilenet_v2/fold-3-seed-3",
        "resnet18/fold-1-seed-3",
    ]
    resolved = Experiment.from_file(folder.experiment_file)
    assert (resolved.name, resolved.data.path) == ("cells", str(cells))
    assert resolved.data.group not in ("auto", "none")  # the names show the smear
    assert resolved.model.networks == ["mobilenet_v2", "resnet18"]
    assert (resolved.training.seeds, len(status.trials)) == (3, 2 * 3 * 3)  # a comparison, so three seeds
    data_set = read_manifest(folder.manifest_file)
    assert len(data_set) == 24
    assert len(read_split(folder.split_file, data_set.images).parts) == 3
    environment = read_json(folder.environment_file)
    assert environment["command_line"] == ["aimic", "train", "--data", "cells"]
    assert environment["versions"]["torch"]
    assert [path.name for path in workspace.runs_folder.iterdir()] == [folder.name]
    assert workspace.data_sets()[0].images == 24


def test_runs_of_the_same_second_and_name_stay_apart(workspace: Workspace, cells: Path) -> None:
    names = {create_run(experiment(cells, name="Größe/../x"), workspace, []).name for _ in range(3)}
    assert len(names) == 3
    assert all(name.isascii() and "/" not in name for name in names)


@pytest.mark.parametrize(
    ("values", "kind", "why"),
    [
        ({"data.path": ""}, UsageProblem, "data.path is empty"),
        ({"data.path": "/nowhere/at/all"}, InputProblem, "/nowhere/at/all"),
        ({"model.networks": ["mobilenet_v9"]}, UsageProblem, "mobilenet_v9"),
        ({"model.weights": "/nowhere/weights.pth"}, InputProblem, "weights.pth"),
        ({"compute.devices": "tpu"}, UsageProblem, "compute.devices"),
        ({"compute.devices": "cuda:99"}, InputProblem, "GPU|cuda:99"),
        ({"split.folds": 13}, InputProblem, "fold"),
        ({"model.networks": ["inception_v3"], "model.image_size": 32}, UsageProblem, "inception_v3"),
    ],
)
def test_what_cannot_work_is_said_before_anything_is_left_behind(
    workspace: Workspace, cells: Path, values: dict[str, Any], kind: type[AimicError], why: str
) -> None:
    with pytest.raises(kind, match=why):
        create_run(experiment(cells).with_values(values), workspace, [])
    assert workspace.runs() == []
    assert not list(workspace.runs_folder.glob("*")) if workspace.runs_folder.exists() else True


@pytest.mark.parametrize("content", [b"", b"no image"])
def test_an_unreadable_image_is_said_with_its_name(
    workspace: Workspace, cells: Path, tmp_path: Path, content: bytes
) -> None:
    data = tmp_path / "cells"
    shutil.copytree(cells, data)
    (data / "dark" / "smear000_broken.jpg").write_bytes(content)
    with pytest.raises(InputProblem, match=r"smear000_broken\.jpg"):
        create_run(experiment(data), workspace, [])
    assert not list(workspace.runs_folder.glob("*")) if workspace.runs_folder.exists() else True


def test_a_single_class_is_a_sentence(workspace: Workspace, cells: Path, tmp_path: Path) -> None:
    shutil.copytree(cells / "dark", tmp_path / "cells" / "dark")
    with pytest.raises(InputProblem, match="class"):
        create_run(experiment(tmp_path / "cells"), workspace, [])


def test_seeds_and_inner_folds_are_trials_of_their_own(workspace: Workspace, cells: Path) -> None:
    made = experiment(
        cells,
        data__group="none",
        model__networks=["mobilenet_v2", "resnet18"],
        seed=3,
        training__seeds=2,
        split__folds=2,
        split__inner_folds=2,
        split__repeats=2,
    )
    folder = create_run(made, workspace, [])
    status = read_status(folder)
    names = [trial.key.name for trial in status.trials]
    assert status.folds == 4
    assert len(names) == len(set(names)) == 2 * 4 * 2 + 2 * 4 * 2
    assert names[:5] == [*(f"mobilenet_v2/fold-{fold}-seed-3" for fold in range(1, 5)), "resnet18/fold-1-seed-3"]
    assert names[8] == "mobilenet_v2/fold-1-seed-4"
    # One seed is enough to choose by.
    assert names[16:19] == [f"mobilenet_v2/fold-{one}-seed-3" for one in ("1-inner-1", "1-inner-2", "2-inner-1")]
    split = read_split(folder.split_file, read_manifest(folder.manifest_file).images)
    assert (split.folds, split.repeats, split.inner_folds) == (4, 2, 2)


def test_what_the_split_lacks_is_part_of_the_story(workspace: Workspace, cells: Path, tmp_path: Path) -> None:
    data = Path(shutil.copytree(cells, tmp_path / "cells"))
    for image in sorted((data / "dark").iterdir())[4:]:
        image.unlink()
    folder = create_run(experiment(data, split__folds=2), workspace, [])
    warnings = [e["sentence"] for e in EventReader(folder.events_file).new() if e["event"] == "warning"]
    assert any(
        "The validation part of fold 1; 2 has no image of the class dark (4 images in 2 groups" in warning
        for warning in warnings
    )


def test_a_workspace_without_locks_is_refused_before_an_image_is_read(
    workspace: Workspace, cells: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_locks(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(files.fcntl, "flock", no_locks)
    monkeypatch.setattr(creation, "prepare_images", lambda *_: pytest.fail("the images were read"))
    with pytest.raises(InputProblem, match=r"has no locks.*--workspace") as caught:
        create_run(experiment(cells), workspace, [])
    assert caught.value.code == "storage"
    assert not workspace.root.exists()


def test_a_run_in_a_shared_workspace_belongs_to_its_group(workspace: Workspace, cells: Path) -> None:
    workspace.runs_folder.mkdir(parents=True)
    workspace.runs_folder.chmod(0o2775)
    before = os.umask(0o002)
    try:
        folder = create_run(experiment(cells), workspace, [])
    finally:
        os.umask(before)
    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o2775


def test_names_to_look_at_are_told_before_anything_is_trained(
    workspace: Workspace, cells: Path, tmp_path: Path
) -> None:
    images = sorted(path for path in cells.rglob("*") if path.is_file())
    labels = {"dark": ("Dark", "dark "), "light": ("light", "nan")}
    rows = [f"{path},{labels[path.parent.name][number % 2]}" for number, path in enumerate(images)]
    table = tmp_path / "list.csv"
    table.write_text("path,label\n" + "\n".join(rows) + "\n")
    made = experiment(table, data__balance="none", split__folds=2)
    warned = creation_warnings(create_run(made, workspace, []))
    assert any('"Dark" (6 images) and "dark" (6 images) differ only in case' in sentence for sentence in warned)
    assert any("6 images have no label" in sentence for sentence in warned)
    keys = {item.key: item.sentence for item in make_plan(made, workspace).suggestions}
    assert "--set data.classes=" in keys["data.classes"]


def test_a_draft_that_a_killed_command_left_goes_and_one_in_the_making_stays(workspace: Workspace, cells: Path) -> None:
    dead, alive = (workspace.runs_folder / f"{creation.DRAFT_PREFIX}{name}" for name in ("dead", "alive"))
    for draft in (dead, alive):
        draft.mkdir(parents=True)
    lock = files.FileLock(alive / "lock")
    assert lock.acquire()
    for draft in (dead, alive):
        os.utime(draft, (0, 0))
    folder = create_run(experiment(cells), workspace, [])
    assert alive.is_dir() and not dead.exists()
    assert not files.is_locked(folder.lock_file)
    lock.release()
