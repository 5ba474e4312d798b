"""`aimic train` from outside: what it prints where, and how it leaves."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from aimic_tui.engine.errors import AimicError
from aimic_tui.engine.experiment import settings
from aimic_tui.engine.files import is_locked
from aimic_tui.engine.run_folder import RunFolder, TrialKey
from aimic_tui.engine.runs.control import request_stop
from aimic_tui.engine.runs.status import read_status
from aimic_tui.engine.workspace_folder import Workspace
from tests.commands.calling import call
from tests.drawn_cells import draw_cells

SMALL = [
    "model.networks=test_resnet",
    "model.weights=none",
    "model.image_size=32",
    "training.batch_size=4",
    "compute.threads=1",
    "compute.devices=cpu",
    "split.folds=2",
]


def program(workspace: Path, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "aimic_tui", "--workspace", str(workspace), *arguments]


def aimic(workspace: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(program(workspace, *arguments), capture_output=True, text=True, check=False, timeout=600)


def sets(values: Sequence[str]) -> list[str]:
    return [part for value in values for part in ("--set", value)]


@pytest.fixture(scope="session")
def cells(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "cells"
    draw_cells(folder, 10, "{label}{number}")
    return folder


def test_help_names_every_setting(tmp_path: Path) -> None:
    answer = aimic(tmp_path, "train", "--help")
    assert answer.returncode == 0
    assert [setting.key for setting in settings() if f"  {setting.key} " not in answer.stdout] == []


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        ([], 2, "Say what to train on"),
        (["nowhere.toml"], 2, "nowhere.toml can't be read"),
        (["--data", "nowhere"], 3, "nowhere"),
        (["--data", "CELLS", "--set", "training.epochs=-3"], 2, "training.epochs = -3 must be a whole number from 1"),
        (["--data", "CELLS", "--set", "training.epoch=3"], 2, "Did you mean training.epochs?"),
        (["--data", "CELLS", "--set", "model.networks=mobilenet_v9"], 2, "mobilenet_v9"),
        (["--data", "CELLS", "--preset", "fast"], 2, "quick, standard, thorough, paper"),
        (["--data", "CELLS", "--set", "model.weights=none", "--set", "split.folds=11"], 3, "fold"),
    ],
)
def test_what_is_wrong_is_a_sentence_and_leaves_nothing(
    tmp_path: Path, cells: Path, arguments: list[str], code: int, sentence: str
) -> None:
    given = [str(cells) if argument == "CELLS" else argument for argument in arguments]
    answer = call(tmp_path / "space", "train", *given)
    assert (answer.returncode, answer.stdout) == (code, "")
    assert sentence in answer.stderr
    assert "Traceback" not in answer.stderr
    assert Workspace(tmp_path / "space").runs() == []


@pytest.mark.slow
def test_in_the_foreground_it_prints_the_folder_last_and_leaves_with_0(
    tmp_path: Path, cells: Path, forked: None
) -> None:
    file = tmp_path / "experiment.toml"
    file.write_text(f'name = "two kinds"\n[data]\npath = "{cells}"\n[training]\nepochs = 50\n')
    answer = call(tmp_path, "train", str(file), *sets([*SMALL, "training.epochs=2"]))
    assert answer.returncode == 0, answer.stderr
    folder = RunFolder(Path(answer.stdout.splitlines()[-1]))
    assert folder.name.endswith("-two-kinds")
    status = read_status(folder)
    assert (status.state, status.epochs) == ("finished", 2)  # --set goes before the file
    assert "\r" not in answer.stderr
    assert f"{status.trials[0].key.name}: finished" in answer.stderr


@pytest.mark.slow
def test_ctrl_c_stops_it_and_resume_goes_on(tmp_path: Path, cells: Path, forked: None) -> None:
    arguments = ["train", "--data", str(cells), *sets([*SMALL, "training.epochs=400", "training.patience=400"])]
    process = subprocess.Popen(program(tmp_path, *arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 200
    first = TrialKey("test_resnet", 1)
    while not ((runs := Workspace(tmp_path).runs()) and runs[0].trial(first).checkpoint_file.exists()):
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=200)
    assert process.returncode == 130
    assert stdout.splitlines()[-1] == str(runs[0].path)
    assert f"aimic resume {runs[0].name}" in stderr
    assert read_status(runs[0]).state == "stopped"

    detached = call(tmp_path, "resume", "latest", "--detach", "--json")
    assert detached.returncode == 0
    assert json.loads(detached.stdout)["state"] == "running"
    assert call(tmp_path, "stop", "latest").returncode == 0
    assert read_status(runs[0]).state == "stopped"
    watched = call(tmp_path, "watch", "latest", "--plain")
    assert watched.returncode == 1
    assert "epoch 1: loss" in watched.stdout


@pytest.mark.slow
def test_what_the_split_lacks_is_said_on_stderr(tmp_path: Path, cells: Path, forked: None) -> None:
    data = Path(shutil.copytree(cells, tmp_path / "cells"))
    for image in sorted((data / "dark").iterdir())[2:]:
        image.unlink()
    answer = call(tmp_path / "space", "train", "--data", str(data), "--detach", *sets([*SMALL, "training.epochs=1"]))
    (run,) = Workspace(tmp_path / "space").runs()
    request_stop_and_wait(run)
    assert "! The validation part of fold 1; 2 has no image of the class dark (2 images in 2" in answer.stderr


def request_stop_and_wait(run: RunFolder) -> None:
    with suppress(AimicError):
        request_stop(run)
    deadline = time.monotonic() + 120
    while is_locked(run.lock_file):
        assert time.monotonic() < deadline
        time.sleep(0.1)
