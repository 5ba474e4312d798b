"""The error review without a screen: a network's answers, sorted, filtered, limited to a cell, and images like one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from aimic_tui.engine.evaluation.opinions import Opinions, opinions_of
from aimic_tui.engine.evaluation.run_predictions import RunPredictions, read_run_predictions
from aimic_tui.workspace.data_session import DataSession
from aimic_tui.workspace.image_answers import ImageAnswers, answers_of
from aimic_tui.workspace.image_review import FILTERS, ImageReview
from aimic_tui.workspace.mark_changes import toggle
from aimic_tui.workspace.similar_images import similar_rows
from tests.screens.made_run import make_data, make_run


@pytest.fixture(scope="module")
def tested(tmp_path_factory: pytest.TempPathFactory) -> RunPredictions:
    folder = tmp_path_factory.mktemp("review")
    run = make_run(folder / "ws", make_data(folder / "cells"), networks=("mobilenet_v2", "resnet50"), epochs=2)
    return read_run_predictions(run.path)


@pytest.fixture
def answers(tested: RunPredictions) -> ImageAnswers:
    return answers_of(tested, "mobilenet_v2")


@pytest.fixture
def opinions(tested: RunPredictions) -> Opinions:
    return opinions_of(tested)


def _review(answers: ImageAnswers) -> ImageReview:
    return ImageReview(answers, "mobilenet_v2", DataSession())


def test_answers_are_those_of_the_stored_predictions(tested: RunPredictions, answers: ImageAnswers) -> None:
    assert sorted(answers.images) == sorted(tested.data.images)
    network = tested.networks[0]
    for row in (0, 17, 59):
        column = network.images.tolist().index(tested.data.images.index(answers.images[row]))
        assert answers.probabilities[row].tolist() == network.probabilities[0, column].tolist()
        assert answers.folds[row] == network.folds[0, column]
        assert answers.classes[answers.labels[row]] == answers.images[row].split("/")[0]
        assert answers.paths[row].exists()


def test_a_network_without_a_tested_fold_has_no_answers(tested: RunPredictions) -> None:
    answers = answers_of(tested, "vgg11")
    assert answers.images == ()
    assert answers.probabilities.shape == (0, 3)


def test_the_cells_of_the_matrix_part_the_images(answers: ImageAnswers) -> None:
    rows = np.concatenate([answers.in_cell(label, predicted) for label in range(3) for predicted in range(3)])
    assert sorted(rows.tolist()) == list(range(60))
    diagonal = answers.in_cell(1, 1)
    assert not answers.wrong[diagonal].any()
    assert (np.diff(answers.confidence[diagonal]) <= 0).all()


def test_orders_and_filters_go_round(answers: ImageAnswers, opinions: Opinions) -> None:
    review = _review(answers)
    assert [review.next_order().key for _ in range(4)] == ["loss", "suspect", "fold", "confidence"]
    review.opinions = opinions
    assert [review.next_order().key for _ in range(5)] == ["loss", "disagreement", "suspect", "fold", "confidence"]
    assert review.listed.tolist() == answers.wrong.tolist()
    seen = []
    for _ in FILTERS:
        review.next_filter()
        seen.append(review.filter)
    assert sorted(seen) == sorted(FILTERS)


def test_a_cell_is_listed_until_all_images_are_asked_for(answers: ImageAnswers) -> None:
    review = _review(answers)
    review.limit_to("platelet taken for red_cell", [3, 5])
    assert np.flatnonzero(review.listed).tolist() == [3, 5]
    assert review.title == "platelet taken for red_cell"
    review.next_filter()
    assert review.selection is None
    assert review.title == "errors"


async def test_a_decision_takes_an_error_off_the_open_list(tmp_path: Path) -> None:
    run = make_run(tmp_path / "ws", make_data(tmp_path / "cells"), epochs=2)
    answers, session = answers_of(read_run_predictions(run.path), "mobilenet_v2"), DataSession()
    review = ImageReview(answers, "mobilenet_v2", session)
    data = await session.open(answers.choice, tmp_path / "marks")
    review.filter = "open"
    row = int(np.flatnonzero(review.listed)[0])
    image = answers.images[row]
    await session.apply(toggle(data, [image], "exclude"))
    assert review.is_excluded(image)
    assert not review.listed[row]
    review.filter = "marked"
    assert np.flatnonzero(review.listed).tolist() == [row]


def test_an_image_without_an_answer_is_neither_wrong_nor_in_the_way(answers: ImageAnswers) -> None:
    probabilities, predicted = answers.probabilities.copy(), answers.predicted.copy()
    probabilities[0], predicted[0] = np.nan, -1
    review = _review(replace(answers, probabilities=probabilities, predicted=predicted))
    assert not review.answers.wrong[0]
    assert review.answers.confidence[0] == 0
    assert np.isnan(review.sort_values("loss")[0])
    review.filter = "all"
    assert review.listed.all()
    assert similar_rows(review.answers, 1)[1].count(0) == 0


def test_similar_images_are_of_the_same_group_or_answered_alike(answers: ImageAnswers) -> None:
    same_group, similar = similar_rows(answers, 5)
    assert {answers.groups[row] for row in same_group} == {answers.groups[5]}
    assert 5 not in [*same_group, *similar]
    assert not set(same_group) & set(similar)
    distances = np.abs(answers.probabilities[similar] - answers.probabilities[5]).sum(axis=1)
    assert (np.diff(distances) >= -1e-12).all()
