"""A command that a sentence proposes does what it says when it is pasted into a shell."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from aimic_tui.engine.proposed_command import proposed_command, run_command, shell_word
from aimic_tui.engine.run_folder import RunFolder
from aimic_tui.engine.text import printable

NASTY = [
    "my run [1]",
    "-rf",
    "--json",
    "it's",
    'a "b" $HOME `id` \\ !! *?~',
    "[red]bold[/]",
    "a;b&c|d>e",
    "#1",
    "",
    "tab\there",
    "line\nbreak",
    "\x1b[2J1",
    "grün 細胞",
    "x" * 200,
    os.fsdecode(b"caf\xe9 7"),
    "\u202eevil",
]


def words_of(command: str, tmp_path: Path) -> list[str]:
    """Paste a command into a shell; return the arguments that `aimic` gets."""
    program = tmp_path / "bin" / "aimic"
    program.parent.mkdir(exist_ok=True)
    program.write_text('#!/bin/sh\nfor word in "$@"; do printf "%s\\0" "$word"; done\n')
    program.chmod(0o755)
    environment = {**os.environ, "PATH": f"{program.parent}:{os.environ['PATH']}"}
    pasted = command.removeprefix("`").removesuffix("`")
    done = subprocess.run(["bash", "-c", pasted], env=environment, cwd=tmp_path, capture_output=True, check=True)
    return [os.fsdecode(word) for word in done.stdout.split(b"\0")[:-1]]


@pytest.mark.parametrize("name", NASTY)
def test_a_pasted_command_names_the_same_run(name: str, tmp_path: Path) -> None:
    command = proposed_command("resume", name, options=["--data", name])
    assert printable(command) == command  # so that it reaches the terminal as it is
    words = words_of(command, tmp_path)
    options = ["--data", name]
    assert words == (["resume", *options, "--", name] if name.startswith("-") else ["resume", name, *options])


def test_plain_names_stay_plain() -> None:
    assert proposed_command("resume", "20261130-120000-cells") == "`aimic resume 20261130-120000-cells`"
    assert shell_word("a/b.png") == "a/b.png"


def test_the_workspace_is_named_where_it_is_not_the_usual_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = RunFolder(tmp_path / "my space" / "runs" / "a b")
    words = words_of(run_command("results", run), tmp_path)
    assert words == ["results", "a b", "--workspace", str(tmp_path / "my space")]
    monkeypatch.setenv("AIMIC_WORKSPACE", str(tmp_path / "my space"))
    assert run_command("results", run) == "`aimic results 'a b'`"


@pytest.mark.parametrize("name", ["latest", ".hidden"])
def test_a_run_that_its_name_does_not_find_is_proposed_by_its_path(name: str, tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "ws" / "runs" / name)
    assert words_of(run_command("results", run), tmp_path) == ["results", str(run.path)]
    assert words_of(run_command("results", RunFolder(tmp_path / "archive")), tmp_path) == [
        "results",
        str(tmp_path / "archive"),
    ]
