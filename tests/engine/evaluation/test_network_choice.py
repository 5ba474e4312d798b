"""Choosing a network without the test images that judge it."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from aimic_tui.engine.data.data_set import Part
from aimic_tui.engine.evaluation.build_results import build_results
from aimic_tui.engine.evaluation.metrics import scores
from aimic_tui.engine.evaluation.network_choice import chosen_networks
from aimic_tui.engine.evaluation.predictions import Predictions, read_predictions, write_predictions
from aimic_tui.engine.evaluation.run_predictions import read_run_predictions
from tests.engine.evaluation.stored_run import make_run

SKILLS = {"a": 2.0, "b": 2.0, "c": 2.0}


@pytest.fixture(scope="module")
def nested(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_run(tmp_path_factory.mktemp("runs") / "run", skills=SKILLS, groups=48, inner_folds=2, repeats=2)


def spoil(file: Path) -> None:
    """Let a network say the wrong thing about every image of a table."""
    table = read_predictions(file)
    wrong = np.full(table.probabilities.shape, 0.05)
    wrong[np.arange(len(wrong)), (table.labels + 1) % wrong.shape[1]] = 0.9
    write_predictions(file, Predictions(table.images, table.labels, wrong, table.classes))


def test_every_fold_takes_the_network_that_did_best_on_its_validation_part(nested: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(nested, tmp_path / "run"))
    best = {1: "a", 2: "b", 3: "c", 4: "b", 5: "b", 6: "a"}
    for fold, kept in best.items():
        for name in set(SKILLS) - {kept}:
            spoil(run / f"trials/{name}/fold-{fold}/validation.csv")
    tested = read_run_predictions(run)
    chosen = chosen_networks(run, tested)[0]
    assert (chosen.by, chosen.metric) == ("validation part", "macro_f1")
    assert {choice.fold: choice.network for choice in chosen.choices} == best
    table = read_predictions(run / "trials/b/fold-1/validation.csv")
    assert chosen.choices[0].values["b"] == scores(table.labels, table.probabilities)["macro_f1"]
    # What it says of each image is what its fold's network says of it.
    of = {network.name: network for network in tested.networks}
    for trial in chosen.network.trials():
        taken = of[best[trial.fold]]
        place = taken.repeats.index(trial.repeat)
        rows = [int(np.flatnonzero(taken.images == image)[0]) for image in chosen.network.images[trial.images]]
        said = chosen.network.probabilities[trial.set_index, trial.images]
        assert (said == taken.probabilities[place, rows]).all()
    assert sorted(chosen.network.images) == sorted(of["a"].images)


def test_inner_folds_choose_over_all_of_their_test_images_together(nested: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(nested, tmp_path / "run"))
    for name in ("a", "c"):
        spoil(run / f"trials/{name}/fold-2-inner-1/predictions.csv")
    tested = read_run_predictions(run)
    chosen = chosen_networks(run, tested)[1]
    assert chosen.by == "inner folds"
    assert chosen.choices[1].network == "b"
    tables = [read_predictions(run / f"trials/a/fold-2-inner-{inner}/predictions.csv") for inner in (1, 2)]
    pooled = scores(
        np.concatenate([table.labels for table in tables]), np.concatenate([table.probabilities for table in tables])
    )
    assert chosen.choices[1].values["a"] == pooled["macro_f1"]
    images = {image for table in tables for image in table.images}
    outside = {tested.data.images[place] for place in tested.split.indices(2, Part.TEST)}
    assert not images & outside
    assert images | outside == set(tested.data.images)


def test_no_test_image_has_a_say_in_the_choice(nested: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(nested, tmp_path / "run"))
    before = [found.choices for found in chosen_networks(run, read_run_predictions(run))]
    assert [len(choices) for choices in before] == [6, 6]
    for file in run.glob("trials/a/fold-?/predictions.csv"):
        spoil(file)
    assert [found.choices for found in chosen_networks(run, read_run_predictions(run))] == before


def test_the_result_says_what_was_chosen_and_how_often_with_intervals(nested: Path) -> None:
    results = build_results(nested)
    validation, inner = results.selected
    assert [found.by for found in results.selected] == ["validation part", "inner folds"]
    for found in (validation, inner):
        assert [choice.fold for choice in found.choices] == [1, 2, 3, 4, 5, 6]
        assert [choice.repeat for choice in found.choices] == [1, 1, 1, 2, 2, 2]
        assert sum(found.times.values()) == 6
        figure = found.results.pooled["macro_f1"]
        assert figure.low < figure.value < figure.high
        assert len(found.results.folds) == 6
        assert found.results.images == results.images
    confirmed = results.selection_of_best("macro_f1")
    assert confirmed is not None
    assert sorted(confirmed.times.values()) == [0, 0, 6]
    assert "so that being the best does not inflate its figures" in results.note


def test_where_folds_choose_different_networks_the_best_one_is_said_to_owe_to_chance(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", skills={"a": 2.0, "b": 1.0}, groups=30)
    spoil(run / "trials/a/fold-1/validation.csv")
    results = build_results(run)
    assert results.selection_of_best("macro_f1") is None
    assert "Free of that: the figures of selecting a network in each fold by its validation part alone" in results.note


def test_the_best_of_equals_is_flattered_and_choosing_by_validation_is_not(tmp_path: Path) -> None:
    """Networks of one skill that err on other images: their best figure is above the skill, the procedure's is not."""
    best, chosen = [], []
    for seed in range(12):
        run = make_run(tmp_path / f"run{seed}", skills=dict.fromkeys("abcdef", 1.0), groups=30, seeds=(seed,))
        for number, name in enumerate("abcdef"):
            for file in run.glob(f"trials/{name}/*/*.csv"):
                table = read_predictions(file)
                random = np.random.default_rng([seed, number, int(file.parent.name[5]), len(file.name)])
                raw = random.normal(size=table.probabilities.shape)
                raw[np.arange(len(raw)), table.labels] += 1.0
                shares = np.exp(raw) / np.exp(raw).sum(axis=1, keepdims=True)
                write_predictions(file, Predictions(table.images, table.labels, shares, table.classes))
        tested = read_run_predictions(run)
        values = [scores(one.labels, one.probabilities[0])["accuracy"] or 0.0 for one in tested.networks]
        network = chosen_networks(run, tested)[0].network
        best.append(max(values) - np.mean(values))
        chosen.append((scores(network.labels, network.probabilities[0])["accuracy"] or 0.0) - np.mean(values))
    assert np.mean(best) > 0.03
    assert abs(np.mean(chosen)) < 0.02


def test_there_is_nothing_to_choose_where_one_network_is_or_test_images_choose_anyway(tmp_path: Path) -> None:
    assert build_results(make_run(tmp_path / "one", inner_folds=2)).selected == ()
    published = make_run(tmp_path / "published", skills={"a": 2.0, "b": 1.0}, protocol="aimic-2022")
    assert build_results(published).selected == ()


def test_a_run_that_is_going_on_chooses_in_the_folds_that_all_networks_have(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", skills={"a": 2.0, "b": 1.5}, folds=3, groups=48, inner_folds=2)
    shutil.rmtree(run / "trials/b/fold-3")
    shutil.rmtree(run / "trials/a/fold-1-inner-2")
    validation, inner = chosen_networks(run, read_run_predictions(run))
    assert [choice.fold for choice in validation.choices] == [1, 2]
    assert [choice.fold for choice in inner.choices] == [2]
    assert inner.network.folds_done == [2]
    shutil.rmtree(run / "trials/b")
    assert chosen_networks(run, read_run_predictions(run)) == []


def test_several_seeds_choose_together(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", skills={"a": 2.0, "b": 1.5}, seeds=(0, 7), groups=48)
    spoil(run / "trials/a/fold-1/validation.csv")
    chosen = chosen_networks(run, read_run_predictions(run))[0]
    tables = [read_predictions(run / f"trials/a/{name}/validation.csv") for name in ("fold-1", "fold-1-seed-7")]
    values = [scores(table.labels, table.probabilities)["macro_f1"] or 0.0 for table in tables]
    assert chosen.choices[0].values["a"] == pytest.approx(np.mean(values))
    assert chosen.network.seeds == (0, 7)
