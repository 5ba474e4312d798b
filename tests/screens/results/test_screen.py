"""Results: the figures of a run and the images behind them."""

from __future__ import annotations

import csv
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import numpy as np
import pytest
from textual.pilot import Pilot
from textual.widgets import Static

from aimic_tui.app.app import AimicApp
from aimic_tui.engine.evaluation.network_choice import BEST_OF_MANY
from aimic_tui.engine.evaluation.results_file import read_results_file
from aimic_tui.engine.evaluation.run_predictions import read_run_predictions
from aimic_tui.engine.run_folder import RunFolder
from aimic_tui.engine.workspace_folder import Workspace
from aimic_tui.screens.results.network_ranking import NetworkRanking
from aimic_tui.widgets.big_table import BigTable
from aimic_tui.widgets.matrix import ConfusionGrid
from aimic_tui.widgets.thumbnails import ThumbnailGrid
from aimic_tui.workspace.image_answers import ImageAnswers, answers_of
from tests.screens.made_run import make_data, make_run

Until = Callable[[Pilot[None], Callable[[], bool]], Awaitable[None]]


def _app(folder: RunFolder | None, workspace: Path) -> AimicApp:
    app = AimicApp(Workspace(workspace), place="results")
    app.context.run = folder.path if folder else None
    return app


def _text(app: AimicApp, part: str) -> str:
    return str(app.screen.query_one(part, Static).render())


def _answers(run: RunFolder, network: str) -> ImageAnswers:
    return answers_of(read_run_predictions(run.path), network)


def _ranking(app: AimicApp) -> list[str]:
    return str(app.screen.query_one(NetworkRanking).render()).splitlines()


def _table(app: AimicApp) -> list[str]:
    """Return the header and the networks, without the baselines below them."""
    return [line for line in _ranking(app) if not line.startswith("  (")]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, cells: Path) -> RunFolder:
    return make_run(tmp_path_factory.mktemp("workspace"), cells, networks=("mobilenet_v2", "resnet50"), epochs=3)


async def test_networks_stand_side_by_side_with_intervals(run: RunFolder, until: Until) -> None:
    app = _app(run, run.path.parent.parent)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: len(_table(app)) == 3)
        head = _text(app, "#head")
        assert "honest protocol · 60 images · 30 groups" in head
        assert "95 % interval of macro F1, these trained networks: wider of bootstrap BCa and MOVER · 30 groups" in head
        figures = json.loads(run.results_file.read_text())["networks"]
        best = max(figures, key=lambda name: figures[name]["pooled"]["macro_f1"]["value"])
        first = _table(app)[1]
        assert first.split()[:2] == ["▸", best]
        assert f"{figures[best]['pooled']['macro_f1']['value']:.3f} [" in first
        assert "●" in first
        assert "├" in first
        difference = _text(app, "#difference").splitlines()[0]
        assert difference.startswith("resnet50 − mobilenet_v2, macro F1 +")
        assert difference.endswith("these trained networks, on the same 60 images; d tests it")
        await pilot.press("v")
        assert _table(app)[0].split()[1] == "accuracy"
        assert "95 % interval of accuracy, these trained networks: Wilson, effective" in _text(app, "#head")


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_below_the_networks_stands_what_they_must_beat(
    run: RunFolder, until: Until, size: tuple[int, int]
) -> None:
    app = _app(run, run.path.parent.parent)
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: len(_table(app)) == 3)
        found = json.loads(run.results_file.read_text())["baselines"]["majority_class"]["pooled"]
        shown = next(line for line in _ranking(app) if "(majority class)" in line)
        assert f"{found['macro_f1']['value']:.3f} [" in shown
        assert f"{found['accuracy']['value']:.3f}" in shown.split("]")[1]
        assert len(max(_ranking(app), key=len)) <= size[0]
        await pilot.press("t")
        figures = app.screen.query_one("#figures", BigTable)
        await until(pilot, lambda: "(majority class)" in [column.label for column in figures.rows.columns])


async def test_the_images_behind_a_cell_are_its_own_surest_first(run: RunFolder, until: Until) -> None:
    app = _app(run, run.path.parent.parent)
    async with app.run_test(size=(120, 40)) as pilot:
        grid = app.screen.query_one("#matrix", ConfusionGrid)
        await until(pilot, lambda: "image" in _text(app, "#behind"))
        grid.move_to(1, 1)
        await until(pilot, lambda: _text(app, "#behind").startswith("red_cell, correct"))
        answers = _answers(run, app.screen.query_one(NetworkRanking).selected)
        rows = answers.in_cell(1, 1)
        assert _text(app, "#behind") == f"red_cell, correct: {len(rows)} images, most confident first"
        assert (np.diff(answers.confidence[rows]) <= 0).all()
        assert all(answers.images[row].startswith("red_cell/") for row in rows)
        await pilot.press("enter")
        await until(pilot, lambda: app.screen.query_one(ThumbnailGrid).has_focus)
        await pilot.press("enter")
        table = app.screen.query_one("#images", BigTable)
        await until(pilot, lambda: table.row == rows[0])
        assert table.display


async def test_every_image_is_in_the_table_once(run: RunFolder, until: Until) -> None:
    app = _app(run, run.path.parent.parent)
    async with app.run_test(size=(120, 40)) as pilot:
        table = app.screen.query_one("#images", BigTable)
        await until(pilot, lambda: table.rows.count == 60)
        await pilot.press("p")
        assert len(table.shown) < 60  # wrong answers first
        await pilot.press("f", "f", "f", "f")
        await until(pilot, lambda: len(table.shown) == 60)
        assert len(set(_answers(run, "resnet50").images)) == 60


async def test_parts_are_switched_by_keys(run: RunFolder, until: Until) -> None:
    app = _app(run, run.path.parent.parent)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: len(_table(app)) == 3)
        for key, part, rows in (("c", "#classes", 3), ("t", "#figures", 15), ("p", "#images", 60)):
            await pilot.press(key)
            table = app.screen.query_one(part, BigTable)
            assert table.display
            await until(pilot, lambda table=table, rows=rows: table.rows.count == rows)
            assert table.has_focus_within
        await pilot.press("m")
        assert app.screen.query_one("#matrix").has_focus
        await pilot.press("tab", "tab", "down")
        await until(pilot, lambda: _table(app)[2].startswith("▸"))


async def test_at_80x24_what_is_beside_comes_under_a_key(run: RunFolder, until: Until) -> None:
    app = _app(run, run.path.parent.parent)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "image" in _text(app, "#behind"))
        side = app.screen.query_one("MatrixView .side")
        assert not side.display
        await pilot.press("tab")
        assert side.display
        await pilot.press("escape")
        assert not side.display


async def test_views_are_named_with_their_keys_where_there_is_room(run: RunFolder, until: Until) -> None:
    app = _app(run, run.path.parent.parent)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "Curves" in _text(app, "#views"))
        assert "u Curves" not in _text(app, "#views")
        await pilot.resize_terminal(120, 40)
        await until(pilot, lambda: "u Curves" in _text(app, "#views"))
        assert "M Methods" in _text(app, "#views")


async def test_a_run_that_is_half_done_shows_what_there_is(tmp_path: Path, cells: Path, until: Until) -> None:
    folder = make_run(tmp_path, cells, networks=("mobilenet_v2", "resnet50"), finished=4, state="stopped", epochs=3)
    app = _app(folder, tmp_path)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: len(_table(app)) == 3)
        assert "stopped, 4 of 6 trials so far" in _text(app, "#head")
        assert "resnet50 1/3" in "\n".join(_table(app))


async def test_before_the_first_trial_it_says_what_is_missing(tmp_path: Path, cells: Path, until: Until) -> None:
    folder = make_run(tmp_path, cells, finished=0, state="stopped")
    app = _app(folder, tmp_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "No trial is finished yet" in _text(app, "#empty"))


async def test_a_folder_that_is_no_run_is_a_sentence(tmp_path: Path, until: Until) -> None:
    app = AimicApp(Workspace(tmp_path), place="results")
    app.context.run = tmp_path / "nothing"
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "nothing" in _text(app, "#empty") and "Reading" not in _text(app, "#empty"))


async def test_the_published_protocol_is_labelled_optimistic(tmp_path: Path, cells: Path, until: Until) -> None:
    folder = make_run(tmp_path, cells, epochs=2, settings={"split.protocol": "aimic-2022", "data.group": "none"})
    app = _app(folder, tmp_path)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "! Optimistic" in _text(app, "#head"))
        assert "optimistic protocol" in _text(app, "#head")


async def test_tables_are_written_where_one_says(run: RunFolder, tmp_path: Path, until: Until) -> None:
    app = _app(run, tmp_path)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: len(_table(app)) == 3)
        await pilot.press("w")
        await until(pilot, lambda: bool(app.screen.query("PathInput")))
        await pilot.press("enter")
        written = tmp_path / "tables" / run.name
        await until(pilot, (written / "results.json").exists)
    with (written / "networks.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    results = read_results_file(run.results_file)
    assert results is not None
    assert {row["network"] for row in rows} == set(results.networks)
    figure = results.networks["resnet50"].pooled["macro_f1"]
    row = next(row for row in rows if row["network"] == "resnet50")
    assert [float(row[name]) for name in ("macro_f1", "macro_f1_low", "macro_f1_high")] == [
        figure.value,
        figure.low,
        figure.high,
    ]
    assert (written / "confusion-resnet50.csv").exists()


@pytest.mark.slow
async def test_the_report_is_written_into_the_runs_folder(run: RunFolder, tmp_path: Path, until: Until) -> None:
    app = _app(run, tmp_path)
    report = run.path / "report.html"
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: len(_table(app)) == 3)
        await pilot.press("e")
        await until(pilot, report.exists)
    assert run.name in report.read_text(encoding="utf-8")


async def test_figures_are_made_from_predictions_where_the_file_is_missing(
    tmp_path: Path, cells: Path, until: Until
) -> None:
    folder = make_run(tmp_path, cells, epochs=2)
    kept = json.loads(folder.results_file.read_bytes())["networks"]["mobilenet_v2"]["pooled"]["macro_f1"]["value"]
    folder.results_file.unlink()
    app = _app(folder, tmp_path)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: len(_table(app)) == 2)
        assert f"{kept:.3f}" in _table(app)[1]
    assert not folder.results_file.exists()  # only the engine writes into a run


async def test_what_choosing_a_network_is_worth_stands_below_the_networks(tmp_path: Path, until: Until) -> None:
    data = make_data(tmp_path / "data", each=36)
    settings: dict[str, object] = {"split.inner_folds": 2}
    networks = ("mobilenet_v2", "resnet50")
    run = make_run(tmp_path, data, networks=networks, folds=2, epochs=2, settings=settings)
    figures = json.loads(run.results_file.read_text())["chosen"]
    assert [found["by"] for found in figures] == ["inner folds"]  # these trials left no validation predictions
    app = _app(run, tmp_path)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: len(_table(app)) == 3)
        await until(pilot, lambda: len(_text(app, "#difference").splitlines()) == 3)
        best, line = (line.strip() for line in _text(app, "#difference").splitlines()[1:])
        assert best == "! " + BEST_OF_MANY.format(networks=2)
        value = figures[0]["pooled"]["macro_f1"]["value"]
        assert line.startswith(f"Selected in each fold by its inner folds: macro F1 {value:.3f} [")
        answers = _answers(run, "mobilenet_v2")
        assert len(answers.images) == 3 * 36  # what inner folds say is no test
        await pilot.press("v")
        await until(pilot, lambda: "inner folds: accuracy" in _text(app, "#difference"))


async def test_a_class_has_all_its_figures_with_their_methods_and_its_name_stays(run: RunFolder, until: Until) -> None:
    app = _app(run, run.path.parent.parent)
    async with app.run_test(size=(80, 24)) as pilot:
        table = app.screen.query_one("#classes", BigTable)
        await until(pilot, lambda: len(_table(app)) == 3)
        await pilot.press("c")
        await until(pilot, lambda: table.rows.count == 3)
        labels = [column.label for column in table.rows.columns]
        assert labels[1:9] == [
            "images", "sensitivity", "specificity", "PPV", "NPV", "F1", "AUROC", "average precision"
        ]  # fmt: skip
        figures = json.loads(run.results_file.read_text())["networks"]
        npv = figures[app.screen.query_one(NetworkRanking).selected]["classes"]["platelet"]["negative_predictive_value"]
        assert table.rows.columns[5].plain(0).startswith(f"{npv['value']:.3f} [")
        assert "M: how they are computed" in _text(app, "#classes-view > .notes")
        await pilot.press(*["right"] * 8)
        await pilot.pause()
        first = table.rows.render_line(1).text
        assert "platelet" in first
        assert table.rows.columns[8].plain(0) in first
        await pilot.press("M")
        await until(pilot, lambda: "Figures of classes" in _text(app, "#methods-text"))
        methods = _text(app, "#methods-text")
        assert "Wilson, effective number of images: sensitivity, specificity, PPV, NPV, F1" in methods
        assert "Bootstrap over groups, BCa: average precision" in methods


async def test_all_figures_stand_with_their_methods_and_then_fold_by_fold(run: RunFolder, until: Until) -> None:
    app = _app(run, run.path.parent.parent)
    async with app.run_test(size=(120, 40)) as pilot:
        table = app.screen.query_one("#figures", BigTable)
        await until(pilot, lambda: len(_table(app)) == 3)
        await pilot.press("t")
        await until(pilot, lambda: table.rows.count == 15)
        rows = {column.label: [column.plain(row) for row in range(15)] for column in table.rows.columns}
        assert rows["interval by"][rows["figure"].index("accuracy")] == "Wilson, effective number of images"
        assert rows["interval by"][rows["figure"].index("top-3 accuracy")] == "not defined for so few classes"
        folds = app.screen.query_one("#folds", BigTable)
        assert not folds.display
        await pilot.press("t")
        await until(pilot, lambda: folds.display and folds.has_focus_within)
        assert folds.rows.count == 3
        await pilot.press("tab", "tab")
        assert folds.has_focus_within
        await pilot.press("t")
        assert table.has_focus_within


async def test_small_classes_get_no_interval_and_are_told_why(tmp_path: Path, until: Until) -> None:
    data = make_data(tmp_path / "data", each=8)
    run = make_run(tmp_path, data, folds=2, epochs=2, settings={"data.classes": {"red_cell": "platelet"}})
    app = _app(run, tmp_path)
    async with app.run_test(size=(120, 40)) as pilot:
        table = app.screen.query_one("#classes", BigTable)
        await until(pilot, lambda: len(_table(app)) == 2)
        await pilot.press("c")
        await until(pilot, lambda: table.rows.count == 2)
        assert "No interval for white_cell (4)" in _text(app, "#classes-view > .notes")
        assert "[" not in table.rows.columns[2].plain(1)


async def test_figures_of_an_earlier_kind_are_made_anew(tmp_path: Path, cells: Path, until: Until) -> None:
    folder = make_run(tmp_path, cells, epochs=2)
    kept = json.loads(folder.results_file.read_bytes())
    old = {**kept, "format": kept["format"] - 1, "note": "as it was said before"}
    folder.results_file.write_text(json.dumps(old))
    app = _app(folder, tmp_path)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: len(_table(app)) == 2)
        assert "as it was said before" not in _text(app, "#head")


async def test_a_difference_without_an_interval_is_said_to_have_none(run: RunFolder, until: Until) -> None:
    app = _app(run, run.path.parent.parent)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: len(_table(app)) == 3)
        await pilot.press("v", "v", "v", "v", "v")
        await until(pilot, lambda: "calibration error" in _table(app)[0])
        assert "no interval can be given for this difference" in _text(app, "#difference")
