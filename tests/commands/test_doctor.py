"""`aimic doctor`."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from aimic_tui.commands import doctor as module
from aimic_tui.commands.doctor import doctor
from aimic_tui.engine import files


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIMIC_SETTINGS", str(tmp_path / "settings.toml"))
    monkeypatch.setenv("AIMIC_WEIGHTS", str(tmp_path / "weights"))


def ask(workspace: Path, *arguments: str) -> Result:
    return CliRunner().invoke(doctor, ["--quick", *arguments], obj=workspace, standalone_mode=False)


def checks(result: Result) -> dict[str, dict[str, object]]:
    return {check["name"]: check for check in json.loads(result.stdout)["checks"]}


def test_it_looks_at_terminal_packages_devices_and_folders(tmp_path: Path) -> None:
    result = ask(tmp_path / "workspace", "--json")
    found = checks(result)
    assert result.return_value == 0
    assert {"terminal", "packages", "processors", "memory", "workspace", "disk", "weights", "settings"} <= set(found)
    assert all(set(check) >= {"name", "ok", "detail"} for check in found.values())
    assert "torch" in str(found["packages"]["detail"])
    assert "pylibczirw" in str(found["formats"]["detail"]).lower()
    assert not (tmp_path / "workspace").exists()


def test_advice_is_no_failure(tmp_path: Path) -> None:
    result = ask(tmp_path, "--json")
    assert checks(result)["weights"]["advice"]
    assert result.return_value == 0


def test_what_is_broken_is_said_and_ends_with_exit_code_1(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = ask(tmp_path / "file", "--json")
    assert checks(result)["workspace"]["ok"] is False
    assert result.return_value == 1


def test_a_damaged_settings_file_is_advised_on(tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text("theme = 3\n")
    assert "theme" in str(checks(ask(tmp_path, "--json"))["settings"]["advice"])


def test_the_table_has_a_sign_for_every_check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIMIC_ASCII", "1")
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "decoded").write_bytes(b"0" * 3000)
    result = ask(tmp_path)
    lines = [line for line in result.stdout.splitlines() if not line.startswith("  ")]
    assert all(line[0] in "+!x" for line in lines)
    assert any("3.0 kB of decoded images" in line for line in lines)


@pytest.mark.parametrize(
    ("variables", "detail"),
    [
        ({"COLORTERM": "truecolor"}, "16 million"),
        ({"TERM": "xterm-256color"}, "256"),
        ({"TERM": "xterm"}, "16"),
        ({"NO_COLOR": "1", "COLORTERM": "truecolor"}, "none (NO_COLOR is set)"),
    ],
)
def test_colours_are_what_the_terminal_says(
    variables: dict[str, str], detail: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("COLORTERM", "TMUX", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert module._check_colours(os.environ.get("TERM", "")).detail == detail


@pytest.mark.slow
def test_pytorch_is_asked_in_a_process_of_its_own() -> None:
    check = module._check_torch()
    assert check.ok
    assert "sees" in check.detail


def test_a_workspace_without_locks_is_broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_locks(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(files.fcntl, "flock", no_locks)
    result = ask(tmp_path, "--json")
    found = checks(result)["workspace"]
    assert found["ok"] is False
    assert "has no locks" in str(found["advice"]) and "--workspace" in str(found["advice"])
    assert result.return_value == 1
