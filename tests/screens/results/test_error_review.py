"""The error review: sorted, filtered and marked images of a real run folder."""

from __future__ import annotations

import shutil
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from textual.pilot import Pilot
from textual.widgets import Static

from aimic_tui.app.app import AimicApp
from aimic_tui.engine.data.audit.measurement_store import measurements_file
from aimic_tui.engine.data.audit.measures import measure_images
from aimic_tui.engine.data.listing.marks import MARKS_NAME, Mark, read_marks
from aimic_tui.engine.evaluation.run_predictions import read_run_predictions
from aimic_tui.engine.run_folder import RunFolder
from aimic_tui.engine.workspace_folder import Workspace
from aimic_tui.screens.marking.prompts import ClassPrompt, NotePrompt
from aimic_tui.screens.results.error_review import ReviewTable
from aimic_tui.screens.results.matrix_view import ReviewGrid
from aimic_tui.screens.results.review_rows import probability_bars
from aimic_tui.screens.results.screen import ResultsScreen
from aimic_tui.widgets.large_image import LargeImage
from aimic_tui.widgets.matrix import ConfusionGrid
from aimic_tui.workspace.data_session import DataSession
from aimic_tui.workspace.image_answers import answers_of
from aimic_tui.workspace.image_review import ImageReview
from aimic_tui.workspace.similar_images import appearances_of, look_alikes
from tests.app.test_app import screen_text
from tests.screens.made_run import make_run

Until = Callable[[Pilot[None], Callable[[], bool]], Awaitable[None]]


@pytest.fixture
def run(tmp_path: Path, cells: Path) -> RunFolder:
    data = Path(shutil.copytree(cells, tmp_path / "cells"))  # marks are written beside the images
    return make_run(tmp_path / "ws", data, networks=("mobilenet_v2", "resnet50"), epochs=2)


def _app(run: RunFolder, *, read_only: bool = False) -> AimicApp:
    app = AimicApp(Workspace(run.path.parent.parent), place="results", read_only=read_only)
    app.context.run = run.path
    return app


def _place(app: AimicApp) -> ResultsScreen:
    return cast("ResultsScreen", app.screen_stack[0])


def _table(app: AimicApp) -> ReviewTable:
    return _place(app).query_one(ReviewTable)


def _ready(app: AimicApp) -> bool:
    place = app.screen_stack[0]
    if not isinstance(place, ResultsScreen) or place.images.review is None:
        return False
    return place.images.review.opinions is not None and place.images.data.data is not None


def _review(app: AimicApp) -> ImageReview:
    review = _place(app).images.review
    assert review is not None
    return review


def _similar(app: AimicApp) -> ReviewGrid:
    return _place(app).query_one("ErrorReview ReviewGrid", ReviewGrid)


def _caption(app: AimicApp) -> str:
    return str(_place(app).query_one("#review-caption", Static).render())


def _lost(app: AimicApp) -> bool:
    return isinstance(app.screen, ResultsScreen) and "Nothing can be marked" in app.screen.images.data.problem


def _marks(run: RunFolder) -> dict[str, Mark]:
    return {mark.kind: mark for mark in read_marks(run.path.parent.parent.parent / "cells" / MARKS_NAME)}


async def test_the_surest_wrong_answer_comes_first_and_o_and_f_go_on(run: RunFolder, until: Until) -> None:
    app = _app(run)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: _ready(app))
        await pilot.press("p")
        review, table = _review(app), _table(app)
        answers, opinions = review.answers, review.opinions
        wrong = np.flatnonzero(answers.wrong)
        assert set(table.shown.tolist()) == set(wrong.tolist())
        assert table.row == wrong[np.argmax(answers.confidence[wrong])]
        for key in ("loss", "disagreement", "suspect"):
            await pilot.press("o")
            figures = review.sort_values(key)[table.shown]
            assert (np.diff(figures[~np.isnan(figures)]) <= 0).all()
            assert table.rows.sorted_by is not None
            assert table.rows.sorted_by.key == key
        await pilot.press("f", "f")
        assert {answers.images[row] for row in table.shown} <= set(opinions.suspects)  # type: ignore[union-attr]
        await pilot.press("f", "f")
        assert len(table.shown) == 60


async def test_marks_are_those_of_the_data_place_and_kept_with_the_data(run: RunFolder, until: Until) -> None:
    app = _app(run)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: _ready(app))
        await pilot.press("p")
        answers = _review(app).answers
        row = _table(app).row
        assert row is not None
        image = answers.images[row]
        await pilot.press("e")
        await until(pilot, lambda: "label-error" in _marks(run))
        assert _marks(run)["label-error"].image == image
        await until(pilot, lambda: _table(app).rows.columns[0].plain(row) == "?")
        assert _table(app).row == row  # the cursor stays
        await pilot.press("x")
        await until(pilot, lambda: "exclude" in _marks(run))
        await pilot.press("x")
        await until(pilot, lambda: "exclude" not in _marks(run))
        await pilot.press("r")
        await until(pilot, lambda: set(_marks(run)) == {"reviewed"})
        await pilot.press("n")
        await until(pilot, lambda: isinstance(app.screen, NotePrompt))
        await pilot.press(*"odd", "enter")
        await until(pilot, lambda: "note" in _marks(run))
        await pilot.press("b")
        await until(pilot, lambda: isinstance(app.screen, ClassPrompt))
        await pilot.press("home", "down", "down", "enter")
        label = answers.classes[answers.labels[row]]
        if label != "white_cell":
            await until(pilot, lambda: "label" in _marks(run))
            assert _marks(run)["label"].label == "white_cell"


async def test_what_is_decided_leaves_the_open_list_and_several_are_marked_at_once(
    run: RunFolder, until: Until
) -> None:
    app = _app(run)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: _ready(app))
        await pilot.press("p", "f")
        before = _table(app).shown.tolist()
        assert len(before) > 1
        await pilot.press("space", "space", "r")
        await until(pilot, lambda: _table(app).shown.tolist() == before[2:])


async def test_from_a_cell_to_its_images_and_their_list(run: RunFolder, until: Until) -> None:
    app = _app(run)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: _ready(app))
        answers = _review(app).answers
        grid = _place(app).query_one("#matrix", ConfusionGrid)
        await pilot.press("percent_sign")
        assert "%" in "".join(segment.text for segment in grid.render_line(0))
        in_cell = answers.in_cell(*grid.cursor).tolist()
        assert in_cell
        await pilot.press("enter")
        await until(pilot, lambda: _place(app).query_one(ReviewGrid).has_focus)
        await pilot.press("e")
        await until(pilot, lambda: "label-error" in _marks(run))
        assert _marks(run)["label-error"].image == answers.images[in_cell[0]]
        await until(pilot, lambda: "?" in _place(app).query_one(ReviewGrid).items[0].sign)
        await pilot.press("enter")
        await until(pilot, lambda: sorted(_table(app).shown.tolist()) == sorted(in_cell))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, LargeImage))
        await pilot.press("escape", "A")
        await until(pilot, lambda: "of its group" in _caption(app))
        assert _similar(app).display
        await pilot.press("escape")
        assert not _similar(app).display


async def test_a_read_only_look_and_a_lost_data_set_mark_nothing(run: RunFolder, until: Until) -> None:
    app = _app(run, read_only=True)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: _ready(app))
        await pilot.press("p", "e", "x", "n")
        await pilot.pause(0.3)
        assert isinstance(app.screen, ResultsScreen)
    assert not _marks(run)
    shutil.rmtree(run.path.parent.parent.parent / "cells")
    app = _app(run)
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await until(pilot, lambda: _lost(app))
        await pilot.press("p", "e")
        await until(pilot, lambda: any("Nothing can be marked" in note.message for note in app._notifications))


async def test_once_audited_look_alikes_of_both_classes_stand_beside_an_error(run: RunFolder, until: Until) -> None:
    workspace = Workspace(run.path.parent.parent)
    answers = answers_of(read_run_predictions(run.path), "mobilenet_v2")
    store = measurements_file(workspace.cache_folder, Path(answers.choice.path))
    measure_images(answers.paths, answers.rule, store=store)
    appearances = appearances_of(answers, workspace.cache_folder)
    assert appearances is not None
    row = int(np.flatnonzero(answers.wrong)[0])
    (label, own), (predicted, other) = look_alikes(answers, row, appearances)
    assert (label, predicted) == (answers.labels[row], answers.predicted[row])
    assert {int(answers.labels[at]) for at in own} == {label}
    assert {int(answers.labels[at]) for at in other} == {predicted}
    assert answers.groups[row] not in {answers.groups[at] for at in own + other}
    far = appearances.distances(row)
    assert (np.diff(far[own]) >= 0).all()
    app = _app(run)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: _ready(app) and _review(app).appearances is not None)
        await pilot.press("p", "A")
        await until(pilot, lambda: "Most similar in other groups" in _caption(app))
        captions = [item.caption for item in _similar(app).items]
        assert set(captions) <= set(answers.classes)


async def test_at_80_columns_what_is_like_an_image_comes_up_in_place_of_the_table(run: RunFolder, until: Until) -> None:
    app = _app(run)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: _ready(app))
        await pilot.press("p")
        await until(pilot, lambda: "confidence" in screen_text(app))
        assert "of its group" not in screen_text(app)
        await pilot.press("A")
        await until(pilot, lambda: "of its group" in screen_text(app) and isinstance(app.focused, ReviewGrid))
        await pilot.press("A")
        await until(pilot, lambda: "of its group" not in screen_text(app) and "confidence" in screen_text(app))


def test_an_image_without_an_answer_has_bars_of_nothing(run: RunFolder) -> None:
    answers = answers_of(read_run_predictions(run.path), "mobilenet_v2")
    probabilities, predicted = answers.probabilities.copy(), answers.predicted.copy()
    probabilities[0], predicted[0] = np.nan, -1
    unanswered = replace(answers, probabilities=probabilities, predicted=predicted)
    bars = probability_bars(ImageReview(unanswered, "mobilenet_v2", DataSession()), 0)
    assert [bar[2][0] for bar in bars] == [" 0.000"] * 3
