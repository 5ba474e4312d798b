"""The model card answers from the record and leaves the rest visibly open."""

from __future__ import annotations

from pathlib import Path

from aimic_tui.engine.report.accuracy import majority_accuracy
from aimic_tui.engine.report.model_card import OPEN, model_card
from aimic_tui.engine.report.printed import interval, number
from aimic_tui.engine.report.run_record import RunRecord, read_record
from aimic_tui.engine.run_folder import RunFolder
from tests.engine.evaluation.stored_run import make_run as predicted_run


def test_it_holds_the_chosen_networks_figures(record: RunRecord) -> None:
    card = model_card(record)
    pooled = record.results.networks[record.chosen].pooled
    assert f"| macro F1 | {interval(pooled['macro_f1'])} |" in card
    assert f"- **network**: {record.chosen}" in card.replace("\\_", "_")
    assert "- **models**: 3, one for each fold; on new images they predict by the mean" in card
    assert "each image is classified by the model of the fold that tests it" in card
    assert "How well the 3 models do together, as they predict new images, is not measured" in card
    majority = number(majority_accuracy(record.results, record.chosen))
    assert f"| accuracy | {interval(pooled['accuracy'])}; majority class for every image: {majority} |" in card
    assert "30 groups (patients, slides or photographs) were kept together" in card
    assert f"- **contact, licence**: {OPEN}" in card


def test_the_choice_among_several_and_calibration_are_told(tmp_path: Path) -> None:
    run = predicted_run(tmp_path / "run", skills={"good": 2.5, "poor": 0.5}, groups=60, boast=3.0)
    card = model_card(read_record(RunFolder(run)))
    assert "good has the highest macro F1 of 2 networks" in card
    assert "the choice does not inflate this figure" in card
    assert "expect less on new ones" not in card
    assert "## Calibration" in card
    one = model_card(read_record(RunFolder(predicted_run(tmp_path / "one"))))
    assert "has the highest" not in one


def test_hostile_names_are_text(evil: RunFolder) -> None:
    card = model_card(read_record(evil))
    assert "\x1b" not in card
    assert "\\<img src=x" in card
    assert "\n<img" not in card
