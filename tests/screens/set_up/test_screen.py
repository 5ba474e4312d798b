"""Set-up: what the form says, refuses and starts."""

from __future__ import annotations

import json
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, Static

from aimic_tui.app.app import AimicApp
from aimic_tui.engine.errors import ErrorRecord, SettingProblem
from aimic_tui.engine.experiment import Experiment, read_toml
from aimic_tui.engine.run_folder import RunFolder
from aimic_tui.engine.runs.status import read_status
from aimic_tui.engine.workspace_folder import Workspace
from aimic_tui.screens.set_up.network_picker import NetworkPicker
from aimic_tui.screens.set_up.screen import SetUpScreen
from aimic_tui.screens.set_up.settings_form import SettingsForm
from aimic_tui.widgets.big_table import BigTable
from aimic_tui.widgets.field import FormField
from aimic_tui.workspace import set_up_session
from aimic_tui.workspace.processes import Outcome
from tests.screens.made_run import make_run

Until = Callable[[Pilot[None], Callable[[], bool]], Awaitable[None]]


def _app(tmp_path: Path, data: Path | None = None, **draft: str) -> AimicApp:
    """Open Set-up; `draft`: settings as they were typed, `model__weights` for `model.weights`."""
    app = AimicApp(Workspace(tmp_path / "workspace"), place="set-up")
    app.context.data_path = str(data) if data else None
    app.context.draft = {key.replace("__", "."): text for key, text in draft.items()}
    return app


def _field(app: AimicApp, key: str) -> FormField:
    return app.screen.query_one("#field-" + key.replace(".", "-"), FormField)


def _said(app: AimicApp) -> str:
    return str(app.screen.query_one("#plan", Static).render())


async def test_it_says_what_the_experiment_amounts_to(tmp_path: Path, cells: Path, until: Until) -> None:
    app = _app(tmp_path, cells, model__weights="none", training__batch_size="8", training__epochs="10")
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "trials" in _said(app))
        said = _said(app)
    assert "60 images · 3 classes · 30 groups" in said
    assert "1 network × 5 folds = 5 trials" in said
    assert "about 42 images to train, 6 to validate, 12 to test, at most 300 steps" in said
    assert "intervals at 0.9: accuracy ±.0" in said
    assert " · smallest class ±." in said
    assert "nothing similar ran here yet" in said  # nothing was measured here, so no time is named
    assert "Suggestions: split.validation, training.epochs" in said


async def test_the_plan_pushes_no_field_out_of_sight(tmp_path: Path, cells: Path, until: Until) -> None:
    app = _app(tmp_path, cells, model__weights="none")
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "intervals at 0.9: " in _said(app))
        form, field = app.screen.query_one(SettingsForm), _field(app, "model.networks")
        await until(pilot, lambda: form.region.contains_region(field.region))
        assert form.region.height >= 6
        (line,) = [line for line in _said(app).splitlines() if line.startswith("intervals at")]
        assert len(line) < 78


async def test_what_is_wrong_is_said_while_typing_and_all_at_once(tmp_path: Path, cells: Path, until: Until) -> None:
    app = _app(tmp_path, cells, model__weights="none")
    async with app.run_test(size=(120, 40)) as pilot:
        epochs, rate = _field(app, "training.epochs"), _field(app, "training.learning_rate")
        epochs.query_one(Input).value = "-3"
        rate.query_one(Input).value = "fast"
        await until(pilot, lambda: bool(epochs.problem and rate.problem))
        assert "training.epochs = -3 must be a whole number from 1" in epochs.problem
        assert "Fix 2 settings before starting" in _said(app)
        epochs.query_one(Input).value = "30"
        rate.query_one(Input).value = "1e-3"
        await until(pilot, lambda: not epochs.problem and not rate.problem)


async def test_missing_weights_and_unknown_networks_are_said_before_the_start(
    tmp_path: Path, cells: Path, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIMIC_WEIGHTS", str(tmp_path / "no-weights"))
    app = _app(tmp_path, cells)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "aimic weights fetch" in _field(app, "model.weights").problem)
        _field(app, "model.networks").query_one(Input).value = "resnet5O"
        await until(pilot, lambda: "Unknown network" in _field(app, "model.networks").problem)


async def test_a_folder_that_is_not_there_is_a_sentence_before_and_after_f5(tmp_path: Path, until: Until) -> None:
    app = _app(tmp_path, tmp_path / "nowhere", model__weights="none")
    async with app.run_test(size=(120, 40)) as pilot:
        field = _field(app, "data.path")
        await until(pilot, lambda: "nowhere does not exist" in field.problem)
        assert isinstance(app.screen, SetUpScreen)
        app.screen.form.go_to("training.epochs")
        await pilot.press("f5")  # the command checks once more, and the form goes to where it is wrong
        await until(pilot, (tmp_path / "workspace" / "experiments").exists)
        await until(pilot, lambda: app.screen.form.here == "data.path")  # type: ignore[attr-defined]
        assert "nowhere does not exist" in field.problem
        assert app.current_mode == "set-up"
    assert not (tmp_path / "workspace" / "runs").exists()


async def test_a_preset_fills_the_form_and_is_recognised(tmp_path: Path, cells: Path, until: Until) -> None:
    app = _app(tmp_path, cells, model__weights="none")
    async with app.run_test(size=(120, 40)) as pilot:
        screen = app.screen
        assert isinstance(screen, SetUpScreen)
        assert screen.session.draft.preset == "standard"
        await pilot.press("f6", "f6")
        assert screen.session.draft.preset == "paper"
        assert _field(app, "training.learning_rate").text == "1e-4"
        await until(pilot, lambda: "Optimistic" in _said(app))
        await pilot.press("f6")
        assert screen.session.draft.preset == "quick"
        assert _field(app, "data.group").text == "auto"
        _field(app, "training.epochs").query_one(Input).value = "13"
        await until(pilot, lambda: screen.session.draft.preset == "own")


async def test_the_draft_survives_in_the_context(tmp_path: Path, cells: Path, until: Until) -> None:
    app = _app(tmp_path, cells)
    async with app.run_test(size=(120, 40)) as pilot:
        _field(app, "training.epochs").query_one(Input).value = "7"
        await until(pilot, lambda: app.context.draft.get("training.epochs") == "7")
        app.context.data_settings = {"group": "none", "balance": "undersample"}
        app.go("set-up")
        await until(pilot, lambda: _field(app, "data.balance").text == "undersample")
        assert _field(app, "training.epochs").text == "7"


async def test_networks_are_searched_marked_and_taken(tmp_path: Path, cells: Path, until: Until) -> None:
    app = _app(tmp_path, cells, model__weights="none")
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.press("f2")
        await until(pilot, lambda: isinstance(app.screen, NetworkPicker))
        table = app.screen.query_one(BigTable)
        await until(pilot, lambda: table.rows.count > 10)
        await pilot.press(*"resnet34")
        await until(pilot, lambda: table.rows.filter_name != "")
        await pilot.press("tab", "enter")
        await until(pilot, lambda: isinstance(app.screen, SetUpScreen))
        await until(pilot, lambda: _field(app, "model.networks").text == "mobilenet_v2, resnet34")


async def test_save_and_load_give_the_same_experiment(tmp_path: Path, cells: Path, until: Until) -> None:
    app = _app(tmp_path, cells, model__weights="none", training__epochs="9")
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.press("f4")
        await until(
            pilot, lambda: app.screen.query("PathInput").first().is_mounted if app.screen.query("PathInput") else False
        )
        await pilot.press("enter")
        saved = tmp_path / "workspace" / "experiments" / "cells.toml"
        await until(pilot, saved.exists)
        experiment = Experiment.from_file(saved)
        assert (experiment.training.epochs, experiment.data.path) == (9, str(cells))
        await until(pilot, lambda: isinstance(app.screen, SetUpScreen))
        _field(app, "training.epochs").query_one(Input).value = "1"
        await pilot.press("f3")
        await until(pilot, lambda: bool(app.screen.query("PathInput")))
        app.screen.query_one("PathInput", Input).value = str(saved)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, SetUpScreen) and _field(app, "training.epochs").text == "9")


async def test_what_the_command_refuses_stands_at_its_field(
    tmp_path: Path, cells: Path, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[list[str]] = []

    async def refuse(arguments: list[str]) -> Outcome:
        started.append(arguments)
        sentences = {"training.precision": "bf16 can't be had.", "split.folds": "Too many: see training.epochs."}
        problems = [SettingProblem(key, sentence) for key, sentence in sentences.items()]
        error = ErrorRecord("\n".join(sentences.values()), "training.precision", code="usage", problems=tuple(problems))
        return Outcome(2, json.dumps({"error": error.to_json()}), "aimic: bf16 can't be had.\naimic: Too many.\n")

    monkeypatch.setattr(set_up_session, "run_command", refuse)
    app = _app(tmp_path, cells, model__weights="none")
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "trials" in _said(app))
        await pilot.press("f5")
        await until(pilot, lambda: "bf16" in _field(app, "training.precision").problem)
        assert _field(app, "split.folds").problem == "Too many: see training.epochs."
        assert not _field(app, "training.epochs").problem  # a setting that a sentence only speaks of
    file = Path(next(part for part in started[0] if part.endswith(".toml")))
    assert read_toml(file)["data"]["path"] == str(cells)
    assert started[0][-2:] == ["--detach", "--json"]


@pytest.mark.parametrize("read_only", [True, False])
async def test_only_a_read_only_look_starts_nothing(
    tmp_path: Path, cells: Path, until: Until, monkeypatch: pytest.MonkeyPatch, read_only: bool
) -> None:
    started: list[list[str]] = []
    told: list[str] = []

    async def refuse(arguments: list[str]) -> Outcome:
        started.append(arguments)
        return Outcome(1, "", "aimic: not now.\n")

    monkeypatch.setattr(set_up_session, "run_command", refuse)
    app = _app(tmp_path, cells, model__weights="none")
    monkeypatch.setattr(app, "tell", lambda sentence, severity="information": told.append(sentence))
    app.read_only = read_only
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "trials" in _said(app))
        await pilot.press("f5")
        await until(pilot, lambda: bool(told))
    assert ("you can't start a run" in told[0]) == read_only
    assert bool(started) == (tmp_path / "workspace" / "experiments").exists() == (not read_only)


@pytest.mark.slow
async def test_start_makes_a_run_that_goes_on_without_the_app(tmp_path: Path, cells: Path, until: Until) -> None:
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    app = _app(
        tmp_path,
        cells,
        model__weights="none",
        model__image_size="32",
        training__epochs="1",
        split__folds="2",
    )
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "trials" in _said(app))
        await pilot.press("f5")
        for _ in range(1200):
            if app.context.run is not None:
                break
            await pilot.pause(0.1)
        await until(pilot, lambda: app.current_mode == "run")
    assert app.context.run is not None
    assert read_status(RunFolder(app.context.run)).state in ("queued", "running", "finished")


@pytest.mark.parametrize("place", ["home", "run"])
async def test_a_run_is_set_up_again_with_its_own_settings(
    tmp_path: Path, cells: Path, until: Until, place: str
) -> None:
    settings = {"training.epochs": 17, "augmentation.preset": "stain"}
    run = make_run(tmp_path / "workspace", cells, folds=2, epochs=2, settings=settings)
    app = AimicApp(Workspace(tmp_path / "workspace"), place=place)
    app.context.run = run.path
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: app.current_mode == place)
        await until(pilot, lambda: bool(app.screen.query("RunRow, TrialGrid, #runs")))
        await pilot.pause(0.5)
        await pilot.press("a")
        await until(pilot, lambda: isinstance(app.screen, SetUpScreen))
        await until(pilot, lambda: _field(app, "training.epochs").text == "17")
        assert _field(app, "augmentation.preset").text == "stain"
        assert _field(app, "data.path").text == str(cells)
        assert _field(app, "split.folds").text == "2"
        # What is changed then stays, also when the place is left and come back to.
        _field(app, "training.epochs").query_one(Input).value = "18"
        app.go("home")
        await pilot.pause()
        app.go("set-up")
        await until(pilot, lambda: isinstance(app.screen, SetUpScreen))
        assert _field(app, "training.epochs").text == "18"


async def test_a_suggestion_stands_at_its_field_and_f8_goes_there(tmp_path: Path, cells: Path, until: Until) -> None:
    app = _app(tmp_path, cells, model__weights="none", training__learning_rate="0.5")
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "Suggestions" in _said(app))
        rate = _field(app, "training.learning_rate")
        assert "may diverge" in rate.advice
        assert not rate.problem
        seen = set()
        for _ in range(4):
            await pilot.press("f8")
            await pilot.pause()
            assert isinstance(app.screen, SetUpScreen)
            seen.add(app.screen.form.here)
        assert "training.learning_rate" in seen
        rate.query_one(Input).value = "1e-3"
        await until(pilot, lambda: not rate.advice)


async def test_the_form_has_a_field_for_every_setting_that_is_declared(tmp_path: Path, cells: Path) -> None:
    from aimic_tui.engine.experiment import settings

    app = _app(tmp_path, cells)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        assert [field.setting.key for field in app.screen.query(FormField)] == [setting.key for setting in settings()]


async def test_keys_that_come_at_once_move_field_by_field(tmp_path: Path, cells: Path) -> None:
    app = _app(tmp_path, cells, model__weights="none")
    async with app.run_test(size=(120, 40)) as pilot:
        screen = app.screen
        assert isinstance(screen, SetUpScreen)
        screen.form.go_to("training.epochs")
        keys = list(screen.form.fields)
        await pilot.press("down", "down", "down")
        assert screen.form.here == keys[keys.index("training.epochs") + 3]
        await pilot.press("pagedown")
        assert screen.form.here == "augmentation.preset"
        await pilot.press("pageup", "pageup")
        assert screen.form.here == "model.networks"


async def test_the_field_with_the_focus_stands_out_and_says_all_of_its_advice(
    tmp_path: Path, cells: Path, until: Until
) -> None:
    app = _app(tmp_path, cells, model__weights="none", training__learning_rate="0.5")
    async with app.run_test(size=(80, 24)) as pilot:
        app.theme = "aimic-dark"
        await until(pilot, lambda: bool(_field(app, "training.learning_rate").advice))
        screen = app.screen
        assert isinstance(screen, SetUpScreen)
        screen.form.go_to("training.momentum")
        await pilot.pause(0.1)
        screen.form.go_to("training.learning_rate")
        await pilot.pause(0.3)
        here, there = _field(app, "training.learning_rate"), _field(app, "training.momentum")
        colours = [field.query_one(".field--title").styles.color for field in (here, there)]
        assert colours[0] != colours[1]
        assert here.query_one(".field--problem").size.height > 1


async def test_at_80_columns_help_that_is_too_long_ends_with_an_ellipsis(
    tmp_path: Path, cells: Path, until: Until
) -> None:
    app = _app(tmp_path, cells)
    async with app.run_test(size=(80, 24)) as pilot:
        screen = app.screen
        assert isinstance(screen, SetUpScreen)
        line = screen.query_one("#help-line", Static)
        fields = {key: field.setting.help for key, field in screen.form.fields.items()}
        longest, shortest = max(fields, key=lambda key: len(fields[key])), min(fields, key=lambda key: len(fields[key]))
        screen.form.go_to(longest)
        await until(pilot, lambda: str(line.render()).endswith(" …"))
        shown = str(line.render()).removesuffix(" …").replace("\n", " ")
        assert fields[longest].startswith(shown) and len(shown) > 80
        screen.form.go_to(shortest)
        await until(pilot, lambda: str(line.render()) == fields[shortest])
