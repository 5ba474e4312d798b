from __future__ import annotations

import json
from pathlib import Path

import pytest

from aimic_tui.cli import main


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache/0123456789abcdef.images").write_bytes(b"x" * 5000)
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], workspace: Path, *arguments: str) -> str:
    with pytest.raises(SystemExit) as left:
        main(["--workspace", str(workspace), "cache", *arguments])
    assert left.value.code == 0
    return capsys.readouterr().out


def test_it_is_shown_and_cleared(capsys, workspace):
    out = run(capsys, workspace)
    assert "holds 1 cache of decoded images" in out
    assert "0123456789ab" in out
    assert "Removed" in run(capsys, workspace, "--clear")
    assert not list((workspace / "cache").iterdir())
    assert "holds no decoded images" in run(capsys, workspace)


def test_as_json(capsys, workspace):
    answer = json.loads(run(capsys, workspace, "--json"))
    assert (answer["bytes"], answer["removed"], len(answer["caches"])) == (5000, 0, 1)
    answer = json.loads(run(capsys, workspace, "--json", "--clear"))
    assert (answer["bytes"], answer["removed"], answer["caches"]) == (0, 5000, [])


def test_no_workspace_is_no_trouble_and_none_is_made(capsys, tmp_path):
    assert "holds no decoded images" in run(capsys, tmp_path / "new")
    assert not (tmp_path / "new").exists()
