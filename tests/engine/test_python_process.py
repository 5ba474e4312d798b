"""No process of the program runs code that lies in the folder someone stands in."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

import aimic_tui
from aimic_tui.engine.python_process import python_command, python_environment
from aimic_tui.engine.run_folder import RunFolder
from tests.drawn_cells import draw_cells

# Modules that only a debugger or an installer would look for, and those that are built in and never looked for.
NAMES = sorted(sys.stdlib_module_names - set(sys.builtin_module_names) - {"antigravity", "this", "sitecustomize"})
LIBRARIES = [
    "torch",
    "numpy",
    "click",
    "rich",
    "textual",
    "PIL",
    "psutil",
    "pydantic",
    "timm",
    "torchvision",
    "sklearn",
]
PLANTED = "open(__import__('os').environ['MARK'], 'a').write(__name__ + ' ')\n"


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    for name in [*NAMES, *LIBRARIES, "aimic_tui"]:
        (folder / f"{name}.py").write_text(PLANTED)
    return folder


def started(
    command: list[str], folder: Path, tmp_path: Path, path: str
) -> tuple[subprocess.CompletedProcess[str], str]:
    mark = tmp_path / "mark"
    own = {"PYTHONPATH": path, "MARK": str(mark), "AIMIC_WORKSPACE": str(tmp_path / "ws")}
    environment = python_environment({**os.environ, **own})
    ended = subprocess.run(command, cwd=folder, env=environment, capture_output=True, encoding="utf-8", check=False)
    return ended, mark.read_text() if mark.exists() else ""


def test_the_planted_modules_would_be_run(planted: Path, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    program = "import sys; sys.path.insert(0, ''); import json"  # as Python starts where nothing forbids it
    subprocess.run([sys.executable, "-c", program], cwd=planted, env={**os.environ, "MARK": str(mark)}, check=False)
    assert "json" in mark.read_text()


@pytest.mark.parametrize(
    ("module", "arguments"),
    [
        ("aimic_tui", ["networks", "--json"]),
        ("aimic_tui", ["runs"]),
        ("aimic_tui.engine.models.torch_devices", []),
    ],
)
def test_a_process_runs_nothing_from_the_current_folder(
    module: str, arguments: list[str], planted: Path, tmp_path: Path
) -> None:
    ended, ran = started(python_command(module, *arguments), planted, tmp_path, ":.:")
    assert (ended.returncode, ran) == (0, ""), ended.stderr


def test_a_command_that_starts_others_runs_nothing_from_the_current_folder(planted: Path, tmp_path: Path) -> None:
    ended, ran = started(python_command("aimic_tui", "doctor"), planted, tmp_path, "")
    assert "PyTorch" in ended.stdout and "can't be" not in ended.stdout
    assert ran == ""


def test_a_program_started_by_its_module_leaves_the_current_folder(tmp_path: Path) -> None:
    # Python itself has imported what it needs by then; the rest must come from where it belongs.
    for name in ("click", "textual", "rich", "json", "torch"):
        (tmp_path / f"{name}.py").write_text(PLANTED)
    mark = tmp_path / "mark"
    environment = {**os.environ, "PYTHONPATH": str(Path(aimic_tui.__file__).parent.parent), "MARK": str(mark)}
    environment.pop("PYTHONSAFEPATH", None)
    command = [sys.executable, "-m", "aimic_tui", "networks", "resnet18"]
    ended = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, encoding="utf-8", check=False)
    assert ended.returncode == 0 and not mark.exists(), ended.stderr


def test_every_python_process_is_started_in_one_place() -> None:
    package = Path(aimic_tui.__file__).parent
    places = {
        file.relative_to(package).as_posix()
        for file in package.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.Attribute) and node.attr == "executable"
    }
    assert places == {"engine/python_process.py", "engine/utf8.py"}  # the latter starts this very program anew


def test_relative_entries_of_the_path_are_left_out() -> None:
    given = {"PYTHONPATH": ":lib:/opt/lib:.", "OTHER": "kept"}
    assert python_environment(given) == {"PYTHONPATH": "/opt/lib", "OTHER": "kept", "PYTHONSAFEPATH": "1"}
    assert "PYTHONPATH" not in python_environment({"PYTHONPATH": "."})


def test_names_are_utf8_whatever_the_locale(tmp_path: Path) -> None:
    environment = {**python_environment(os.environ), "LC_ALL": "C", "PYTHONUTF8": "0"}
    command = python_command("aimic_tui.engine.models.torch_devices")
    assert command[1:3] == ["-X", "utf8"]
    ended = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, check=False)
    assert ended.returncode == 0 and metadata.version("torch").encode() in ended.stdout


@pytest.mark.slow
def test_a_run_and_all_its_processes_run_nothing_from_the_current_folder(planted: Path, tmp_path: Path) -> None:
    draw_cells(tmp_path / "cells", 8, "{number}")
    settings = ["model.image_size=32", "training.epochs=1", "split.folds=2", "model.weights=none", "compute.workers=1"]
    settings.append('model.networks=["tf_efficientnet_lite0"]')
    options = [part for setting in settings for part in ("--set", setting)]
    command = python_command("aimic_tui", "train", "--data", str(tmp_path / "cells"), *options)
    ended, ran = started(command, planted, tmp_path, ":.")
    assert (ended.returncode, ran) == (0, ""), ended.stderr
    (run,) = (tmp_path / "ws" / "runs").iterdir()
    assert RunFolder(run).report_file.exists() and RunFolder(run).baseline_record.exists()
