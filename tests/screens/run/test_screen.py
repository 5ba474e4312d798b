"""Run: following a run of any state, from its folder alone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Log, Static

from aimic_tui.app.app import AimicApp
from aimic_tui.engine.event_log import append_event
from aimic_tui.engine.run_folder import RunFolder, TrialKey
from aimic_tui.engine.runs import control
from aimic_tui.engine.runs.follow.snapshot import RunFollower
from aimic_tui.engine.workspace_folder import Workspace
from aimic_tui.screens.run import screen as run_module
from aimic_tui.screens.run.current_trial import trial_lines
from aimic_tui.screens.run.trial_grid import TrialGrid
from aimic_tui.widgets.chart import Chart
from aimic_tui.widgets.dialogs import Confirm
from tests.screens.made_run import hold, make_data, make_run, tell_epochs

Until = Callable[[Pilot[None], Callable[[], bool]], Awaitable[None]]


def _app(folder: RunFolder | None, workspace: Path) -> AimicApp:
    app = AimicApp(Workspace(workspace), place="run")
    app.context.run = folder.path if folder else None
    return app


def _text(app: AimicApp, part: str) -> str:
    return str(app.screen.query_one(part, Static).render())


def _grid(app: AimicApp) -> str:
    return str(app.screen.query_one(TrialGrid).render())


async def test_a_run_that_is_going_on_shows_where_it_is(tmp_path: Path, cells: Path, until: Until) -> None:
    folder = make_run(tmp_path, cells, networks=("mobilenet_v2", "resnet50"), finished=4, state="running")
    lock = hold(folder)
    app = _app(folder, tmp_path)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "4/6 trials" in _text(app, "#head") and len(_grid(app).splitlines()) == 3)
        assert "left" in _text(app, "#head")
        assert "resnet50 macro F1 so far 0." in _text(app, "#head")
        grid = _grid(app).splitlines()
        assert grid[1].split()[0] == "mobilenet_v2"
        assert grid[1].count("✓") == 3
        assert "├" in grid[1]
        assert "● e 11" in grid[2]
        assert "◌" in grid[2]
        now = _text(app, "#now")
        assert "resnet50 fold 2  epoch 11 of at most 20" in now
        assert "3/8" in now
        assert "212 images/s" in now
        assert "waiting for data 2 %" in now
    snapshot = RunFollower(folder).snapshot()
    trial = next(trial for trial in snapshot.trials if trial.progress is not None)
    behind = replace(trial, progress=replace(trial.progress, epoch=len(trial.epochs)))  # type: ignore[type-var]
    first = trial_lines(snapshot, behind, tall=False).plain.splitlines()[0]
    assert "epoch 10 of at most 20  done" in first, "a short epoch does not tell of its end"
    assert "3/8" not in first
    lock.release()


async def test_the_whole_history_is_drawn_at_once_and_then_what_is_new(
    tmp_path: Path, cells: Path, until: Until
) -> None:
    folder = make_run(tmp_path, cells, finished=1, state="running")
    lock = hold(folder)
    app = _app(folder, tmp_path)
    async with app.run_test(size=(120, 40)) as pilot:
        loss = app.screen.query_one("#loss", Chart)
        await until(pilot, lambda: bool(loss.data.series) and len(loss.data.series[0].x) == 10)
        metric = app.screen.query_one("#metric", Chart).data
        assert {line.role for line in metric.series} == {"faint", "first"}
        assert metric.mark is not None
        tell_epochs(folder, TrialKey("mobilenet_v2", 2), 20, until=12, start=11)
        await until(pilot, lambda: len(loss.data.series[0].x) == 12)
    lock.release()


async def test_trials_are_chosen_by_keys_and_followed_again(tmp_path: Path, cells: Path, until: Until) -> None:
    folder = make_run(tmp_path, cells, networks=("mobilenet_v2", "resnet50"), finished=4, state="running")
    lock = hold(folder)
    app = _app(folder, tmp_path)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "resnet50 fold 2" in _text(app, "#now"))
        await pilot.press("left")
        await until(pilot, lambda: "resnet50 fold 1" in _text(app, "#now"))
        await pilot.press("k")
        await until(pilot, lambda: "mobilenet_v2 fold 1  finished after 20 epochs" in _text(app, "#now"))
        await pilot.press("tab", "tab", "tab")
        await until(pilot, lambda: "resnet50 fold 1" in _text(app, "#now"))
        await pilot.press("escape")
        await until(pilot, lambda: "resnet50 fold 2" in _text(app, "#now"))
    lock.release()


async def test_an_interrupted_run_says_so_and_offers_to_go_on(
    tmp_path: Path, cells: Path, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_run(tmp_path, cells, finished=1, state="running")  # nobody holds its lock
    resumed: list[RunFolder] = []
    monkeypatch.setattr(control, "resume", lambda folder, told: resumed.append(folder) or ())
    app = _app(folder, tmp_path)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "! " in _text(app, "#head") and "interrupted" in _text(app, "#head"))
        await until(pilot, lambda: "‖ e 10" in _grid(app))
        await pilot.press("s")
        await pilot.pause()
        assert not isinstance(app.screen, Confirm)  # there is nothing to stop
        await pilot.press("r")
        await until(pilot, lambda: bool(resumed))
    assert resumed[0].path == folder.path


async def test_stop_asks_first_and_leaves_the_stop_file(tmp_path: Path, cells: Path, until: Until) -> None:
    folder = make_run(tmp_path, cells, finished=1, state="running")
    lock = hold(folder)
    app = _app(folder, tmp_path)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "1/3 trials" in _text(app, "#head"))
        await pilot.press("s")
        await until(pilot, lambda: isinstance(app.screen, Confirm))
        await pilot.press("n")
        await pilot.pause(0.2)
        assert not folder.stop_file.exists()
        await pilot.press("s")
        await until(pilot, lambda: isinstance(app.screen, Confirm))
        await pilot.press("y")
        await until(pilot, folder.stop_file.exists)
    lock.release()


async def test_the_log_tells_the_story_and_is_never_markup(tmp_path: Path, cells: Path, until: Until) -> None:
    folder = make_run(tmp_path, cells, finished=1, state="running")
    lock = hold(folder)
    app = _app(folder, tmp_path)
    async with app.run_test(size=(120, 40)) as pilot:
        log = app.screen.query_one("#log", Log)
        await until(pilot, lambda: log.line_count > 20)
        await pilot.press("l")
        assert log.display
        count = log.line_count
        append_event(folder.events_file, "warning", sentence="[bold]\x1b[31mno[/bold]")
        await until(pilot, lambda: log.line_count > count)
        assert any("! [bold]\\x1b[31mno[/bold]" in line for line in log.lines)
        await pilot.press("l")
        assert not log.display
    lock.release()


async def test_the_published_protocol_is_labelled_optimistic(tmp_path: Path, cells: Path, until: Until) -> None:
    folder = make_run(tmp_path, cells, settings={"split.protocol": "aimic-2022", "data.group": "none"})
    app = _app(folder, tmp_path)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "! optimistic" in _text(app, "#head"))


async def test_a_failed_trial_says_why(tmp_path: Path, cells: Path, until: Until) -> None:
    from dataclasses import replace

    from aimic_tui.engine.runs.status import read_recorded, write_status

    folder = make_run(tmp_path, cells, finished=2, state="failed")
    status = read_recorded(folder)
    trials = [*status.trials[:2], replace(status.trials[2], state="failed", reason="out of memory at batch 256")]
    write_status(folder, replace(status, trials=tuple(trials)))
    app = _app(folder, tmp_path)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "✗ 1 trial failed" in _text(app, "#head"))
        await pilot.press("right")
        await until(pilot, lambda: "out of memory at batch 256" in _text(app, "#head"))


async def test_without_a_run_it_says_what_to_do(tmp_path: Path, until: Until) -> None:
    app = _app(None, tmp_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "Press 2" in _text(app, "#empty"))


async def test_a_small_terminal_shows_one_chart_at_a_time(tmp_path: Path, cells: Path, until: Until) -> None:
    folder = make_run(tmp_path, cells)
    app = _app(folder, tmp_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "3/3 trials" in _text(app, "#head"))
        loss, metric = app.screen.query_one("#loss", Chart), app.screen.query_one("#metric", Chart)
        assert (loss.display, metric.display) == (False, True)
        await pilot.press("c", "c", "c", "c")
        assert (loss.display, metric.display) == (True, False)
        await pilot.press("c")
        assert (loss.display, metric.display) == (False, True)


async def test_nothing_is_read_while_another_place_is_shown(
    tmp_path: Path, cells: Path, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_run(tmp_path, cells, finished=1, state="running")
    lock = hold(folder)
    app = _app(folder, tmp_path)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "1/3 trials" in _text(app, "#head"))
        app.go("home")
        await pilot.pause(0.3)
        looks = 0
        look = run_module._read_snapshot

        def counted(*arguments: object) -> object:
            nonlocal looks
            looks += 1
            return look(*arguments)  # type: ignore[arg-type]

        monkeypatch.setattr(run_module, "_read_snapshot", counted)
        await pilot.pause(1.5)
        assert looks == 0
        app.go("run")
        await pilot.pause(1.5)
        assert 1 <= looks <= 4
    lock.release()


async def test_what_the_workers_use_is_a_line_where_there_is_room_and_a_table_under_a_key(
    tmp_path: Path, cells: Path, until: Until
) -> None:
    folder = make_run(tmp_path, cells, finished=1, state="running")
    key = TrialKey("mobilenet_v2", 2)
    use = {"cpu": 0.4, "memory_used": 12e9, "memory": 128e9, "process_cpu": 1.93, "process_memory": 3.1e9}
    gpu = {"gpu": 0.87, "gpu_memory_used": 21e9, "gpu_memory": 80e9, "temperature": 61, "power": 412.0, "energy": 7200}
    append_event(folder.trial(key).events_file, "system", **use, process_peak=3.4e9)
    lock = hold(folder)
    app = _app(folder, tmp_path)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "worker 3.1 GB, peak 3.4 GB, 1.9 cores" in _text(app, "#now"))
        assert "machine 40 % busy, memory 9 %" in _text(app, "#now")
        assert "GPU" not in _text(app, "#now")  # there is none
        append_event(folder.trial(key).events_file, "system", **use, **gpu, process_peak=3.4e9)
        await until(pilot, lambda: "GPU 87 %, 21 GB of 80 GB, 61 °C, 412 W" in _text(app, "#now"))
        await pilot.press("m")
        table = app.screen.query_one("#machine", Static)
        await until(pilot, lambda: table.display and "2.0 Wh so far" in str(table.render()))
        header, row, *_ = str(table.render()).splitlines()
        assert header.split()[:3] == ["device", "trial", "images/s"]
        assert header.index("images/s") + len("images/s") == row.index("212") + 3  # figures end where their title ends
        assert row.split()[-2:] == ["61", "412"]
        await pilot.press("c")
        assert not table.display
    lock.release()


async def test_a_small_terminal_has_the_machine_under_its_key_and_cuts_no_figure(
    tmp_path: Path, cells: Path, until: Until
) -> None:
    folder = make_run(tmp_path, cells, finished=1, state="running")
    gpu = {"gpu": 0.87, "gpu_memory_used": 21e9, "gpu_memory": 80e9, "temperature": 61, "power": 412.0}
    lock = hold(folder)
    app = _app(folder, tmp_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "1/3 trials" in _text(app, "#head"))
        assert len(_text(app, "#now").splitlines()) == 2
        await pilot.press("m")
        table = app.screen.query_one("#machine", Static)
        await until(pilot, lambda: "–" in str(table.render()))  # nobody has looked yet
        append_event(folder.trial(TrialKey("mobilenet_v2", 2)).events_file, "system", process_memory=3.1e9, **gpu)
        await until(pilot, lambda: "3.1 GB" in str(table.render()))
        lines = str(table.render()).splitlines()
        assert all(len(line) <= 78 for line in lines)
        assert any(line.split()[-2:] == ["61", "412"] for line in lines)  # below, where beside is no room
        await pilot.press("l")
        assert (table.display, app.screen.query_one("#log", Log).display) == (False, True)
    lock.release()


async def test_seeds_and_inner_folds_have_rows_of_their_own(tmp_path: Path, until: Until) -> None:
    data = make_data(tmp_path / "data", each=36)
    settings: dict[str, object] = {"training.seeds": 2, "split.inner_folds": 2}
    folder = make_run(
        tmp_path, data, networks=("mobilenet_v2", "resnet18"), folds=2, epochs=4, finished=9, settings=settings
    )
    app = _app(folder, tmp_path)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: len(_grid(app).splitlines()) == 9)
        names = [" ".join(line.split()[:3]) for line in _grid(app).splitlines()[1:]]
        assert names == [
            *("mobilenet_v2 seed 0", "mobilenet_v2 seed 1", "inner fold 1", "inner fold 2"),
            *("resnet18 seed 0", "resnet18 seed 1", "inner fold 1", "inner fold 2"),
        ]
        lines = _grid(app).splitlines()
        assert sum("├" in line or "[" in line for line in lines) == 2  # a network's figure stands once
        await pilot.press(*["up"] * 8, "down", "down")
        await until(pilot, lambda: "mobilenet_v2 fold 1 inner 1" in _text(app, "#now"))


async def test_a_warning_hides_no_epoch(tmp_path: Path, cells: Path, until: Until) -> None:
    folder = make_run(tmp_path, cells, finished=1, state="running")
    sentence = "Only 3 images. The best epoch is a guess."
    append_event(folder.trial(TrialKey("mobilenet_v2", 2)).events_file, "warning", sentence=sentence)
    lock = hold(folder)
    for size in ((120, 40), (80, 24)):
        app = _app(folder, tmp_path)
        async with app.run_test(size=size) as pilot:
            await until(pilot, lambda app=app: "epoch 10: loss train" in _text(app, "#now"))  # type: ignore[misc]
            shown = f"! {sentence}" if size[1] == 40 else "! 1 warning: l"
            assert shown in _text(app, "#now")
            assert len(_text(app, "#now").splitlines()) <= app.screen.query_one("#now").size.height
    lock.release()
