"""The error review: sorted, filtered and marked images of a real run folder."""

from __future__ import annotations

import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from textual.pilot import Pilot
from textual.widgets import Static

from aimic_tui.app.app import AimicApp
from aimic_tui.engine.data.audit.measurement_store import memory_file
from aimic_tui.engine.data.audit.measures import measure_images
from aimic_tui.engine.data.listing.marks import MARKS_NAME, Mark, read_marks
from aimic_tui.engine.evaluation.tested_run import read_tested
from aimic_tui.engine.run_folder import RunFolder
from aimic_tui.engine.workspace_folder import Workspace
from aimic_tui.screens.marking.prompts import ClassPrompt, NotePrompt
from aimic_tui.screens.results.error_review import ReviewGrid, ReviewTable
from aimic_tui.screens.results.error_review_rows import figures_of, kept_by, probability_bars
from aimic_tui.screens.results.screen import ResultsScreen
from aimic_tui.widgets.large_image import LargeImage
from aimic_tui.widgets.matrix import ConfusionGrid
from aimic_tui.workspace.network_opinions import alike, look_alikes, looks_of, opinions_of
from aimic_tui.workspace.run_results import Judged, read_judged
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
    return isinstance(place, ResultsScreen) and place._opinions is not None and place.session.data is not None


def _lost(app: AimicApp) -> bool:
    return isinstance(app.screen, ResultsScreen) and "Nothing can be marked" in app.screen.session.problem


def _marks(run: RunFolder) -> dict[str, Mark]:
    return {mark.kind: mark for mark in read_marks(run.path.parent.parent.parent / "cells" / MARKS_NAME)}


async def test_the_surest_wrong_answer_comes_first_and_o_and_f_go_on(run: RunFolder, until: Until) -> None:
    app = _app(run)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: _ready(app))
        await pilot.press("p")
        judged, opinions, table = _place(app)._judged, _place(app)._opinions, _table(app)
        assert judged is not None
        wrong = np.flatnonzero(judged.wrong)
        assert set(table.shown.tolist()) == set(wrong.tolist())
        assert table.row == wrong[np.argmax(judged.confidence[wrong])]
        for key in ("loss", "apart", "suspect"):
            await pilot.press("o")
            figures = figures_of(judged, opinions, key)[table.shown]
            assert (np.diff(figures[~np.isnan(figures)]) <= 0).all()
            assert table.rows.sorted_by is not None
            assert table.rows.sorted_by.key == key
        await pilot.press("f", "f")
        assert {judged.images[row] for row in table.shown} <= set(opinions.suspects)  # type: ignore[union-attr]
        await pilot.press("f", "f")
        assert len(table.shown) == 60


async def test_marks_are_those_of_the_data_place_and_kept_with_the_data(run: RunFolder, until: Until) -> None:
    app = _app(run)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: _ready(app))
        await pilot.press("p")
        judged = _place(app)._judged
        assert judged is not None
        row = _table(app).row
        assert row is not None
        image = judged.images[row]
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
        label = judged.classes[judged.labels[row]]
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
        judged = _place(app)._judged
        assert judged is not None
        grid = _place(app).query_one("#matrix", ConfusionGrid)
        await pilot.press("percent_sign")
        assert "%" in "".join(segment.text for segment in grid.render_line(0))
        behind = judged.behind(*grid.cursor).tolist()
        assert behind
        await pilot.press("enter")
        await until(pilot, lambda: _place(app).query_one(ReviewGrid).has_focus)
        await pilot.press("e")
        await until(pilot, lambda: "label-error" in _marks(run))
        assert _marks(run)["label-error"].image == judged.images[behind[0]]
        await until(pilot, lambda: "?" in _place(app).query_one(ReviewGrid).items[0].sign)
        await pilot.press("enter")
        await until(pilot, lambda: sorted(_table(app).shown.tolist()) == sorted(behind))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, LargeImage))
        await pilot.press("escape", "A")
        await until(pilot, lambda: "of its group" in str(_place(app).query_one("#behind", Static).render()))
        assert _place(app).query_one(ReviewGrid).display
        await pilot.press("escape")
        assert not _place(app).query_one(ReviewGrid).display


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


def test_answers_are_apart_as_their_divergence_says(run: RunFolder) -> None:
    tested = read_tested(run.path)
    opinions = opinions_of(tested)
    assert opinions.answers == 2
    image = tested.data.images[3]
    p, q = (opinions.means[name][image] for name in ("mobilenet_v2", "resnet50"))
    m = (p + q) / 2
    by_hand = (np.sum(p * np.log(p / m)) + np.sum(q * np.log(q / m))) / 2 / np.log(2)
    assert opinions.apart[image] == pytest.approx(by_hand)
    assert all(0 <= far <= 1 for far in opinions.apart.values())


def test_images_like_one_are_of_its_group_or_answered_alike(run: RunFolder) -> None:
    judged = read_judged(run, "mobilenet_v2")
    together, near = alike(judged, 5)
    assert {judged.groups[row] for row in together} == {judged.groups[5]}
    assert 5 not in [*together, *near]
    assert not set(together) & set(near)
    far = np.abs(judged.probabilities[near] - judged.probabilities[5]).sum(axis=1)
    assert (np.diff(far) >= -1e-12).all()


def test_an_image_without_an_answer_is_neither_wrong_nor_in_the_way(run: RunFolder) -> None:
    whole = read_judged(run, "mobilenet_v2")
    shares, said = whole.probabilities.copy(), whole.said.copy()
    shares[0], said[0] = np.nan, -1
    judged = Judged(
        whole.images, whole.paths, whole.groups, whole.folds, whole.labels, said, shares, whole.classes, whole.data
    )
    assert not judged.wrong[0]
    assert judged.confidence[0] == 0
    assert np.isnan(figures_of(judged, None, "loss")[0])
    assert kept_by("all", judged, None, None).all()
    assert len(probability_bars(judged, 0)) == 3
    assert alike(judged, 1)[1].count(0) == 0


async def test_once_audited_look_alikes_of_both_classes_stand_beside_an_error(run: RunFolder, until: Until) -> None:
    workspace = Workspace(run.path.parent.parent)
    judged = read_judged(run, "mobilenet_v2")
    memory = memory_file(workspace.cache_folder, Path(str(judged.data["path"])))
    measure_images(judged.paths, judged.rule, memory=memory)
    looks = looks_of(judged, workspace.cache_folder)
    assert looks is not None
    row = int(np.flatnonzero(judged.wrong)[0])
    (label, own), (said, other) = look_alikes(judged, row, looks)
    assert (label, said) == (judged.labels[row], judged.said[row])
    assert {int(judged.labels[at]) for at in own} == {label}
    assert {int(judged.labels[at]) for at in other} == {said}
    assert judged.groups[row] not in {judged.groups[at] for at in own + other}
    far = looks.distances(row)
    assert (np.diff(far[own]) >= 0).all()
    app = _app(run)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: _ready(app) and _place(app)._looks is not None)
        await pilot.press("p", "A")
        await until(pilot, lambda: "look most like it" in str(_place(app).query_one("#behind", Static).render()))
        captions = [item.caption for item in _place(app).query_one(ReviewGrid).items]
        assert set(captions) <= set(judged.classes)


async def test_at_80_columns_what_is_like_an_image_comes_up_in_place_of_the_table(run: RunFolder, until: Until) -> None:
    app = _app(run)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: _ready(app))
        await pilot.press("p")
        await until(pilot, lambda: "sure" in screen_text(app))
        assert "of its group" not in screen_text(app)
        await pilot.press("A")
        await until(pilot, lambda: "of its group" in screen_text(app) and isinstance(app.focused, ReviewGrid))
        await pilot.press("A")
        await until(pilot, lambda: "of its group" not in screen_text(app) and "sure" in screen_text(app))
