"""Starting what outlives whoever starts it, where the start fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from aimic_tui.engine.errors import AimicError
from aimic_tui.engine.runs import detached
from aimic_tui.engine.runs.detached import Work, start_detached


def refuse(tmp_path: Path, module: str, *arguments: str) -> str:
    with pytest.raises(AimicError) as caught:
        start_detached(Work("run cells", module, arguments, tmp_path / "log"), lambda _: False)
    return caught.value.sentence


def test_what_the_process_said_is_told(tmp_path: Path) -> None:
    sentence = refuse(tmp_path, "no_such_module")
    assert "No module named no_such_module" in sentence
    assert str(tmp_path / "log") in sentence


def test_a_silent_end_is_told_by_its_exit_code(tmp_path: Path) -> None:
    assert "left with exit code 0 and without a message" in refuse(tmp_path, "aimic_tui.engine.holm")


def test_a_full_disk_is_why_a_process_could_say_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detached, "has_room", lambda _: False)
    assert f"the disk of {tmp_path} is full" in refuse(tmp_path, "aimic_tui.engine.holm")
