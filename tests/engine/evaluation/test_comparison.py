"""Networks are compared on the same images or not at all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from aimic_tui.engine.data.data_set import Part
from aimic_tui.engine.data.manifest import read_manifest
from aimic_tui.engine.data.splitting.split import read_split
from aimic_tui.engine.errors import InputProblem, UsageProblem
from aimic_tui.engine.evaluation.build_results import build_results
from aimic_tui.engine.evaluation.comparison import compare_runs
from aimic_tui.engine.evaluation.metrics import scores
from aimic_tui.engine.evaluation.paired_tests import corrected_t
from aimic_tui.engine.evaluation.predictions import Predictions, read_predictions, write_predictions
from aimic_tui.engine.evaluation.verdicts import ANOTHER_TRAINING
from aimic_tui.engine.experiment import Experiment
from aimic_tui.engine.run_folder import RunFolder
from aimic_tui.engine.runs.prepare.creation import create_run
from aimic_tui.engine.runs.status import read_status
from aimic_tui.engine.workspace_folder import Workspace
from tests.engine.evaluation.stored_run import make_run

SKILLS = {"good": 3.0, "same": 3.0, "poor": 0.5}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = make_run(tmp_path_factory.mktemp("runs") / "some", skills=SKILLS, groups=40)
    rename_errors(folder / "trials" / "same")
    return folder


def rename_errors(network: Path) -> None:
    """Let a network err as often as it does, but on other images."""
    for path in network.rglob("predictions.csv"):
        table = read_predictions(path)
        order = np.argsort(table.labels, kind="stable")
        mirrored = np.empty_like(table.probabilities)
        for code in np.unique(table.labels):
            rows = order[table.labels[order] == code]
            mirrored[rows] = table.probabilities[rows[::-1]]
        write_predictions(path, Predictions(table.images, table.labels, mirrored, table.classes))


def test_the_best_is_called_lucky_only_where_its_folds_do_not_choose_it_themselves(tmp_path: Path) -> None:
    """`aimic results` says of the first run that the choice doesn't inflate its figure; this is no other figure."""
    clear = make_run(tmp_path / "clear", skills={"good": 2.5, "poor": 0.5}, groups=45)
    assert build_results(clear).selection_of_best("macro_f1") is not None
    assert "owes part of its lead to chance" not in " ".join(compare_runs([clear], rounds=99).notes)
    close = make_run(tmp_path / "close", skills={"a": 1.0, "b": 1.1}, groups=45)
    assert build_results(close).selection_of_best("macro_f1") is None
    assert "owes part of its lead to chance" in " ".join(compare_runs([close], rounds=99).notes)


def test_without_an_interval_none_is_said_to_hold_the_difference(tmp_path: Path) -> None:
    few = compare_runs([make_run(tmp_path / "few", skills={"one": 3.0, "other": 2.9}, groups=6)], rounds=99)
    assert few.pairs[0].difference.low is None
    assert "without an interval, it is not known how large" in few.notes[-1]
    assert "the interval contains" not in " ".join(few.notes)


def test_every_pair_has_a_difference_tests_and_a_verdict(run: Path) -> None:
    found = compare_runs([run], rounds=999)
    assert list(found.networks) == list(SKILLS)
    assert [(pair.a, pair.b) for pair in found.pairs] == [("good", "same"), ("good", "poor"), ("same", "poor")]
    alike, better, _ = found.pairs
    assert alike.verdict == "not shown to differ, nor to be equivalent"
    assert (better.shown.ahead, better.better) == ("good", None)
    assert better.verdict == "these trained networks differ, good is ahead"
    assert (better.images, better.groups) == (200, 40)
    assert better.p_adjusted is not None
    assert better.p is not None
    assert better.p <= better.p_adjusted < 0.05
    assert better.corrected_t.folds == 3
    assert any("does not mean equal" in note for note in found.notes)
    assert ANOTHER_TRAINING in found.notes


def test_the_difference_is_that_of_the_results(run: Path) -> None:
    expected = build_results(run).pairs[1].differences["macro_f1"]
    difference = compare_runs([run], rounds=199).pairs[1].difference
    assert difference.value == pytest.approx(expected.value)
    assert (difference.low, difference.high) == pytest.approx((expected.low, expected.high))


def test_where_less_is_better_the_lower_one_wins(run: Path) -> None:
    assert compare_runs([run], "log_loss", rounds=199).pairs[1].shown.ahead == "good"


def test_no_verdict_rests_on_the_test_over_folds(tmp_path: Path) -> None:
    skills = {"good": 2.5, "poor": 0.5}
    two, three = (
        compare_runs([make_run(tmp_path / f"{folds}", skills=skills, folds=folds, groups=40)], rounds=499)
        for folds in (2, 3)
    )
    assert (three.pairs[0].t_adjusted or 1.0) < 0.05 < (two.pairs[0].t_adjusted or 0.0)
    assert two.pairs[0].verdict == three.pairs[0].verdict == "these trained networks differ, good is ahead"
    assert "little power" in two.method


SEEDS = (0, 1, 2)


def test_with_seeds_on_both_sides_the_better_recipe_is_named(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", skills={"good": 3.0, "poor": 0.5}, seeds=SEEDS, groups=40)
    found = compare_runs([run], rounds=199)
    (pair,) = found.pairs
    assert pair.recipe is not None
    assert (pair.better, pair.shown.estimand, pair.verdict) == ("good", "recipe", "good is better (recipe)")
    low, high = pair.recipe.difference.low or 0.0, pair.recipe.difference.high or 0.0
    assert 0 < low <= (pair.difference.low or 0.0) < (pair.difference.high or 0.0) <= high
    assert ANOTHER_TRAINING not in found.notes
    assert build_results(run).pairs[0].recipe["macro_f1"] == pair.recipe.difference


def test_recipes_that_vary_from_training_to_training_are_not_called_better(tmp_path: Path) -> None:
    """One training of three failed: these trained networks differ, but a recipe is not shown to."""
    run = make_run(tmp_path / "run", skills={"steady": 1.5, "fickle": 1.5}, seeds=SEEDS, groups=60)
    for path in (run / "trials/fickle").glob("fold-*-seed-1/predictions.csv"):
        table = read_predictions(path)
        table.probabilities[:] = np.roll(table.probabilities, 1, axis=1)
        write_predictions(path, table)
    (pair,) = compare_runs([run], rounds=499).pairs
    assert pair.better is None
    assert pair.verdict == "not shown to differ as recipes; these trained networks differ, steady is ahead"


def with_seed(run: Path, seed: int) -> Path:
    """Let a run be one of another seed."""
    file = run / "experiment.toml"
    file.write_text(file.read_text().replace("seed = 0", f"seed = {seed}", 1))
    return run


def test_runs_that_differ_in_the_seed_only_show_training_variability_and_none_is_better(tmp_path: Path) -> None:
    """Three single runs of one recipe, macro F1 about 0.39, 0.25 and 0.38: p < 0.001 is no better recipe."""
    runs = [
        with_seed(make_run(tmp_path / f"seed{seed}", skills={"net": skill}, groups=60), seed)
        for seed, skill in ((0, 0.25), (1, -0.25), (2, 0.24))
    ]
    found = compare_runs(runs, rounds=999)
    assert [pair.p_adjusted is not None and pair.p_adjusted < 0.05 for pair in found.pairs] == [True, False, True]
    for pair in found.pairs:
        assert pair.better is None
        assert "is better" not in pair.verdict
        assert pair.verdict.endswith("the same recipe with different seeds")
    (same,) = found.same_recipes
    assert same.networks == ("seed0/net", "seed1/net", "seed2/net")
    values = [value for value in found.networks.values() if value is not None]
    assert same.sd == pytest.approx(np.std(values, ddof=1))
    assert "what differs here is training variability" in found.notes[0]
    assert f"{same.sd:.3f} over 3 trainings" in found.notes[0]


def test_other_settings_make_another_recipe(tmp_path: Path) -> None:
    runs = [make_run(tmp_path / f"run{number}", skills={"net": 1.0}) for number in range(2)]
    file = runs[1] / "experiment.toml"
    file.write_text(file.read_text().replace("learning_rate = 0.0003", "learning_rate = 0.001"))
    assert not compare_runs(runs, rounds=49).same_recipes


def test_what_differs_by_less_than_the_margin_is_equivalent(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", skills={"one": 4.0, "other": 4.0}, groups=150)
    rename_errors(run / "trials" / "other")
    strict, wide = (compare_runs([run], rounds=199, margin=margin).pairs[0] for margin in (0.001, 0.1))
    assert strict.shown.equivalent is False
    assert wide.verdict == "equivalent within the margin (these trained networks)"
    interval = wide.difference
    reach = max(-(interval.low or 0.0), interval.high or 0.0)
    for margin, equivalent in ((reach * 0.999, False), (reach * 1.001, True)):  # the whole interval, and no less
        assert compare_runs([run], rounds=49, margin=margin).pairs[0].shown.equivalent is equivalent


def test_the_margin_is_the_commands_or_the_runs_or_the_metrics(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", skills={"a": 1.0, "b": 1.0})
    assert compare_runs([run], "log_loss", rounds=9).margin == 0.05
    assert "two in 100 images; --margin names another" in compare_runs([run], rounds=9).method
    file = run / "experiment.toml"
    file.write_text(file.read_text().replace('margin = "auto"', "margin = 0.03"))
    assert compare_runs([run], rounds=9).margin == 0.03
    assert compare_runs([run], rounds=9, margin=0.01).margin == 0.01
    with pytest.raises(UsageProblem, match="above 0"):
        compare_runs([run], margin=0.0)


def test_networks_of_several_runs_on_one_split(tmp_path: Path) -> None:
    first = make_run(tmp_path / "one", skills={"net": 3.0})
    second = make_run(tmp_path / "two", skills={"net": 0.3})
    found = compare_runs([first, second, first], rounds=199)
    assert list(found.networks) == ["one/net", "two/net"]
    assert found.pairs[0].shown.ahead == "one/net"


def test_images_that_one_could_not_classify_do_not_count(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", skills={"a": 2.0, "b": 1.0})
    path = run / "trials/b/fold-2/predictions.csv"
    table = read_predictions(path)
    table.probabilities[0] = np.nan
    write_predictions(path, table)
    assert compare_runs([run], rounds=99).pairs[0].images == 119


def test_unequal_numbers_of_seeds_are_compared_on_as_many(tmp_path: Path) -> None:
    one = make_run(tmp_path / "one", skills={"net": 2.0}, seeds=(0, 7))
    two = make_run(tmp_path / "two", skills={"net": 2.0})
    difference = compare_runs([one, two], rounds=99).pairs[0].difference.value
    assert difference == pytest.approx(0.0)


def test_other_splits_images_or_classes_are_refused_in_a_sentence(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    with pytest.raises(InputProblem, match="split their images differently"):
        compare_runs([run, make_run(tmp_path / "folds", folds=4)])
    with pytest.raises(InputProblem, match="different images"):
        compare_runs([run, make_run(tmp_path / "more", groups=30)])
    changed = make_run(tmp_path / "changed")
    for folder, digest in ((run, "a" * 64), (changed, "b" * 64)):
        manifest = folder / "manifest.csv"
        manifest.write_text(
            "".join(
                line.rstrip("\n") + ("" if "digest" in line else digest) + "\n"
                for line in manifest.read_text().splitlines(keepends=True)
            )
        )
    with pytest.raises(InputProblem, match="different images"):
        compare_runs([run, changed])


def test_one_network_is_none_to_compare(tmp_path: Path) -> None:
    with pytest.raises(InputProblem, match="only one tested network"):
        compare_runs([make_run(tmp_path / "run")])
    with pytest.raises(UsageProblem, match="no metric beauty"):
        compare_runs([tmp_path / "run"], "beauty")


def test_the_t_test_rests_on_the_folds_of_every_repeat(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", skills={"good": 3.0, "poor": 0.5}, folds=3, repeats=2, groups=40, seeds=(0, 5))
    (pair,) = compare_runs([run], rounds=199).pairs
    tables = {
        name: [
            [read_predictions(run / f"trials/{name}/fold-{fold}{seed}/predictions.csv") for seed in ("", "-seed-5")]
            for fold in range(1, 7)
        ]
        for name in ("good", "poor")
    }
    of_folds = {
        name: np.array(
            [[scores(table.labels, table.probabilities)["macro_f1"] for table in fold] for fold in folds], np.float64
        ).mean(axis=1)
        for name, folds in tables.items()
    }
    assert pair.corrected_t == corrected_t((of_folds["good"] - of_folds["poor"]).tolist(), _tested_to_trained(run))
    assert pair.corrected_t.folds == 6
    assert (pair.images, pair.groups) == (200, 40)


def _tested_to_trained(run: Path) -> float:
    rows = [line.rpartition(",")[2] for line in (run / "split.csv").read_text().splitlines()]
    return rows.count("test") / rows.count("train")


def test_runs_on_a_given_split_are_compared_whatever_their_seeds(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    for label in ("dark", "light"):
        (tmp_path / "cells" / label).mkdir(parents=True)
        for number in range(24):
            pixels = random.integers(0, 256, (8, 8, 3), np.uint8)
            Image.fromarray(pixels).save(tmp_path / "cells" / label / f"smear{label}{number // 2:02}_{number % 2}.png")
    workspace = Workspace(tmp_path / "space")
    values = {"data.path": str(tmp_path / "cells"), "model.weights": "none", "split.folds": 3, "split.repeats": 2}
    runs = []
    for name, skill, more in (
        ("first", 3.0, {"training.seeds": 2}),
        ("second", 0.5, {"split.from": "latest", "seed": 9, "split.folds": 5}),
    ):
        runs.append(create_run(Experiment().with_values({**values, "name": name, **more}), workspace, []))
        answer(runs[-1], skill)
    found = compare_runs([run.path for run in runs], "accuracy", rounds=199)
    (pair,) = found.pairs
    assert (pair.images, pair.corrected_t.folds) == (48, 6)
    assert pair.difference.value is not None
    assert pair.difference.value > 0.1
    alone = create_run(Experiment().with_values({**values, "name": "alone", "seed": 9}), workspace, [])
    answer(alone, 1.0)
    with pytest.raises(InputProblem, match="split their images differently"):
        compare_runs([runs[0].path, alone.path])


def answer(run: RunFolder, skill: float) -> None:
    """Leave the test predictions of every trial of a run."""
    data = read_manifest(run.manifest_file)
    split = read_split(run.split_file, data.images)
    for trial in read_status(run).trials:
        tested = split.indices(trial.fold, Part.TEST)
        raw = np.random.default_rng([trial.fold, trial.seed]).normal(size=(len(tested), len(data.classes)))
        raw[np.arange(len(tested)), data.labels[tested]] += skill
        shares = np.exp(raw) / np.exp(raw).sum(axis=1, keepdims=True)
        file = run.trial(trial.key).predictions_file
        file.parent.mkdir(parents=True)
        names = tuple(data.images[index] for index in tested)
        write_predictions(file, Predictions(names, data.labels[tested], shares, data.classes))
