"""What a network must beat is evaluated by the run's own split, and is there in every result."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from aimic_tui.engine.data.data_set import Part
from aimic_tui.engine.evaluation.baseline import Baseline
from aimic_tui.engine.evaluation.baseline_record import BaselineRecord, MissingBaseline, write_baseline_record
from aimic_tui.engine.evaluation.baseline_words import absences, against_baselines, not_beaten
from aimic_tui.engine.evaluation.baselines import majority_class
from aimic_tui.engine.evaluation.build_results import build_results
from aimic_tui.engine.evaluation.interval import Interval
from aimic_tui.engine.evaluation.metrics import scores
from aimic_tui.engine.evaluation.predictions import Predictions, write_predictions
from aimic_tui.engine.evaluation.run_predictions import RunPredictions, read_run_predictions
from aimic_tui.engine.formatting.numbers import interval_text
from aimic_tui.engine.run_folder import RunFolder
from tests.engine.evaluation.stored_run import make_run


def written(figure: Interval) -> str:
    return interval_text(figure.value, figure.low, figure.high)


def relabel(run: Path, label: str, *, share: float) -> None:
    """Give a share of the groups this label, so that it is the majority's."""
    manifest = run / "manifest.csv"
    with manifest.open(newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        if int(row["image"][5:8]) < share * 24:
            row["label"] = label
    with manifest.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def majority(run: Path) -> Baseline:
    found = build_results(run).baselines[0]
    assert found.name == "majority_class"
    return found


def test_the_majority_class_is_that_of_each_folds_training_part(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    relabel(run, "neutrophil", share=0.5)
    tested = read_run_predictions(run)
    predicted = majority_class(tested, [1, 2, 3])
    for trial in predicted.trials():
        train = tested.data.labels[tested.split.indices(trial.fold, Part.TRAIN)]
        shares = np.bincount(train, minlength=3) / len(train)
        assert predicted.probabilities[0, trial.images] == pytest.approx(np.tile(shares, (trial.images.sum(), 1)))
    labels = tested.data.labels[predicted.images]
    found = majority(run)
    assert found.pooled["accuracy"].value == pytest.approx((labels == 2).mean())
    assert found.pooled["accuracy"].low is not None
    assert found.pooled["macro_f1"].value == scores(labels, predicted.probabilities[0])["macro_f1"]
    assert found.pooled["log_loss"].value == pytest.approx(scores(labels, predicted.probabilities[0])["log_loss"])


def test_what_it_never_answers_is_certain(tmp_path: Path) -> None:
    """A rule that names one class of three has a macro F1 of a third of that class's, at most 1/3 on any images."""
    run = make_run(tmp_path / "run")
    relabel(run, "neutrophil", share=0.5)
    results = build_results(run)
    found, network = results.baselines[0], results.networks["mobilenet_v2"]
    assert found.pooled["macro_recall"] == Interval(pytest.approx(1 / 3), pytest.approx(1 / 3), pytest.approx(1 / 3))
    figure, its = found.pooled["macro_f1"], network.pooled["macro_f1"]
    assert figure.low is not None and figure.high is not None and its.low is not None
    assert 0 < figure.low < figure.high < 1 / 3
    recall = found.differences["mobilenet_v2"]["macro_recall"]
    of_network = network.pooled["macro_recall"]
    assert recall.low is not None and of_network.low is not None
    assert recall.low == pytest.approx(of_network.low - 1 / 3, abs=0.01), "the rule adds no doubt of its own"


def test_it_ranks_nothing_although_its_shares_differ_from_fold_to_fold(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    found, network = majority(run), build_results(run).networks["mobilenet_v2"]
    pooled = scores(*pooled_predictions(read_run_predictions(run)))
    assert pooled["auroc"] != 0.5  # the folds' shares, ranked together
    assert found.pooled["auroc"] == Interval(0.5)
    low = network.pooled["auroc"].low
    assert low is not None
    assert found.differences["mobilenet_v2"]["auroc"].low == pytest.approx(low - 0.5)


def pooled_predictions(tested: RunPredictions) -> tuple[np.ndarray, np.ndarray]:
    predicted = majority_class(tested, [1, 2, 3])
    return predicted.labels, predicted.probabilities[0]


def test_a_network_that_guesses_is_not_shown_to_beat_it_and_a_good_one_is(tmp_path: Path) -> None:
    results = build_results(make_run(tmp_path / "run", skills={"good": 3.0, "guesses": 0.0}))
    found = results.baselines[0]
    assert found.beaten_by("good") is True
    assert 0.3 < (found.differences["good"]["macro_f1"].value or 0) < 0.9
    results = build_results(make_run(tmp_path / "other", skills={"says": -1.0}))
    assert results.baselines[0].beaten_by("says") is False
    (warning,) = not_beaten(results, written)
    assert warning.startswith("says is not shown to be better than naming the majority class for every image (diff")
    assert "majority class alone gives macro F1" in against_baselines(results, written)


def test_too_few_groups_for_an_interval_show_nothing(tmp_path: Path) -> None:
    results = build_results(make_run(tmp_path / "run", groups=8, folds=2))
    assert results.baselines[0].beaten_by("mobilenet_v2") is None
    assert "without an interval" in next(not_beaten(results, written))


def test_while_folds_are_missing_it_is_judged_on_those_that_are_tested(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    (run / "trials/mobilenet_v2/fold-2/predictions.csv").unlink()
    results = build_results(run)
    assert results.baselines[0].images == results.networks["mobilenet_v2"].images < 120


def test_stored_predictions_are_evaluated_like_a_network_over_repeats(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", repeats=2)
    store_as_border(run)
    results = build_results(run)
    network, baseline = results.networks["mobilenet_v2"], results.baselines[1]
    assert (baseline.name, baseline.title) == ("border_colour", "border colour")
    assert baseline.pooled == network.pooled  # they are its own predictions
    assert baseline.differences["mobilenet_v2"]["macro_f1"].value == 0
    assert baseline.beaten_by("mobilenet_v2") in (False, None)
    assert [absent.name for absent in results.absent_baselines] == ["image_colour", "frozen_features"]
    assert [absent.reason for absent in results.absent_baselines] == ["images", "not-made"]
    assert any("a.png is gone" in sentence for sentence in absences(results))


def store_as_border(run: Path) -> None:
    """Store the network's predictions as those of the border."""
    folder, tested = RunFolder(run), read_run_predictions(run)
    (network,) = tested.networks
    for trial in network.trials():
        rows = np.flatnonzero(trial.images)
        names = tuple(tested.data.images[index] for index in network.images[rows])
        table = folder.baseline_table("border_colour", trial.fold)
        table.parent.mkdir(parents=True, exist_ok=True)
        said = network.probabilities[trial.set_index, rows]
        write_predictions(table, Predictions(names, network.labels[rows], said, tested.classes))
    missing = MissingBaseline(name="image_colour", reason="images", sentence="a.png is gone.")
    write_baseline_record(folder.baseline_record, BaselineRecord(made={"border_colour": ""}, missing=(missing,)))


def test_a_damaged_table_costs_its_baseline_only(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    store_as_border(run)
    RunFolder(run).baseline_table("border_colour", 2).write_text("image,label\n")
    results = build_results(run)
    assert [baseline.name for baseline in results.baselines] == ["majority_class"]
    assert results.absent_baselines[0].reason == "damaged"
