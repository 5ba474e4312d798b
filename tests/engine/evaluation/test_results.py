"""A run's figures come from its stored predictions alone, finished or not."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.evaluation.build_results import build_results, read_results, write_results
from aimic_tui.engine.evaluation.interval import Interval
from aimic_tui.engine.evaluation.metrics import ALL_METRICS, METRICS, scores
from aimic_tui.engine.evaluation.predictions import Predictions, read_predictions, write_predictions
from aimic_tui.engine.evaluation.results_file import read_results_file
from tests.engine.evaluation.stored_run import CLASSES, make_run


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_run(tmp_path_factory.mktemp("runs") / "20261122-190512-some")


def test_every_figure_of_the_design_is_there_with_an_interval(finished: Path) -> None:
    results = build_results(finished)
    assert results.run == finished.name
    assert (results.state, results.protocol, results.complete) == ("finished", "honest", True)
    assert (results.images, results.groups) == (120, 24)
    network = results.networks["mobilenet_v2"]
    assert set(METRICS) <= set(network.pooled)
    assert network.pooled["top_3_accuracy"] == Interval(None)
    for name, figure in network.pooled.items():
        if name != "top_3_accuracy":
            assert figure.low is not None and figure.value is not None and figure.high is not None, name
            assert figure.low <= figure.value <= figure.high, name
    assert set(network.classes) == set(CLASSES)
    assert network.classes["basophil"].support == 40
    assert (network.classes["basophil"].groups, network.classes["basophil"].groups_outside) == (24, 24)
    assert set(results.methods) >= set(METRICS)
    assert "24 groups" in results.method


def test_pooled_figures_are_those_of_all_predictions_together(finished: Path) -> None:
    tables = [read_predictions(path) for path in sorted(finished.rglob("predictions.csv"))]
    labels = np.concatenate([table.labels for table in tables])
    network = build_results(finished).networks["mobilenet_v2"]
    expected = scores(labels, np.concatenate([table.probabilities for table in tables]))
    assert {name: network.pooled[name].value for name in ALL_METRICS} == pytest.approx(expected)
    assert np.array(network.confusion).sum(axis=1).tolist() == [40, 40, 40]
    assert np.trace(network.confusion) == round(expected["accuracy"] * 120)


def test_folds_have_figures_of_their_own_and_a_spread(finished: Path) -> None:
    network = build_results(finished).networks["mobilenet_v2"]
    first = read_predictions(finished / "trials/mobilenet_v2/fold-1/predictions.csv")
    assert [fold.fold for fold in network.folds] == [1, 2, 3]
    assert network.folds[0].values["accuracy"] == pytest.approx(scores(first.labels, first.probabilities)["accuracy"])
    values = [fold.values["macro_f1"] for fold in network.folds]
    assert network.spread["macro_f1"].mean == pytest.approx(np.mean(values))
    assert network.spread["macro_f1"].sd == pytest.approx(np.std(values, ddof=1))


def test_the_file_says_what_was_built_and_again_the_same(finished: Path) -> None:
    written = write_results(finished)
    assert read_results_file(finished / "results.json") == written == build_results(finished) == read_results(finished)


def test_only_the_plain_files_are_needed(finished: Path, tmp_path: Path) -> None:
    copy = tmp_path / finished.name
    shutil.copytree(finished, copy)
    assert build_results(copy) == build_results(finished)


def test_a_run_that_is_going_on_has_figures_of_what_is_done(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", skills={"a": 2.0, "b": 1.5}, folds=4, groups=48)
    shutil.rmtree(run / "trials" / "a" / "fold-3")
    shutil.rmtree(run / "trials" / "a" / "fold-4")
    shutil.rmtree(run / "trials" / "b")
    results = build_results(run)
    assert not results.complete
    assert list(results.networks) == ["a"]
    assert results.networks["a"].trials_done == 2
    assert results.networks["a"].trials_total == 4
    assert results.networks["a"].images == 120
    assert results.images == 240
    shutil.rmtree(run / "trials")
    assert build_results(run).networks == {}


def test_the_published_protocol_is_labelled_optimistic(tmp_path: Path) -> None:
    results = build_results(make_run(tmp_path / "run", protocol="aimic-2022"))
    assert results.optimistic is True
    assert results.note.startswith("Optimistic")


def test_two_networks_are_compared_on_the_same_images(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", skills={"good": 3.0, "poor": 0.5}, groups=40)
    results = build_results(run)
    (pair,) = results.pairs
    assert (pair.a, pair.b, pair.images) == ("good", "poor", 200)
    difference = pair.differences["macro_f1"]
    of = {name: results.networks[name].pooled["macro_f1"].value for name in ("good", "poor")}
    assert difference.value == pytest.approx(of["good"] - of["poor"])
    assert difference.low > 0
    assert "best of 2 networks" in results.note
    shutil.rmtree(run / "trials" / "poor" / "fold-2")
    assert build_results(run).pairs[0].images < 200


def test_a_figure_of_several_seeds_is_their_mean(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", seeds=(0, 7), folds=2)
    network = build_results(run).networks["mobilenet_v2"]
    assert (network.seeds, network.trials_done, network.images) == ((0, 7), 4, 120)
    by_seed = []
    for ending in ("", "-seed-7"):
        tables = [read_predictions(run / f"trials/mobilenet_v2/fold-{fold}{ending}/predictions.csv") for fold in (1, 2)]
        labels = np.concatenate([table.labels for table in tables])
        by_seed.append(scores(labels, np.concatenate([table.probabilities for table in tables])))
    assert network.pooled["auroc"].value == pytest.approx(np.mean([found["auroc"] for found in by_seed]))
    assert np.sum(network.confusion) == 240
    shutil.rmtree(run / "trials/mobilenet_v2/fold-2-seed-7")
    assert build_results(run).networks["mobilenet_v2"].seeds == (0,)


def test_the_spread_between_seeds_stands_apart_from_the_interval(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", seeds=(0, 7, 8), groups=48)
    network = build_results(run).networks["mobilenet_v2"]
    values = [figures["macro_f1"] for figures in network.by_seed.values()]
    assert list(network.by_seed) == [0, 7, 8]
    assert network.pooled["macro_f1"].value == pytest.approx(np.mean(values))
    assert vars(network.seed_spread["macro_f1"]) == pytest.approx(
        {"mean": np.mean(values), "sd": np.std(values, ddof=1)}
    )
    assert network.repeat_spread["macro_f1"].sd is None
    one = build_results(make_run(tmp_path / "one")).networks["mobilenet_v2"]
    assert one.seed_spread["macro_f1"].sd is None


def test_a_figure_over_repeats_is_the_mean_of_the_repeats_figures(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", folds=3, repeats=2, groups=48)
    results = build_results(run)
    network = results.networks["mobilenet_v2"]
    assert (results.repeats, network.repeats, network.trials_total) == (2, (1, 2), 6)
    assert (network.images, network.groups, results.images) == (240, 48, 240)
    by_repeat = []
    for folds in ((1, 2, 3), (4, 5, 6)):
        tables = [read_predictions(run / f"trials/mobilenet_v2/fold-{fold}/predictions.csv") for fold in folds]
        labels = np.concatenate([table.labels for table in tables])
        by_repeat.append(scores(labels, np.concatenate([table.probabilities for table in tables])))
    for name in ALL_METRICS:
        values = [found[name] for found in by_repeat if found[name] is not None]
        if values:
            assert network.pooled[name].value == pytest.approx(np.mean(values))
    assert [(fold.fold, fold.repeat) for fold in network.folds] == [(n, 1 + (n > 3)) for n in range(1, 7)]
    assert np.sum(network.confusion) == 480
    assert "mean over 2 repeats" in results.method


def test_repeats_do_not_pretend_more_independent_images(tmp_path: Path) -> None:
    """The same answers told four times leave the interval as it is; as new images they would halve it."""
    once = build_results(make_run(tmp_path / "once", folds=2, groups=60, images_a_group=4))
    run = make_run(tmp_path / "run", folds=2, repeats=4, groups=60, images_a_group=4)
    said = {}
    for fold in (1, 2):
        table = read_predictions(tmp_path / f"once/trials/mobilenet_v2/fold-{fold}/predictions.csv")
        said.update(zip(table.images, table.probabilities, strict=True))
    for file in run.glob("trials/mobilenet_v2/fold-*/predictions.csv"):
        table = read_predictions(file)
        same = np.stack([said[image] for image in table.images])
        write_predictions(file, Predictions(table.images, table.labels, same, table.classes))
    widths = []
    for results in (once, build_results(run)):
        figure = results.networks["mobilenet_v2"].pooled["macro_f1"]
        widths.append(figure.high - figure.low)
    assert widths[1] == pytest.approx(widths[0], rel=0.1)


def test_a_repeat_counts_when_all_of_its_folds_are_tested(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", folds=2, repeats=3, groups=48)
    shutil.rmtree(run / "trials/mobilenet_v2/fold-4")
    network = build_results(run).networks["mobilenet_v2"]
    assert network.repeats == (1, 3)
    assert (network.trials_done, network.trials_total) == (5, 6)
    assert [fold.fold for fold in network.folds] == [1, 2, 5, 6]


def test_predictions_of_images_from_another_part_are_refused(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    trials = run / "trials/mobilenet_v2"
    shutil.copy(trials / "fold-1/predictions.csv", trials / "fold-2/predictions.csv")
    with pytest.raises(InputProblem, match="not in the test part"):
        build_results(run)


def test_a_folder_that_is_no_run_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputProblem, match="is not a run"):
        build_results(tmp_path)


def test_several_networks_are_told_what_choosing_does_and_nested_folds_are_offered(tmp_path: Path) -> None:
    skills = {"mobilenet_v2": 2.0, "resnet18": 3.0}
    note = build_results(make_run(tmp_path / "two", skills=skills)).note
    assert "The best of 2 networks owes part of its lead to chance" in note
    assert "split.inner_folds = 3" in note
    nested = build_results(make_run(tmp_path / "nested", skills=skills, inner_folds=2, groups=48))
    assert nested.inner_folds == 2
    assert "split.inner_folds" not in nested.note
    assert "split.inner_folds" not in build_results(make_run(tmp_path / "one")).note
    paper = build_results(make_run(tmp_path / "paper", skills=skills, protocol="aimic-2022")).note
    assert "only in the honest protocol" in paper
