"""Rule 1 of docs/design.md: the engine knows no screen, the screens know no tensor. Seen in fresh interpreters."""

from __future__ import annotations

import importlib.util
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest
import tomli

import aimic_tui
import aimic_tui.engine
import aimic_tui.screens
import aimic_tui.widgets

TENSORS = ("torch", "torchvision", "timm", "sklearn")
# What only the worker process and the commands that need a network may import.
WITH_TORCH = (
    "aimic_tui.engine.training",
    "aimic_tui.engine.inference",
    "aimic_tui.engine.models.build",
    "aimic_tui.engine.models.weights",
    "aimic_tui.engine.models.wrapped_weights",
    "aimic_tui.engine.models.catalogue_table",
    "aimic_tui.engine.models.published",
    "aimic_tui.engine.runs.work.worker",
)


def modules_below(package: object) -> list[str]:
    path, name = package.__path__, package.__name__  # type: ignore[attr-defined]
    return [info.name for info in pkgutil.walk_packages(path, name + ".")]


def loaded_after(imports: list[str], names: tuple[str, ...]) -> list[str]:
    """Import modules in a fresh interpreter and return which of `names` came with them."""
    program = (
        f"import sys, importlib\nfor name in {imports!r}: importlib.import_module(name)\n"
        f"print(*[name for name in {names!r} if name in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    return answer.stdout.split()


def without_torch() -> list[str]:
    return [name for name in modules_below(aimic_tui.engine) if not name.startswith(WITH_TORCH)]


def test_the_engine_never_imports_a_screen() -> None:
    assert loaded_after(without_torch(), ("textual", "rich", "plotext", "click")) == []


@pytest.mark.slow
def test_the_engine_never_imports_a_screen_not_even_where_it_trains() -> None:
    assert loaded_after(modules_below(aimic_tui.engine), ("textual", "plotext", "click")) == []


def test_what_screens_use_of_the_engine_never_imports_a_tensor() -> None:
    assert loaded_after(without_torch(), TENSORS) == []


def test_the_app_with_all_its_screens_never_imports_a_tensor() -> None:
    screens = modules_below(aimic_tui.screens) + modules_below(aimic_tui.widgets)
    assert loaded_after(["aimic_tui.app.app", "aimic_tui.workspace.machine", *screens], TENSORS) == []


def test_home_is_light() -> None:
    imports = ["aimic_tui.commands.open_app", "aimic_tui.app.app", "aimic_tui.screens.home.screen"]
    assert loaded_after(imports, (*TENSORS, "pydantic", "numpy", "PIL", "plotext", "pynvml", "psutil")) == []


def test_a_module_in_the_users_folder_does_not_replace_ours(tmp_path: Path) -> None:
    (tmp_path / "textual.py").write_text("raise SystemExit('wrong textual')")
    answer = subprocess.run(
        [Path(sys.executable).with_name("aimic"), "--help"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stderr


def test_every_module_named_here_is_there() -> None:
    missing = [name for name in WITH_TORCH if importlib.util.find_spec(name) is None]
    assert missing == []


def test_every_package_and_module_stands_in_the_layer_contract() -> None:
    """What stands in none is held to nothing: it may import whatever it likes."""
    project = tomli.loads((Path(__file__).parents[1] / "pyproject.toml").read_text("utf-8"))
    (contract,) = (each for each in project["tool"]["importlinter"]["contracts"] if each["type"] == "layers")
    layers = {name.strip() for layer in contract["layers"] for name in layer.split(":")}
    top = [f"aimic_tui.{info.name}" for info in pkgutil.iter_modules(aimic_tui.__path__)]
    rooms = [f"aimic_tui.engine.{info.name}" for info in pkgutil.iter_modules(aimic_tui.engine.__path__)]
    assert len(top) > 5 and len(rooms) > 5
    assert layers == {*top, *rooms} - {"aimic_tui.engine"}
