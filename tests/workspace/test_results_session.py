"""A run's results without a screen: followed, computed anew, remembered, compared."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from aimic_tui.engine.errors import InputProblem
from aimic_tui.engine.evaluation.build_results import write_results
from aimic_tui.engine.run_folder import RunFolder, TrialKey
from aimic_tui.engine.workspace_folder import Workspace
from aimic_tui.workspace import results_session
from aimic_tui.workspace.result_tables import write_result_tables
from aimic_tui.workspace.results_session import ResultsSession, ResultsUpdate, runs_on_same_split
from tests.screens.made_run import make_data, make_run, train


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_data(tmp_path_factory.mktemp("data") / "cells")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, cells: Path) -> RunFolder:
    return make_run(tmp_path_factory.mktemp("workspace"), cells, networks=("mobilenet_v2", "resnet50"), epochs=2)


def _session(run: RunFolder) -> ResultsSession:
    return ResultsSession(run, Workspace(run.path.parent.parent), pause=0.01)


async def _next(updates: AsyncIterator[ResultsUpdate]) -> ResultsUpdate:
    return await asyncio.wait_for(anext(updates), timeout=60)


async def test_a_run_is_followed_as_its_trials_finish(tmp_path: Path, cells: Path) -> None:
    run = make_run(tmp_path, cells, finished=0, state="running", epochs=2)
    session = _session(run)
    updates = session.follow()
    first = await _next(updates)
    assert (first.results, first.message) == (None, "")
    train(run, TrialKey("mobilenet_v2", 1), epochs=2)
    write_results(run.path)
    second = await _next(updates)
    assert second.results is not None
    assert second.results is session.figures
    assert session.network("mobilenet_v2").trials_done == 1
    assert session.status is not None
    with pytest.raises(asyncio.TimeoutError):  # nothing changed
        await asyncio.wait_for(anext(updates), timeout=0.3)


async def test_damaged_figures_are_computed_from_the_predictions_and_the_run_stays_as_it_is(
    tmp_path: Path, cells: Path
) -> None:
    run = make_run(tmp_path, cells, epochs=2)
    before = json.loads(run.results_file.read_text())["networks"]["mobilenet_v2"]["pooled"]["accuracy"]["value"]
    run.results_file.write_text("{")
    session = _session(run)
    updates = session.follow()
    assert "Computing the figures" in (await _next(updates)).message
    await _next(updates)
    assert session.network("mobilenet_v2").pooled["accuracy"].value == before
    assert run.results_file.read_text() == "{"
    again = await _next(session.follow())  # as after a prompt over the screen
    assert again.results is session.figures, "nothing has changed, so nothing is computed anew"


async def test_a_folder_that_is_no_run_is_a_sentence(tmp_path: Path) -> None:
    update = await _next(_session(RunFolder(tmp_path / "nothing")).follow())
    assert update.results is None
    assert "nothing" in update.message


async def test_what_was_computed_is_remembered_until_the_run_goes_on(
    tmp_path: Path, cells: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run(tmp_path, cells, epochs=2)
    session = _session(run)
    await _next(session.follow())
    reads, read = 0, results_session.read_run_predictions

    def counted(path: Path) -> object:
        nonlocal reads
        reads += 1
        return read(path)

    monkeypatch.setattr(results_session, "read_run_predictions", counted)
    both = await asyncio.gather(session.answers("mobilenet_v2"), session.answers("mobilenet_v2"))
    assert both[0] is both[1]
    assert await session.curves("mobilenet_v2") is await session.curves("mobilenet_v2")
    await session.opinions()
    assert reads == 1
    write_results(run.path)
    await session.opinions()
    assert reads == 2


async def test_a_computation_goes_on_when_nobody_waits_for_it_and_a_failed_one_is_tried_again(
    run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = _session(run)
    started, done = 0, asyncio.Event()

    async def compute() -> str:
        nonlocal started
        started += 1
        await done.wait()
        if started == 1:
            return "found"
        raise InputProblem("It can't be read.")

    waiting = asyncio.ensure_future(session._once(("thing",), compute))
    await asyncio.sleep(0)
    waiting.cancel()
    done.set()
    assert await session._once(("thing",), compute) == "found"
    for attempt in (2, 3):
        with pytest.raises(InputProblem):
            await session._once(("other",), compute)
        assert started == attempt


async def test_groups_are_named_and_a_lone_network_without_a_relative_has_no_comparison(
    tmp_path: Path, cells: Path
) -> None:
    run = make_run(tmp_path, cells, epochs=2)
    session = _session(run)
    await _next(session.follow())
    groups = await session.groups("mobilenet_v2")
    answers = await session.answers("mobilenet_v2")
    assert set(groups) == set(answers.groups)
    assert sum(group.images for group in groups.values()) == 60
    assert await session.comparison("macro_f1") is None


async def test_costs_are_those_of_the_runs_networks(run: RunFolder) -> None:
    session = _session(run)
    await _next(session.follow())
    costs = {cost.title: cost.values for cost in await session.costs()}
    assert set(costs["parameters, millions"]) == {"mobilenet_v2", "resnet50"}


@pytest.mark.slow
async def test_every_two_networks_are_compared_by_the_command(run: RunFolder) -> None:
    session = _session(run)
    await _next(session.follow())
    found = await session.comparison("accuracy")
    assert found is not None
    (pair,) = found.pairs
    assert (pair.a, pair.b) == ("mobilenet_v2", "resnet50")
    values = [session.network(name).pooled["accuracy"].value for name in (pair.a, pair.b)]
    assert pair.difference.value == pytest.approx(values[0] - values[1])  # type: ignore[operator]
    assert pair.verdict


def test_runs_on_the_same_split_are_found(tmp_path: Path, cells: Path) -> None:
    one = make_run(tmp_path, cells, epochs=2)
    other = make_run(tmp_path, cells, epochs=2, networks=("resnet50",))
    make_run(tmp_path, cells, epochs=2, settings={"seed": 7})
    make_run(tmp_path, cells, epochs=2, finished=0, state="stopped")
    assert runs_on_same_split(Workspace(tmp_path), one) == [other.path]


async def test_tables_hold_every_figure_with_its_interval(run: RunFolder, tmp_path: Path) -> None:
    session = _session(run)
    await _next(session.follow())
    files = write_result_tables(session.figures, tmp_path / "tables")
    assert sorted(file.name for file in files) == [
        "classes.csv", "confusion-mobilenet_v2.csv", "confusion-resnet50.csv", "folds.csv", "networks.csv",
        "results.json",
    ]  # fmt: skip
    header, *rows = (line.split(",") for line in (tmp_path / "tables" / "classes.csv").read_text().splitlines())
    assert len(rows) == 6
    recall = session.network("resnet50").classes["platelet"].figures["recall"]
    row = next(row for row in rows if row[:2] == ["resnet50", "platelet"])
    assert float(row[header.index("recall")]) == recall.value
    assert json.loads((tmp_path / "tables" / "results.json").read_text()) == json.loads(run.results_file.read_text())
