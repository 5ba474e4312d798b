"""Checklists answer what the record knows and leave the rest to the authors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from aimic_tui.engine.evaluation.comparison import RecipeTest
from aimic_tui.engine.evaluation.interval import Interval
from aimic_tui.engine.evaluation.run_results import Calibration, Temperature
from aimic_tui.engine.inference.evaluation_file import EvaluationResults
from aimic_tui.engine.inference.robustness_file import DisturbedFigures, NetworkRobustness
from aimic_tui.engine.report.accuracy import accuracy_text
from aimic_tui.engine.report.checklist_answers import ChecklistAnswers, Item
from aimic_tui.engine.report.checklists import claim, tripod
from aimic_tui.engine.report.methods_text import methods_paragraphs
from aimic_tui.engine.report.printed import interval
from aimic_tui.engine.report.reforms import reforms
from aimic_tui.engine.report.run_record import RunRecord, read_record
from aimic_tui.engine.run_folder import RunFolder
from tests.engine.evaluation.stored_run import make_run as predicted_run

SECTIONS = ("Data", "Recipe", "mobilenet_v2", "resnet18", "Typical and worst cases", "Robustness", "On other data sets")
TRIPOD_AI = [
    *(
        "1",
        "2",
        "3a",
        "3b",
        "3c",
        "4",
        "5a",
        "5b",
        "6a",
        "6b",
        "6c",
        "7",
        "8a",
        "8b",
        "8c",
        "9a",
        "9b",
        "9c",
        "10",
        "11",
    ),
    *("12a", "12b", "12c", "12d", "12e", "12f", "12g", "13", "14", "15", "16", "17"),
    *("18a", "18b", "18c", "18d", "18e", "18f", "19", "20a", "20b", "20c", "21", "22", "23a", "23b", "24", "25", "26"),
    *("27a", "27b", "27c"),
]
REFORMS = [
    f"{module}{'abcdefg'[place]}"
    for module, items in zip(range(1, 9), (3, 5, 7, 3, 6, 3, 3, 2), strict=True)
    for place in range(items)
]


def texts(items: Sequence[Item]) -> dict[str, str]:
    return {item.number: item.text for item in items}


def test_every_item_of_the_published_checklists_is_there_once(record: RunRecord) -> None:
    known = ChecklistAnswers(record, SECTIONS)
    assert [item.number for item in claim(known)] == [str(number) for number in range(1, 45)]
    assert [item.number for item in tripod(known)] == TRIPOD_AI
    assert len(TRIPOD_AI) == 52
    assert [item.number for item in reforms(known)] == REFORMS
    assert len(REFORMS) == 32


def test_what_only_the_authors_know_is_open(record: RunRecord) -> None:
    known = ChecklistAnswers(record, SECTIONS)
    open_items = {item.number for item in claim(known) if item.answer is None}
    assert {"4", "7", "8", "13", "16", "21", "30", "33", "36", "44"} <= open_items
    assert {"9", "19", "20", "23", "28", "29", "32", "37", "39"}.isdisjoint(open_items)
    assert {"1", "5a", "10", "12d", "14", "17", "23b", "27c"} <= {i.number for i in tripod(known) if i.answer is None}
    assert {"1a", "1b", "1c", "3b", "3g", "8a"} <= {i.number for i in reforms(known) if i.answer is None}


def test_answers_are_the_records_own(record: RunRecord) -> None:
    answers = texts(claim(ChecklistAnswers(record, SECTIONS)))
    pooled = record.results.networks[record.chosen].pooled
    assert answers["19"].startswith("3-fold cross-validation, at random and stratified by class; 15 % of each fold's")
    assert answers["20"].startswith("By group: 30 groups by ^(smear")
    assert answers["29"].startswith(record.results.method)
    shown = f"macro F1 {interval(pooled['macro_f1'])}, {accuracy_text(record.results, record.chosen)}."
    assert f"{record.chosen}: {shown}" in answers["37"]
    assert "(majority class for every image: 0." in answers["37"]
    assert "not measured" in answers["27"]


def test_an_answer_names_only_sections_that_the_report_has(record: RunRecord) -> None:
    here = texts(claim(ChecklistAnswers(record, SECTIONS)))["39"]
    assert "See sections mobilenet_v2, resnet18 and Typical and worst cases." in here
    assert here.endswith("Open: why these images were misclassified.")
    assert "By group" not in here
    grouped = ChecklistAnswers(record, (*SECTIONS, "By group"))
    assert "See section By group." in texts(claim(grouped))["39"]
    for number in ("12d", "23b"):
        assert texts(tripod(grouped))[number].startswith("Accuracy by group, with tests for groups that do worse.")
    assert "See" not in texts(claim(ChecklistAnswers(record, ())))["39"]


def test_robustness_and_other_data_sets_are_answered_with_their_figures_where_they_were_measured(
    record: RunRecord,
) -> None:
    known = ChecklistAnswers(
        replace(record, robustness={"resnet18": _robustness()}, evaluations=(_evaluation(),)), SECTIONS
    )
    answers = texts(claim(known))
    assert answers["30"] == (
        "resnet18 loses most macro F1 by sensor noise (SD 8): difference −0.200 (−0.300 to −0.100). See section "
        "Robustness."
    )
    assert answers["33"] == (
        "elsewhere (40 images, resnet18): macro F1 0.700 (0.600 to 0.800). See section On other data sets. Open: "
        "whether these data are external."
    )
    assert texts(reforms(known))["8a"] == answers["33"]


def test_the_published_protocol_is_disjoint_by_image_only_and_keeps_no_test_image_apart(tmp_path: Path) -> None:
    run = RunFolder(predicted_run(tmp_path / "run", protocol="aimic-2022"))
    known = ChecklistAnswers(read_record(run), SECTIONS)
    assert texts(claim(known))["20"] == "By image (published protocol): images of one group may be on both sides."
    assert "the test images choose each fold's epoch" in texts(reforms(known))["6a"]


def test_undone_class_weights_are_said_with_the_calibration_that_followed(record: RunRecord) -> None:
    calibrated, weighted = (_calibrated(record, undone=undone) for undone in (False, True))
    said = "Class weights of the training are undone. Temperature scaling"
    assert said not in texts(tripod(ChecklistAnswers(calibrated, SECTIONS)))["13"]
    assert said in texts(tripod(ChecklistAnswers(weighted, SECTIONS)))["13"]
    assert "corrected for the balancing of classes" not in " ".join(methods_paragraphs(calibrated))
    assert "corrected for the balancing of classes" in " ".join(methods_paragraphs(weighted))


def test_students_t_of_recipes_is_named_with_what_it_assumes(record: RunRecord) -> None:
    assert record.comparison is not None
    recipe = RecipeTest(Interval(0.1, -0.1, 0.3), 0.4, 0.4)
    pairs = tuple(replace(pair, recipe=recipe) for pair in record.comparison.pairs)
    of_recipes = replace(record, comparison=replace(record.comparison, pairs=pairs))
    assert "Student's t" not in texts(reforms(ChecklistAnswers(record, SECTIONS)))["7c"]
    assert "Student's t" in texts(reforms(ChecklistAnswers(of_recipes, SECTIONS)))["7c"]


def _calibrated(record: RunRecord, *, undone: bool) -> RunRecord:
    temperature = Temperature(fold=1, seed=0, value=1.5, images=10, weights_undone=undone)
    found = Calibration((temperature,), {}, {}, {}, {}, (), (), (), (), ())
    return replace(record, results=replace(record.results, calibration={"resnet18": found}))


def _robustness() -> NetworkRobustness:
    def row(kind: str, amount: str, lost: float) -> DisturbedFigures:
        difference = {"macro_f1": Interval(-lost, -lost - 0.1, -lost + 0.1)}
        return DisturbedFigures(kind, 1, amount, 8.0, {"macro_f1": Interval(0.7)}, difference)

    return NetworkRobustness(
        3, 60, 30, 0, {"macro_f1": Interval(0.9)}, (row("blur", "1 px", 0.1), row("noise", "SD 8", 0.2))
    )


def _evaluation() -> EvaluationResults:
    return EvaluationResults(
        model="/ws/runs/one/trials/resnet18/fold-1/model",
        data="/images/elsewhere",
        root="/images/elsewhere",
        network="resnet18",
        models=3,
        images=40,
        groups=20,
        confidence=0.95,
        classes=(),
        pooled={"macro_f1": Interval(0.7, 0.6, 0.8)},
        home=None,
        differences={},
        confusion=(),
        mapping={},
        left_out={},
        absent=(),
        unreadable=(),
        trained=None,
        left_out_trained=False,
        mean_probability=None,
        shift=None,
        verdict=(),
        notes=(),
    )
