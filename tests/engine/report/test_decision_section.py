"""What acting on predictions is worth: of two classes for the second, of more for each."""

from __future__ import annotations

from pathlib import Path

from aimic_tui.engine.evaluation.build_results import read_results
from aimic_tui.engine.run_folder import RunFolder
from tests.engine.report.report_page import drawings_of, report_of
from tests.screens.made_run import make_data, make_run


def test_two_classes_get_one_decision_curve_and_more_one_each(tmp_path: Path, run: RunFolder) -> None:
    place = make_data(tmp_path / "data", ("healthy", "leukemic"))
    folder = make_run(tmp_path / "ws", place)
    _, page = report_of(folder)
    assert "Benefit of acting on predictions" in page.text
    assert "with leukemic as the positive class" in page.text
    assert any("net benefit by the probability of leukemic" in name for name in drawings_of(page))
    assert "Net benefit (decision curve)" in page.text
    _, of_many = report_of(run)
    assert "each class in turn as the positive one" in of_many.text
    drawn = [name for name in drawings_of(of_many) if "net benefit by the probability of" in name]
    assert len(drawn) == len(read_results(run.path).classes) > 2
    assert "over the whole range with 95 % confidence" in of_many.text
