"""What acting on predictions is worth, for two classes."""

from __future__ import annotations

from pathlib import Path

from aimic_tui.engine.run_folder import RunFolder
from tests.engine.report.report_page import drawings_of, report_of
from tests.screens.made_run import make_data, make_run


def test_two_classes_get_a_decision_curve_and_more_do_not(tmp_path: Path, run: RunFolder) -> None:
    place = make_data(tmp_path / "data", ("healthy", "leukemic"))
    folder = make_run(tmp_path / "ws", place)
    _, page = report_of(folder)
    assert "Benefit of acting on predictions" in page.text
    assert "with leukemic as the positive class" in page.text
    assert any("net benefit by the probability of leukemic" in name for name in drawings_of(page))
    assert "Net benefit (decision curve)" in page.text
    assert "Benefit of acting on predictions" not in report_of(run)[1].text
