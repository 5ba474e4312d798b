"""A report is written where it is asked for, or a sentence says why not."""

from __future__ import annotations

from pathlib import Path

import pytest

from aimic_tui.engine.errors import InputProblem, UsageProblem
from aimic_tui.engine.report.write_report import write_report
from aimic_tui.engine.run_folder import RunFolder
from tests.engine.report.report_page import report_of


def test_other_endings_and_missing_folders_are_a_sentence(run: RunFolder, tmp_path: Path) -> None:
    with pytest.raises(UsageProblem, match=r"must end in \.html or \.md"):
        write_report(run, tmp_path / "report.pdf")
    with pytest.raises(InputProblem, match="no folder"):
        write_report(run, tmp_path / "missing" / "report.html")


def test_the_same_record_gives_the_same_page(run: RunFolder) -> None:
    assert report_of(run)[0] == report_of(run)[0]


def test_the_run_keeps_its_page_and_another_copy_is_the_same(run: RunFolder, tmp_path: Path) -> None:
    output = tmp_path / "copy.HTML"
    assert write_report(run, output) == [run.report_file, output]
    assert output.read_bytes() == run.report_file.read_bytes()
    assert write_report(run, run.report_file) == [run.report_file]
