"""A report holds all there is to say about a run."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.evaluation.build_results import build_results
from aimic_tui.engine.evaluation.predictions import read_predictions, write_predictions
from aimic_tui.engine.report.printed import interval
from aimic_tui.engine.report.run_record import read_record
from aimic_tui.engine.report.write_report import write_report
from aimic_tui.engine.run_folder import RunFolder
from tests.engine.evaluation.stored_run import make_run as predicted_run
from tests.engine.report.report_page import drawings_of, report_of


def test_it_holds_what_a_reader_asks_for(run: RunFolder) -> None:
    _, page = report_of(run)
    for wanted in (
        "Honest protocol: validation images chose",
        "95 % intervals for these trained networks, on new groups: cluster bootstrap",
        "Confusion matrix",
        "sensitivity (recall)",
        "Comparison of networks",
        "Typical and worst cases",
        "The split: images of each part, by fold.",
        "3-fold cross-validation, stratified by class, keeping all images of a group on one side",
        "training.learning_rate",
        "torch",
        "CLAIM 2024",
        "TRIPOD+AI",
        "REFORMS",
        "The data's audit",
        "Limitations",
        "Reproduction",
    ):
        assert wanted in page.text, wanted
    pooled = build_results(run.path).networks["resnet18"].pooled
    assert interval(pooled["macro_f1"]) in page.text
    assert {name.partition(":")[0] for name in drawings_of(page)} >= {"mobilenet_v2", "resnet18"}
    of_one = [name for name in drawings_of(page) if name.startswith("resnet18: ")]
    assert [name.split()[1] for name in of_one] == ["confusion", "sensitivity", "ROC", "precision", "learning"]
    assert "Which network when resources are short" in page.text
    assert "By weights, MB" not in page.text, "no model was kept"
    assert "parameters, millions" in page.text
    assert "The best network" in page.text
    assert "bootstrap over groups, inverted test" in page.text, "the method stands beside the figure"
    pictures = [attributes for tag, attributes in page.elements if tag == "img"]
    assert len(pictures) > 3
    assert all(attributes["alt"] for attributes in pictures)


def test_where_the_images_lie_is_not_told(run: RunFolder) -> None:
    text, page = report_of(run)
    place = Path(str(read_record(run).setting("data.path")))
    assert place.is_dir()
    assert str(place.parent) not in text
    assert f"data.path {place.name}" in page.text


def test_the_published_protocol_is_called_optimistic(tmp_path: Path) -> None:
    run = RunFolder(predicted_run(tmp_path / "run", protocol="aimic-2022"))
    text, page = report_of(run)
    assert "Optimistic: as in the protocol published in 2022" in page.text
    assert "class=strong" in text
    assert "so the estimates are optimistic" in page.text
    assert "keeping all images of a group on one side" not in page.text


def test_a_run_that_is_going_on_says_so(tmp_path: Path) -> None:
    run = predicted_run(tmp_path / "run", folds=4, groups=48)
    shutil.rmtree(run / "trials/mobilenet_v2/fold-4")
    assert "Not every fold is tested yet" in report_of(RunFolder(run))[1].text
    shutil.rmtree(run / "trials")
    with pytest.raises(InputProblem, match="nothing to report"):
        write_report(RunFolder(run))


def test_a_network_that_always_says_the_same_is_called_out(tmp_path: Path) -> None:
    run = predicted_run(tmp_path / "run")
    for path in run.rglob("predictions.csv"):
        table = read_predictions(path)
        table.probabilities[:] = (0.2, 0.5, 0.3)
        write_predictions(path, table)
    text = report_of(RunFolder(run))[1].text
    assert "mobilenet_v2 predicts eosinophil for every image" in text
    assert (
        "for every image: it has learned nothing" not in report_of(RunFolder(predicted_run(tmp_path / "good")))[1].text
    )


def test_what_choosing_is_worth_stands_where_the_best_is_named(tmp_path: Path) -> None:
    path = predicted_run(tmp_path / "run", skills={"good": 2.5, "poor": 0.5}, groups=45)
    (chosen,) = build_results(path).selected
    text = report_of(RunFolder(path))[1].text
    assert "good has the highest macro F1 of 2 networks" in text
    assert "the choice does not inflate this figure" in text
    assert "expect less on new ones" not in text, "it is the figure of the choice"
    assert "chosen in each fold by its validation part" in text
    assert interval(chosen.results.pooled["macro_f1"]) in text


def test_the_best_of_several_is_called_optimistic_where_the_folds_choose_otherwise(tmp_path: Path) -> None:
    path = predicted_run(tmp_path / "run", skills={"a": 1.0, "b": 1.1}, groups=45)
    results = build_results(path)
    assert results.selection_of_best("macro_f1") is None, "validation parts choose both"
    text = report_of(RunFolder(path))[1].text
    best = results.best_network("macro_f1")
    assert f"{best} has the highest macro F1 of 2 networks" in text
    assert "expect less on new ones" in text


def test_no_difference_is_said_of_one_figure_with_its_p_and_interval(tmp_path: Path) -> None:
    path = predicted_run(tmp_path / "run", skills={"a": 1.0, "b": 1.0}, groups=45)
    record = read_record(RunFolder(path))
    assert record.comparison is not None
    (pair,) = record.comparison.pairs
    text = report_of(RunFolder(path))[1].text
    assert "In macro F1, no two networks are shown to differ (1 pair; smallest adjusted p" in text
    assert f"Difference a − b in macro F1: {interval(pair.difference)}, adjusted p {pair.p_adjusted:.3f}" in text
    assert "In the share of correct images, no two networks are shown to differ, either (McNemar, adjusted)." in text
