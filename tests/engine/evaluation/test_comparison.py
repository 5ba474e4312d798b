"""Networks are compared on the same images or not at all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from aimic_tui.engine.errors import InputProblem, UsageProblem
from aimic_tui.engine.evaluation.comparison import compare_runs
from aimic_tui.engine.evaluation.predictions import Predictions, read_predictions, write_predictions
from aimic_tui.engine.evaluation.results import build_results
from tests.engine.evaluation.some_run import make_run

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


def test_every_pair_has_a_difference_tests_and_a_verdict(run: Path) -> None:
    found = compare_runs([run], rounds=999)
    assert list(found.networks) == list(SKILLS)
    assert [(pair.a, pair.b) for pair in found.pairs] == [("good", "same"), ("good", "poor"), ("same", "poor")]
    alike, better, _ = found.pairs
    assert alike.verdict == "not shown to differ"
    assert better.better == "good"
    assert better.verdict.startswith("good is better")
    assert (better.images, better.groups) == (200, 40)
    assert better.p_adjusted is not None
    assert better.p is not None
    assert better.p <= better.p_adjusted < 0.05
    assert better.corrected_t.folds == 3
    assert any("does not mean equal" in note for note in found.notes)


def test_the_difference_is_that_of_the_results(run: Path) -> None:
    expected = build_results(run)["pairs"][1]["differences"]["macro_f1"]
    difference = compare_runs([run], rounds=199).pairs[1].difference
    assert (difference.value, difference.low, difference.high) == pytest.approx(tuple(expected.values()))


def test_where_less_is_better_the_lower_one_wins(run: Path) -> None:
    assert compare_runs([run], "log_loss", rounds=199).pairs[1].better == "good"


def test_a_verdict_says_where_the_folds_alone_do_not_show_it(tmp_path: Path) -> None:
    (pair,) = compare_runs([make_run(tmp_path / "run", skills={"good": 3.0, "poor": 0.5}, folds=2)], rounds=999).pairs
    assert pair.t_adjusted is not None
    assert ("over folds not shown" in pair.verdict) == (pair.t_adjusted > 0.05)


def test_networks_of_several_runs_on_one_split(tmp_path: Path) -> None:
    first = make_run(tmp_path / "one", skills={"net": 3.0})
    second = make_run(tmp_path / "two", skills={"net": 0.3})
    found = compare_runs([first, second, first], rounds=199)
    assert list(found.networks) == ["one/net", "two/net"]
    assert found.pairs[0].better == "one/net"


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
    with pytest.raises(UsageProblem, match="no figure beauty"):
        compare_runs([tmp_path / "run"], "beauty")
