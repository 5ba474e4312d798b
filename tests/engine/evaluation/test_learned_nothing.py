"""A network that predicts a single class is said to have learned nothing, whatever its pooled figures look like."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from aimic_tui.commands.results import report_lines
from aimic_tui.engine.evaluation.build_results import build_results
from aimic_tui.engine.evaluation.label_errors import label_errors_of_run, trials_without_say
from aimic_tui.engine.evaluation.learned_nothing import learned_nothing
from aimic_tui.engine.evaluation.predictions import Predictions, read_predictions, write_predictions
from aimic_tui.engine.evaluation.run_predictions import read_run_predictions
from aimic_tui.engine.evaluation.run_results import NetworkResults
from tests.engine.evaluation.stored_run import CLASSES, make_run


def say_one_class(run: Path, classes: Mapping[int, int]) -> None:
    """Let the network predict one class (its code) for all images of each of these folds."""
    for fold, code in classes.items():
        path = run / f"trials/mobilenet_v2/fold-{fold}/predictions.csv"
        table = read_predictions(path)
        shares = np.full_like(table.probabilities, 0.2)
        shares[:, code] = 0.6
        write_predictions(path, Predictions(table.images, table.labels, shares, table.classes))


def network_that_says(folder: Path, classes: Mapping[int, int]) -> NetworkResults:
    run = make_run(folder / "run")
    say_one_class(run, classes)
    return build_results(run).networks["mobilenet_v2"]


def test_a_network_that_distinguishes_is_not_warned_of(tmp_path: Path) -> None:
    assert not learned_nothing("net", network_that_says(tmp_path, {}))


def test_one_class_for_every_image(tmp_path: Path) -> None:
    found = learned_nothing("net", network_that_says(tmp_path, {1: 2, 2: 2, 3: 2}))
    assert found == ("net predicts neutrophil for every image: it has learned nothing.",)


def test_another_class_in_each_fold_and_the_pooled_figure_that_hides_it(tmp_path: Path) -> None:
    network = network_that_says(tmp_path, {1: 0, 2: 1, 3: 2})
    assert [fold.only_class for fold in network.folds] == list(CLASSES)
    nothing, pooling = learned_nothing("net", network)
    assert "another one by fold: it has learned nothing" in nothing
    of_folds = [fold.values["macro_f1"] or 0.0 for fold in network.folds]
    assert (network.pooled["macro_f1"].value or 0.0) > 1.5 * max(of_folds)  # it looks like a poor network
    assert f"exceeds that of every single fold (at most {max(of_folds):.3f})" in pooling


def test_folds_that_failed_are_counted(tmp_path: Path) -> None:
    (found,) = learned_nothing("net", network_that_says(tmp_path, {2: 1}))
    assert found == "net predicts a single class for all images in 1 of 3 folds: it has learned nothing there."


def test_one_class_is_right_where_a_fold_tests_no_other(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    (network,) = read_run_predictions(run).networks
    trial = next(network.trials())
    rows = np.flatnonzero(trial.images & (network.labels == 0))
    alone = network.select(rows)
    alone.probabilities[:] = (0.8, 0.1, 0.1)
    assert alone.only_class(next(alone.trials())) is None


def test_what_has_learned_nothing_doubts_no_label(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    tested = read_run_predictions(run)
    names, labels = tested.data.images, [CLASSES[code] for code in tested.data.labels]
    assert label_errors_of_run(tested, names, labels)
    assert trials_without_say(tested) == ""
    say_one_class(run, {1: 0, 2: 1, 3: 2})
    tested = read_run_predictions(run)
    assert label_errors_of_run(tested, names, labels) == []
    assert trials_without_say(tested) == "3 trials predict a single class and have no say about labels."


@pytest.mark.parametrize("folds", [{1: 0, 2: 1, 3: 2}, {2: 1}])
def test_the_command_says_it(tmp_path: Path, folds: dict[int, int]) -> None:
    run = make_run(tmp_path / "run")
    say_one_class(run, folds)
    said = "\n".join(report_lines(build_results(run)))
    assert "! mobilenet_v2 predicts a single class for all images" in said
