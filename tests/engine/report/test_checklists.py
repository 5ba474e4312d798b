"""Checklists answer what the record knows and leave the rest to the authors."""

from __future__ import annotations

from pathlib import Path

from aimic_tui.engine.report.checklists import claim, tripod
from aimic_tui.engine.report.printed import interval
from aimic_tui.engine.report.run_record import RunRecord, read_record
from aimic_tui.engine.run_folder import RunFolder
from tests.engine.evaluation.stored_run import make_run as predicted_run


def test_checklists_answer_what_the_record_knows_and_leave_the_rest_open(record: RunRecord) -> None:
    items = claim(record)
    assert [item.number for item in items] == [str(number) for number in range(1, 45)]
    answered = {item.number for item in items if item.answer}
    assert {"9", "19", "20", "23", "28", "29", "37"} <= answered
    assert {"4", "13", "16", "40", "44"}.isdisjoint(answered)
    open_items = {item.number for item in tripod(record) if item.answer is None}
    assert {"1-2", "14", "17"} <= open_items
    assert "12a" not in open_items


def test_answers_are_the_records_own(record: RunRecord) -> None:
    answers = {item.number: item.answer for item in claim(record)}
    pooled = record.results.networks[record.chosen].pooled
    assert answers["22"] == "mobilenet_v2 and resnet18"
    assert answers["19"] is not None
    assert "3 folds" in answers["19"]
    assert answers["20"] == "By group; whole groups are resampled for the intervals."
    assert answers["29"] == record.results.method
    assert answers["37"] == (
        f"{record.chosen}: macro F1 {interval(pooled['macro_f1'])}, accuracy {interval(pooled['accuracy'])}."
    )


def test_the_published_protocol_is_disjoint_by_image_only(tmp_path: Path) -> None:
    run = RunFolder(predicted_run(tmp_path / "run", protocol="aimic-2022"))
    answers = {item.number: item.answer for item in claim(read_record(run))}
    assert answers["20"] == "By image (published protocol): groups may be on both sides."
