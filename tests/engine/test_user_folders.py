"""The user's folders, with and without a home."""

from __future__ import annotations

import ast
import pwd
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

import aimic_tui
from aimic_tui.app.settings import Settings, user_settings
from aimic_tui.commands.doctor import doctor
from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.models.weights_folder import weights_folder
from aimic_tui.engine.user_folders import config_folder, data_folder, expanded, home
from aimic_tui.wording.paths import short_path

VARIABLES = ("XDG_DATA_HOME", "XDG_CONFIG_HOME", "AIMIC_WEIGHTS", "AIMIC_SETTINGS")


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def homeless(monkeypatch: pytest.MonkeyPatch) -> None:
    """A user id without an entry in the list of users, and no HOME."""

    def unknown(_: object) -> None:
        raise KeyError

    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr(pwd, "getpwuid", unknown)


def test_folders_are_where_linux_keeps_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    assert data_folder("weights", "X") == Path("/home/ada/.local/share/aimic")
    assert config_folder("preferences", "X") == Path("/home/ada/.config/aimic")
    assert expanded("~/blood") == Path("/home/ada/blood")
    assert expanded("~//blood") == Path("/home/ada/blood")
    assert expanded("~") == Path("/home/ada")
    assert short_path(Path("/home/ada/blood")) == "~/blood"
    monkeypatch.setenv("XDG_DATA_HOME", "/scratch/data")
    assert data_folder("weights", "X") == Path("/scratch/data/aimic")
    monkeypatch.setenv("XDG_DATA_HOME", "relative/data")
    assert data_folder("weights", "X") == Path("/home/ada/.local/share/aimic")


@pytest.mark.parametrize("call", [weights_folder, lambda: config_folder("the preferences", "AIMIC_SETTINGS")])
def test_without_a_home_a_sentence_says_what_to_set(call: Callable[[], Path], homeless: None) -> None:
    with pytest.raises(InputProblem, match=r"HOME is not set.*Set AIMIC_\w+ to its place, or set HOME or XDG_"):
        call()


@pytest.mark.parametrize("value", ["", ".", "home/ada"])
def test_a_home_that_is_no_absolute_path_is_none(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", value)
    assert home() is None
    assert expanded("~/blood") == Path("~/blood")
    with pytest.raises(InputProblem, match="HOME is "):
        weights_folder()


def test_a_variable_of_its_own_needs_no_home(homeless: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIMIC_WEIGHTS", "/weights")
    assert weights_folder() == Path("/weights")


def test_a_name_that_only_looks_like_a_home_is_a_name(homeless: None) -> None:
    for name in ("~/blood", "~no-such-user/blood", "~\0"):
        assert expanded(name) == Path(name)
    assert short_path(Path("/blood")) == "/blood"


def test_the_app_has_its_defaults_and_says_why(homeless: None) -> None:
    settings, problems = user_settings()
    assert settings == Settings()
    assert "AIMIC_SETTINGS" in problems[0]


def test_the_doctor_names_both_folders(homeless: None, tmp_path: Path) -> None:
    result = CliRunner().invoke(doctor, ["--quick"], obj=tmp_path, standalone_mode=False)
    assert result.exception is None
    assert "Set AIMIC_WEIGHTS" in result.stdout and "Set AIMIC_SETTINGS" in result.stdout


def test_no_other_module_looks_for_a_home_by_itself() -> None:
    package = Path(aimic_tui.__file__).parent
    found = [
        f"{file.relative_to(package)}:{node.lineno}"
        for file in package.rglob("*.py")
        if file.name != "user_folders.py"
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.Attribute)
        and (node.attr == "expanduser" or (node.attr == "home" and ast.unparse(node.value) == "Path"))
    ]
    assert found == []
