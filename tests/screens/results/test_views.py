"""Results: curves, calibration, differences, groups, costs and robustness of a real run folder, by their keys."""

from __future__ import annotations

import json
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import numpy as np
import pytest
from textual.pilot import Pilot
from textual.widgets import Static

from aimic_tui.app.app import AimicApp
from aimic_tui.engine.data.data_set import Part
from aimic_tui.engine.data.manifest import read_manifest
from aimic_tui.engine.data.splitting.split import read_split
from aimic_tui.engine.evaluation.build_results import write_results
from aimic_tui.engine.evaluation.calibration import calibrated
from aimic_tui.engine.evaluation.decision import THRESHOLDS, decision_curve, threshold_ranges
from aimic_tui.engine.evaluation.interval import Interval
from aimic_tui.engine.evaluation.predictions import Predictions, write_predictions
from aimic_tui.engine.evaluation.run_predictions import read_run_predictions, read_validation_predictions
from aimic_tui.engine.files import write_json
from aimic_tui.engine.inference.robustness_file import DisturbedFigures
from aimic_tui.engine.run_folder import RunFolder
from aimic_tui.engine.workspace_folder import Workspace
from aimic_tui.screens.results.curves_view import CurvesView
from aimic_tui.screens.results.error_review import ReviewTable
from aimic_tui.screens.results.network_ranking import NetworkRanking
from aimic_tui.screens.results.prevalence_prompt import PrevalencePrompt
from aimic_tui.screens.results.robustness_view import losses_shown, name_of
from aimic_tui.widgets.big_table import BigTable
from aimic_tui.widgets.chart import Chart
from aimic_tui.workspace import processes
from tests.screens.made_run import make_run

Until = Callable[[Pilot[None], Callable[[], bool]], Awaitable[None]]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, cells: Path) -> RunFolder:
    folder = make_run(tmp_path_factory.mktemp("views"), cells, networks=("mobilenet_v2", "resnet50"), epochs=2)
    data_set = read_manifest(folder.manifest_file)
    split = read_split(folder.split_file, data_set.images)
    random = np.random.default_rng(3)
    for file in folder.trials_folder.glob("*/fold-*/predictions.csv"):
        fold = int(file.parent.name.removeprefix("fold-"))
        rows = split.indices(fold, Part.VALIDATION)
        logits = random.normal(0, 1, (len(rows), 3))
        logits[np.arange(len(rows)), data_set.labels[rows]] += 3
        shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        names = tuple(data_set.images[row] for row in rows)
        write_predictions(
            file.with_name("validation.csv"), Predictions(names, data_set.labels[rows], shares, data_set.classes)
        )
    write_results(folder.path)
    return folder


def _app(run: RunFolder) -> AimicApp:
    app = AimicApp(Workspace(run.path.parent.parent), place="results")
    app.context.run = run.path
    return app


def _words(app: AimicApp, view: str) -> str:
    return str(app.screen.query_one(f"{view} .words", Static).render())


def _notes(app: AimicApp, view: str) -> str:
    return str(app.screen.query_one(f"{view} > .notes", Static).render())


def _ready(app: AimicApp) -> bool:
    return bool(app.screen.query(ReviewTable)) and app.screen.query_one(ReviewTable).rows.count == 60


async def test_curves_and_areas_are_of_a_class_that_keys_change(run: RunFolder, until: Until) -> None:
    app = _app(run)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: _ready(app))
        await pilot.press("u")
        await until(pilot, lambda: "AUROC" in _words(app, "#curves-view"))
        figures = json.loads(run.results_file.read_text())["networks"][app.screen.query_one(NetworkRanking).selected]
        assert "mean of all classes" in _words(app, "#curves-view")
        assert f"AUROC {figures['pooled']['auroc']['value']:.3f} [" in _words(app, "#curves-view")
        assert app.screen.query_one(CurvesView).has_focus
        await pilot.press("u")
        await until(pilot, lambda: "platelet" in _words(app, "#curves-view"))
        assert f"AUROC {figures['classes']['platelet']['auroc']['value']:.3f}" in _words(app, "#curves-view")
        await pilot.press("right", "left", "left")
        await until(pilot, lambda: "mean of all classes" in _words(app, "#curves-view"))
        line = app.screen.query_one("#roc", Chart).data.series[-1]
        assert (line.x[0], line.x[-1], line.y[-1]) == (0, 100, 100)


async def test_calibration_is_shown_before_and_after_with_what_leaving_out_buys(run: RunFolder, until: Until) -> None:
    app = _app(run)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: _ready(app))
        await pilot.press("a")
        await until(pilot, lambda: "Temperatures" in _words(app, "#calibration-view"))
        words = _words(app, "#calibration-view")
        found = json.loads(run.results_file.read_text())["calibration"][app.screen.query_one(NetworkRanking).selected]
        assert f"{found['before']['ece']['value']:.3f}" in words
        assert f"{found['after']['log_loss']['value']:.3f}" in words
        assert "≤ 5 %" in words
        assert {line.name for line in app.screen.query_one("#reliability", Chart).data.series} == {
            "perfect",
            "as trained",
            "calibrated",
        }
        assert max(app.screen.query_one("#risk", Chart).data.series[0].x) == 100


async def test_the_calibration_of_a_class_comes_by_the_same_key(run: RunFolder, until: Until) -> None:
    app = _app(run)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: _ready(app))
        await pilot.press("a")
        await until(pilot, lambda: "Calibrated, class by class" in _words(app, "#calibration-view"))
        await pilot.press("a")
        await until(pilot, lambda: "platelet against the rest" in _words(app, "#calibration-view"))
        words = _words(app, "#calibration-view")
        found = json.loads(run.results_file.read_text())["calibration"][app.screen.query_one(NetworkRanking).selected]
        slope = found["classes"]["platelet"]["slope_after"]["value"]
        assert slope is None or f"{slope:.2f}" in words
        await until(
            pilot,
            lambda: app.screen.query_one("#reliability", Chart).data.title == "platelet %, over its probability",
        )
        for _ in found["classes"]:
            await pilot.press("a")
        await until(pilot, lambda: "Calibrated, class by class" in _words(app, "#calibration-view"))


async def test_predictive_values_are_shown_at_a_prevalence_that_is_typed(run: RunFolder, until: Until) -> None:
    app = _app(run)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: _ready(app))
        await pilot.press("c", "P")
        await until(pilot, lambda: isinstance(app.screen, PrevalencePrompt))
        await pilot.press("2", "enter")
        assert "2 is not a prevalence" in str(app.screen.query_one("#problem", Static).render())
        await pilot.press("space", "%", "enter")
        await until(pilot, lambda: "platelet at a prevalence of 2 %: PPV" in _notes(app, "#classes-view"))
        assert "They hold at that prevalence" in " ".join(_notes(app, "#classes-view").split())
        await pilot.press("P", "ctrl+u", "enter")
        await until(pilot, lambda: "at a prevalence of" not in _notes(app, "#classes-view"))


async def test_at_80x24_charts_come_under_tab(run: RunFolder, until: Until) -> None:
    app = _app(run)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: _ready(app))
        await pilot.press("a")
        assert not app.screen.query_one("#reliability").display
        await pilot.press("tab")
        assert app.screen.query_one("#reliability").display
        assert not app.screen.query_one("#calibration-words").display


@pytest.mark.slow
async def test_differences_come_from_the_command_with_what_choosing_is_worth(run: RunFolder, until: Until) -> None:
    app = _app(run)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: _ready(app))
        await pilot.press("d")
        pairs = app.screen.query_one("#pairs", BigTable)
        await until(pilot, lambda: pairs.rows.count == 1)
        assert pairs.rows.columns[0].plain(0) == "mobilenet_v2 − resnet50"
        assert "Chosen in each fold by its validation part: macro F1" in _words(app, "#comparison-view")
        assert "owes part of its lead to chance" in _words(app, "#comparison-view")


async def test_a_failing_group_leads_to_its_images(run: RunFolder, until: Until) -> None:
    app = _app(run)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: _ready(app))
        await pilot.press("s")
        groups = app.screen.query_one("#groups", BigTable)
        await until(pilot, lambda: groups.rows.count == 30)
        name = groups.rows.columns[1].plain(0)
        wrong = [float(groups.rows.columns[3].values[row]) for row in range(30)]
        assert wrong == sorted(wrong, reverse=True)
        await pilot.press("enter")
        table = app.screen.query_one(ReviewTable)
        await until(pilot, lambda: len(table.shown) == 2)
        assert all(name in table.rows.columns[1].plain(int(row)) for row in table.shown)


async def test_costs_mark_the_front_and_go_round(run: RunFolder, until: Until) -> None:
    app = _app(run)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: _ready(app))
        await pilot.press("i")
        costs = app.screen.query_one("#costs", BigTable)
        await until(pilot, lambda: costs.rows.count == 2)
        best = ("mobilenet_v2", "resnet50").index(app.screen.query_one(NetworkRanking).order[0])
        assert "◆" in costs.rows.columns[2].plain(best)
        title = costs.rows.columns[2].label
        await pilot.press("i")
        await until(pilot, lambda: costs.rows.columns[2].label != title)


async def test_robustness_is_a_command_until_it_is_measured(run: RunFolder, until: Until) -> None:
    app = _app(run)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: _ready(app))
        network = app.screen.query_one(NetworkRanking).selected
        await pilot.press("z")
        await until(
            pilot, lambda: f"aimic robustness {run.name} --network {network}" in _words(app, "#robustness-view")
        )
    one = {"value": 0.9, "low": 0.8, "high": 0.95}
    row = {"kind": "blur", "strength": 2, "amount": "sigma 2 pixels", "value": 2.0}
    worse = {"value": -0.2, "low": -0.3, "high": -0.1}
    rows = [{**row, "figures": {"macro_f1": one}, "differences": {"macro_f1": worse}}]
    found = {"images": 60, "groups": 30, "clean": {"macro_f1": one}, "rows": rows}
    write_json(run.path / "robustness.json", {"format": 1, "networks": {network: found}})
    try:
        app = _app(run)
        async with app.run_test(size=(120, 40)) as pilot:
            await until(pilot, lambda: _ready(app))
            await pilot.press("z")
            losses = app.screen.query_one("#losses", BigTable)
            await until(pilot, lambda: losses.rows.count == 1)
            assert losses.rows.columns[2].plain(0) == "-0.200 [-.300 -.100]"
            assert "Shown to cost macro F1: blur from step 2." in _words(app, "#robustness-view")
            assert "60 test images of 30 groups" in _words(app, "#robustness-view")
    finally:
        (run.path / "robustness.json").unlink()


async def test_while_robustness_is_tested_its_progress_is_shown_then_the_error_of_its_events(
    run: RunFolder, until: Until, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = (
        "import sys, time; from pathlib import Path; from aimic_tui.engine.event_log import append_event\n"
        "events = Path(sys.argv[4].removeprefix('--events='))\n"
        "append_event(events, 'progress', phase='predict', done=30, total=60)\n"
        f"while not Path({str(tmp_path / 'go')!r}).exists(): time.sleep(0.05)\n"
        "append_event(events, 'error', sentence='The disk is full.', code='disk-full')\n"
        "print('aimic: something else', file=sys.stderr); sys.exit(3)\n"
    )
    monkeypatch.setattr(processes, "PROGRAM", (sys.executable, "-c", script))
    app = _app(run)
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await until(pilot, lambda: _ready(app))
        await pilot.press("z")
        await until(pilot, lambda: "Not tested yet" in _words(app, "#robustness-view"))
        await pilot.press("z")
        await until(pilot, lambda: "classifying images 30 of 60 images" in _words(app, "#robustness-view"))
        (tmp_path / "go").touch()
        await until(pilot, lambda: [note.message for note in app._notifications] == ["The disk is full."])
        await until(pilot, lambda: "Not tested yet" in _words(app, "#robustness-view"))


@pytest.mark.slow
async def test_what_robustness_complains_of_is_said(run: RunFolder, until: Until) -> None:
    app = _app(run)
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await until(pilot, lambda: _ready(app))
        await pilot.press("z")
        await until(pilot, lambda: "aimic robustness" in _words(app, "#robustness-view"))
        await pilot.press("z")
        await until(pilot, lambda: any(note.severity == "error" for note in app._notifications))  # it has no models


async def test_what_acting_is_worth_is_of_a_class_that_its_key_changes(run: RunFolder, until: Until) -> None:
    app = _app(run)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: _ready(app))
        await pilot.press("D")
        benefits = app.screen.query_one("#benefits", BigTable)
        await until(pilot, lambda: benefits.rows.count == 15)
        words = _words(app, "#decision-view")
        assert "Positive class: platelet" in words
        assert "true positives per 100 images minus weighted false alarms" in words
        assert "Probabilities calibrated" in words
        tested = read_run_predictions(run.path)
        chosen = app.screen.query_one(NetworkRanking).selected
        network = next(one for one in tested.networks if one.name == chosen)
        table = calibrated(network, read_validation_predictions(run.path, tested, network))
        assert table is not None
        curve = decision_curve(network.labels, table, network.groups, positive=0)
        assert curve is not None
        assert curve.low is not None
        at = int(np.argmin(np.abs(THRESHOLDS - 0.5)))
        row = benefits.rows.columns[0].values.index(THRESHOLDS[at])
        written = benefits.rows.columns[2].plain(row)
        assert written.startswith(f"{100 * curve.network[at]:.1f} [{100 * curve.low[at]:.1f}")
        lines = {line.name for line in app.screen.query_one("#decision-curve", Chart).data.series}
        assert lines == {"by the network", "band", "on every image", "on none"}
        await pilot.press("D")
        await until(pilot, lambda: "Positive class: red_cell" in _words(app, "#decision-view"))
        await pilot.press("D", "D")
        await until(pilot, lambda: "Positive class: platelet" in _words(app, "#decision-view"))


async def test_at_80x24_the_decision_curve_comes_under_tab(run: RunFolder, until: Until) -> None:
    app = _app(run)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: _ready(app))
        await pilot.press("D")
        await until(pilot, lambda: app.screen.query_one("#benefits", BigTable).rows.count == 15)
        assert not app.screen.query_one("#decision-curve").display
        await pilot.press("tab")
        assert app.screen.query_one("#decision-curve").display


def test_stretches_of_thresholds_are_written_as_ranges() -> None:
    where = np.zeros(99, bool)
    where[[1, 2, 3, 59]] = True
    assert threshold_ranges(where) == "2-4 %, 60 %"
    assert threshold_ranges(np.ones(99, bool)) == "1-99 %"
    assert threshold_ranges(np.zeros(99, bool)) == ""


def test_a_loss_is_a_change_for_the_worse_and_both_sides_of_a_disturbance_have_names() -> None:
    up, down = Interval(0.2, 0.1, 0.3), Interval(-0.2, -0.3, -0.1)
    assert losses_shown([down, up, Interval(-0.2)], "macro_f1", 100) == [True, False, False]
    assert losses_shown([down, up, Interval(0.2)], "log_loss", 100) == [False, True, False]
    slight = Interval(-0.1, -0.19, -0.01)  # its own interval has no 0; one of twenty-four such is no surprise
    assert losses_shown([slight], "macro_f1", 100) == [True]
    assert losses_shown([slight, *[Interval(0.0, -0.1, 0.1)] * 23], "macro_f1", 100)[0] is False
    names = [name_of(DisturbedFigures("brightness", 1, "", value, {}, {})) for value in (0.5, 1.6)]
    assert names == ["darker", "brighter"]
