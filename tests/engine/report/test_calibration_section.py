"""Calibration is reported where there are validation predictions."""

from __future__ import annotations

from pathlib import Path

from aimic_tui.engine.report.calibration_section import calibration_section
from aimic_tui.engine.report.document import Drawing, Table
from aimic_tui.engine.report.printed import interval
from aimic_tui.engine.report.run_record import read_record
from aimic_tui.engine.run_folder import RunFolder
from tests.engine.evaluation.stored_run import make_run as predicted_run
from tests.engine.report.report_page import drawings_of, report_of


def test_calibration_is_reported_where_there_are_validation_predictions(tmp_path: Path) -> None:
    run = predicted_run(tmp_path / "run", groups=60, boast=3.0)
    _, page = report_of(RunFolder(run))
    for wanted in ("Temperature scaling: each fold's", "calibrated", "Leaving uncertain images to a person"):
        assert wanted in page.text
    assert "the image is no longer where it was" in page.text
    drawn = " ".join(drawings_of(page))
    assert "stated probability against the share that is correct" in drawn
    assert "errors among the most certain images" in drawn
    assert "calibration error, corrected for chance" in page.text


def test_its_table_holds_the_figures_before_and_after(tmp_path: Path) -> None:
    record = read_record(RunFolder(predicted_run(tmp_path / "run", groups=60, boast=3.0)))
    _, section = calibration_section(record)
    found = record.results.calibration["mobilenet_v2"]
    table = next(block for block in section.blocks if isinstance(block, Table))
    row = next(row for row in table.rows if row[0] == "log loss")
    assert list(row[1:]) == [interval(figures["log_loss"]) for figures in (found.before, found.after, found.difference)]
    rejections = [block for block in section.blocks if isinstance(block, Table)][1]
    assert [row[0] for row in rejections.rows] == [f"{100 * one.max_error:g} %" for one in found.rejections]


def test_each_class_has_slope_and_intercept_and_the_network_shown_closely_curves(tmp_path: Path) -> None:
    record = read_record(RunFolder(predicted_run(tmp_path / "run", groups=60, boast=3.0)))
    _, section = calibration_section(record)
    found = record.results.calibration["mobilenet_v2"]
    table = next(block for block in section.blocks if isinstance(block, Table) and "slope, as trained" in block.header)
    assert [row[0] for row in table.rows] == list(record.results.classes)
    for row, of in zip(table.rows, found.classes.values(), strict=True):
        assert row[1] == interval(of.slope_before, 2)
        assert of.slope_before.high is not None
        assert of.slope_before.high < 1  # it boasts
    curves = [block for block in section.blocks if isinstance(block, Drawing) and block.name == "class-calibration"]
    assert len(curves) == len(record.results.classes)


def test_without_validation_predictions_there_is_no_section(tmp_path: Path) -> None:
    path = predicted_run(tmp_path / "run")
    for file in path.rglob("validation.csv"):
        file.unlink()
    assert list(calibration_section(read_record(RunFolder(path)))) == []
