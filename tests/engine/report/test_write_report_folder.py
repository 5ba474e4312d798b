"""A report taken apart: its parts have names that any file system takes."""

from __future__ import annotations

from pathlib import Path

import pytest

from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.report.write_report import write_report
from aimic_tui.engine.run_folder import RunFolder


def test_hostile_names_make_harmless_files_and_cells(evil: RunFolder, tmp_path: Path) -> None:
    written = write_report(evil, parts=tmp_path / "parts")
    assert written[-1] == tmp_path / "parts" / "report.html"
    assert all(path.is_file() for path in written)
    names = [path.name for path in written if path.parent.name in ("tables", "figures")]
    assert names
    assert all(name.isascii() and not set(name) & set('<>|$ \x1b"') for name in names)
    numbers = [int(path.name[:2]) for path in written if path.parent.name == "tables"]
    assert numbers == list(range(1, len(numbers) + 1))
    cells = " ".join(path.read_text() for path in written if path.parent.name == "tables")
    assert "\x1b" not in cells


def test_a_file_in_the_way_is_a_sentence(run: RunFolder, tmp_path: Path) -> None:
    (tmp_path / "parts").touch()
    with pytest.raises(InputProblem, match="is a file"):
        write_report(run, parts=tmp_path / "parts")
