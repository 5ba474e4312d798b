"""The model card answers from the record and leaves the rest visibly open."""

from __future__ import annotations

from pathlib import Path

from aimic_tui.engine.report.model_card import OPEN, model_card
from aimic_tui.engine.report.printed import interval
from aimic_tui.engine.report.run_record import RunRecord, read_record
from aimic_tui.engine.run_folder import RunFolder
from tests.engine.evaluation.stored_run import make_run as predicted_run


def test_it_holds_the_chosen_networks_figures(record: RunRecord) -> None:
    card = model_card(record)
    pooled = record.results.networks[record.chosen].pooled
    assert f"| macro F1 | {interval(pooled['macro_f1'])} |" in card
    assert f"- **network**: {record.chosen}" in card.replace("\\_", "_")
    assert "- **models**: 3, one for each fold" in card
    assert "30 groups (patients, slides or photographs) were kept together" in card
    assert f"- **contact, licence**: {OPEN}" in card


def test_the_choice_among_several_and_calibration_are_told(tmp_path: Path) -> None:
    run = predicted_run(tmp_path / "run", skills={"good": 2.5, "poor": 0.5}, groups=60, boast=3.0)
    card = model_card(read_record(RunFolder(run)))
    assert "It is one of 2 networks. When each fold chooses among them by its validation part" in card
    assert "## Calibration" in card
    one = model_card(read_record(RunFolder(predicted_run(tmp_path / "one"))))
    assert "It is one of" not in one


def test_hostile_names_are_text(evil: RunFolder) -> None:
    card = model_card(read_record(evil))
    assert "\x1b" not in card
    assert "\\<img src=x" in card
    assert "\n<img" not in card
